//! A rebalance: preparing it (members join), and completing the join phase, which begins the next generation.
//!
//! Source: Kafka `prepareRebalance`, `completeClassicGroupJoin`, `tryCompleteInitialRebalanceElseSchedule`.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use ottla_base::Instant;

use super::member::millis;
use super::{ClassicGroup, Context, Effects, PendingSync, Phase};
use crate::Error;

/// The least time between two attempts to complete a join phase that nobody has joined.
const POSTPONEMENT_MIN: Duration = Duration::from_secs(1);

/// How long a rebalance waits for members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JoinPhase {
    pub(super) deadline: Instant,
    /// The group was empty: wait for newcomers, however many have joined.
    initial: Option<InitialDelay>,
}

/// `group.initial.rebalance.delay.ms`, again and again while newcomers come, up to the rebalance timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct InitialDelay {
    last_delay: Duration,
    remaining: Duration,
    is_member_added: bool,
}

impl JoinPhase {
    /// A member has joined that was not in the group.
    pub(super) fn on_member_added(&mut self) {
        if let Some(initial) = &mut self.initial {
            initial.is_member_added = true;
        }
    }

    /// Whether the delay of an initial rebalance goes on after its deadline. Then the deadline is a new one.
    fn extend(&mut self, now: Instant, delay: Duration) -> bool {
        let Some(initial) = &mut self.initial else { return false };
        if !initial.is_member_added || initial.remaining.is_zero() {
            return false;
        }
        let next_delay = delay.min(initial.remaining);
        self.deadline = now + next_delay;
        *initial = InitialDelay {
            last_delay: next_delay,
            remaining: initial.remaining.saturating_sub(initial.last_delay),
            is_member_added: false,
        };
        true
    }
}

impl ClassicGroup {
    /// How many members have joined the rebalance that is being prepared.
    pub(super) fn joined_count(&self) -> usize {
        self.members.values().filter(|member| member.awaiting_join.is_some()).count()
    }

    pub(super) fn have_all_joined(&self) -> bool {
        self.pending_members.is_empty() && self.joined_count() == self.members.len()
    }

    fn rebalance_timeout(&self) -> Duration {
        self.members.values().map(|member| millis(member.rebalance_timeout_ms)).max().unwrap_or_default()
    }

    /// A member has come, gone or changed: begins a rebalance, or goes on with the one that is being prepared.
    pub(super) fn rebalance(&mut self, context: Context<'_>, effects: &mut Effects) {
        match self.phase {
            Phase::PreparingRebalance(_) => self.complete_join_if_all_joined(context, effects),
            Phase::Empty | Phase::CompletingRebalance | Phase::Stable => self.prepare_rebalance(context, effects),
        }
    }

    /// Begins a rebalance. Who waits for an assignment is told to join again.
    pub(super) fn prepare_rebalance(&mut self, context: Context<'_>, effects: &mut Effects) {
        let now = context.now.monotonic;
        if self.phase == Phase::CompletingRebalance {
            for member in self.members_mut() {
                member.assignment = Bytes::new();
                if let Some(ticket) = member.awaiting_sync.take() {
                    effects.complete_sync(ticket, Err(Error::RebalanceInProgress));
                    member.renew_session(now);
                }
            }
        }
        self.pending_sync = None;
        let rebalance_timeout = self.rebalance_timeout();
        if self.phase == Phase::Empty {
            let delay = context.config.initial_rebalance_delay;
            let remaining = rebalance_timeout.saturating_sub(delay);
            let initial = Some(InitialDelay { last_delay: delay, remaining, is_member_added: false });
            self.phase = Phase::PreparingRebalance(JoinPhase { deadline: now + delay, initial });
        } else {
            self.phase = Phase::PreparingRebalance(JoinPhase { deadline: now + rebalance_timeout, initial: None });
            self.complete_join_if_all_joined(context, effects);
        }
    }

    /// Completes the join phase early, where nobody is missing. An initial one takes its time.
    pub(super) fn complete_join_if_all_joined(&mut self, context: Context<'_>, effects: &mut Effects) {
        let Phase::PreparingRebalance(phase) = &self.phase else { return };
        if phase.initial.is_none() && self.have_all_joined() {
            self.complete_join(context, effects);
        }
    }

    /// The deadline of the join phase has come.
    pub(super) fn on_join_deadline(&mut self, context: Context<'_>, effects: &mut Effects) {
        let Phase::PreparingRebalance(phase) = &mut self.phase else { return };
        if !phase.extend(context.now.monotonic, context.config.initial_rebalance_delay) {
            self.complete_join(context, effects);
        }
    }

    /// Ends the join phase. Dynamic members that have not joined are out; static ones keep their place until their session ends.
    pub(super) fn complete_join(&mut self, context: Context<'_>, effects: &mut Effects) {
        let is_out = |member: &super::Member| member.awaiting_join.is_none() && member.group_instance_id.is_none();
        let out: Vec<_> =
            self.members.iter().filter(|(_, member)| is_out(member)).map(|(member_id, _)| member_id.clone()).collect();
        for member_id in out {
            self.remove_member(&member_id, effects);
        }
        if !self.members.is_empty() && !self.elect_joined_leader() {
            // Only static members are left, and none has joined: wait for them, or for the end of their sessions.
            let wait = self.rebalance_timeout().max(POSTPONEMENT_MIN);
            if let Phase::PreparingRebalance(phase) = &mut self.phase {
                phase.deadline = context.now.monotonic + wait;
            }
            return;
        }
        self.generation_id = self.generation_id.checked_add(1).unwrap_or(0);
        self.protocol_name = self.select_protocol();
        self.pending_sync = None;
        if self.members.is_empty() {
            self.phase = Phase::Empty;
            self.state_timestamp = Some(context.now.wall);
            effects.persist = true;
        } else {
            self.phase = Phase::CompletingRebalance;
            self.answer_joins(context.now.monotonic, effects);
        }
    }

    /// A leader that has not joined cannot assign: one that has takes over. False where nobody has joined.
    fn elect_joined_leader(&mut self) -> bool {
        let has_joined = |member: &super::Member| member.awaiting_join.is_some();
        let leader = self.leader.as_ref().and_then(|leader| self.members.get(leader));
        if leader.is_some_and(|leader| has_joined(leader)) {
            return true;
        }
        match self.members.iter().find(|(_, member)| has_joined(member)) {
            Some((member_id, _)) => {
                self.leader = Some(member_id.clone());
                true
            }
            None => false,
        }
    }

    fn answer_joins(&mut self, now: Instant, effects: &mut Effects) {
        let members: BTreeSet<_> = self.members.keys().cloned().collect();
        for member_id in &members {
            if let Some(ticket) = self.member_mut(member_id).awaiting_join.take() {
                let joined = self.joined(member_id, self.is_leader(member_id));
                effects.complete_join(ticket, Ok(joined));
            }
            let member = self.member_mut(member_id);
            member.renew_session(now);
            member.is_new = false;
        }
        self.pending_sync = Some(PendingSync { members, deadline: now + self.rebalance_timeout() });
    }
}
