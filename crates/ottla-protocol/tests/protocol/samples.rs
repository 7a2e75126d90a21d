//! One well-filled request of every API in every version: each array has an element, each string a letter.

use bytes::Bytes;
use ottla_protocol::messages::create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic};
use ottla_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use ottla_protocol::messages::delete_topics_request::DeleteTopicState;
use ottla_protocol::messages::describe_configs_request::DescribeConfigsResource;
use ottla_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use ottla_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use ottla_protocol::messages::leave_group_request::MemberIdentity;
use ottla_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use ottla_protocol::messages::metadata_request::MetadataRequestTopic;
use ottla_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use ottla_protocol::messages::offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic};
use ottla_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use ottla_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use ottla_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use ottla_protocol::messages::*;
use ottla_protocol::{ApiKey, Request, RequestHeader};

/// A request, encoded.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) api: ApiKey,
    pub(crate) version: i16,
    /// Header and body.
    pub(crate) frame: Bytes,
    /// Without the header.
    pub(crate) body: Bytes,
    /// How many array lengths stand in it.
    pub(crate) arrays: usize,
}

/// All of them.
pub(crate) fn samples() -> Vec<Sample> {
    let versions = |api: &ApiKey| api.codec_versions().map(|version| (*api, version)).collect::<Vec<_>>();
    ApiKey::ALL.iter().flat_map(versions).map(|(api, version)| sample(api, version)).collect()
}

fn sample(api: ApiKey, version: i16) -> Sample {
    let (frame, arrays) = match api {
        ApiKey::Produce => (encoded(version, produce(version)), 2),
        ApiKey::Fetch => (encoded(version, fetch(version)), if version >= 7 { 4 } else { 2 }),
        ApiKey::ListOffsets => (encoded(version, list_offsets()), 2),
        ApiKey::Metadata => (encoded(version, metadata()), 1),
        ApiKey::OffsetCommit => (encoded(version, offset_commit()), 2),
        ApiKey::OffsetFetch => (encoded(version, offset_fetch(version)), if version >= 8 { 3 } else { 2 }),
        ApiKey::FindCoordinator => (encoded(version, find_coordinator(version)), if version >= 4 { 1 } else { 0 }),
        ApiKey::JoinGroup => (encoded(version, join_group()), 1),
        ApiKey::Heartbeat => (encoded(version, heartbeat()), 0),
        ApiKey::LeaveGroup => (encoded(version, leave_group(version)), if version >= 3 { 1 } else { 0 }),
        ApiKey::SyncGroup => (encoded(version, sync_group()), 1),
        ApiKey::DescribeGroups => (encoded(version, describe_groups()), 1),
        ApiKey::ListGroups => (encoded(version, list_groups(version)), usize::try_from(version - 3).unwrap_or(0)),
        ApiKey::ApiVersions => (encoded(version, api_versions(version)), 0),
        ApiKey::CreateTopics => (encoded(version, create_topics()), 4),
        ApiKey::DeleteTopics => (encoded(version, delete_topics(version)), 1),
        ApiKey::InitProducerId => (encoded(version, init_producer_id()), 0),
        ApiKey::OffsetForLeaderEpoch => (encoded(version, offset_for_leader_epoch()), 2),
        ApiKey::DescribeConfigs => (encoded(version, describe_configs()), 2),
        ApiKey::CreatePartitions => (encoded(version, create_partitions()), 3),
        ApiKey::DeleteGroups => (encoded(version, delete_groups()), 1),
        ApiKey::OffsetDelete => (encoded(version, offset_delete()), 2),
        ApiKey::DescribeCluster => (encoded(version, DescribeClusterRequest::default()), 0),
    };
    let mut body = frame.clone();
    RequestHeader::decode(&mut body).expect("the sample begins with one");
    Sample { api, version, frame, body, arrays }
}

fn encoded<R: Request>(version: i16, request: R) -> Bytes {
    let header = RequestHeader { api_key: R::KEY, api_version: version, correlation_id: 7, client_id: Some(text("c")) };
    let frame = request.encode(&header).expect("the sample exists in this version").into_bytes();
    let mut body = frame.clone();
    assert_eq!(RequestHeader::decode(&mut body), Ok(header));
    assert_eq!(R::decode(version, body), Ok(request), "{:?} version {version} reads back", R::KEY);
    frame
}

fn text(text: &'static str) -> StrBytes {
    StrBytes::from_static_str(text)
}

fn topic() -> TopicName {
    TopicName(text("orders"))
}

fn produce(version: i16) -> ProduceRequest {
    let partition =
        PartitionProduceData::default().with_index(3).with_records(Some(Bytes::from_static(b"not decoded here")));
    let topic_data = TopicProduceData::default().with_partition_data(vec![partition]);
    let topic_data =
        if version >= 13 { topic_data.with_topic_id(Uuid::from_bytes([7; 16])) } else { topic_data.with_name(topic()) };
    ProduceRequest::default()
        .with_transactional_id(Some(TransactionalId(text("t"))))
        .with_acks(-1)
        .with_timeout_ms(1500)
        .with_topic_data(vec![topic_data])
}

fn fetch(version: i16) -> FetchRequest {
    let partition = FetchPartition::default().with_partition(1).with_fetch_offset(9).with_partition_max_bytes(1 << 20);
    let fetched = FetchTopic::default().with_partitions(vec![partition]);
    let forgotten = ForgottenTopic::default().with_partitions(vec![4]);
    let (fetched, forgotten) = if version >= 13 {
        let id = Uuid::from_bytes([7; 16]);
        (fetched.with_topic_id(id), forgotten.with_topic_id(id))
    } else {
        (fetched.with_topic(topic()), forgotten.with_topic(topic()))
    };
    let request = FetchRequest::default().with_max_wait_ms(500).with_min_bytes(1).with_topics(vec![fetched]);
    if version >= 7 { request.with_forgotten_topics_data(vec![forgotten]) } else { request }
}

fn list_offsets() -> ListOffsetsRequest {
    let partition = ListOffsetsPartition::default().with_partition_index(1).with_timestamp(-2);
    let topic = ListOffsetsTopic::default().with_name(topic()).with_partitions(vec![partition]);
    ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic])
}

fn metadata() -> MetadataRequest {
    let topic = MetadataRequestTopic::default().with_name(Some(topic()));
    MetadataRequest::default().with_topics(Some(vec![topic])).with_allow_auto_topic_creation(true)
}

fn api_versions(version: i16) -> ApiVersionsRequest {
    let request = ApiVersionsRequest::default();
    if version >= 3 {
        request.with_client_software_name(text("n")).with_client_software_version(text("1"))
    } else {
        request
    }
}

fn create_topics() -> CreateTopicsRequest {
    let assignment = CreatableReplicaAssignment::default().with_broker_ids(vec![BrokerId(1)]);
    let config = CreatableTopicConfig::default().with_name(text("retention.ms")).with_value(Some(text("1")));
    let topic =
        CreatableTopic::default().with_name(topic()).with_assignments(vec![assignment]).with_configs(vec![config]);
    CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(9)
}

fn delete_topics(version: i16) -> DeleteTopicsRequest {
    let request = DeleteTopicsRequest::default().with_timeout_ms(9);
    if version >= 6 {
        request.with_topics(vec![DeleteTopicState::default().with_name(Some(topic()))])
    } else {
        request.with_topic_names(vec![topic()])
    }
}

fn init_producer_id() -> InitProducerIdRequest {
    InitProducerIdRequest::default().with_transactional_id(Some(TransactionalId(text("t"))))
}

fn offset_for_leader_epoch() -> OffsetForLeaderEpochRequest {
    let partition = OffsetForLeaderPartition::default().with_partition(1).with_leader_epoch(2);
    let topic = OffsetForLeaderTopic::default().with_topic(topic()).with_partitions(vec![partition]);
    OffsetForLeaderEpochRequest::default().with_topics(vec![topic])
}

fn describe_configs() -> DescribeConfigsRequest {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(2)
        .with_resource_name(text("orders"))
        .with_configuration_keys(Some(vec![text("retention.ms")]));
    DescribeConfigsRequest::default().with_resources(vec![resource])
}

fn create_partitions() -> CreatePartitionsRequest {
    let assignment = CreatePartitionsAssignment::default().with_broker_ids(vec![BrokerId(1)]);
    let topic = CreatePartitionsTopic::default().with_name(topic()).with_assignments(Some(vec![assignment]));
    CreatePartitionsRequest::default().with_topics(vec![topic])
}

fn group() -> GroupId {
    GroupId(text("readers"))
}

fn offset_commit() -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition::default()
        .with_partition_index(1)
        .with_committed_offset(7)
        .with_committed_metadata(Some(text("m")));
    let topic = OffsetCommitRequestTopic::default().with_name(topic()).with_partitions(vec![partition]);
    OffsetCommitRequest::default().with_group_id(group()).with_member_id(text("i")).with_topics(vec![topic])
}

fn offset_fetch(version: i16) -> OffsetFetchRequest {
    let request = OffsetFetchRequest::default();
    if version >= 8 {
        let topic = OffsetFetchRequestTopics::default().with_name(topic()).with_partition_indexes(vec![1]);
        let group = OffsetFetchRequestGroup::default().with_group_id(group()).with_topics(Some(vec![topic]));
        request.with_groups(vec![group])
    } else {
        let topic = OffsetFetchRequestTopic::default().with_name(topic()).with_partition_indexes(vec![1]);
        request.with_group_id(group()).with_topics(Some(vec![topic]))
    }
}

fn find_coordinator(version: i16) -> FindCoordinatorRequest {
    let request = FindCoordinatorRequest::default();
    if version >= 4 { request.with_coordinator_keys(vec![text("k")]) } else { request.with_key(text("k")) }
}

fn join_group() -> JoinGroupRequest {
    let protocol =
        JoinGroupRequestProtocol::default().with_name(text("range")).with_metadata(Bytes::from_static(b"topics"));
    JoinGroupRequest::default()
        .with_group_id(group())
        .with_session_timeout_ms(9)
        .with_member_id(text("i"))
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol])
}

fn heartbeat() -> HeartbeatRequest {
    HeartbeatRequest::default().with_group_id(group()).with_generation_id(3).with_member_id(text("i"))
}

fn leave_group(version: i16) -> LeaveGroupRequest {
    let request = LeaveGroupRequest::default().with_group_id(group());
    if version >= 3 {
        request.with_members(vec![MemberIdentity::default().with_member_id(text("i"))])
    } else {
        request.with_member_id(text("i"))
    }
}

fn sync_group() -> SyncGroupRequest {
    let assignment =
        SyncGroupRequestAssignment::default().with_member_id(text("i")).with_assignment(Bytes::from_static(b"all"));
    SyncGroupRequest::default().with_group_id(group()).with_member_id(text("i")).with_assignments(vec![assignment])
}

fn describe_groups() -> DescribeGroupsRequest {
    DescribeGroupsRequest::default().with_groups(vec![group()])
}

fn list_groups(version: i16) -> ListGroupsRequest {
    let filter = |from: i16| if version >= from { vec![text("f")] } else { Vec::new() };
    ListGroupsRequest::default().with_states_filter(filter(4)).with_types_filter(filter(5))
}

fn delete_groups() -> DeleteGroupsRequest {
    DeleteGroupsRequest::default().with_groups_names(vec![group()])
}

fn offset_delete() -> OffsetDeleteRequest {
    let partition = OffsetDeleteRequestPartition::default().with_partition_index(1);
    let topic = OffsetDeleteRequestTopic::default().with_name(topic()).with_partitions(vec![partition]);
    OffsetDeleteRequest::default().with_group_id(group()).with_topics(vec![topic])
}
