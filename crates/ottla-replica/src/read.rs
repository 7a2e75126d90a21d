//! Reading a partition as a consumer does: what may be seen, and how a read gets at it. Takes no lock.

use bytes::Bytes;
use ottla_base::{LeaderEpoch, Offset};
use ottla_storage::{AbortedTxn, Access, ReadRequest as LogReadRequest};

use crate::{Error, Partition};

/// What a consumer may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Everything below the high watermark.
    ReadUncommitted,
    /// Everything below the last stable offset; what aborted transactions wrote is for the consumer to leave out.
    ReadCommitted,
}

/// What is asked of a partition.
#[derive(Clone, Copy, Debug)]
pub struct ReadRequest {
    /// The first offset that is wanted.
    pub from: Offset,
    /// At most so many bytes.
    pub bytes_max: usize,
    /// The first batch is given even where it is larger than that.
    pub at_least_one_batch: bool,
    /// What may be seen.
    pub isolation: Isolation,
    /// The leader epoch that the reader knows, to be fenced by (KIP-320).
    pub leader_epoch: Option<LeaderEpoch>,
    /// The epoch of the last record that the reader has: where the logs part, it is told so and gets nothing (KIP-595).
    pub last_fetched_epoch: Option<LeaderEpoch>,
    /// With a copy or without.
    pub access: Access,
}

/// What a partition gave.
#[derive(Clone, Debug)]
pub struct ReadResult {
    /// Whole batches, the last of which may be cut. Empty where there is nothing to be read yet.
    pub records: Bytes,
    /// The end of what `read_uncommitted` may see.
    pub high_watermark: Offset,
    /// The end of what `read_committed` may see.
    pub last_stable_offset: Offset,
    /// The first offset there is.
    pub log_start_offset: Offset,
    /// For `read_committed`: the aborted transactions that have records in what was read.
    pub aborted: Vec<AbortedTxn>,
    /// Where this log's part of the reader's epoch ends, if the reader's log goes on differently.
    pub diverging: Option<(LeaderEpoch, Offset)>,
}

impl Partition {
    /// Reads what a consumer may see from `request.from` on.
    ///
    /// Errors: `NotLeader`, `Deleted`, `DirectoryOffline`, `FencedLeaderEpoch`, `UnknownLeaderEpoch`, and of the log `OffsetOutOfRange` and
    /// whatever the disk says. An offset between what may be seen and the log's end gives nothing, and is no error.
    pub fn read(&self, request: &ReadRequest) -> Result<ReadResult, Error> {
        self.check_leader_epoch(request.leader_epoch)?;
        let diverging =
            request.last_fetched_epoch.map(|epoch| self.divergence(epoch, request.from)).transpose()?.flatten();
        let high_watermark = self.high_watermark();
        // The one may have moved since the other was looked at.
        let last_stable_offset = self.last_stable_offset().min(high_watermark);
        let up_to = match request.isolation {
            Isolation::ReadUncommitted => high_watermark,
            Isolation::ReadCommitted => last_stable_offset,
        };
        let mut result = ReadResult {
            records: Bytes::new(),
            high_watermark,
            last_stable_offset,
            log_start_offset: self.log().log_start_offset(),
            aborted: Vec::new(),
            diverging,
        };
        if result.diverging.is_some() {
            return Ok(result);
        }
        let read = self.log().read(LogReadRequest {
            from: request.from,
            up_to,
            bytes_max: request.bytes_max,
            at_least_one_batch: request.at_least_one_batch,
            access: request.access,
        })?;
        if request.isolation == Isolation::ReadCommitted && !read.bytes.is_empty() {
            result.aborted = self.log().aborted_transactions(request.from..read.end_offset)?;
        }
        result.records = read.bytes;
        Ok(result)
    }

    /// Where the reader's log, whose last record before `from` is of `epoch`, parts from this one. Source: Kafka `Partition.readRecords`.
    fn divergence(&self, epoch: LeaderEpoch, from: Offset) -> Result<Option<(LeaderEpoch, Offset)>, Error> {
        let Some((largest, end)) = self.with_log(|log| log.end_offset_for_epoch(epoch)) else {
            let (log_start, end) = (self.log().log_start_offset(), self.log().log_end_offset());
            return Err(Error::OffsetOutOfRange { asked: from, log_start, end });
        };
        Ok((largest < epoch || end < from).then_some((largest, end)))
    }
}
