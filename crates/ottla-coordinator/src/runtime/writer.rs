//! [`PartitionWriter`]: the partition of `__consumer_offsets` under a shard, as far as the shard knows it.

use bytes::Bytes;
use ottla_base::{LeaderEpoch, Offset};
use ottla_records::{Batch, Malformed};

use crate::AppendError;

/// The partition under a shard. Only the shard writes to it.
pub trait PartitionWriter {
    /// Appends `batch`, and gives the offset after its last record. It need not be on any disk yet: that is what answers wait for.
    ///
    /// Errors, with nothing appended: this node does not lead the partition in `leader_epoch`, and the others of [`AppendError`].
    fn append(&mut self, leader_epoch: LeaderEpoch, batch: Batch) -> Result<Offset, AppendError>;

    /// Whole batches, the first of which holds `from` or is the first after it; empty at the log's end. Some MiB at a time. An offset
    /// below the log's start means its start. What is not acknowledged yet is read, too.
    fn read(&mut self, from: Offset) -> Result<Bytes, ReadError>;
}

/// Why the partition could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// This node does not lead the partition (any more).
    #[error("this node does not lead the partition")]
    NotLeader,
    /// Its directory is offline, or failed to read.
    #[error("the partition cannot be read")]
    Storage,
    /// What was read is no batch.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}
