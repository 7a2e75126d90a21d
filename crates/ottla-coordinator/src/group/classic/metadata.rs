//! A group as its record has it, and back.

use std::sync::Arc;

use ottla_base::Instant;

use super::{ClassicGroup, Context, Effects, Member, Phase, Protocol};
use crate::record::{GroupMetadata, MemberMetadata};

impl ClassicGroup {
    /// What is recorded of a settled group.
    pub(crate) fn metadata(&self) -> GroupMetadata {
        debug_assert!(self.is_settled(), "only a settled group is recorded");
        let protocol_name = self.protocol_name.as_deref().unwrap_or_default();
        let member = |(member_id, member): (&Arc<str>, &Arc<Member>)| MemberMetadata {
            member_id: member_id.clone(),
            group_instance_id: member.group_instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance_timeout_ms: member.rebalance_timeout_ms,
            session_timeout_ms: member.session_timeout_ms,
            subscription: member.metadata(protocol_name).cloned().expect("all members support what was chosen"),
            assignment: member.assignment.clone(),
        };
        GroupMetadata {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation_id: self.generation_id,
            protocol_name: self.protocol_name.clone(),
            leader: self.leader.clone(),
            state_timestamp: self.state_timestamp,
            members: self.members.iter().map(member).collect(),
        }
    }

    /// The group of a record. Its members' sessions are over at once: [`ClassicGroup::on_loaded`] is due.
    pub(crate) fn from_metadata(value: GroupMetadata) -> ClassicGroup {
        let protocol_name = value.protocol_name.clone().unwrap_or_default();
        let mut group = ClassicGroup {
            phase: if value.members.is_empty() { Phase::Empty } else { Phase::Stable },
            state_timestamp: value.state_timestamp,
            protocol_type: Some(value.protocol_type).filter(|protocol_type| !protocol_type.is_empty()),
            protocol_name: value.protocol_name,
            generation_id: value.generation_id,
            leader: value.leader,
            ..ClassicGroup::default()
        };
        for member in value.members {
            group.leader.get_or_insert_with(|| member.member_id.clone());
            if let Some(instance_id) = &member.group_instance_id {
                group.static_members.insert(instance_id.clone(), member.member_id.clone());
            }
            let protocols = [Protocol { name: protocol_name.clone(), metadata: member.subscription }];
            let loaded = Member {
                group_instance_id: member.group_instance_id,
                client_id: member.client_id,
                client_host: member.client_host,
                rebalance_timeout_ms: member.rebalance_timeout_ms,
                session_timeout_ms: member.session_timeout_ms,
                protocols: protocols.into(),
                assignment: member.assignment,
                is_new: false,
                session_deadline: Instant::default(),
                awaiting_join: None,
                awaiting_sync: None,
            };
            group.members.insert(member.member_id, Arc::new(loaded));
        }
        group
    }

    /// Gives every member of a loaded group a whole session: whether it was heard of lately, nobody here knows. Where
    /// `group.max.size` has become smaller than the group, its members join anew, and the last to come lose their places.
    pub(crate) fn on_loaded(&mut self, context: Context<'_>) {
        for member in self.members_mut() {
            member.renew_session(context.now.monotonic);
        }
        if self.members.len() > context.config.members_max {
            let mut effects = Effects::default();
            self.prepare_rebalance(context, &mut effects);
            assert!(!effects.persist && effects.completions.is_empty(), "nobody of a loaded group is parked");
        }
    }
}
