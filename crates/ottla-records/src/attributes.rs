//! The attribute bits of a batch. Unknown bits are kept as they came.

use std::fmt;

use crate::{Compression, UnknownCompression};

const COMPRESSION_MASK: i16 = 0b111;
const LOG_APPEND_TIME: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;
const DELETE_HORIZON: i16 = 1 << 6;

/// Whose clock a batch's timestamps come from (`message.timestamp.type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's: each record has its own.
    CreateTime,
    /// The leader's at the append: every record reads back with the batch's max timestamp.
    LogAppendTime,
}

/// The 16 attribute bits of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes(pub i16);

impl Attributes {
    /// How the records are compressed. Errors: a codec that no version of the format knows.
    pub fn compression(self) -> Result<Compression, UnknownCompression> {
        Compression::from_id((self.0 & COMPRESSION_MASK) as u8)
    }

    /// Whose clock the timestamps come from.
    pub fn timestamp_type(self) -> TimestampType {
        if self.0 & LOG_APPEND_TIME == 0 { TimestampType::CreateTime } else { TimestampType::LogAppendTime }
    }

    /// True where the batch belongs to a transaction.
    pub fn is_transactional(self) -> bool {
        self.0 & TRANSACTIONAL != 0
    }

    /// True where the batch holds control records, which no consumer's application sees.
    pub fn is_control(self) -> bool {
        self.0 & CONTROL != 0
    }

    /// True where compaction has put the time at which tombstones may go into the base timestamp (KIP-534).
    pub fn has_delete_horizon(self) -> bool {
        self.0 & DELETE_HORIZON != 0
    }

    /// These attributes, with another codec.
    #[must_use]
    pub fn with_compression(self, compression: Compression) -> Attributes {
        Attributes(self.0 & !COMPRESSION_MASK | i16::from(compression.id()))
    }

    /// These attributes, with another timestamp type.
    #[must_use]
    pub fn with_timestamp_type(self, timestamp_type: TimestampType) -> Attributes {
        self.with_bit(LOG_APPEND_TIME, timestamp_type == TimestampType::LogAppendTime)
    }

    /// These attributes, for a batch of a transaction or for one of none.
    #[must_use]
    pub fn with_transactional(self, is_transactional: bool) -> Attributes {
        self.with_bit(TRANSACTIONAL, is_transactional)
    }

    /// These attributes, for control records or for a client's.
    #[must_use]
    pub fn with_control(self, is_control: bool) -> Attributes {
        self.with_bit(CONTROL, is_control)
    }

    fn with_bit(self, bit: i16, on: bool) -> Attributes {
        Attributes(if on { self.0 | bit } else { self.0 & !bit })
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attributes({:#b})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_is_where_the_format_has_it() {
        let attributes = Attributes(0b0111_1100);
        assert_eq!(attributes.compression(), Ok(Compression::Zstd));
        assert_eq!(attributes.timestamp_type(), TimestampType::LogAppendTime);
        assert!(attributes.is_transactional() && attributes.is_control() && attributes.has_delete_horizon());
        assert!(Attributes(0b101).compression().is_err());
    }

    #[test]
    fn a_change_of_one_attribute_leaves_the_others() {
        let all = Attributes(-1);
        assert_eq!(all.with_compression(Compression::None).0, !0b111);
        assert_eq!(all.with_timestamp_type(TimestampType::CreateTime).0, !0b1000);
        assert_eq!(all.with_transactional(false).with_transactional(true), all);
        assert_eq!(Attributes::default().with_control(true).0, 0b10_0000);
    }
}
