//! [`Traffic`]: how much producers gave and consumers took.

use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much producers gave and consumers took, since the node started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes of batches, as they stand in the log. What repeats an earlier batch was not appended.
    pub appended_bytes: u64,
    /// Records of these batches.
    pub appended_records: u64,
    /// Bytes that consumers were answered with.
    pub read_bytes: u64,
    /// Records of the whole batches among these, those before the offset that was asked for included.
    pub read_records: u64,
}

impl AddAssign for Traffic {
    fn add_assign(&mut self, other: Traffic) {
        self.appended_bytes += other.appended_bytes;
        self.appended_records += other.appended_records;
        self.read_bytes += other.read_bytes;
        self.read_records += other.read_records;
    }
}

/// One partition's traffic, as it grows.
#[derive(Debug, Default)]
pub(crate) struct TrafficCounters {
    appended_bytes: AtomicU64,
    appended_records: AtomicU64,
    read_bytes: AtomicU64,
    read_records: AtomicU64,
}

impl TrafficCounters {
    pub(crate) fn add_appended(&self, bytes: u64, records: u64) {
        self.appended_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.appended_records.fetch_add(records, Ordering::Relaxed);
    }

    pub(crate) fn add_read(&self, bytes: u64, records: u64) {
        self.read_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.read_records.fetch_add(records, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Traffic {
        Traffic {
            appended_bytes: self.appended_bytes.load(Ordering::Relaxed),
            appended_records: self.appended_records.load(Ordering::Relaxed),
            read_bytes: self.read_bytes.load(Ordering::Relaxed),
            read_records: self.read_records.load(Ordering::Relaxed),
        }
    }
}
