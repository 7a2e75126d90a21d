//! [`Member`]: a member of a group as a bare connection, so that thousands fit into one test.

use bytes::Bytes;
use ottla_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use ottla_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use ottla_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use ottla_protocol::messages::{
    FindCoordinatorRequest, GroupId, JoinGroupRequest, OffsetCommitRequest, OffsetFetchRequest, StrBytes,
    SyncGroupRequest,
};
use testkit::{Client, requests, wait};

/// Finds the coordinator of one group. Before any group was.
const FIND_COORDINATOR_VERSION: i16 = 3;
/// Without the detour of being given an id first.
const JOIN_GROUP_VERSION: i16 = 3;
const SYNC_GROUP_VERSION: i16 = 2;
const OFFSET_COMMIT_VERSION: i16 = 7;
const OFFSET_FETCH_VERSION: i16 = 5;

/// A member with a connection of its own, which commits the offset of one partition.
#[derive(Debug)]
pub(crate) struct Member {
    client: Client,
    group: String,
    partition: i32,
    member_id: StrBytes,
    generation_id: i32,
}

impl Member {
    /// One that has yet to join.
    pub(crate) fn new(client: Client, group: &str, partition: i32) -> Member {
        Member { client, group: group.to_owned(), partition, member_id: StrBytes::default(), generation_id: -1 }
    }

    fn begin_join(&mut self) {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(StrBytes::from_static_str("range"))
            .with_metadata(Bytes::from_static(&[0; 10]));
        let request = JoinGroupRequest::default()
            .with_group_id(group_id(&self.group))
            .with_session_timeout_ms(300_000)
            .with_rebalance_timeout_ms(300_000)
            .with_member_id(self.member_id.clone())
            .with_protocol_type(StrBytes::from_static_str("consumer"))
            .with_protocols(vec![protocol]);
        self.client.send(JOIN_GROUP_VERSION, &request).expect("the broker takes it");
    }

    fn end_join(&mut self) -> usize {
        let response = self.client.receive::<JoinGroupRequest>(JOIN_GROUP_VERSION).expect("JoinGroup is answered");
        assert_eq!(response.error_code, 0, "{response:?}");
        self.member_id = response.member_id;
        self.generation_id = response.generation_id;
        response.members.len()
    }

    fn begin_sync(&mut self) {
        let request = SyncGroupRequest::default()
            .with_group_id(group_id(&self.group))
            .with_generation_id(self.generation_id)
            .with_member_id(self.member_id.clone());
        self.client.send(SYNC_GROUP_VERSION, &request).expect("the broker takes it");
    }

    fn end_sync(&mut self) {
        let response = self.client.receive::<SyncGroupRequest>(SYNC_GROUP_VERSION).expect("SyncGroup is answered");
        assert_eq!(response.error_code, 0, "{response:?}");
    }

    /// Sends a commit of its partition.
    pub(crate) fn begin_commit(&mut self, topic: &str, offset: i64) {
        let request = commit(&self.group, topic, self.partition..self.partition + 1, offset)
            .with_generation_id_or_member_epoch(self.generation_id)
            .with_member_id(self.member_id.clone());
        self.client.send(OFFSET_COMMIT_VERSION, &request).expect("the broker takes it");
    }

    /// Waits for the answer, which is a yes.
    pub(crate) fn end_commit(&mut self) {
        let response = self.client.receive::<OffsetCommitRequest>(OFFSET_COMMIT_VERSION);
        let response = response.expect("OffsetCommit is answered");
        assert_eq!(response.topics[0].partitions[0].error_code, 0, "{response:?}");
    }

    /// The offset that is committed for its partition.
    pub(crate) fn committed(&mut self, topic: &str) -> i64 {
        let request = fetch(&self.group, topic, vec![self.partition]);
        let response = self.client.call(OFFSET_FETCH_VERSION, &request).expect("OffsetFetch is answered");
        assert_eq!(response.error_code, 0, "{response:?}");
        response.topics[0].partitions[0].committed_offset
    }
}

/// Has the members of each group join until they are in one generation, and sync. All groups at once: each waits for newcomers.
pub(crate) fn settle(groups: &mut [Vec<Member>]) {
    let mut joining: Vec<&mut Vec<Member>> = groups.iter_mut().collect();
    while !joining.is_empty() {
        joining.iter_mut().for_each(|group| group.iter_mut().for_each(Member::begin_join));
        joining.retain_mut(|group| !has_joined(group));
    }
    groups.iter_mut().flatten().for_each(Member::begin_sync);
    groups.iter_mut().flatten().for_each(Member::end_sync);
}

/// Ends the joins of a group: whether all are in one generation.
fn has_joined(members: &mut [Member]) -> bool {
    let seen_by_leader: usize = members.iter_mut().map(Member::end_join).sum();
    let generation_id = members[0].generation_id;
    seen_by_leader == members.len() && members.iter().all(|member| member.generation_id == generation_id)
}

/// Returns once the group has a coordinator.
pub(crate) fn find_coordinator(client: &mut Client, group: &str) {
    let request = FindCoordinatorRequest::default().with_key(StrBytes::from_string(group.to_owned()));
    wait::until("the group has a coordinator", || {
        let response = client.call(FIND_COORDINATOR_VERSION, &request).expect("FindCoordinator is answered");
        (response.error_code == 0).then_some(())
    });
}

/// Commits `offset` for every partition of `topic`, as a client without a membership.
pub(crate) fn commit_everywhere(client: &mut Client, group: &str, topic: &str, partitions: i32, offset: i64) {
    let request = commit(group, topic, 0..partitions, offset).with_generation_id_or_member_epoch(-1);
    let response = client.call(OFFSET_COMMIT_VERSION, &request).expect("OffsetCommit is answered");
    let partitions = &response.topics[0].partitions;
    assert!(partitions.iter().all(|partition| partition.error_code == 0), "{response:?}");
}

/// The offsets that are committed for every partition of `topic`; none while the coordinator is not ready.
pub(crate) fn fetch_everywhere(client: &mut Client, group: &str, topic: &str, partitions: i32) -> Option<Vec<i64>> {
    let request = fetch(group, topic, (0..partitions).collect());
    let response = client.call(OFFSET_FETCH_VERSION, &request).expect("OffsetFetch is answered");
    if response.error_code != 0 {
        return None;
    }
    Some(response.topics[0].partitions.iter().map(|partition| partition.committed_offset).collect())
}

fn commit(group: &str, topic: &str, partitions: std::ops::Range<i32>, offset: i64) -> OffsetCommitRequest {
    let partition =
        |index| OffsetCommitRequestPartition::default().with_partition_index(index).with_committed_offset(offset);
    let topic = OffsetCommitRequestTopic::default()
        .with_name(requests::topic_name(topic))
        .with_partitions(partitions.map(partition).collect());
    OffsetCommitRequest::default().with_group_id(group_id(group)).with_topics(vec![topic])
}

fn fetch(group: &str, topic: &str, partitions: Vec<i32>) -> OffsetFetchRequest {
    let topic =
        OffsetFetchRequestTopic::default().with_name(requests::topic_name(topic)).with_partition_indexes(partitions);
    OffsetFetchRequest::default().with_group_id(group_id(group)).with_topics(Some(vec![topic]))
}

fn group_id(group: &str) -> GroupId {
    GroupId(StrBytes::from_string(group.to_owned()))
}
