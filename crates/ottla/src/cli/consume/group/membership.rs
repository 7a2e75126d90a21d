//! [`Membership`]: the life of a member of a classic group, as a state machine without I/O. It says which request comes next, and is told
//! the answers.
//!
//! ```text
//!            JoinGroup                  SyncGroup
//!  Outside ────────────► Joined ──────────────────► Reading
//!     ▲  its id, first,     │  leader: assigns         │  Heartbeat, OffsetCommit
//!     │                     ▼                          ▼
//!     └──────── the group rebalances, or does not know this member any more
//! ```
//!
//! Which broker coordinates the group, and that it may be another by now, is not known here. Source: Kafka `AbstractCoordinator` with the
//! eager rebalance protocol: a member gives up its partitions before it joins again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ottla_protocol::ErrorCode;
use ottla_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use ottla_protocol::messages::join_group_response::JoinGroupResponseMember;
use ottla_protocol::messages::leave_group_request::MemberIdentity;
use ottla_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use ottla_protocol::messages::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, StrBytes, SyncGroupRequest,
    SyncGroupResponse,
};

use super::range::{self, Subscriber};
use crate::cli::consumer_protocol::{assigned_partitions, assignment, subscribed_topics, subscription};
use crate::cli::group::{Identity, group_id};
use crate::cli::refusal::Refusal;

/// How long the coordinator keeps a member that it hears nothing of: Kafka's `session.timeout.ms`.
const SESSION_TIMEOUT: Duration = Duration::from_secs(45);

/// How long the others wait for this member in a rebalance. It joins as soon as it hears of one, but for what it is just writing.
const REBALANCE_TIMEOUT: Duration = Duration::from_secs(60);

/// What the members of a group must have in common.
const PROTOCOL_TYPE: StrBytes = StrBytes::from_static_str("consumer");

/// The assignor that every client of Kafka's has.
const ASSIGNOR: StrBytes = StrBytes::from_static_str("range");

/// A member that reads one topic.
#[derive(Debug)]
pub(super) struct Membership {
    group: String,
    topic: String,
    /// Empty until the coordinator has given one out.
    member_id: StrBytes,
    generation_id: i32,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Outside,
    /// In a generation whose partitions are not given out yet; who is to give them out has the list of members.
    Joined {
        to_assign: Option<Vec<Subscriber>>,
    },
    Reading {
        partitions: Vec<i32>,
    },
}

/// What is to be done now.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    /// Send this, and tell [`Membership::on_joined`].
    Join(JoinGroupRequest),
    /// Find out how many partitions these topics have, and tell [`Membership::assign`].
    Count(BTreeSet<String>),
    /// Send this, and tell [`Membership::on_synced`].
    Sync(SyncGroupRequest),
    /// Read these partitions of the topic, and heartbeat, until [`Membership::is_reading`] no more.
    Read(Vec<i32>),
}

impl Membership {
    /// Somebody who wants to read `topic` in `group`.
    pub(super) fn new(group: &str, topic: &str) -> Membership {
        Membership {
            group: group.to_owned(),
            topic: topic.to_owned(),
            member_id: StrBytes::default(),
            generation_id: -1,
            state: State::Outside,
        }
    }

    pub(super) fn next(&self) -> Next {
        match &self.state {
            State::Outside => Next::Join(self.join_request()),
            State::Joined { to_assign: Some(members) } => {
                Next::Count(members.iter().flat_map(|member| member.topics.iter().cloned()).collect())
            }
            State::Joined { to_assign: None } => Next::Sync(self.sync_request(Vec::new())),
            State::Reading { partitions } => Next::Read(partitions.clone()),
        }
    }

    /// Whether it has been given partitions, be it none, and nothing has been heard that takes them away.
    pub(super) fn is_reading(&self) -> bool {
        matches!(self.state, State::Reading { .. })
    }

    /// As whom it commits.
    pub(super) fn identity(&self) -> Identity {
        Identity { generation_id: self.generation_id, member_id: self.member_id.clone() }
    }

    /// The answer to a JoinGroup. Errors: a refusal that joining again does not cure.
    pub(super) fn on_joined(&mut self, response: &JoinGroupResponse) -> Result<(), Refusal> {
        if let Some(refusal) = Refusal::of(response.error_code, None) {
            if refusal.code() == Some(ErrorCode::MemberIdRequired) {
                // Joining with it is what makes a member (KIP-394).
                self.member_id = response.member_id.clone();
                return Ok(());
            }
            return self.on_refusal(refusal);
        }
        self.member_id = response.member_id.clone();
        self.generation_id = response.generation_id;
        let is_leader = response.leader == response.member_id && !response.skip_assignment;
        let to_assign = is_leader.then(|| response.members.iter().map(subscriber).collect());
        self.state = State::Joined { to_assign };
        Ok(())
    }

    /// How many partitions the topics of [`Next::Count`] have; those that are not there are left out. Returns the request that gives all
    /// members theirs.
    pub(super) fn assign(&self, partition_counts: &BTreeMap<String, i32>) -> SyncGroupRequest {
        let State::Joined { to_assign: Some(members) } = &self.state else { unreachable!("only a leader assigns") };
        let assigned = range::assign(members, partition_counts);
        let for_member = |(member_id, partitions)| {
            SyncGroupRequestAssignment::default()
                .with_member_id(StrBytes::from_string(member_id))
                .with_assignment(assignment(&partitions))
        };
        self.sync_request(assigned.into_iter().map(for_member).collect())
    }

    /// The answer to a SyncGroup. Errors: as of [`on_joined`](Membership::on_joined).
    pub(super) fn on_synced(&mut self, response: &SyncGroupResponse) -> Result<(), Refusal> {
        if let Some(refusal) = Refusal::of(response.error_code, None) {
            return self.on_refusal(refusal);
        }
        // Of a leader that speaks another language, nothing is understood, and nothing is read.
        let mut assigned = assigned_partitions(&response.assignment).unwrap_or_default();
        self.state = State::Reading { partitions: assigned.remove(&self.topic).unwrap_or_default() };
        Ok(())
    }

    /// The coordinator refuses what a member asks: the partitions are gone, and the next thing is to join again. Errors: the refusal,
    /// where joining again does not cure it.
    pub(super) fn on_refusal(&mut self, refusal: Refusal) -> Result<(), Refusal> {
        match refusal.code() {
            Some(ErrorCode::RebalanceInProgress | ErrorCode::IllegalGeneration) => {}
            Some(ErrorCode::UnknownMemberId) => self.member_id = StrBytes::default(),
            _ => return Err(refusal),
        }
        self.rejoin();
        Ok(())
    }

    /// Gives up its partitions, to be given others.
    pub(super) fn rejoin(&mut self) {
        self.state = State::Outside;
    }

    pub(super) fn heartbeat_request(&self) -> HeartbeatRequest {
        HeartbeatRequest::default()
            .with_group_id(group_id(&self.group))
            .with_generation_id(self.generation_id)
            .with_member_id(self.member_id.clone())
    }

    /// The last request of a member; none of who never was one.
    pub(super) fn leave_request(&self) -> Option<LeaveGroupRequest> {
        let member = MemberIdentity::default().with_member_id(self.member_id.clone());
        let request = LeaveGroupRequest::default().with_group_id(group_id(&self.group)).with_members(vec![member]);
        (!self.member_id.is_empty()).then_some(request)
    }

    fn join_request(&self) -> JoinGroupRequest {
        let protocol =
            JoinGroupRequestProtocol::default().with_name(ASSIGNOR).with_metadata(subscription(&[&self.topic]));
        JoinGroupRequest::default()
            .with_group_id(group_id(&self.group))
            .with_session_timeout_ms(ms(SESSION_TIMEOUT))
            .with_rebalance_timeout_ms(ms(REBALANCE_TIMEOUT))
            .with_member_id(self.member_id.clone())
            .with_protocol_type(PROTOCOL_TYPE)
            .with_protocols(vec![protocol])
    }

    fn sync_request(&self, assignments: Vec<SyncGroupRequestAssignment>) -> SyncGroupRequest {
        SyncGroupRequest::default()
            .with_group_id(group_id(&self.group))
            .with_generation_id(self.generation_id)
            .with_member_id(self.member_id.clone())
            .with_protocol_type(Some(PROTOCOL_TYPE))
            .with_protocol_name(Some(ASSIGNOR))
            .with_assignments(assignments)
    }
}

fn subscriber(member: &JoinGroupResponseMember) -> Subscriber {
    Subscriber {
        member_id: member.member_id.to_string(),
        group_instance_id: member.group_instance_id.as_ref().map(|id| id.to_string()),
        topics: subscribed_topics(&member.metadata).unwrap_or_default(),
    }
}

fn ms(span: Duration) -> i32 {
    i32::try_from(span.as_millis()).expect("minutes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::consumer_protocol::Partitions;

    fn text(text: &'static str) -> StrBytes {
        StrBytes::from_static_str(text)
    }

    fn refusal(code: ErrorCode) -> Refusal {
        Refusal::of(code.code(), None).expect("an error")
    }

    fn joined(leader: &'static str, members: &[&'static str]) -> JoinGroupResponse {
        let member = |id: &&'static str| {
            JoinGroupResponseMember::default().with_member_id(text(id)).with_metadata(subscription(&["orders"]))
        };
        JoinGroupResponse::default()
            .with_generation_id(7)
            .with_leader(text(leader))
            .with_member_id(text("me"))
            .with_members(members.iter().map(member).collect())
    }

    fn synced(partitions: &[i32]) -> SyncGroupResponse {
        let partitions = Partitions::from([("orders".to_owned(), partitions.to_vec())]);
        SyncGroupResponse::default().with_assignment(assignment(&partitions))
    }

    fn outside() -> Membership {
        Membership::new("readers", "orders")
    }

    fn reading() -> Membership {
        let mut member = outside();
        member.on_joined(&joined("other", &[])).unwrap();
        member.on_synced(&synced(&[1])).unwrap();
        member
    }

    #[track_caller]
    fn join_as(member: &Membership) -> String {
        let Next::Join(request) = member.next() else { panic!("{:?}", member.next()) };
        request.member_id.to_string()
    }

    #[test]
    fn a_member_joins_with_the_id_that_it_is_given() {
        let mut member = outside();
        assert_eq!(join_as(&member), "");
        assert_eq!(member.leave_request(), None);
        let required =
            JoinGroupResponse::default().with_error_code(ErrorCode::MemberIdRequired.code()).with_member_id(text("me"));
        member.on_joined(&required).unwrap();
        assert_eq!(join_as(&member), "me");
        assert!(member.leave_request().is_some());
    }

    #[test]
    fn a_follower_syncs_with_nothing_and_reads_what_it_is_given() {
        let mut member = outside();
        member.on_joined(&joined("other", &[])).unwrap();
        let Next::Sync(request) = member.next() else { panic!("{:?}", member.next()) };
        assert_eq!((request.generation_id, request.assignments.len()), (7, 0));
        assert!(!member.is_reading());
        member.on_synced(&synced(&[1, 2])).unwrap();
        assert_eq!(member.next(), Next::Read(vec![1, 2]));
        assert_eq!((member.identity().generation_id, member.identity().member_id), (7, text("me")));
    }

    #[test]
    fn a_leader_assigns_for_all_members() {
        let mut member = outside();
        member.on_joined(&joined("me", &["me", "other"])).unwrap();
        assert_eq!(member.next(), Next::Count(BTreeSet::from(["orders".to_owned()])));
        let request = member.assign(&BTreeMap::from([("orders".to_owned(), 3)]));
        let assigned: Vec<_> = request
            .assignments
            .iter()
            .map(|given| (given.member_id.to_string(), assigned_partitions(&given.assignment).unwrap()))
            .collect();
        let partitions = |partitions: &[i32]| Partitions::from([("orders".to_owned(), partitions.to_vec())]);
        assert_eq!(assigned, [("me".to_owned(), partitions(&[0, 1])), ("other".to_owned(), partitions(&[2]))]);
    }

    #[test]
    fn a_member_that_is_given_nothing_reads_nothing_and_stays() {
        let mut member = outside();
        member.on_joined(&joined("other", &[])).unwrap();
        member.on_synced(&SyncGroupResponse::default()).unwrap();
        assert_eq!(member.next(), Next::Read(vec![]));
    }

    #[test]
    fn a_rebalance_keeps_the_member_id() {
        for code in [ErrorCode::RebalanceInProgress, ErrorCode::IllegalGeneration] {
            let mut member = reading();
            member.on_refusal(refusal(code)).unwrap();
            assert!(!member.is_reading());
            assert_eq!(join_as(&member), "me", "{code}");
        }
    }

    #[test]
    fn an_expelled_member_begins_anew() {
        let mut member = reading();
        member.on_refusal(refusal(ErrorCode::UnknownMemberId)).unwrap();
        assert_eq!(join_as(&member), "");
    }

    #[test]
    fn a_rebalance_may_come_while_syncing() {
        let mut member = outside();
        member.on_joined(&joined("other", &[])).unwrap();
        let again = SyncGroupResponse::default().with_error_code(ErrorCode::RebalanceInProgress.code());
        member.on_synced(&again).unwrap();
        assert_eq!(join_as(&member), "me");
    }

    #[test]
    fn what_joining_again_does_not_cure_is_an_error() {
        let refused = JoinGroupResponse::default().with_error_code(ErrorCode::InconsistentGroupProtocol.code());
        assert!(outside().on_joined(&refused).is_err());
        let mut member = reading();
        assert!(member.on_refusal(refusal(ErrorCode::GroupAuthorizationFailed)).is_err());
        assert!(member.is_reading(), "whatever was read can be committed still");
    }
}
