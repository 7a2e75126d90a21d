//! [`Rules`]: what a topic and a request demand of a batch.

use ottla_base::Timestamp;

use crate::{Compression, TimestampType};

/// What a topic and a request demand of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Who appends.
    pub origin: Origin,
    /// `max.message.bytes`: the largest batch, as it is stored, in bytes.
    pub max_message_bytes: usize,
    /// `segment.bytes`: no batch is larger, in bytes.
    pub segment_bytes: usize,
    /// The most that a batch's records may decode to, in bytes; at least `max_message_bytes`. What is stored as it came is decoded in passing and never held; what is
    /// recompressed is held once.
    pub decoded_bytes_max: usize,
    /// `compression.type`: the codec to store with, none for `producer`.
    pub compression: Option<Compression>,
    /// False for requests older than zstd: Produce below 7.
    pub zstd_is_allowed: bool,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`: how far a record's time may lie behind the leader's.
    pub timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`: how far it may lie ahead.
    pub timestamp_after_max_ms: i64,
    /// `cleanup.policy` has `compact`: every record needs a key.
    pub is_compacted: bool,
}

/// Who appends a batch. Source: Kafka `AppendOrigin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client: numbers from 0, and writes no control records.
    Client,
    /// A coordinator of this broker.
    Coordinator,
}

/// A client's batch for a topic on which nothing is set, in Kafka 4.
impl Default for Rules {
    fn default() -> Rules {
        Rules {
            origin: Origin::Client,
            max_message_bytes: 1024 * 1024 + 12,
            segment_bytes: 1 << 30,
            decoded_bytes_max: 64 << 20,
            compression: None,
            zstd_is_allowed: true,
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: i64::MAX,
            timestamp_after_max_ms: 60 * 60 * 1000,
            is_compacted: false,
        }
    }
}

impl Rules {
    /// The earliest and the latest timestamp that a record may have, both inclusive.
    pub(super) fn timestamp_window(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        match self.timestamp_type {
            TimestampType::LogAppendTime => (Timestamp(i64::MIN), Timestamp(i64::MAX)),
            TimestampType::CreateTime => (
                Timestamp(now.0.saturating_sub(self.timestamp_before_max_ms)),
                Timestamp(now.0.saturating_add(self.timestamp_after_max_ms)),
            ),
        }
    }
}
