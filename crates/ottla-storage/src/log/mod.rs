//! [`Log`]: one partition's log, the writing side.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ottla_base::{Entropy, LeaderEpoch, Offset, Timestamp, TopicId};
use ottla_records::Validated;

use crate::error::Result;
use crate::reader::LogReader;
use crate::{FlushPlan, FlushTicket, LogConfig};

/// What a log is told when it is opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The settings.
    pub config: LogConfig,
    /// Written to `partition.metadata` when the log is created; a log that is there already must have the same. `None` writes and
    /// checks nothing (the Raft log is no topic's).
    pub topic_id: Option<TopicId>,
    /// From `log-start-offset-checkpoint`; zero where it has no entry.
    pub log_start_offset: Offset,
    /// From `recovery-point-offset-checkpoint`: all below was made durable. Zero where it has no entry.
    pub recovery_point: Offset,
    /// The log directory was closed cleanly: what is there is whole and durable.
    pub was_clean: bool,
    /// The wall clock's time.
    pub now: Timestamp,
}

/// What opening a log found. The caller reports it, and where it says so leaves the ISR.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The log was created.
    pub created: bool,
    /// Bytes past the recovery point were cut off: they had never been durable.
    pub cut: Option<Cut>,
    /// Below the recovery point something cannot be read. Nothing was cut; the log reads up to there and refuses appends.
    pub rot: Option<Offset>,
}

/// What recovery cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The log's end after the cut.
    pub at: Offset,
    /// How many bytes were cut.
    pub bytes: u64,
    /// A whole batch lay behind the bad one, so records that others may count on can be missing: the replica is *suspect*.
    pub suspect: bool,
    /// Where the bytes were put aside. `None` when there was no room for them.
    pub kept_in: Option<PathBuf>,
}

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The offset of the batch's first record.
    pub base_offset: Offset,
    /// The offset of its last.
    pub last_offset: Offset,
    /// The batch repeats one of the producer's last five (KIP-98): nothing was written, and these are the original's offsets.
    pub duplicate: bool,
}

impl Appended {
    /// The offset after the batch: a replica that counts to here has it.
    pub fn end_offset(&self) -> Offset {
        self.last_offset + 1
    }
}

/// One partition's log. No lock and no thread of its own: its owner has both. Readers use [`LogReader`] meanwhile.
#[derive(Debug)]
pub struct Log {}

impl Log {
    /// Opens the log in `directory`, or creates it. Recovers as far as it must: see `recovery.rs`.
    pub fn open(environment: &Arc<LogEnvironment>, directory: &Path, opening: Opening) -> Result<(Log, Recovered)> {
        unimplemented!()
    }
    /// Appends a producer's batch and assigns its offsets. Returns when the bytes are in the page cache, not on disk.
    ///
    /// Errors: `InvalidProducerEpoch`, `OutOfOrderSequence`, `InvalidTxnState`, `LargerThanSegment`, `Rot`, `Io`.
    pub fn append(&mut self, batch: &Validated, leader_epoch: LeaderEpoch, now: Timestamp) -> Result<Appended> {
        unimplemented!()
    }
    /// Appends whole batches that have their offsets and leader epochs already (from a leader, or a Raft entry).
    pub fn append_replicated(&mut self, batches: Bytes, now: Timestamp) -> Result<Appended> {
        unimplemented!()
    }
    /// A handle for readers; cheap to clone.
    pub fn reader(&self) -> LogReader {
        unimplemented!()
    }
    /// The first offset that may be read.
    pub fn log_start_offset(&self) -> Offset {
        unimplemented!()
    }
    /// The offset that the next record gets.
    pub fn log_end_offset(&self) -> Offset {
        unimplemented!()
    }
    /// All below survives a power cut. At most the end.
    pub fn durable_offset(&self) -> Offset {
        unimplemented!()
    }
    /// What the recovery point checkpoint may say: all below is durable, indexes included.
    pub fn recovery_point(&self) -> Offset {
        unimplemented!()
    }
    /// The offset up to which `read_committed` may read, given the high watermark.
    pub fn last_stable_offset(&mut self, high_watermark: Offset) -> Offset {
        unimplemented!()
    }
    /// Records that a leader of `epoch` begins at the log's end.
    pub fn assign_epoch(&mut self, epoch: LeaderEpoch) {
        unimplemented!()
    }
    /// The newest leader epoch in the log.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        unimplemented!()
    }
    /// The largest epoch of the log that is at most `epoch`, and where it ends (KIP-101).
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        unimplemented!()
    }
    /// Cuts off `offset` and everything after it; durable when it returns. Returns whether there was anything to cut.
    pub fn truncate_to(&mut self, offset: Offset) -> Result<bool> {
        unimplemented!()
    }
    /// Drops everything and continues, empty, at `offset`.
    pub fn truncate_fully_and_start_at(&mut self, offset: Offset) -> Result<()> {
        unimplemented!()
    }
    /// Moves the log start forward (DeleteRecords, a leader's log start). Segments wholly below go with the next retention.
    pub fn advance_log_start_offset(&mut self, offset: Offset) -> Result<()> {
        unimplemented!()
    }
    /// What is to be synced now; `None` when everything is durable.
    pub fn begin_flush(&mut self) -> Option<FlushPlan> {
        unimplemented!()
    }
    /// A flush came to its end: moves the durable offset. Returns whether it moved.
    pub fn on_flushed(&mut self, ticket: FlushTicket) -> bool {
        unimplemented!()
    }
    /// Flushes under way count for nothing from here on (role change, directory failure).
    pub fn invalidate_flushes(&mut self) {
        unimplemented!()
    }
    /// Closes the active segment and begins another.
    pub fn roll(&mut self, now: Timestamp) -> Result<()> {
        unimplemented!()
    }
    /// Makes everything durable, with the snapshot and indexes that a clean start reads.
    pub fn close(&mut self, now: Timestamp) -> Result<()> {
        unimplemented!()
    }
}

/// What the logs of one log directory share.
#[derive(Debug)]
pub struct LogEnvironment {}
impl LogEnvironment {
    /// An environment.
    pub fn new(disk: Arc<dyn crate::disk::Disk>, entropy: Arc<dyn Entropy>, open_files_max: usize) -> LogEnvironment {
        unimplemented!()
    }
}
