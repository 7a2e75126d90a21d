//! The messages that tests send most often, in versions that old and new brokers serve.

use bytes::Bytes;
use ottla_base::{Offset, Timestamp};
use ottla_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use ottla_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use ottla_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use ottla_protocol::messages::metadata_request::MetadataRequestTopic;
use ottla_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla_protocol::messages::{
    BrokerId, CreateTopicsRequest, DeleteTopicsRequest, FetchRequest, ListOffsetsRequest, MetadataRequest,
    ProduceRequest, StrBytes, TopicName,
};
use ottla_protocol::{Request, RequestHeader, Unencodable};
use ottla_records::{BatchBuilder, Compression};

use crate::{Client, wait};

/// Produce: no topic ids, and errors per record.
pub const PRODUCE_VERSION: i16 = 9;
/// Fetch: no topic ids.
pub const FETCH_VERSION: i16 = 11;
/// CreateTopics: with the result's details.
pub const CREATE_TOPICS_VERSION: i16 = 5;
/// DeleteTopics: by name.
pub const DELETE_TOPICS_VERSION: i16 = 4;
/// Metadata: with leader epochs, by name.
pub const METADATA_VERSION: i16 = 7;
/// ListOffsets: with isolation level.
pub const LIST_OFFSETS_VERSION: i16 = 5;

/// A frame, without its length, that asks `request`.
pub fn frame<R: Request>(version: i16, correlation_id: i32, request: &R) -> Result<Bytes, Unencodable> {
    let client_id = Some(StrBytes::from_static_str("testkit"));
    let header = RequestHeader { api_key: R::KEY, api_version: version, correlation_id, client_id };
    Ok(request.encode(&header)?.into_bytes())
}

/// A topic's name as messages carry it.
pub fn topic_name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

/// One batch of `values` without keys, at time 1.
pub fn batch<'a>(compression: Compression, values: impl IntoIterator<Item = &'a [u8]>) -> Bytes {
    let mut builder = BatchBuilder::new(compression);
    for value in values {
        builder.append(Timestamp(1), None, Some(value));
    }
    builder.build().bytes()
}

/// Writes `records` to one partition. `acks` as on the wire: -1 is all.
pub fn produce(topic: &str, partition: i32, records: Bytes, acks: i16) -> ProduceRequest {
    let data = PartitionProduceData::default().with_index(partition).with_records(Some(records));
    let topic = TopicProduceData::default().with_name(topic_name(topic)).with_partition_data(vec![data]);
    ProduceRequest::default().with_acks(acks).with_timeout_ms(10_000).with_topic_data(vec![topic])
}

/// Reads one partition from `offset`, waiting for a record for up to `wait_ms`.
pub fn fetch(topic: &str, partition: i32, offset: Offset, max_bytes: i32, wait_ms: i32) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_partition(partition)
        .with_current_leader_epoch(-1)
        .with_fetch_offset(offset.0)
        .with_partition_max_bytes(max_bytes);
    let topic = FetchTopic::default().with_topic(topic_name(topic)).with_partitions(vec![partition]);
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(wait_ms)
        .with_min_bytes(1)
        .with_max_bytes(max_bytes)
        .with_session_id(0)
        .with_session_epoch(-1)
        .with_topics(vec![topic])
}

/// Creates one topic with one replica.
pub fn create_topic(topic: &str, partitions: i32, configs: &[(&str, &str)]) -> CreateTopicsRequest {
    let config = |(name, value): &(&str, &str)| {
        CreatableTopicConfig::default()
            .with_name(StrBytes::from_string((*name).to_owned()))
            .with_value(Some(StrBytes::from_string((*value).to_owned())))
    };
    let topic = CreatableTopic::default()
        .with_name(topic_name(topic))
        .with_num_partitions(partitions)
        .with_replication_factor(1)
        .with_configs(configs.iter().map(config).collect());
    CreateTopicsRequest::default().with_timeout_ms(30_000).with_topics(vec![topic])
}

/// Deletes one topic.
pub fn delete_topic(topic: &str) -> DeleteTopicsRequest {
    DeleteTopicsRequest::default().with_timeout_ms(30_000).with_topic_names(vec![topic_name(topic)])
}

/// Asks one partition for an offset by time; -1 is the end, -2 the start.
pub fn list_offsets(topic: &str, partition: i32, timestamp: i64) -> ListOffsetsRequest {
    let partition = ListOffsetsPartition::default()
        .with_partition_index(partition)
        .with_current_leader_epoch(-1)
        .with_timestamp(timestamp);
    let topic = ListOffsetsTopic::default().with_name(topic_name(topic)).with_partitions(vec![partition]);
    ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic])
}

/// Creates `topic`, and returns once each partition has a leader.
///
/// # Panics
/// Where the broker refuses.
pub fn make_topic(client: &mut Client, topic: &str, partitions: i32, configs: &[(&str, &str)]) {
    let request = create_topic(topic, partitions, configs);
    let response = client.call(CREATE_TOPICS_VERSION, &request).expect("CreateTopics is answered");
    assert_eq!(response.topics[0].error_code, 0, "{:?}", response.topics[0]);
    wait_for_leaders(client, topic, partitions);
}

/// Returns once each of `topic`'s partitions has a leader. Brokers answer CreateTopics a moment before.
pub fn wait_for_leaders(client: &mut Client, topic: &str, partitions: i32) {
    let topics = vec![MetadataRequestTopic::default().with_name(Some(topic_name(topic)))];
    let request = MetadataRequest::default().with_topics(Some(topics)).with_allow_auto_topic_creation(false);
    wait::until("each partition has a leader", || {
        let response = client.call(METADATA_VERSION, &request).expect("Metadata is answered");
        let topic = &response.topics[0];
        let led = topic.partitions.iter().filter(|partition| partition.error_code == 0).count();
        (topic.error_code == 0 && led == usize::try_from(partitions).expect("not negative")).then_some(())
    });
}
