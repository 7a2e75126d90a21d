//! [`Log`]: one partition's log, the writing side. It owns the segments, the producers' state, the leader epochs and the ends, and does
//! what its owner, who holds the partition's lock, tells it. Readers go their own way (`reader.rs`).
//!
//! ```text
//!    log start                 recovery point              durable offset          log end offset
//!        |                           |                           |                       |
//!  ------|===========================|===========================|=======================|
//!        |  kept                     |  durable, checkpoint      |  durable, checkpoint  |  in the page cache:
//!        |                           |  says so                  |  will say so          |  gone in a power cut
//! ```
//!
//! - `append.rs`: appending and rolling. `durability.rs`: what is to be synced, and the durable offset.
//! - `truncate.rs`: cutting off the end. `clean/retention.rs`: deleting at the beginning. `recovery.rs`: opening.

mod append;
mod durability;
#[cfg(test)]
mod stories;
mod truncate;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use ottla_base::{LeaderEpoch, Offset, Timestamp, TopicId};

use crate::LogConfig;
use crate::disk::{Disk, atomic_write};
use crate::environment::LogEnvironment;
use crate::epochs::LeaderEpochs;
use crate::error::{Error, Result};
use crate::file_names::{self, EPOCHS, LOG, SNAPSHOT, TRUNCATION};
use crate::flush::FlushPlan;
use crate::producers::Producers;
use crate::reader::{AtomicOffset, LogReader, Shared};
use crate::recovery::{self, Recovered, Restored};
use crate::segment::{Segment, file_len};
use crate::{partition_metadata, snapshot_file};

pub use append::Appended;
pub(crate) use durability::Dirt;
pub use durability::RecoveryPoint;

/// What a log is told when it is opened.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The settings.
    pub config: LogConfig,
    /// Written to `partition.metadata` when that file is missing; a file that is there must have the same. `None` writes and checks
    /// nothing (the Raft log is no topic's), and the log is the topic's that the file names.
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

/// One partition's log. No lock and no thread of its own: its owner has both.
///
/// Whatever fails with [`Error::Disk`] for another reason than a lack of space leaves it to the owner to take the directory offline.
#[derive(Debug)]
pub struct Log {
    environment: Arc<LogEnvironment>,
    directory: Arc<Path>,
    config: LogConfig,
    topic_id: Option<TopicId>,
    shared: Arc<Shared>,
    /// The last of `shared.segments`.
    active: Arc<Segment>,
    /// What the active segment's age is counted from where its first batch has no timestamp.
    active_since: Timestamp,
    /// The timestamp of the active segment's first batch, if that has one; `None` where it is yet to be looked up.
    first_timestamp: Option<Option<Timestamp>>,
    /// How much earlier than `segment.ms` the active segment is rolled.
    roll_jitter_ms: u64,
    producers: Producers,
    /// The newest snapshot's offset.
    snapshot_offset: Offset,
    bytes_since_snapshot: u64,
    epochs: LeaderEpochs,
    epochs_on_file: LeaderEpochs,
    dirt: Dirt,
    /// The offset in the file [`TRUNCATION`], where there is one.
    truncated_to: Option<Offset>,
    rot: Option<Rot>,
}

/// Damage in what had been durable.
#[derive(Clone, Copy, Debug)]
struct Rot {
    /// The first offset that cannot be read, where the log ends for now.
    at: Offset,
    /// What was known to be durable, and is to be remembered: a checkpoint of `at` would make a torn tail of the rot.
    recovery_point: Offset,
}

impl Log {
    /// Opens the log in the folder `directory`, which exists, or creates it there. How far it must recover, and how, stands in
    /// `recovery.rs`; the report is the caller's to act on.
    ///
    /// After an unclean start the durable offset is the recovery point: ask for a flush, or it stays there. The files of segments that
    /// lie below the log start are removed.
    ///
    /// Errors: `InvalidFile` where the folder belongs to another topic, `Disk`.
    pub fn open(environment: &Arc<LogEnvironment>, directory: &Path, opening: Opening) -> Result<(Log, Recovered)> {
        let disk = &*environment.disk;
        let owner = owner(disk, directory, opening.topic_id)?;
        let directory: Arc<Path> = directory.into();
        let (restored, recovered) = recovery::restore(environment, &directory, &opening)?;
        match opening.topic_id {
            Some(topic_id) if owner.is_none() => partition_metadata::write_topic_id(disk, &directory, topic_id)?,
            // The first segment's name is durable from the start: a log that begins later has had its beginning deleted.
            _ if recovered.created => disk.sync_dir(&directory)?,
            _ => {}
        }
        let Restored { segments, log_start_offset, end_offset, durable_offset, producers, snapshot_offset, .. } =
            restored;
        let active = segments.last().expect("recovery leaves an active segment").clone();
        let recovery_point =
            restored.truncated_to.map_or(opening.recovery_point, |offset| offset.min(opening.recovery_point));
        let shared = Arc::new(Shared {
            environment: environment.clone(),
            segments: ArcSwap::from_pointee(segments),
            log_start_offset: AtomicOffset::new(log_start_offset),
            log_end_offset: AtomicOffset::new(end_offset),
            durable_offset: AtomicOffset::new(durable_offset),
            mapped_end: AtomicOffset::new(log_start_offset),
            generation: AtomicU64::new(0),
            segment_bytes: AtomicU64::new(u64::from(opening.config.segment_bytes)),
        });
        let mut log = Log {
            environment: environment.clone(),
            directory,
            topic_id: opening.topic_id.or(owner),
            roll_jitter_ms: draw_jitter(environment, &opening.config),
            config: opening.config,
            shared,
            active,
            active_since: opening.now,
            first_timestamp: None,
            producers,
            snapshot_offset,
            bytes_since_snapshot: restored.bytes_since_snapshot,
            epochs: restored.epochs,
            epochs_on_file: restored.epochs_on_file,
            dirt: restored.dirt,
            truncated_to: restored.truncated_to,
            rot: recovered.rot.map(|at| Rot { at, recovery_point }),
        };
        log.producers.expire(opening.now, log.config.producer_id_expiration_ms);
        log.check_invariants();
        Ok((log, recovered))
    }

    /// A handle for readers.
    pub fn reader(&self) -> LogReader {
        LogReader::new(self.shared.clone())
    }

    /// The folder.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The topic that the log belongs to.
    pub fn topic_id(&self) -> Option<TopicId> {
        self.topic_id
    }

    /// The first offset that may be read.
    pub fn log_start_offset(&self) -> Offset {
        self.shared.log_start_offset.get()
    }

    /// The offset that the next record gets.
    pub fn log_end_offset(&self) -> Offset {
        self.shared.log_end_offset.get()
    }

    /// Where recovery found damage in what had been durable. Such a log takes no records; a truncation to there, or to anything before,
    /// makes it whole: the replica then fetches anew what it had.
    pub fn rot(&self) -> Option<Offset> {
        self.rot.map(|rot| rot.at)
    }

    /// The end of what `read_committed` may read, given the high watermark: at most that.
    pub fn last_stable_offset(&mut self, high_watermark: Offset) -> Offset {
        self.producers.last_stable_offset(high_watermark).max(self.log_start_offset())
    }

    /// Forgets producers that appended nothing for `producer.id.expiration.ms`.
    pub fn expire_producers(&mut self, now: Timestamp) {
        self.producers.expire(now, self.config.producer_id_expiration_ms);
    }

    /// How many producers the log knows.
    pub fn producer_count(&self) -> usize {
        self.producers.len()
    }

    /// The size of all segments, in bytes.
    pub fn size_in_bytes(&self) -> u64 {
        self.segments().iter().map(|segment| segment.published().size).sum()
    }

    /// How many segments there are.
    pub fn segment_count(&self) -> usize {
        self.segments().len()
    }

    /// The settings.
    pub fn config(&self) -> &LogConfig {
        &self.config
    }

    /// Takes up changed settings. They hold from the next append, roll or retention on.
    pub fn set_config(&mut self, config: LogConfig) {
        self.shared.segment_bytes.store(u64::from(config.segment_bytes), Ordering::Relaxed);
        self.config = config;
    }

    /// Notes that the leader of `epoch` begins at the log's end, before it appends anything.
    pub fn assign_epoch(&mut self, epoch: LeaderEpoch) {
        self.epochs.assign(epoch, self.log_end_offset());
    }

    /// The newest leader epoch that the log knows.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest()
    }

    /// The leader epoch in which the record at `offset` was appended.
    pub fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.epochs.epoch_at(offset)
    }

    /// The largest epoch of the log that is at most `epoch`, and the offset at which it ends (KIP-101, KIP-320).
    ///
    /// `None` where the log knows no epoch, or only older ones. Source: Kafka `LeaderEpochFileCache.endOffsetFor`.
    pub fn end_offset_for_epoch(&self, epoch: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        self.epochs.end_offset_for(epoch, self.log_end_offset())
    }

    /// Makes everything durable, with what a clean start reads: whole indexes, a producer snapshot at the end, the epochs.
    ///
    /// Blocks for the syncs. On return the durable offset is the end; the owner then writes the checkpoints and the clean marker. Whoever
    /// closes many logs goes by [`Log::closing_flush`] instead, and syncs once for all of them.
    pub fn close(&mut self) -> Result<()> {
        while let Some(plan) = self.closing_flush()? {
            for file in &plan.files {
                file.sync_data()?;
            }
            for directory in &plan.directories {
                self.disk().sync_dir(directory)?;
            }
            self.on_flushed(plan.ticket);
        }
        Ok(())
    }

    /// The next step of closing: what is to be synced for it, after which [`Log::on_flushed`] is told and this is called again. `None` once
    /// the log is closed: everything is durable then.
    pub fn closing_flush(&mut self) -> Result<Option<FlushPlan>> {
        self.drop_unpublished()?;
        if self.active.write_indexes(self.disk(), true)? {
            self.dirt.note_indexes(&self.active);
        }
        // The snapshot comes last: once it is there, recovery trusts the indexes below it.
        if !self.dirt.is_dirty() {
            self.take_snapshot()?;
        }
        self.persist_epochs()?;
        let plan = self.begin_flush();
        if plan.is_none() {
            self.active.close_handles();
        }
        Ok(plan)
    }

    /// A failed append may have left bytes behind the end; a clean start would have to tell them from a torn batch.
    fn drop_unpublished(&mut self) -> Result<()> {
        let size = self.active.published().size;
        let path = self.active.path(LOG);
        if self.rot.is_none() && file_len(self.disk(), &path)? != Some(size) {
            self.active.file(self.disk(), &self.environment.segment_cache)?.set_len(size)?;
            self.active.set_dirty(true);
            self.dirt.note(&self.active);
        }
        Ok(())
    }

    pub(crate) fn environment(&self) -> &LogEnvironment {
        &self.environment
    }

    pub(crate) fn disk(&self) -> &dyn Disk {
        &*self.environment.disk
    }

    pub(crate) fn segments(&self) -> Arc<Vec<Arc<Segment>>> {
        self.shared.segments.load_full()
    }

    fn publish_segments(&mut self, segments: Vec<Arc<Segment>>) {
        self.active = segments.last().expect("a log has an active segment").clone();
        self.shared.segments.store(Arc::new(segments));
    }

    /// Continues with `segments`, the younger ones of those that there are.
    pub(crate) fn keep_segments(&mut self, segments: Vec<Arc<Segment>>) {
        let start = segments.first().expect("a log has an active segment").base_offset();
        self.shared.log_start_offset.raise_to(start);
        self.dirt.forget_before(start);
        if !self.dirt.has_segments() {
            self.shared.durable_offset.set(self.log_end_offset());
        }
        self.publish_segments(segments);
        self.set_log_start_offset(self.log_start_offset());
    }

    pub(crate) fn set_log_start_offset(&mut self, offset: Offset) {
        self.shared.log_start_offset.set(offset);
        self.epochs.truncate_from_start(offset);
        self.check_invariants();
    }

    fn check_writable(&self) -> Result<()> {
        self.rot.map_or(Ok(()), |rot| Err(Error::Rot { at: rot.at }))
    }

    /// Writes the epochs, durably, where they differ from the file. One that has no record yet is left out: a restart forgets it.
    fn persist_epochs(&mut self) -> Result<()> {
        let mut epochs = self.epochs.clone();
        epochs.truncate_from_end(self.log_end_offset());
        if epochs != self.epochs_on_file {
            atomic_write(self.disk(), &self.directory.join(EPOCHS), epochs.to_text().as_bytes())?;
            self.epochs_on_file = epochs;
        }
        Ok(())
    }

    /// Writes the producers' state as of the log's end. What it and the indexes say of lower offsets is durable with the next flush.
    ///
    /// The epochs are written first: from a snapshot on, recovery rebuilds them from the batches.
    fn take_snapshot(&mut self) -> Result<()> {
        if self.snapshot_offset == self.log_end_offset() {
            // There is one. Writing it again would put at risk what may be all that tells of producers whose batches are deleted.
            return Ok(());
        }
        self.persist_epochs()?;
        self.write_indexes(false)?;
        let offset = self.log_end_offset();
        let path = snapshot_file::write(self.disk(), &self.directory, offset, &self.producers)?;
        self.forget_older_snapshots(offset)?;
        self.snapshot_offset = offset;
        self.bytes_since_snapshot = 0;
        self.dirt.note_file(path);
        Ok(())
    }

    /// Writes the active segment's indexes. Whenever the recovery point has come to where the log's end now is, they are durable.
    ///
    /// The next flush sees to that, unless it is not needed for the records: then they are synced here and now.
    fn write_indexes(&mut self, is_final: bool) -> Result<()> {
        if !self.active.write_indexes(self.disk(), is_final)? {
            return Ok(());
        }
        self.dirt.note_indexes(&self.active);
        let claimed = self.dirt.flushing_up_to().max(self.durable_offset());
        if claimed >= self.log_end_offset() {
            self.active.sync_indexes(self.disk())?;
            self.disk().sync_dir(&self.directory)?;
        }
        Ok(())
    }

    /// Removes snapshots that no recovery can need: those that neither begin a segment nor are among the newest two, of which the last
    /// may not be durable yet.
    fn forget_older_snapshots(&self, newest: Offset) -> Result<()> {
        let segments = self.segments();
        for entry in self.disk().list(&self.directory)? {
            let Some(offset) = file_names::offset_of(&entry.name, SNAPSHOT) else {
                continue;
            };
            let begins_a_segment = segments.binary_search_by_key(&offset, |segment| segment.base_offset()).is_ok();
            if !begins_a_segment && offset != newest && offset != self.snapshot_offset {
                self.disk().remove_file(&self.directory.join(&entry.name))?;
            }
        }
        Ok(())
    }

    /// Whether every index entry of every segment is true of the log.
    #[cfg(test)]
    fn check_indexes(&self) -> Result<(), String> {
        let segments = self.segments();
        segments.iter().try_for_each(|segment| segment.check_indexes(&self.environment))
    }

    /// Called after every change.
    fn check_invariants(&self) {
        let shared = &self.shared;
        let (start, end, durable) = (self.log_start_offset(), self.log_end_offset(), self.durable_offset());
        assert!(start <= end, "the log start {start} is at most the end {end}");
        assert!(durable <= end, "what is durable ({durable}) was appended ({end})");
        assert_eq!(self.active.published().end_offset, end, "the active segment ends where the log does");
        assert!(self.active.base_offset() <= end, "the active segment begins within the log");
        assert!(shared.segments.load()[0].base_offset() <= start, "the first segment has the log start");
        assert!(
            self.dirt.has_segments() || durable == end || self.rot.is_some(),
            "what is not durable is known as dirty"
        );
        assert!(self.snapshot_offset <= end, "no snapshot lies beyond the end");
        debug_assert!(
            shared.segments.load().windows(2).all(|pair| pair[0].published().end_offset == pair[1].base_offset()),
            "segments follow one another"
        );
    }
}

/// The offset up to which a segment is rolled early, drawn anew for each so that those created together are not rolled together.
fn draw_jitter(environment: &LogEnvironment, config: &LogConfig) -> u64 {
    match config.segment_jitter_ms.min(config.segment_ms) {
        0 => 0,
        jitter_ms => environment.entropy.below(jitter_ms),
    }
}

/// The topic that the folder says it belongs to, which is `expected` where one is.
fn owner(disk: &dyn Disk, directory: &Path, expected: Option<TopicId>) -> Result<Option<TopicId>> {
    let found = partition_metadata::read_topic_id(disk, directory)?;
    match (found, expected) {
        (Some(found), Some(expected)) if found != expected => {
            let path: PathBuf = directory.join(partition_metadata::FILE_NAME);
            Err(Error::invalid_file(&path, format!("it belongs to topic {}, not {}", found.0, expected.0)))
        }
        _ => Ok(found),
    }
}

/// The path of the file that holds where the log was truncated to.
fn truncation_path(directory: &Path) -> PathBuf {
    directory.join(TRUNCATION)
}
