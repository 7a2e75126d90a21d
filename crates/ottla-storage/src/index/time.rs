//! The entries of a segment's `.timeindex`: (largest timestamp so far, relative last offset of the batch that holds it).
//!
//! Source: Kafka `TimeIndex`. Format: timestamp i64, relative offset i32, big endian; timestamps ascend, offsets do not descend.

use crate::index::sorted::Entry;

/// The size of an entry in the file, in bytes.
pub(crate) const TIME_ENTRY_LEN: usize = 12;

/// One entry. No record up to `relative_offset` has a timestamp larger than `timestamp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimeEntry {
    /// In milliseconds since the epoch.
    pub(crate) timestamp: i64,
    /// Counted from the segment's base offset.
    pub(crate) relative_offset: u32,
}

impl Entry<TIME_ENTRY_LEN> for TimeEntry {
    fn encode(self) -> [u8; TIME_ENTRY_LEN] {
        let mut bytes = [0; TIME_ENTRY_LEN];
        bytes[..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..].copy_from_slice(&self.relative_offset.to_be_bytes());
        bytes
    }

    fn decode(bytes: [u8; TIME_ENTRY_LEN]) -> TimeEntry {
        let (timestamp, offset) = bytes.split_at(8);
        TimeEntry {
            timestamp: i64::from_be_bytes(timestamp.try_into().expect("the first eight bytes")),
            relative_offset: u32::from_be_bytes(offset.try_into().expect("the last four bytes")),
        }
    }

    fn may_be_first(self) -> bool {
        self.timestamp > 0
    }

    fn may_follow(self, earlier: TimeEntry) -> bool {
        self.timestamp > earlier.timestamp && self.relative_offset >= earlier.relative_offset
    }
}
