//! [`Traffic`]: the bytes that a runtime's connections took in and gave out.

use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes that went over the connections of one runtime. In cache lines of its own: where a runtime is one thread, nobody else
/// touches them but who reads the counts.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
}

impl Traffic {
    pub(crate) fn add_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}
