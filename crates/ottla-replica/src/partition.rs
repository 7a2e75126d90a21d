//! [`Partition`]: one partition of this node, its one lock, and what readers see without it.
//!
//! ```text
//!   append ──► validate ──► [ lock: leader, log ] ──► flusher ──► finish_flush: [ lock ] ──► high watermark ──► watch
//!   read   ──► standing, high watermark ──► log reader                                      (no lock)
//! ```
//!
//! Everything that changes the log or the role happens under the lock; nothing is awaited there. What changed is published in an order
//! that readers can rely on: the log's end before the high watermark, the high watermark before its waiters wake.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use ottla_base::{LeaderEpoch, Offset, OffsetWatch, Timestamp, TopicId, TopicPartition, Wait};
use ottla_records::{Origin, Rules, Validated, count_records, validate};
use ottla_storage::{
    DirectoryFailure, DirectoryHealth, FlushKey, FlushPlan, FlushTicket, Flushable, Flusher, Log, LogReader,
};
use parking_lot::{Mutex, MutexGuard};

use crate::leader::{Counts, Leader, Leadership, Progress};
use crate::traffic::{Traffic, TrafficCounters};
use crate::{Error, PartitionConfig};

/// Which acknowledgement a producer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequiredAcks {
    /// None, or the leader's append (`acks=0`, `acks=1`).
    Leader,
    /// Every in-sync replica's, and at least `min.insync.replicas` of them (`acks=all`).
    InSyncReplicas,
}

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The offset of the first record; that of the original where the batch repeats an earlier one.
    pub base_offset: Offset,
    /// The offset after the last record: acknowledged by all once the high watermark is there.
    pub end_offset: Offset,
    /// The epoch in which it was appended, and in which it must be acknowledged.
    pub leader_epoch: LeaderEpoch,
    /// The time that all its records carry, in a topic with `message.timestamp.type=LogAppendTime`.
    pub log_append_time: Option<Timestamp>,
    /// The first offset of the log.
    pub log_start_offset: Offset,
}

/// What this node is to a partition, as readers see it.
#[derive(Clone, Debug)]
enum Standing {
    Leads(LeaderEpoch),
    NotLeader,
    Offline(DirectoryFailure),
    Deleted,
}

/// What makes a partition's log durable, and tells when its directory can no longer be trusted to.
#[derive(Clone, Debug)]
pub struct Durability {
    /// The log directory's flusher.
    pub flusher: Flusher,
    /// The log directory's health.
    pub health: DirectoryHealth,
}

/// One partition of this node.
pub struct Partition {
    topic_partition: TopicPartition,
    topic_id: TopicId,
    durability: Durability,
    flush_key: FlushKey,
    reader: LogReader,
    config: ArcSwap<PartitionConfig>,
    standing: ArcSwap<Standing>,
    high_watermark: OffsetWatch,
    last_stable_offset: AtomicI64,
    traffic: TrafficCounters,
    state: Mutex<State>,
    /// Held by what works on the folder's files without the other lock; taken before that.
    folder: Mutex<()>,
}

pub(crate) struct State {
    pub(crate) log: Log,
    /// Present while this node leads.
    leader: Option<Leader>,
}

impl State {
    /// How this node leads, where it does.
    pub(crate) fn leadership(&self) -> Option<&Leadership> {
        self.leader.as_ref().map(Leader::leadership)
    }
}

impl Partition {
    /// A partition over an opened log, which nobody leads yet. `high_watermark` is the last that was checkpointed.
    pub fn new(
        topic_partition: TopicPartition,
        topic_id: TopicId,
        log: Log,
        config: PartitionConfig,
        high_watermark: Offset,
        durability: Durability,
    ) -> Arc<Partition> {
        let high_watermark = high_watermark.clamp(log.log_start_offset(), log.log_end_offset());
        Arc::new(Partition {
            topic_partition,
            topic_id,
            flush_key: durability.flusher.new_key(),
            durability,
            reader: log.reader(),
            config: ArcSwap::from_pointee(config),
            standing: ArcSwap::from_pointee(Standing::NotLeader),
            high_watermark: OffsetWatch::new(high_watermark),
            last_stable_offset: AtomicI64::new(high_watermark.0),
            traffic: TrafficCounters::default(),
            state: Mutex::new(State { log, leader: None }),
            folder: Mutex::new(()),
        })
    }

    /// Its name.
    pub fn topic_partition(&self) -> &TopicPartition {
        &self.topic_partition
    }

    /// The id of the topic that it is of.
    pub fn topic_id(&self) -> TopicId {
        self.topic_id
    }

    /// The settings in force.
    pub fn config(&self) -> Arc<PartitionConfig> {
        self.config.load_full()
    }

    /// The leader epoch, where this node leads. Errors: `NotLeader`, `Deleted`, `DirectoryOffline`.
    pub fn leader_epoch(&self) -> Result<LeaderEpoch, Error> {
        match &**self.standing.load() {
            Standing::Leads(epoch) => Ok(*epoch),
            Standing::NotLeader => Err(Error::NotLeader),
            Standing::Offline(failure) => Err(Error::DirectoryOffline(failure.clone())),
            Standing::Deleted => Err(Error::Deleted),
        }
    }

    /// The same, for a caller that names the epoch it knows (KIP-320). Errors besides: `FencedLeaderEpoch`, `UnknownLeaderEpoch`.
    pub fn check_leader_epoch(&self, asked: Option<LeaderEpoch>) -> Result<LeaderEpoch, Error> {
        let current = self.leader_epoch()?;
        match asked {
            Some(asked) if asked < current => Err(Error::FencedLeaderEpoch { asked, current }),
            Some(asked) if asked > current => Err(Error::UnknownLeaderEpoch { asked, current }),
            _ => Ok(current),
        }
    }

    /// The first offset that not every in-sync replica is known to have: what consumers may not see yet.
    pub fn high_watermark(&self) -> Offset {
        self.high_watermark.get()
    }

    /// Where `read_committed` ends: the first offset of an open transaction, and the high watermark where there is none.
    pub fn last_stable_offset(&self) -> Offset {
        Offset(self.last_stable_offset.load(Ordering::Acquire)).min(self.high_watermark())
    }

    /// The log, for readers.
    pub fn log(&self) -> &LogReader {
        &self.reader
    }

    /// What went in and out so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic.get()
    }

    /// Counts `records`, which [`Partition::read`] gave, as what a consumer was answered with: not everything that is read is.
    pub fn count_read(&self, records: &[u8]) {
        if !records.is_empty() {
            self.traffic.add_read(records.len() as u64, count_records(records));
        }
    }

    /// Waits for the high watermark to reach `target`, or for an interruption: leadership, partition or directory may be gone then.
    pub fn wait_for_high_watermark(&self, target: Offset) -> Wait {
        self.high_watermark.wait(target)
    }

    /// Appends one batch of a producer. Returns when it is in the page cache; what it takes to acknowledge it is
    /// [`Partition::is_acknowledged`].
    ///
    /// Errors, with nothing appended: `NotLeader`, `Deleted`, `DirectoryOffline`, `NotEnoughReplicas` (for
    /// [`RequiredAcks::InSyncReplicas`]), `Invalid`, `NoTransaction`, and what [`Log::append`] refuses.
    pub fn append(
        self: &Arc<Self>,
        records: Bytes,
        acks: RequiredAcks,
        zstd_is_allowed: bool,
        now: Timestamp,
    ) -> Result<Appended, Error> {
        let config = self.config.load();
        let validated = match zstd_is_allowed {
            true => validate(records, &config.rules, now)?,
            false => validate(records, &Rules { zstd_is_allowed, ..config.rules.clone() }, now)?,
        };
        let header = validated.batch.header();
        if header.attributes.is_transactional() {
            return Err(Error::NoTransaction { producer_id: header.producer_id });
        }
        self.append_validated(&validated, acks, None, now)
    }

    /// Appends one batch of a coordinator of this broker, which leads in `leader_epoch`, as [`Partition::append`] does for
    /// [`RequiredAcks::InSyncReplicas`]. Errors besides: the partition is led in another epoch (`NotLeader`).
    pub fn append_as_coordinator(
        self: &Arc<Self>,
        records: Bytes,
        leader_epoch: LeaderEpoch,
        now: Timestamp,
    ) -> Result<Appended, Error> {
        let rules = Rules { origin: Origin::Coordinator, ..self.config.load().rules.clone() };
        let validated = validate(records, &rules, now)?;
        self.append_validated(&validated, RequiredAcks::InSyncReplicas, Some(leader_epoch), now)
    }

    fn append_validated(
        self: &Arc<Self>,
        validated: &Validated,
        acks: RequiredAcks,
        in_epoch: Option<LeaderEpoch>,
        now: Timestamp,
    ) -> Result<Appended, Error> {
        let mut state = self.state.lock();
        let current = self.leader_epoch()?;
        let State { log, leader: Some(leader) } = &mut *state else { return Err(Error::NotLeader) };
        if in_epoch.is_some_and(|epoch| epoch != current) {
            return Err(Error::NotLeader);
        }
        if acks == RequiredAcks::InSyncReplicas {
            leader.check_in_sync_replicas()?;
        }
        let Leadership { leader_epoch, counts, .. } = *leader.leadership();
        let appended = match log.append(validated, leader_epoch, now) {
            Ok(appended) => appended,
            Err(error) => {
                drop(state);
                if let ottla_storage::Error::Disk(cause) = &error
                    && cause.is_no_space()
                {
                    self.durability.health.report_full_disk(cause, now);
                }
                return Err(self.refused(error));
            }
        };
        let log_start_offset = log.log_start_offset();
        self.publish_progress(state);
        if !appended.duplicate {
            let records =
                u64::try_from(validated.batch.header().record_count).expect("a validated batch counts its records");
            self.traffic.add_appended(validated.batch.size_in_bytes() as u64, records);
        }
        if counts == Counts::Durable {
            self.request_flush();
        }
        Ok(Appended {
            base_offset: appended.base_offset,
            end_offset: appended.end_offset(),
            leader_epoch,
            log_append_time: validated.log_append_time,
            log_start_offset,
        })
    }

    /// Whether every in-sync replica has what was appended.
    ///
    /// Errors: the leadership in which it was appended is over (`NotLeader`), or the ISR has become too small
    /// (`NotEnoughReplicasAfterAppend`), or `Deleted`, `DirectoryOffline`. The record may stay in the log or not.
    pub fn is_acknowledged(&self, appended: &Appended) -> Result<bool, Error> {
        let state = self.state.lock();
        if self.leader_epoch()? != appended.leader_epoch {
            return Err(Error::NotLeader);
        }
        let leader = state.leader.as_ref().ok_or(Error::NotLeader)?;
        if leader.high_watermark() >= appended.end_offset {
            return Ok(true);
        }
        leader.check_in_sync_replicas().map_err(Error::NotEnoughReplicasAfterAppend)?;
        Ok(false)
    }

    /// Leads from here on as the metadata says. Waits of an earlier epoch are interrupted.
    pub fn lead(self: &Arc<Self>, leadership: Leadership) {
        let mut state = self.state.lock();
        if matches!(**self.standing.load(), Standing::Offline(_) | Standing::Deleted) {
            return;
        }
        let (epoch, counts) = (leadership.leader_epoch, leadership.counts);
        let is_new_epoch = state.leader.as_ref().is_none_or(|leader| leader.leadership().leader_epoch != epoch);
        let high_watermark = state.leader.as_ref().map_or(self.high_watermark(), Leader::high_watermark);
        if is_new_epoch {
            state.log.invalidate_flushes();
            state.log.assign_epoch(epoch);
        }
        state.leader = Some(Leader::new(leadership, self.config.load().min_in_sync_replicas, high_watermark));
        self.standing.store(Arc::new(Standing::Leads(epoch)));
        let is_dirty = state.log.durable_offset() < state.log.log_end_offset();
        self.publish_progress(state);
        if is_new_epoch {
            self.high_watermark.interrupt();
        }
        if is_dirty && counts == Counts::Durable {
            self.request_flush();
        }
    }

    /// Takes up changed settings.
    pub fn reconfigure(&self, config: PartitionConfig) {
        let mut state = self.state.lock();
        state.log.set_config(config.log.clone());
        if let Some(leader) = &mut state.leader {
            leader.set_min_in_sync_replicas(config.min_in_sync_replicas);
        }
        self.config.store(Arc::new(config));
        self.publish_progress(state);
    }

    /// Stops serving: the partition is deleted. When this returns nothing works on its files any more, so that its folder can make way.
    pub fn delete(&self) {
        let _folder = self.folder.lock();
        self.stand_down(Standing::Deleted);
    }

    /// Stops serving: the node stops.
    pub fn stop(&self) {
        self.stand_down(Standing::NotLeader);
    }

    /// Stops serving: the log directory has failed.
    pub fn go_offline(&self, failure: &DirectoryFailure) {
        self.stand_down(Standing::Offline(failure.clone()));
    }

    /// Runs `work` on the log under the partition's lock. For what is the log's own business: closing, looking up epochs.
    pub fn with_log<R>(&self, work: impl FnOnce(&mut Log) -> R) -> R {
        work(&mut self.state.lock().log)
    }

    /// The directory cannot be trusted any more when a disk fails for another reason than a lack of room. Without the lock: those that
    /// hear of it take it.
    pub(crate) fn refused(&self, error: ottla_storage::Error) -> Error {
        if let Some(failure) = error.directory_failure() {
            self.durability.health.fail(failure);
        }
        error.into()
    }

    /// Keeps the partition from being deleted. Errors: it is.
    pub(crate) fn hold_folder(&self) -> Result<MutexGuard<'_, ()>, Error> {
        let folder = self.folder.lock();
        if self.is_deleted() { Err(Error::Deleted) } else { Ok(folder) }
    }

    pub(crate) fn is_deleted(&self) -> bool {
        matches!(**self.standing.load(), Standing::Deleted)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Tells the leader how far the log has come, and readers what follows from that. Ends the lock.
    pub(crate) fn publish_progress(&self, mut state: MutexGuard<'_, State>) {
        let State { log, leader } = &mut *state;
        if let Some(leader) = leader {
            leader.on_local_progress(Progress { end: log.log_end_offset(), durable: log.durable_offset() });
            let high_watermark = leader.high_watermark();
            let last_stable_offset = log.last_stable_offset(high_watermark);
            assert!(last_stable_offset <= high_watermark, "nothing is stable that may still be lost");
            self.last_stable_offset.store(last_stable_offset.0, Ordering::Release);
            drop(state);
            self.high_watermark.advance(high_watermark);
        }
    }

    fn stand_down(&self, standing: Standing) {
        let mut state = self.state.lock();
        state.leader = None;
        state.log.invalidate_flushes();
        if !self.is_deleted() {
            self.standing.store(Arc::new(standing));
        }
        drop(state);
        self.high_watermark.interrupt();
    }

    /// Asks for what was appended to become durable. A directory that is offline has told, or will tell, this partition so itself.
    pub(crate) fn request_flush(self: &Arc<Self>) {
        if let Err(failure) = self.durability.flusher.request(self.clone()) {
            self.directory_failed(&failure);
        }
    }
}

impl Flushable for Partition {
    fn key(&self) -> FlushKey {
        self.flush_key
    }

    fn begin_flush(&self) -> Option<FlushPlan> {
        self.state.lock().log.begin_flush()
    }

    fn finish_flush(&self, ticket: FlushTicket) {
        let mut state = self.state.lock();
        if state.log.on_flushed(ticket) {
            self.publish_progress(state);
        }
    }

    fn directory_failed(&self, failure: &DirectoryFailure) {
        self.go_offline(failure);
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partition({})", self.topic_partition)
    }
}

#[cfg(test)]
#[path = "partition_test.rs"]
mod tests;
