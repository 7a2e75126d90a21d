//! [`Error`]: why a partition does not do what it is asked, by cause.

use ottla_base::{LeaderEpoch, Offset, ProducerId};
use ottla_records::ValidationError;
use ottla_storage::DirectoryFailure;

use crate::leader::NotEnoughReplicas;

/// Why a partition does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This node does not lead the partition, or not any more in the epoch in which it was asked.
    #[error("this node does not lead the partition")]
    NotLeader,
    /// The partition is being deleted.
    #[error("the partition is deleted")]
    Deleted,
    /// The caller knows an older leader epoch: its metadata is stale (KIP-320).
    #[error("leader epoch {asked} is older than the current one, {current}")]
    FencedLeaderEpoch {
        /// What the caller knows.
        asked: LeaderEpoch,
        /// What is.
        current: LeaderEpoch,
    },
    /// The caller knows a newer leader epoch: this node's metadata is stale (KIP-320).
    #[error("leader epoch {asked} is not known yet; the current one is {current}")]
    UnknownLeaderEpoch {
        /// What the caller knows.
        asked: LeaderEpoch,
        /// What is.
        current: LeaderEpoch,
    },
    /// `acks=all` cannot be promised. Nothing was appended.
    #[error(transparent)]
    NotEnoughReplicas(#[from] NotEnoughReplicas),
    /// The ISR fell below its minimum after the append: the record is in the log and may or may not stay.
    #[error("after the append, {0}")]
    NotEnoughReplicasAfterAppend(NotEnoughReplicas),
    /// The batch is not one that the topic takes. Nothing was appended.
    #[error(transparent)]
    Invalid(#[from] ValidationError),
    /// The batch belongs to a transaction that no coordinator has begun here: nobody would ever end it, and the last stable offset would
    /// stay before it. Nothing was appended.
    #[error("producer {producer_id} has no transaction that the batch could belong to")]
    NoTransaction {
        /// Whose batch it is.
        producer_id: ProducerId,
    },
    /// The offset is below the log start or above what the reader may see.
    #[error("offset {asked} is not within {log_start}..={end}")]
    OffsetOutOfRange {
        /// What was asked for.
        asked: Offset,
        /// The first offset there is.
        log_start: Offset,
        /// The end of what may be read.
        end: Offset,
    },
    /// This leader is new and does not know yet how far consumers have seen.
    #[error("the high watermark {high_watermark} has not come to the start of the leader's epoch, {epoch_start}")]
    OffsetNotAvailable {
        /// How far it knows that they may see.
        high_watermark: Offset,
        /// How far they may have seen.
        epoch_start: Offset,
    },
    /// The log directory is offline: a sync failed there, and nothing on it can be trusted until an operator has looked.
    #[error("the log directory is offline: {0}")]
    DirectoryOffline(DirectoryFailure),
    /// The log refused.
    #[error(transparent)]
    Log(#[from] ottla_storage::Error),
}
