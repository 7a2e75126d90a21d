//! JoinGroup: [`JoinGroup`] asks for a place in the next generation, [`JoinedGroup`] says what that became.
//!
//! Source: Kafka `GroupMetadataManager.classicGroupJoinToClassicGroup`; KIP-345 (static members), KIP-394 (a member id is required),
//! KIP-814 (static leaders skip the assignment).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{ClassicGroup, Context, Effects, Member, Phase, Protocol};
use crate::record::STRING_LEN_MAX;
use crate::runtime::Ticket;
use crate::{Config, Error};

/// How long a new member may be parked: it cannot send heartbeats, and its client may be gone without our knowing.
const NEW_MEMBER_JOIN_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// How many allotted ids of one group may wait for their members. Kafka has no such bound.
const PENDING_MEMBERS_MAX: usize = 10_000;

/// What a client asks for with JoinGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinGroup {
    /// The group.
    pub group_id: String,
    /// The id that the coordinator gave, or empty.
    pub member_id: String,
    /// The name of a static member (KIP-345).
    pub group_instance_id: Option<String>,
    /// The request's client id; empty if it has none.
    pub client_id: String,
    /// The address of the client.
    pub client_host: String,
    /// How long the member may be silent.
    pub session_timeout_ms: i32,
    /// How long it may take to join a rebalance; version 0 has none and means the session timeout.
    pub rebalance_timeout_ms: i32,
    /// What the group is of.
    pub protocol_type: String,
    /// The protocols, the preferred first. Their metadata is copied.
    pub protocols: Vec<Protocol>,
    /// From version 4 on: a new dynamic member is first given an id.
    pub requires_known_member_id: bool,
    /// From version 9 on: a static leader that comes back may be told to leave the assignment as it is.
    pub can_skip_assignment: bool,
}

/// What a member is told of its generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedGroup {
    /// The member's id.
    pub member_id: Arc<str>,
    /// The generation.
    pub generation_id: i32,
    /// What the group is of.
    pub protocol_type: Option<Arc<str>>,
    /// The protocol that was chosen.
    pub protocol_name: Option<Arc<str>>,
    /// The member that assigns.
    pub leader: Arc<str>,
    /// All members, if this one is to assign or may look at them; else none.
    pub members: Vec<JoinedMember>,
    /// The leader is to keep the assignment that there is.
    pub skip_assignment: bool,
}

/// A member, as the leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its id.
    pub member_id: Arc<str>,
    /// Its name, if it is static.
    pub group_instance_id: Option<Arc<str>>,
    /// What it sent for the protocol.
    pub metadata: Bytes,
}

impl JoinGroup {
    /// What can be said without looking at the group.
    pub(crate) fn check(&self, config: &Config) -> Result<(), Error> {
        if self.group_id.is_empty() {
            return Err(Error::EmptyGroupId);
        }
        if !(config.session_timeout_min..=config.session_timeout_max)
            .contains(&super::member::millis(self.session_timeout_ms))
        {
            return Err(Error::InvalidSessionTimeout { session_timeout_ms: self.session_timeout_ms });
        }
        // Member ids are made of client and instance ids.
        let instance_id = self.group_instance_id.as_deref().unwrap_or_default();
        let fields = [
            ("group id", self.group_id.len()),
            ("group instance id", instance_id.len() + 64),
            ("client id", self.client_id.len() + 64),
            ("client host", self.client_host.len()),
            ("protocol type", self.protocol_type.len()),
        ];
        let protocols = self.protocols.iter().map(|protocol| ("protocol name", protocol.name.len()));
        match fields.into_iter().chain(protocols).find(|(_, len)| *len > STRING_LEN_MAX) {
            Some((field, _)) => Err(Error::FieldTooLong { field }),
            None => Ok(()),
        }
    }

    /// The protocols, free of the request's bytes.
    pub(super) fn copy_protocols(&self) -> Arc<[Protocol]> {
        let copy =
            |own: &Protocol| Protocol { name: own.name.clone(), metadata: Bytes::copy_from_slice(&own.metadata) };
        self.protocols.iter().map(copy).collect()
    }
}

impl ClassicGroup {
    /// Joins. `new_member_id` is for one that has none. Errors leave the group as it was; otherwise `ticket` is parked, or among the
    /// completions.
    pub(crate) fn join(
        &mut self,
        request: &JoinGroup,
        new_member_id: Arc<str>,
        ticket: Ticket,
        context: Context<'_>,
        effects: &mut Effects,
    ) -> Result<(), Error> {
        if !self.has_room_for(&request.member_id, context.config) {
            // Whoever comes too late for the last place has lost its own.
            self.remove_member(&request.member_id, effects);
            effects.complete_join(ticket, Err(Error::GroupFull));
            self.complete_join_if_all_joined(context, effects);
            return Ok(());
        }
        if !self.supports(request) {
            return Err(Error::InconsistentProtocol);
        }
        match &request.group_instance_id {
            _ if !request.member_id.is_empty() => self.rejoin(request, ticket, context, effects),
            Some(instance_id) => {
                match self.static_members.get(instance_id.as_str()).cloned() {
                    Some(holder) => self.replace_static(request, &holder, new_member_id, ticket, context, effects),
                    None => self.add_member(request, new_member_id, ticket, context, effects),
                }
                Ok(())
            }
            None if request.requires_known_member_id => {
                self.allot_member_id(request, new_member_id, ticket, context, effects)
            }
            None => {
                self.add_member(request, new_member_id, ticket, context, effects);
                Ok(())
            }
        }
    }

    /// While a rebalance is prepared the places are counted by who has joined it, so that the last to come are left out.
    fn has_room_for(&self, member_id: &str, config: &Config) -> bool {
        let member = self.members.get(member_id);
        match self.phase {
            Phase::Empty => true,
            Phase::PreparingRebalance(_) => {
                let has_joined = member.is_some_and(|member| member.awaiting_join.is_some());
                has_joined || self.joined_count() < config.members_max
            }
            Phase::CompletingRebalance | Phase::Stable => member.is_some() || self.members.len() < config.members_max,
        }
    }

    fn allot_member_id(
        &mut self,
        request: &JoinGroup,
        member_id: Arc<str>,
        ticket: Ticket,
        context: Context<'_>,
        effects: &mut Effects,
    ) -> Result<(), Error> {
        if self.pending_members.len() >= PENDING_MEMBERS_MAX {
            return Err(Error::GroupFull);
        }
        effects.complete_join(ticket, Err(Error::MemberIdRequired { member_id: member_id.to_string() }));
        let deadline = context.now.monotonic + super::member::millis(request.session_timeout_ms);
        self.pending_members.insert(member_id, deadline);
        Ok(())
    }

    fn add_member(
        &mut self,
        request: &JoinGroup,
        member_id: Arc<str>,
        ticket: Ticket,
        context: Context<'_>,
        effects: &mut Effects,
    ) {
        if let Phase::PreparingRebalance(phase) = &mut self.phase {
            phase.on_member_added();
        }
        if self.members.is_empty() {
            self.protocol_type = Some(request.protocol_type.as_str().into());
        }
        self.leader.get_or_insert_with(|| member_id.clone());
        self.pending_members.remove(&member_id);
        let mut member = Member::of(request, context.now.monotonic + NEW_MEMBER_JOIN_TIMEOUT);
        member.park_join(ticket, effects);
        if let Some(instance_id) = &member.group_instance_id {
            self.static_members.insert(instance_id.clone(), member_id.clone());
        }
        self.members.insert(member_id, Arc::new(member));
        self.rebalance(context, effects);
    }

    fn rejoin(
        &mut self,
        request: &JoinGroup,
        ticket: Ticket,
        context: Context<'_>,
        effects: &mut Effects,
    ) -> Result<(), Error> {
        let member_id = request.member_id.as_str();
        if self.pending_members.contains_key(member_id) {
            // Ids are allotted to dynamic members only.
            if request.group_instance_id.is_some() {
                return Err(Error::UnknownMember);
            }
            self.add_member(request, member_id.into(), ticket, context, effects);
            return Ok(());
        }
        self.check_member(member_id, request.group_instance_id.as_deref())?;
        let is_unchanged = *self.members[member_id].protocols == *request.protocols;
        let takes_part_already = match self.phase {
            Phase::Empty | Phase::PreparingRebalance(_) => false,
            // The answer to its join was lost.
            Phase::CompletingRebalance => is_unchanged,
            // The leader rejoins for what the broker does not see, such as new partitions.
            Phase::Stable => is_unchanged && !self.is_leader(member_id),
        };
        if takes_part_already {
            let joined = self.joined(member_id, self.is_leader(member_id));
            effects.complete_join(ticket, Ok(joined));
        } else {
            self.update_member(member_id, request);
            self.member_mut(member_id).park_join(ticket, effects);
            self.rebalance(context, effects);
        }
        Ok(())
    }

    pub(super) fn update_member(&mut self, member_id: &str, request: &JoinGroup) {
        let protocols = request.copy_protocols();
        let member = self.member_mut(member_id);
        member.protocols = protocols;
        member.rebalance_timeout_ms = request.rebalance_timeout_ms;
        member.session_timeout_ms = request.session_timeout_ms;
    }

    /// What `member_id` is told of the generation that there is.
    pub(super) fn joined(&self, member_id: &str, with_members: bool) -> JoinedGroup {
        let protocol_name = self.protocol_name.clone().unwrap_or_default();
        let describe = |(id, member): (&Arc<str>, &Arc<Member>)| JoinedMember {
            member_id: id.clone(),
            group_instance_id: member.group_instance_id.clone(),
            metadata: member.metadata(&protocol_name).cloned().unwrap_or_default(),
        };
        JoinedGroup {
            member_id: member_id.into(),
            generation_id: self.generation_id,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            members: if with_members { self.members.iter().map(describe).collect() } else { Vec::new() },
            skip_assignment: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Now;
    use crate::testing::{config, joining};
    use ottla_base::{Instant, Timestamp};

    #[test]
    fn ids_are_allotted_up_to_a_bound() {
        let now = Now { monotonic: Instant::default(), wall: Timestamp(0) };
        let context = Context { config: &config(), now };
        let mut group = ClassicGroup::new(now);
        let mut ask = |member: usize| {
            let (member_id, mut effects) = (format!("m{member}").into(), Effects::default());
            group.join(&joining("", &["range"]), member_id, Ticket(0), context, &mut effects)
        };
        assert!((0..PENDING_MEMBERS_MAX).all(|member| ask(member) == Ok(())));
        assert_eq!(ask(PENDING_MEMBERS_MAX), Err(Error::GroupFull));
    }
}
