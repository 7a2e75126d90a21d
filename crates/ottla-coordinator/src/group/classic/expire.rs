//! What the passing of time does to a group: sessions, allotted ids, joins and syncs come to their end.

use std::sync::Arc;

use ottla_base::Instant;

use super::{ClassicGroup, Context, Effects, Phase};

/// What is due.
enum Due {
    Join,
    Sync,
    PendingMember(Arc<str>),
    Session(Arc<str>),
}

impl ClassicGroup {
    /// When [`ClassicGroup::on_time`] has something to do next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let join = match &self.phase {
            Phase::PreparingRebalance(phase) => Some(phase.deadline),
            Phase::Empty | Phase::CompletingRebalance | Phase::Stable => None,
        };
        let sync = self.pending_sync.as_ref().map(|pending| pending.deadline);
        let pending = self.pending_members.values().copied();
        let sessions = self.members.values().filter_map(|member| member.deadline());
        join.into_iter().chain(sync).chain(pending).chain(sessions).min()
    }

    /// Does what is due, the earliest first.
    pub(crate) fn on_time(&mut self, context: Context<'_>, effects: &mut Effects) {
        while let Some(due) = self.earliest_due(context.now.monotonic) {
            match due {
                Due::Join => self.on_join_deadline(context, effects),
                Due::Sync => self.on_sync_deadline(context, effects),
                Due::PendingMember(member_id) => {
                    self.remove_member(&member_id, effects);
                    self.complete_join_after_removal(context, effects);
                }
                Due::Session(member_id) => {
                    self.remove_member(&member_id, effects);
                    match self.phase {
                        Phase::CompletingRebalance | Phase::Stable => self.prepare_rebalance(context, effects),
                        Phase::Empty | Phase::PreparingRebalance(_) => {
                            self.complete_join_after_removal(context, effects);
                        }
                    }
                }
            }
        }
    }

    fn earliest_due(&self, now: Instant) -> Option<Due> {
        let deadline = self.next_deadline().filter(|deadline| *deadline <= now)?;
        if matches!(&self.phase, Phase::PreparingRebalance(phase) if phase.deadline == deadline) {
            return Some(Due::Join);
        }
        if self.pending_sync.as_ref().is_some_and(|pending| pending.deadline == deadline) {
            return Some(Due::Sync);
        }
        let mut pending = self.pending_members.iter();
        if let Some((member_id, _)) = pending.find(|(_, of_member)| **of_member == deadline) {
            return Some(Due::PendingMember(member_id.clone()));
        }
        let mut sessions = self.members.iter();
        let (member_id, _) = sessions.find(|(_, member)| member.deadline() == Some(deadline))?;
        Some(Due::Session(member_id.clone()))
    }

    /// Nobody is waited for any more who has gone. This ends an initial rebalance early, too.
    fn complete_join_after_removal(&mut self, context: Context<'_>, effects: &mut Effects) {
        if matches!(self.phase, Phase::PreparingRebalance(_)) && self.have_all_joined() {
            self.complete_join(context, effects);
        }
    }

    /// Whoever has not asked for its assignment by now is out.
    fn on_sync_deadline(&mut self, context: Context<'_>, effects: &mut Effects) {
        let Some(pending) = self.pending_sync.take() else { return };
        for member_id in pending.members {
            self.remove_member(&member_id, effects);
        }
        self.prepare_rebalance(context, effects);
    }
}
