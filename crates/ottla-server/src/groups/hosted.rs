//! [`Hosted`]: a shard under its lock, with its timer and with those that wait for it.
//!
//! ```text
//!   lead ──► loading (a job on the workers) ──► loaded: requests and its deadlines, one at a time ──► over
//! ```
//!
//! What an operation answers is told by [`Hosted::acknowledged`], when the high watermark has passed all that the shard had applied by
//! then and the node still leads in the same epoch. Nothing is awaited under the lock.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ottla_base::{Clock, Entropy, Instant, Lane, LeaderEpoch, Offset, TopicPartition, Workers};
use ottla_coordinator::{Answer, Completed, Completion, Config, Loaded, Now, Shard, Ticket};
use ottla_net::{offload, timer};
use ottla_protocol::ErrorCode;
use ottla_replica::Partition;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{oneshot, watch};

use super::writer::ReplicaWriter;

/// An answer, and the offset that the high watermark must have reached before it is told.
#[derive(Debug)]
pub(crate) struct Told<R> {
    reply: R,
    wait_for: Offset,
}

impl<R> Told<R> {
    /// What is told, once [`Hosted::is_acknowledged`].
    pub(super) fn into_reply(self) -> R {
        self.reply
    }
}

/// A shard that this node hosts, in one leader epoch of its partition.
pub(crate) struct Hosted {
    partition: Arc<Partition>,
    leader_epoch: LeaderEpoch,
    clock: Arc<dyn Clock>,
    /// `offsets.commit.timeout.ms`: how long an answer may wait for the replicas.
    answer_timeout: Duration,
    state: Mutex<State>,
    /// The shard's next deadline, for its timer: `None` while it loads, and when it is over.
    deadline: watch::Sender<Option<Instant>>,
    is_loading: watch::Sender<bool>,
}

enum State {
    /// With the partitions that were deleted meanwhile.
    Loading(Vec<TopicPartition>),
    Loaded(Box<Running>),
    Over,
}

/// A shard that is loaded.
struct Running {
    shard: Shard<ReplicaWriter>,
    parked: BTreeMap<Ticket, oneshot::Sender<Told<Completed>>>,
}

impl Hosted {
    /// The shard of `partition`, which this node leads in `leader_epoch`. It is yet to be run.
    pub(super) fn new(
        partition: Arc<Partition>,
        leader_epoch: LeaderEpoch,
        clock: Arc<dyn Clock>,
        answer_timeout: Duration,
    ) -> Hosted {
        let state = Mutex::new(State::Loading(Vec::new()));
        let (deadline, is_loading) = (watch::Sender::new(None), watch::Sender::new(true));
        Hosted { partition, leader_epoch, clock, answer_timeout, state, deadline, is_loading }
    }

    /// The epoch in which it is led.
    pub(super) fn leader_epoch(&self) -> LeaderEpoch {
        self.leader_epoch
    }

    /// Loads the shard and keeps its deadlines, until it is over.
    pub(super) async fn run(
        self: Arc<Self>,
        config: Config,
        entropy: Arc<dyn Entropy>,
        workers: Arc<dyn Workers>,
        read_bytes_max: usize,
    ) {
        let hosted = self.clone();
        let load = move || hosted.load(config, entropy, read_bytes_max);
        offload(&*workers, Lane::Background, load).await;
        let mut deadline = self.deadline.subscribe();
        loop {
            let next = *deadline.borrow_and_update();
            let Some(next) = next else { return };
            let wait = next.since(self.clock.now());
            tokio::select! {
                biased;
                changed = deadline.changed() => changed.expect("this task holds the sender"),
                () = timer::sleep(wait) => self.on_time(),
            }
        }
    }

    fn load(&self, config: Config, entropy: Arc<dyn Entropy>, read_bytes_max: usize) {
        let partition = self.partition.topic_partition();
        let writer = ReplicaWriter::new(self.partition.clone(), self.clock.clone(), read_bytes_max);
        let began_at = self.clock.now();
        let loaded = Shard::load(writer, self.leader_epoch, config, entropy, Now::of(&*self.clock));
        let mut state = self.state.lock();
        let State::Loading(deleted) = &mut *state else { return };
        let deleted = std::mem::take(deleted);
        match loaded {
            Ok((shard, Loaded { record_count, group_count, skipped_count, skipped })) => {
                let took = self.clock.now().since(began_at);
                if record_count > 0 {
                    tracing::info!(%partition, groups = group_count, records = record_count, took_ms = took.as_millis(), "groups loaded");
                }
                if let Some(first) = skipped.first() {
                    tracing::warn!(%partition, records = skipped_count, ?first, "records that mean nothing here were skipped");
                }
                self.deadline.send_replace(Some(shard.next_deadline()));
                *state = State::Loaded(Box::new(Running { shard, parked: BTreeMap::new() }));
            }
            Err(error) => {
                tracing::error!(%partition, %error, "groups cannot be loaded: their members find no coordinator");
                *state = State::Over;
            }
        }
        drop(state);
        self.is_loading.send_replace(false);
        if !deleted.is_empty() {
            self.forget(&deleted);
        }
    }

    /// Waits until the shard is loaded, or over. Has no deadline: the caller sets one.
    pub(crate) async fn loaded(&self) {
        // The sender lives as long as this does.
        let _ = self.is_loading.subscribe().wait_for(|is_loading| !is_loading).await;
    }

    /// Runs `operation`. Errors: COORDINATOR_LOAD_IN_PROGRESS, NOT_COORDINATOR.
    pub(crate) fn ask<R>(
        &self,
        operation: impl FnOnce(&mut Shard<ReplicaWriter>, Now) -> Answer<R>,
    ) -> Result<Told<R>, ErrorCode> {
        self.run_operation(|running, now| operation(&mut running.shard, now))
    }

    /// Runs `operation`, whose answer comes when its ticket is completed. Errors: as [`Hosted::ask`].
    pub(crate) fn park(
        &self,
        operation: impl FnOnce(&mut Shard<ReplicaWriter>, Now) -> Answer<Ticket>,
    ) -> Result<oneshot::Receiver<Told<Completed>>, ErrorCode> {
        let parked = self.run_operation(|running, now| {
            let Answer { response: ticket, completions, wait_for } = operation(&mut running.shard, now);
            let (sender, receiver) = oneshot::channel();
            running.parked.insert(ticket, sender);
            Answer { response: receiver, completions, wait_for }
        });
        parked.map(|told| told.reply)
    }

    fn run_operation<R>(&self, operation: impl FnOnce(&mut Running, Now) -> Answer<R>) -> Result<Told<R>, ErrorCode> {
        let mut state = self.state.lock();
        let running = running(&mut state)?;
        let Answer { response, completions, wait_for } = operation(running, Now::of(&*self.clock));
        running.complete(completions, wait_for);
        let deadline = running.shard.next_deadline();
        // A deadline that has moved away is found by the timer, which looks again when it fires.
        self.deadline.send_if_modified(|known| {
            let is_nearer = known.is_none_or(|known| deadline < known);
            if is_nearer {
                *known = Some(deadline);
            }
            is_nearer
        });
        Ok(Told { reply: response, wait_for })
    }

    /// Looks at the shard. `None` where it is not loaded, or another has it for longer than `wait_max`.
    pub(super) fn look<R>(&self, wait_max: Duration, look: impl FnOnce(&Shard<ReplicaWriter>) -> R) -> Option<R> {
        match &*self.state.try_lock_for(wait_max)? {
            State::Loaded(running) => Some(look(&running.shard)),
            State::Loading(_) | State::Over => None,
        }
    }

    fn on_time(&self) {
        let mut state = self.state.lock();
        if let Ok(running) = running(&mut state) {
            let Answer { completions, wait_for, .. } = running.shard.on_time(Now::of(&*self.clock));
            running.complete(completions, wait_for);
            self.deadline.send_replace(Some(running.shard.next_deadline()));
        }
    }

    /// Ends the offsets of partitions that are deleted.
    pub(super) fn forget(&self, partitions: &[TopicPartition]) {
        if let State::Loading(deleted) = &mut *self.state.lock() {
            return deleted.extend_from_slice(partitions);
        }
        // One that is over has none.
        if let Ok(Told { reply: Err(error), .. }) = self.ask(|shard, now| shard.forget_partitions(partitions, now)) {
            let partition = self.partition.topic_partition();
            tracing::warn!(%partition, %error, "the offsets of a deleted topic stay until they expire");
        }
    }

    /// The node leads the partition no more, or stops: every parked request learns of it.
    pub(super) fn resign(&self) {
        let state = std::mem::replace(&mut *self.state.lock(), State::Over);
        self.deadline.send_replace(None);
        self.is_loading.send_replace(false);
        if let State::Loaded(running) = state {
            let Running { shard, mut parked } = *running;
            complete(&mut parked, shard.resign(), Offset::ZERO);
        }
    }

    /// Whether what rests on the log below `told.wait_for` can be told now.
    pub(crate) fn is_acknowledged<R>(&self, told: &Told<R>) -> bool {
        self.partition.high_watermark() >= told.wait_for && self.leads()
    }

    /// Waits until the high watermark has passed all that the answer rests on. Errors: NOT_COORDINATOR, where the node does not lead any
    /// more; COORDINATOR_NOT_AVAILABLE after `offsets.commit.timeout.ms`, as Kafka has it.
    pub(crate) async fn acknowledged<R>(&self, told: Told<R>) -> Result<R, ErrorCode> {
        let deadline = timer::now() + self.answer_timeout;
        loop {
            // Before the check, so that an interruption in between is not missed.
            let wait = self.partition.wait_for_high_watermark(told.wait_for);
            if !self.leads() {
                return Err(ErrorCode::NotCoordinator);
            }
            if self.partition.high_watermark() >= told.wait_for {
                return Ok(told.reply);
            }
            if timer::timeout(deadline.duration_since(timer::now()), wait).await.is_err() {
                return Err(ErrorCode::CoordinatorNotAvailable);
            }
        }
    }

    /// Waits for the completion of a parked request, and until it can be told. The shard bounds the wait. Errors: as
    /// [`Hosted::acknowledged`].
    pub(crate) async fn completed(&self, parked: oneshot::Receiver<Told<Completed>>) -> Result<Completed, ErrorCode> {
        match parked.await {
            Ok(told) => self.acknowledged(told).await,
            Err(_) => Err(ErrorCode::NotCoordinator),
        }
    }

    fn leads(&self) -> bool {
        self.partition.leader_epoch().is_ok_and(|epoch| epoch == self.leader_epoch)
    }
}

impl Running {
    fn complete(&mut self, completions: Vec<Completion>, wait_for: Offset) {
        complete(&mut self.parked, completions, wait_for);
    }
}

fn running<'a>(state: &'a mut MutexGuard<'_, State>) -> Result<&'a mut Running, ErrorCode> {
    match &mut **state {
        State::Loading(_) => Err(ErrorCode::CoordinatorLoadInProgress),
        State::Loaded(running) => Ok(running),
        State::Over => Err(ErrorCode::NotCoordinator),
    }
}

fn complete(
    parked: &mut BTreeMap<Ticket, oneshot::Sender<Told<Completed>>>,
    completions: Vec<Completion>,
    wait_for: Offset,
) {
    for Completion { ticket, reply } in completions {
        let sender = parked.remove(&ticket).expect("a ticket is completed once");
        // The receiver is gone where the connection is.
        let _ = sender.send(Told { reply, wait_for });
    }
}

impl fmt::Debug for Hosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hosted({} in epoch {})", self.partition.topic_partition(), self.leader_epoch)
    }
}
