//! The static member that comes back under a new member id (KIP-345): it takes its old place, and whoever still acts for the old id is
//! fenced. In a stable group nothing is rebalanced while the protocol stays the same.
//!
//! Source: Kafka `updateStaticMemberThenRebalanceOrCompleteJoin`.

use std::sync::Arc;

use super::{ClassicGroup, Context, Effects, JoinGroup, Phase};
use crate::Error;
use crate::runtime::Ticket;

impl ClassicGroup {
    /// Gives the place of `old_member_id` to `new_member_id`.
    pub(super) fn replace_static(
        &mut self,
        request: &JoinGroup,
        old_member_id: &str,
        new_member_id: Arc<str>,
        ticket: Ticket,
        context: Context<'_>,
        effects: &mut Effects,
    ) {
        let old_leader = self.leader.clone().unwrap_or_default();
        self.rename_member(old_member_id, new_member_id.clone(), effects);
        self.update_member(&new_member_id, request);
        self.member_mut(&new_member_id).renew_session(context.now.monotonic);
        match self.phase {
            Phase::Stable if self.select_protocol() == self.protocol_name => {
                let is_leader = self.is_leader(&new_member_id);
                let mut joined = self.joined(&new_member_id, is_leader && request.can_skip_assignment);
                if request.can_skip_assignment {
                    joined.skip_assignment = is_leader;
                } else {
                    // It must not think that it leads: it would assign, though nothing is rebalanced.
                    joined.leader = old_leader;
                }
                self.state_timestamp = Some(context.now.wall);
                effects.persist = true;
                effects.complete_join(ticket, Ok(joined));
            }
            // In CompletingRebalance the leader may already be assigning to the old id.
            Phase::Stable | Phase::CompletingRebalance => {
                self.member_mut(&new_member_id).park_join(ticket, effects);
                self.prepare_rebalance(context, effects);
            }
            Phase::PreparingRebalance(_) | Phase::Empty => {
                self.member_mut(&new_member_id).park_join(ticket, effects);
                self.complete_join_if_all_joined(context, effects);
            }
        }
    }

    fn rename_member(&mut self, old_member_id: &str, new_member_id: Arc<str>, effects: &mut Effects) {
        let member = self.members.remove(old_member_id).expect("a static slot belongs to a member");
        let mut member = Arc::unwrap_or_clone(member);
        member.complete_all(&Error::FencedInstance, effects);
        member.is_new = false;
        let instance_id = member.group_instance_id.clone().expect("the member is static");
        self.static_members.insert(instance_id, new_member_id.clone());
        if self.is_leader(old_member_id) {
            self.leader = Some(new_member_id.clone());
        }
        if let Some(pending) = &mut self.pending_sync
            && pending.members.remove(old_member_id)
        {
            pending.members.insert(new_member_id.clone());
        }
        self.members.insert(new_member_id, Arc::new(member));
    }
}
