//! The messages of groups, in the versions that generations of clients speak.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use ottla_protocol::messages::describe_groups_response::DescribedGroup;
use ottla_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use ottla_protocol::messages::leave_group_request::MemberIdentity;
use ottla_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use ottla_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use ottla_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use ottla_protocol::messages::{
    DescribeGroupsRequest, FindCoordinatorRequest, GroupId, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest,
    OffsetCommitRequest, OffsetFetchRequest, OffsetFetchResponse, StrBytes, SyncGroupRequest, TopicName,
};

use super::Spot;

/// DescribeGroups: with group instance ids.
pub(crate) const DESCRIBE_GROUPS: i16 = 4;

/// The protocols that members know.
pub(crate) const PROTOCOLS: [&str; 3] = ["range", "roundrobin", "sticky"];

/// The versions that one client speaks.
#[derive(Clone, Copy, Debug)]
pub struct Versions {
    pub(crate) find: i16,
    pub(crate) join: i16,
    pub(crate) sync: i16,
    pub(crate) heartbeat: i16,
    pub(crate) leave: i16,
    pub(crate) commit: i16,
    pub(crate) fetch: i16,
}

impl Versions {
    /// From the oldest to the newest: without member ids of their own, as librdkafka, with flexible messages, and as the Java client.
    pub(crate) const ALL: [Versions; 4] = [
        Versions { find: 0, join: 1, sync: 1, heartbeat: 1, leave: 1, commit: 2, fetch: 2 },
        Versions { find: 2, join: 5, sync: 3, heartbeat: 3, leave: 1, commit: 7, fetch: 5 },
        Versions { find: 3, join: 7, sync: 5, heartbeat: 4, leave: 4, commit: 8, fetch: 7 },
        Versions { find: 4, join: 9, sync: 5, heartbeat: 4, leave: 5, commit: 9, fetch: 9 },
    ];

    /// Those of the newest client.
    pub(crate) const NEWEST: Versions = Versions::ALL[3];

    /// Whether they have a field for the name of a static member.
    pub(crate) fn know_static_members(self) -> bool {
        self.join >= 5
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn group_id(group: &str) -> GroupId {
    GroupId(text(group))
}

fn topic_name(topic: &str) -> TopicName {
    TopicName(text(topic))
}

/// Asks for the coordinator of a group.
pub(crate) fn find_coordinator(version: i16, group: &str) -> FindCoordinatorRequest {
    match version {
        4.. => FindCoordinatorRequest::default().with_coordinator_keys(vec![text(group)]),
        _ => FindCoordinatorRequest::default().with_key(text(group)),
    }
}

/// Who acts in a group, and in which generation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Actor<'a> {
    pub(crate) group: &'a str,
    pub(crate) member_id: &'a str,
    pub(crate) instance_id: Option<&'a str>,
    pub(crate) generation: i32,
}

impl Actor<'_> {
    fn instance_id(&self) -> Option<StrBytes> {
        self.instance_id.map(text)
    }
}

/// Joins with the first of `protocols` preferred, as a consumer of `topics`.
pub(crate) fn join(
    version: i16,
    actor: Actor<'_>,
    timeouts_ms: (i32, i32),
    protocols: &[usize],
    topics: &[String],
) -> JoinGroupRequest {
    let protocol = |place: &usize| {
        JoinGroupRequestProtocol::default().with_name(text(PROTOCOLS[*place])).with_metadata(subscription(topics))
    };
    let (session_timeout_ms, rebalance_timeout_ms) = timeouts_ms;
    let request = JoinGroupRequest::default()
        .with_group_id(group_id(actor.group))
        .with_member_id(text(actor.member_id))
        .with_session_timeout_ms(session_timeout_ms)
        .with_rebalance_timeout_ms(rebalance_timeout_ms)
        .with_protocol_type(text("consumer"))
        .with_protocols(protocols.iter().map(protocol).collect());
    if version >= 5 { request.with_group_instance_id(actor.instance_id()) } else { request }
}

/// A consumer's subscription, version 0.
fn subscription(topics: &[String]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i16(0);
    bytes.put_i32(i32::try_from(topics.len()).expect("a few"));
    for topic in topics {
        bytes.put_i16(i16::try_from(topic.len()).expect("names are short"));
        bytes.put_slice(topic.as_bytes());
    }
    bytes.put_i32(-1);
    bytes.freeze()
}

/// Syncs, with the leader's `assignments`, each of a member id.
pub(crate) fn sync(
    version: i16,
    actor: Actor<'_>,
    protocol: Option<&str>,
    assignments: &[(String, Bytes)],
) -> SyncGroupRequest {
    let assignment = |(member_id, assignment): &(String, Bytes)| {
        SyncGroupRequestAssignment::default().with_member_id(text(member_id)).with_assignment(assignment.clone())
    };
    let request = SyncGroupRequest::default()
        .with_group_id(group_id(actor.group))
        .with_generation_id(actor.generation)
        .with_member_id(text(actor.member_id))
        .with_assignments(assignments.iter().map(assignment).collect());
    let request = if version >= 3 { request.with_group_instance_id(actor.instance_id()) } else { request };
    match version {
        5.. => request.with_protocol_type(Some(text("consumer"))).with_protocol_name(protocol.map(text)),
        _ => request,
    }
}

/// Says that a member lives.
pub(crate) fn heartbeat(version: i16, actor: Actor<'_>) -> HeartbeatRequest {
    let request = HeartbeatRequest::default()
        .with_group_id(group_id(actor.group))
        .with_generation_id(actor.generation)
        .with_member_id(text(actor.member_id));
    if version >= 3 { request.with_group_instance_id(actor.instance_id()) } else { request }
}

/// Takes a member out.
pub(crate) fn leave(version: i16, actor: Actor<'_>) -> LeaveGroupRequest {
    let request = LeaveGroupRequest::default().with_group_id(group_id(actor.group));
    match version {
        3.. => {
            let member = MemberIdentity::default().with_member_id(text(actor.member_id));
            request.with_members(vec![member.with_group_instance_id(actor.instance_id())])
        }
        _ => request.with_member_id(text(actor.member_id)),
    }
}

/// One offset to commit.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub(crate) spot: Spot,
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
}

/// Commits offsets, in versions 2 to 4 with how long they are kept, in milliseconds; -1 is as long as any.
pub(crate) fn commit(version: i16, actor: Actor<'_>, commits: &[Commit], retention_ms: i64) -> OffsetCommitRequest {
    let topics = commits.iter().map(|commit| {
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(commit.spot.partition)
            .with_committed_offset(commit.offset)
            .with_committed_metadata(Some(text(&commit.metadata)));
        let partition =
            if version >= 6 { partition.with_committed_leader_epoch(commit.leader_epoch) } else { partition };
        OffsetCommitRequestTopic::default().with_name(topic_name(&commit.spot.topic)).with_partitions(vec![partition])
    });
    let request = OffsetCommitRequest::default()
        .with_group_id(group_id(actor.group))
        .with_generation_id_or_member_epoch(actor.generation)
        .with_member_id(text(actor.member_id))
        .with_topics(topics.collect());
    let request = if version >= 7 { request.with_group_instance_id(actor.instance_id()) } else { request };
    if version <= 4 { request.with_retention_time_ms(retention_ms) } else { request }
}

/// Asks for the offsets of `spots`; without them, for all.
pub(crate) fn fetch(version: i16, group: &str, spots: Option<&[Spot]>) -> OffsetFetchRequest {
    if version >= 8 {
        let topic = |spot: &Spot| {
            OffsetFetchRequestTopics::default()
                .with_name(topic_name(&spot.topic))
                .with_partition_indexes(vec![spot.partition])
        };
        let topics = spots.map(|spots| spots.iter().map(topic).collect());
        let group = OffsetFetchRequestGroup::default().with_group_id(group_id(group)).with_topics(topics);
        return OffsetFetchRequest::default().with_groups(vec![group]);
    }
    let topic = |spot: &Spot| {
        OffsetFetchRequestTopic::default()
            .with_name(topic_name(&spot.topic))
            .with_partition_indexes(vec![spot.partition])
    };
    let topics = spots.map(|spots| spots.iter().map(topic).collect());
    OffsetFetchRequest::default().with_group_id(group_id(group)).with_topics(topics)
}

/// What an OffsetFetch says of one partition.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fetched {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) error_code: i16,
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
}

/// The error of the whole answer, and what it says of each partition, whatever the version.
pub(crate) fn fetched(response: &OffsetFetchResponse) -> (i16, Vec<Fetched>) {
    let (mut error_code, mut all) = (response.error_code, Vec::new());
    for topic in &response.topics {
        all.extend(topic.partitions.iter().map(|partition| Fetched {
            topic: topic.name.to_string(),
            partition: partition.partition_index,
            error_code: partition.error_code,
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: partition.metadata.as_deref().unwrap_or_default().to_owned(),
        }));
    }
    for group in &response.groups {
        error_code = group.error_code;
        for topic in &group.topics {
            all.extend(topic.partitions.iter().map(|partition| Fetched {
                topic: topic.name.to_string(),
                partition: partition.partition_index,
                error_code: partition.error_code,
                offset: partition.committed_offset,
                leader_epoch: partition.committed_leader_epoch,
                metadata: partition.metadata.as_deref().unwrap_or_default().to_owned(),
            }));
        }
    }
    (error_code, all)
}

/// Asks for the state and the members of a group.
pub(crate) fn describe(group: &str) -> DescribeGroupsRequest {
    DescribeGroupsRequest::default().with_groups(vec![group_id(group)])
}

/// All that a description says, so that two can be compared.
pub(crate) fn description(group: &DescribedGroup) -> String {
    let mut members: Vec<_> = group.members.iter().map(|member| format!("{member:?}")).collect();
    members.sort();
    let [state, kind, protocol]: [&str; 3] = [&group.group_state, &group.protocol_type, &group.protocol_data];
    format!("{state} {kind} {protocol} {}", members.join(" "))
}

/// What the leader of a generation gives a member: the number of the whole assignment, and the member's part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) number: u64,
    pub(crate) spots: Vec<Spot>,
}

impl Assignment {
    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        bytes.put_u64(self.number);
        for spot in &self.spots {
            bytes.put_u32(spot.key.0);
            bytes.put_i32(spot.partition);
            bytes.put_u16(u16::try_from(spot.topic.len()).expect("names are short"));
            bytes.put_slice(spot.topic.as_bytes());
        }
        bytes.freeze()
    }

    /// `None` where the leader left the member out, or the bytes are no assignment of ours.
    pub(crate) fn decode(mut bytes: Bytes) -> Option<Assignment> {
        let number = bytes.try_get_u64().ok()?;
        let mut spots = Vec::new();
        while bytes.has_remaining() {
            let (key, partition) = (bytes.try_get_u32().ok()?, bytes.try_get_i32().ok()?);
            let len = usize::from(bytes.try_get_u16().ok()?);
            if bytes.remaining() < len {
                return None;
            }
            let topic = String::from_utf8(bytes.split_to(len).to_vec()).ok()?;
            spots.push(Spot { topic, partition, key: history::Key(key) });
        }
        Some(Assignment { number, spots })
    }
}
