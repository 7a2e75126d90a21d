//! [`Party`]: clients that count what they do.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// How far one client has come, or several of a kind: what the one who injects faults goes by.
#[derive(Debug)]
pub struct Party {
    name: &'static str,
    done: AtomicU64,
    in_flight: AtomicI64,
    last_begun_ns: AtomicU64,
}

impl Party {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, done: AtomicU64::new(0), in_flight: AtomicI64::new(0), last_begun_ns: AtomicU64::new(0) }
    }

    /// What was acknowledged so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Acquire)
    }

    /// What has begun and has no outcome yet. Members of groups do not count it.
    pub fn in_flight(&self) -> i64 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// When the last that was acknowledged had begun, by the recorder's clock. Producers do not count it.
    pub fn last_begun_ns(&self) -> u64 {
        self.last_begun_ns.load(Ordering::Acquire)
    }

    pub(super) fn note_sent(&self) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn note_outcome(&self, is_acknowledged: bool) {
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
        self.done.fetch_add(u64::from(is_acknowledged), Ordering::AcqRel);
    }

    pub(super) fn note_committed(&self, begun_ns: u64) {
        self.last_begun_ns.store(begun_ns, Ordering::Release);
        self.done.fetch_add(1, Ordering::AcqRel);
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
