//! One well-filled request of every API in every version: each array has an element, each string a letter.

use bytes::Bytes;
use ottla_protocol::messages::create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic};
use ottla_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use ottla_protocol::messages::delete_topics_request::DeleteTopicState;
use ottla_protocol::messages::describe_configs_request::DescribeConfigsResource;
use ottla_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use ottla_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use ottla_protocol::messages::metadata_request::MetadataRequestTopic;
use ottla_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use ottla_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
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
        ApiKey::ApiVersions => (encoded(version, api_versions(version)), 0),
        ApiKey::CreateTopics => (encoded(version, create_topics()), 4),
        ApiKey::DeleteTopics => (encoded(version, delete_topics(version)), 1),
        ApiKey::InitProducerId => (encoded(version, init_producer_id()), 0),
        ApiKey::OffsetForLeaderEpoch => (encoded(version, offset_for_leader_epoch()), 2),
        ApiKey::DescribeConfigs => (encoded(version, describe_configs()), 2),
        ApiKey::CreatePartitions => (encoded(version, create_partitions()), 3),
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
