//! [`Error`]: why something could not be done with a log, by cause.

use std::ops::Range;
use std::path::{Path, PathBuf};

use ottla_base::{Offset, ProducerEpoch, ProducerId};
use ottla_records::{InvalidControlRecord, Malformed};

use crate::directory_health::DirectoryFailure;
use crate::disk;

/// Why something could not be done with a log. Shared by all operations: it names the cause, not what was attempted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The producer was fenced by a newer instance of itself.
    #[error("producer {producer_id} has epoch {current}, not {found}")]
    InvalidProducerEpoch {
        /// Whose batch it was.
        producer_id: ProducerId,
        /// The epoch that the batch carries.
        found: ProducerEpoch,
        /// The newest epoch that the log knows.
        current: ProducerEpoch,
    },
    /// The batch neither continues the producer's sequence nor repeats one of its last five batches.
    #[error("producer {producer_id} (epoch {producer_epoch}) sent sequence {found} where {expected} was to come")]
    OutOfOrderSequence {
        /// Whose batch it was.
        producer_id: ProducerId,
        /// The epoch that the batch carries.
        producer_epoch: ProducerEpoch,
        /// The sequence number that it begins with.
        found: i32,
        /// The only one that it could have begun with.
        expected: i32,
    },
    /// A producer with an open transaction appended a batch that is in none.
    #[error("producer {producer_id} has a transaction open, and its batch belongs to none")]
    InvalidTxnState {
        /// Whose batch it was.
        producer_id: ProducerId,
    },
    /// A marker comes from a transaction coordinator that has been replaced.
    #[error("marker of coordinator epoch {found} for producer {producer_id}, which knows {current}")]
    CoordinatorFenced {
        /// Whose transaction was to be ended.
        producer_id: ProducerId,
        /// The epoch in the marker.
        found: i32,
        /// The newest epoch that the log knows.
        current: i32,
    },
    /// A batch of a leader begins below the log's end, or its offsets run backwards.
    #[error("batch at offset {found} cannot follow offset {expected}")]
    UnexpectedOffset {
        /// The batch's base offset.
        found: Offset,
        /// The least that it may be: the log's end.
        expected: Offset,
    },
    /// Bytes that are no batch.
    #[error("no batch: {0}")]
    Malformed(#[from] Malformed),
    /// A batch whose CRC does not match its bytes.
    #[error("batch at offset {offset} is corrupt")]
    CorruptBatch {
        /// The batch's base offset.
        offset: Offset,
    },
    /// A control batch without a marker in it that could be understood.
    #[error("bad control batch: {0}")]
    InvalidControlRecord(#[from] InvalidControlRecord),
    /// A batch that no segment can hold.
    #[error("batch of {size} bytes is larger than a segment ({segment_bytes})")]
    LargerThanSegment {
        /// The batch's size, in bytes.
        size: usize,
        /// `segment.bytes`.
        segment_bytes: u32,
    },
    /// The offset is none that the log has, nor its end.
    #[error("offset {offset} is not in {}..={}", .available.start, .available.end)]
    OffsetOutOfRange {
        /// The offset that was asked for.
        offset: Offset,
        /// What there is. The end itself may be asked for and gives nothing.
        available: Range<Offset>,
    },
    /// The log has rotten below its recovery point. It is kept as it is, for reading what is left, and takes no more records.
    #[error("log is damaged at offset {at}, which had been durable")]
    Rot {
        /// The first offset that cannot be read.
        at: Offset,
    },
    /// A file does not hold what its format asks for.
    #[error("{}: {problem}", .path.display())]
    InvalidFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The disk refused. Nothing of the operation was published.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Error {
    /// Whether there was no room on the disk: the same will work once there is.
    pub fn is_no_space(&self) -> bool {
        matches!(self, Error::Disk(error) if error.is_no_space())
    }

    /// What it says of the whole log directory: a disk that fails for another reason than a lack of room, or of file descriptors, is not to
    /// be trusted any more.
    pub fn directory_failure(&self) -> Option<DirectoryFailure> {
        match self {
            Error::Disk(error) if !error.is_no_space() && !error.is_out_of_descriptors() => {
                Some(DirectoryFailure::Disk(error.clone()))
            }
            _ => None,
        }
    }

    /// A file whose content cannot be understood.
    pub(crate) fn invalid_file(path: &Path, problem: impl Into<String>) -> Error {
        Error::InvalidFile { path: path.to_owned(), problem: problem.into() }
    }
}

/// What the operations of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
