//! The entries of a segment's `.index`: (relative last offset of a batch, position at which that batch begins).
//!
//! Source: Kafka `OffsetIndex`. Format: relative offset i32, position i32, big endian, ascending in both.

use crate::index::sorted::Entry;

/// The size of an entry in the file, in bytes.
pub(crate) const OFFSET_ENTRY_LEN: usize = 8;

/// One entry. No batch whose last offset is smaller than this one's lies behind `position`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OffsetEntry {
    /// The last offset of the batch, counted from the segment's base offset.
    pub(crate) relative_offset: u32,
    /// Where the batch begins, in bytes.
    pub(crate) position: u32,
}

impl Entry<OFFSET_ENTRY_LEN> for OffsetEntry {
    fn encode(self) -> [u8; OFFSET_ENTRY_LEN] {
        let mut bytes = [0; OFFSET_ENTRY_LEN];
        bytes[..4].copy_from_slice(&self.relative_offset.to_be_bytes());
        bytes[4..].copy_from_slice(&self.position.to_be_bytes());
        bytes
    }

    fn decode(bytes: [u8; OFFSET_ENTRY_LEN]) -> OffsetEntry {
        let [a, b, c, d, e, f, g, h] = bytes;
        OffsetEntry { relative_offset: u32::from_be_bytes([a, b, c, d]), position: u32::from_be_bytes([e, f, g, h]) }
    }

    fn may_be_first(self) -> bool {
        self.position > 0
    }

    fn may_follow(self, earlier: OffsetEntry) -> bool {
        self.relative_offset > earlier.relative_offset && self.position > earlier.position
    }
}
