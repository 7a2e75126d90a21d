//! SyncGroup: the leader brings the assignment, the others wait for theirs. It is a sign of life, also of a member that asks late or again.
//!
//! Source: Kafka `classicGroupSyncToClassicGroup`; for the sign of life `GroupCoordinator.doSyncGroup` of Kafka 3.

use std::sync::Arc;

use bytes::Bytes;

use super::{ClassicGroup, Context, Effects, Phase};
use crate::Error;
use crate::runtime::Ticket;

/// What a client asks for with SyncGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncGroup {
    /// The group.
    pub group_id: String,
    /// The member.
    pub member_id: String,
    /// Its name, if it is static.
    pub group_instance_id: Option<String>,
    /// The generation that it has joined.
    pub generation_id: i32,
    /// What it takes the group to be of, from version 5 on (KIP-559).
    pub protocol_type: Option<String>,
    /// What it takes the protocol to be, from version 5 on.
    pub protocol_name: Option<String>,
    /// The leader's word: member id and assignment, which is copied. A member that is left out is given nothing.
    pub assignments: Vec<(String, Bytes)>,
}

/// What a member is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncedGroup {
    /// What the group is of.
    pub protocol_type: Option<Arc<str>>,
    /// The protocol.
    pub protocol_name: Option<Arc<str>>,
    /// What the leader gave it.
    pub assignment: Bytes,
}

impl ClassicGroup {
    /// Syncs. Errors leave the group as it was; otherwise `ticket` is parked, or among the completions.
    pub(crate) fn sync(
        &mut self,
        request: &SyncGroup,
        ticket: Ticket,
        context: Context<'_>,
        effects: &mut Effects,
    ) -> Result<(), Error> {
        let member_id = request.member_id.as_str();
        self.check_generation(member_id, request.group_instance_id.as_deref(), request.generation_id)?;
        if differs(request.protocol_type.as_deref(), self.protocol_type.as_deref())
            || differs(request.protocol_name.as_deref(), self.protocol_name.as_deref())
        {
            return Err(Error::InconsistentProtocol);
        }
        match self.phase {
            Phase::Empty => Err(Error::UnknownMember),
            Phase::PreparingRebalance(_) => Err(Error::RebalanceInProgress),
            Phase::CompletingRebalance => {
                self.member_mut(member_id).park_sync(ticket, effects);
                self.remove_pending_sync(member_id);
                if self.is_leader(member_id) {
                    self.assign(request, context, effects);
                }
                Ok(())
            }
            Phase::Stable => {
                self.remove_pending_sync(member_id);
                self.member_mut(member_id).renew_session(context.now.monotonic);
                effects.complete_sync(ticket, Ok(self.synced(member_id)));
                Ok(())
            }
        }
    }

    /// The leader has assigned: whoever waits is given its share, and the group is stable.
    fn assign(&mut self, request: &SyncGroup, context: Context<'_>, effects: &mut Effects) {
        for member in self.members_mut() {
            member.assignment = Bytes::new();
        }
        for (member_id, assignment) in &request.assignments {
            if self.members.contains_key(member_id.as_str()) {
                self.member_mut(member_id).assignment = Bytes::copy_from_slice(assignment);
            }
        }
        self.phase = Phase::Stable;
        self.state_timestamp = Some(context.now.wall);
        effects.persist = true;
        let member_ids: Vec<_> = self.members.keys().cloned().collect();
        for member_id in member_ids {
            if let Some(ticket) = self.member_mut(&member_id).awaiting_sync.take() {
                effects.complete_sync(ticket, Ok(self.synced(&member_id)));
                self.member_mut(&member_id).renew_session(context.now.monotonic);
            }
        }
    }

    fn synced(&self, member_id: &str) -> SyncedGroup {
        SyncedGroup {
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            assignment: self.members[member_id].assignment.clone(),
        }
    }
}

/// Whether both say something, and not the same.
fn differs(asked: Option<&str>, own: Option<&str>) -> bool {
    asked.zip(own).is_some_and(|(asked, own)| asked != own)
}
