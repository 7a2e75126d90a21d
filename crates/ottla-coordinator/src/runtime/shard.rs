//! [`Shard`]: the groups of one partition of `__consumer_offsets`, and the one way in which they change.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ottla_base::{Entropy, Instant, LeaderEpoch, Offset};
use ottla_records::BatchBuilder;

use super::deadlines::Deadlines;
use super::groups::Groups;
use super::{Answer, Completion, Completions, PartitionWriter, Ticket};
use crate::group::classic::{ClassicGroup, Context, Effects};
use crate::record::{Encoded, Record};
use crate::{AppendError, Config, Now};

/// Where tombstones are many, a batch of them is closed at this size. It leaves room below any `max.message.bytes`.
const TOMBSTONE_BATCH_BYTES: usize = 256 << 10;

/// When what time has brought is tried again, where its record could not be appended.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The groups of one partition of `__consumer_offsets`, on the node that leads it.
///
/// The caller holds one lock around it and never waits under that. For each request it calls one method, tells nothing of the
/// [`Answer`] before the high watermark is at `wait_for`, and sees to it that [`Shard::on_time`] is called at [`Shard::next_deadline`].
#[derive(Debug)]
pub struct Shard<W> {
    pub(super) writer: W,
    leader_epoch: LeaderEpoch,
    config: Config,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) groups: Groups,
    deadlines: Deadlines,
    next_expiry: Instant,
    /// The offset after the last record that was applied.
    end_offset: Offset,
    next_ticket: u64,
}

impl<W: PartitionWriter> Shard<W> {
    pub(super) fn new(
        writer: W,
        leader_epoch: LeaderEpoch,
        config: Config,
        entropy: Arc<dyn Entropy>,
        groups: Groups,
        end_offset: Offset,
        now: Now,
    ) -> Shard<W> {
        let mut deadlines = Deadlines::default();
        for (group_id, group) in groups.iter() {
            deadlines.set(group_id, group.classic.next_deadline());
        }
        let next_expiry = now.monotonic + config.offsets_retention_check_interval;
        Shard { writer, leader_epoch, config, entropy, groups, deadlines, next_expiry, end_offset, next_ticket: 0 }
    }

    /// Takes other settings. Rebalances and sessions that have begun keep their deadlines.
    pub fn reconfigure(&mut self, config: Config) {
        self.config = config;
    }

    /// Gives the shard up: this node leads its partition no more. Every parked request is completed with `NotCoordinator`, which need
    /// not wait for anything.
    pub fn resign(mut self) -> Vec<Completion> {
        let mut effects = Effects::default();
        let group_ids: Vec<_> = self.groups.iter().map(|(group_id, _)| group_id.clone()).collect();
        for group_id in group_ids {
            if let Some(group) = self.groups.get_mut(&group_id) {
                group.classic.resign(&mut effects);
            }
        }
        completions(effects.completions)
    }

    /// When [`Shard::on_time`] is to be called, unless another operation comes before and moves it.
    pub fn next_deadline(&self) -> Instant {
        self.deadlines.next().map_or(self.next_expiry, |deadline| deadline.min(self.next_expiry))
    }

    /// Does what is due: sessions, rebalances, the retention of offsets. What cannot be recorded is tried again a little later.
    pub fn on_time(&mut self, now: Now) -> Answer<()> {
        let mut completed = Vec::new();
        while let Some(group_id) = self.deadlines.pop_due(now.monotonic) {
            let on_time = |classic: &mut ClassicGroup, context: Context<'_>, effects: &mut Effects| {
                classic.on_time(context, effects);
            };
            match self.change_members(&group_id, now, on_time) {
                Some(Ok(((), completions))) => completed.extend(completions),
                Some(Err(_)) => self.deadlines.set(&group_id, Some(now.monotonic + RETRY_DELAY)),
                // It was deleted since.
                None => {}
            }
        }
        if self.next_expiry <= now.monotonic {
            self.expire_offsets(now);
            self.next_expiry = now.monotonic + self.config.offsets_retention_check_interval;
        }
        self.answer((), completed)
    }

    /// Ends what retention has to end. What cannot be recorded is left for the next time.
    fn expire_offsets(&mut self, now: Now) {
        let retention = self.config.offsets_retention;
        let groups = self.groups.iter();
        let tombstones = groups.flat_map(|(group_id, group)| group.expire(group_id, retention, now.wall)).collect();
        // Whatever was appended has happened; the rest is found again when retention is looked at next.
        let _ = self.append_tombstones(tombstones, now);
    }

    /// Changes a copy of a group's members, records it where it must be, and puts it in place. None where there is no such group.
    pub(super) fn change_members<R>(
        &mut self,
        group_id: &str,
        now: Now,
        change: impl FnOnce(&mut ClassicGroup, Context<'_>, &mut Effects) -> R,
    ) -> Option<Result<(R, Completions), AppendError>> {
        let (group_id, group) = self.groups.get_key_value(group_id)?;
        let (group_id, mut next) = (group_id.clone(), group.classic.clone());
        let mut effects = Effects::default();
        let result = change(&mut next, Context { config: &self.config, now }, &mut effects);
        Some(self.settle(&group_id, next, effects, Vec::new(), now).map(|completed| (result, completed)))
    }

    /// Appends `records`, and the group's own if it is settled anew, and only then lets `next` be the group.
    pub(super) fn settle(
        &mut self,
        group_id: &Arc<str>,
        next: ClassicGroup,
        effects: Effects,
        mut records: Vec<Record>,
        now: Now,
    ) -> Result<Completions, AppendError> {
        if effects.persist {
            records.push(Record::GroupMetadata { group_id: group_id.clone(), value: Some(next.metadata()) });
        }
        self.append(records, now)?;
        self.deadlines.set(group_id, next.next_deadline());
        self.groups.install(group_id, next);
        Ok(effects.completions)
    }

    /// Appends all of `records` as one batch and applies them, or does neither.
    pub(super) fn append(&mut self, records: Vec<Record>, now: Now) -> Result<(), AppendError> {
        self.append_batch(&mut records.into(), usize::MAX, now)
    }

    /// Appends tombstones, however many, in several batches. After an error those of the first batches hold, and it can be tried again.
    pub(super) fn append_tombstones(&mut self, records: Vec<Record>, now: Now) -> Result<(), AppendError> {
        let mut records = VecDeque::from(records);
        while !records.is_empty() {
            self.append_batch(&mut records, TOMBSTONE_BATCH_BYTES, now)?;
        }
        Ok(())
    }

    /// Takes records from the front until their batch is of `size`, appends it and applies them.
    fn append_batch(&mut self, records: &mut VecDeque<Record>, size: usize, now: Now) -> Result<(), AppendError> {
        let mut batch = BatchBuilder::default();
        for record in records.iter() {
            if batch.size_in_bytes() >= size {
                break;
            }
            let Encoded { key, value } = record.encode();
            batch.append(now.wall, Some(&key), value.as_deref());
        }
        let count = batch.record_count();
        if count == 0 {
            return Ok(());
        }
        let end_offset = self.writer.append(self.leader_epoch, batch.build())?;
        assert!(end_offset - self.end_offset >= count as i64, "what was appended follows what was applied");
        self.end_offset = end_offset;
        for record in records.drain(..count) {
            self.groups.apply(record);
        }
        Ok(())
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn new_ticket(&mut self) -> Ticket {
        self.next_ticket += 1;
        Ticket(self.next_ticket)
    }

    pub(super) fn answer<R>(&self, response: R, completed: Completions) -> Answer<R> {
        Answer { response, completions: completions(completed), wait_for: self.end_offset }
    }
}

fn completions(completed: Completions) -> Vec<Completion> {
    completed.into_iter().map(|(ticket, reply)| Completion { ticket, reply }).collect()
}
