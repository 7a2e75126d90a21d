//! [`ReplicaWriter`]: the replica under a shard, as the shard writes and reads it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use ottla_base::{Clock, LeaderEpoch, Offset};
use ottla_coordinator::{AppendError, PartitionWriter, ReadError};
use ottla_records::{Batch, ValidationError, batches};
use ottla_replica::{Error, Partition};
use ottla_storage::{Access, ReadRequest};

/// Writes to a replica that this node leads, and reads all that it has.
pub(crate) struct ReplicaWriter {
    partition: Arc<Partition>,
    clock: Arc<dyn Clock>,
    read_bytes_max: usize,
}

impl ReplicaWriter {
    /// Reads about `read_bytes_max` bytes at a time.
    pub(super) fn new(partition: Arc<Partition>, clock: Arc<dyn Clock>, read_bytes_max: usize) -> ReplicaWriter {
        ReplicaWriter { partition, clock, read_bytes_max }
    }
}

impl PartitionWriter for ReplicaWriter {
    fn append(&mut self, leader_epoch: LeaderEpoch, batch: Batch) -> Result<Offset, AppendError> {
        match self.partition.append_as_coordinator(batch.bytes().clone(), leader_epoch, self.clock.wall()) {
            Ok(appended) => Ok(appended.end_offset),
            Err(error) => Err(refusal(error)),
        }
    }

    fn read(&mut self, from: Offset) -> Result<Bytes, ReadError> {
        self.partition.leader_epoch().map_err(|_| ReadError::NotLeader)?;
        let log = self.partition.log();
        let read = log.read(ReadRequest {
            from: from.max(log.log_start_offset()),
            up_to: Offset::MAX,
            bytes_max: self.read_bytes_max,
            at_least_one_batch: true,
            access: Access::Copy,
        });
        let read = read.map_err(|error| {
            tracing::error!(partition = %self.partition.topic_partition(), %error, "a coordinator cannot read its groups");
            ReadError::Storage
        })?;
        whole_batches(read.bytes)
    }
}

/// What a read gives may end in the middle of a batch.
fn whole_batches(bytes: Bytes) -> Result<Bytes, ReadError> {
    let mut len = 0;
    for batch in batches(bytes.clone()) {
        match batch {
            Ok(batch) => len += batch.bytes().len(),
            Err(_) if len > 0 => break,
            Err(malformed) => return Err(malformed.into()),
        }
    }
    Ok(bytes.slice(..len))
}

fn refusal(error: Error) -> AppendError {
    match error {
        Error::NotLeader | Error::Deleted | Error::FencedLeaderEpoch { .. } | Error::UnknownLeaderEpoch { .. } => {
            AppendError::NotLeader
        }
        Error::NotEnoughReplicas(_) | Error::NotEnoughReplicasAfterAppend(_) => AppendError::NotEnoughReplicas,
        Error::Invalid(ValidationError::TooLarge { .. } | ValidationError::LargerThanSegment { .. })
        | Error::Log(ottla_storage::Error::LargerThanSegment { .. }) => AppendError::TooLarge,
        Error::DirectoryOffline(_) => AppendError::Storage,
        Error::Log(_)
        | Error::Invalid(_)
        | Error::NoTransaction { .. }
        | Error::OffsetOutOfRange { .. }
        | Error::OffsetNotAvailable { .. } => {
            tracing::error!(%error, "a coordinator cannot write");
            AppendError::Storage
        }
    }
}

impl fmt::Debug for ReplicaWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplicaWriter({})", self.partition.topic_partition())
    }
}
