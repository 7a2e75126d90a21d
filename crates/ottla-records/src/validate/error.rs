//! [`ValidationError`]: why a batch is not appended, by cause. Each variant names the Kafka error that clients know it by; the mapping
//! itself is the server's.

use ottla_base::{Offset, ProducerId, Timestamp};
use thiserror::Error;

use crate::{Malformed, RecordFault, UnknownCompression};

/// Why a batch is not appended.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ValidationError {
    /// There is no whole batch in the bytes (INVALID_RECORD).
    #[error("no record batch in {0} bytes")]
    NoBatch(usize),
    /// More than one batch, or bytes after it (INVALID_RECORD).
    #[error("{0} bytes follow the record batch")]
    MoreThanOneBatch(usize),
    /// Another format than v2 (INVALID_RECORD).
    #[error("record batch has magic {0}, not 2")]
    Magic(i8),
    /// The length cannot be (CORRUPT_MESSAGE).
    #[error("record batch length {0} is shorter than a header")]
    Length(i32),
    /// A producer numbers from 0 (INVALID_RECORD).
    #[error("base offset is {0}, not 0")]
    BaseOffset(Offset),
    /// Count and last offset delta are not those of one record after the other (INVALID_RECORD).
    #[error("record count {record_count} does not fit last offset delta {last_offset_delta}")]
    RecordCount {
        /// What the header counts.
        record_count: i32,
        /// The last record's offset minus the base offset.
        last_offset_delta: i32,
    },
    /// A client may not write control records (INVALID_RECORD).
    #[error("clients are not allowed to write control records")]
    ControlBatch,
    /// An idempotent producer's sequence begins at 0 (INVALID_RECORD).
    #[error("base sequence {base_sequence} of producer {producer_id} is negative")]
    NegativeSequence {
        /// The producer.
        producer_id: ProducerId,
        /// Its number.
        base_sequence: i32,
    },
    /// The bytes are not those that the producer sent (CORRUPT_MESSAGE).
    #[error("crc is {computed:#010x}, not {stored:#010x}")]
    Crc {
        /// What the header says.
        stored: u32,
        /// What the bytes give.
        computed: u32,
    },
    /// Longer than `max.message.bytes`, as it came or after recompression (MESSAGE_TOO_LARGE).
    #[error("record batch of {size} bytes is larger than max.message.bytes, {limit}")]
    TooLarge {
        /// The batch's size, in bytes.
        size: usize,
        /// The most that it may be.
        limit: usize,
    },
    /// Longer than a segment (RECORD_LIST_TOO_LARGE).
    #[error("record batch of {size} bytes is larger than segment.bytes, {limit}")]
    LargerThanSegment {
        /// The batch's size, in bytes.
        size: usize,
        /// The size of a segment.
        limit: usize,
    },
    /// The records decode to more than a batch may (MESSAGE_TOO_LARGE: a producer answers it with smaller batches).
    #[error("records decode to more than {limit} bytes")]
    DecodedTooLarge {
        /// The most that they may decode to, in bytes.
        limit: usize,
    },
    /// No such codec (INVALID_RECORD).
    #[error(transparent)]
    UnknownCompression(#[from] UnknownCompression),
    /// The version of the request is older than zstd (UNSUPPORTED_COMPRESSION_TYPE).
    #[error("zstd is allowed from produce version 7 on")]
    ZstdNotAllowed,
    /// The CRC is right, but a record is none (INVALID_RECORD).
    #[error("record {index}: {fault}")]
    Record {
        /// The index in the batch, from 0.
        index: i32,
        /// What is wrong with it.
        fault: RecordFault,
    },
    /// Only the leader says when a record was appended (INVALID_TIMESTAMP).
    #[error("producers are not allowed to set timestamp type LogAppendTime")]
    LogAppendTimeFromProducer,
    /// At least one record's timestamp is out of range (INVALID_TIMESTAMP, with these record errors).
    #[error("timestamps of records are out of range")]
    InvalidTimestamp(Vec<RecordError>),
    /// Records are not acceptable, though none for its timestamp (INVALID_RECORD, with these record errors).
    #[error("records are not acceptable")]
    InvalidRecords(Vec<RecordError>),
}

/// What is wrong with one record of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// The index in the batch, from 0.
    pub index: i32,
    /// What is wrong with it.
    pub cause: RecordErrorCause,
}

/// Why a whole record is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecordErrorCause {
    /// Compaction keeps records by their keys.
    #[error("compacted topic cannot accept message without key")]
    MissingKey,
    /// Too far from the leader's clock.
    #[error("timestamp {timestamp} is out of range: it should be within [{earliest}, {latest}]")]
    Timestamp {
        /// The record's.
        timestamp: Timestamp,
        /// The earliest that is accepted.
        earliest: Timestamp,
        /// The latest that is accepted.
        latest: Timestamp,
    },
}

impl From<Malformed> for ValidationError {
    fn from(malformed: Malformed) -> ValidationError {
        match malformed {
            Malformed::Truncated { have, .. } => ValidationError::NoBatch(have),
            Malformed::Length(length) => ValidationError::Length(length),
            Malformed::Magic(magic) => ValidationError::Magic(magic),
            Malformed::TrailingBytes(count) => ValidationError::MoreThanOneBatch(count),
        }
    }
}
