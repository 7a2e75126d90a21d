//! The messages that simulated clients send, in the versions that they speak.

use bytes::Bytes;
use ottla_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use ottla_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use ottla_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use ottla_protocol::messages::metadata_request::MetadataRequestTopic;
use ottla_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla_protocol::messages::{
    BrokerId, CreateTopicsRequest, DeleteTopicsRequest, FetchRequest, ListOffsetsRequest, MetadataRequest,
    ProduceRequest, StrBytes, TopicName,
};

/// Produce: names topics, reports errors per record.
pub(crate) const PRODUCE: i16 = 9;
/// Fetch: names topics.
pub(crate) const FETCH: i16 = 11;
/// ListOffsets: with the isolation level.
pub(crate) const LIST_OFFSETS: i16 = 5;
/// Metadata: names topics, with leader epochs.
pub(crate) const METADATA: i16 = 8;
/// CreateTopics: with the result's details.
pub(crate) const CREATE_TOPICS: i16 = 5;
/// DeleteTopics: by name.
pub(crate) const DELETE_TOPICS: i16 = 4;
/// InitProducerId: flexible, with the producer's present id.
pub(crate) const INIT_PRODUCER_ID: i16 = 4;

/// ListOffsets: the end.
pub(crate) const LATEST: i64 = -1;
/// ListOffsets: the first offset there is.
pub(crate) const EARLIEST: i64 = -2;

fn topic_name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

/// Writes `batches`, each of a topic, a partition and a batch. The broker waits up to `timeout_ms` for what `acks` asks for.
pub(crate) fn produce(batches: &[(&str, i32, Bytes)], acks: i16, timeout_ms: i32) -> ProduceRequest {
    let topics = batches.iter().map(|(topic, partition, records)| {
        let data = PartitionProduceData::default().with_index(*partition).with_records(Some(records.clone()));
        TopicProduceData::default().with_name(topic_name(topic)).with_partition_data(vec![data])
    });
    ProduceRequest::default().with_acks(acks).with_timeout_ms(timeout_ms).with_topic_data(topics.collect())
}

/// How much a Fetch asks for, and how long it waits for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FetchTerms {
    pub(crate) wait_ms: i32,
    pub(crate) bytes_min: i32,
    pub(crate) bytes_max: i32,
    pub(crate) is_read_committed: bool,
}

/// Reads `positions`, each of a topic, a partition and an offset.
pub(crate) fn fetch(positions: &[(&str, i32, i64)], terms: FetchTerms) -> FetchRequest {
    let topics = positions.iter().map(|(topic, partition, offset)| {
        let partition = FetchPartition::default()
            .with_partition(*partition)
            .with_current_leader_epoch(-1)
            .with_fetch_offset(*offset)
            .with_partition_max_bytes(terms.bytes_max);
        FetchTopic::default().with_topic(topic_name(topic)).with_partitions(vec![partition])
    });
    FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(terms.wait_ms)
        .with_min_bytes(terms.bytes_min)
        .with_max_bytes(terms.bytes_max)
        .with_isolation_level(i8::from(terms.is_read_committed))
        .with_session_id(0)
        .with_session_epoch(-1)
        .with_topics(topics.collect())
}

/// Asks one partition for an offset by time.
pub(crate) fn list_offsets(topic: &str, partition: i32, timestamp: i64) -> ListOffsetsRequest {
    let partition = ListOffsetsPartition::default()
        .with_partition_index(partition)
        .with_current_leader_epoch(-1)
        .with_timestamp(timestamp);
    let topic = ListOffsetsTopic::default().with_name(topic_name(topic)).with_partitions(vec![partition]);
    ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic])
}

/// Asks for one topic, and creates none.
pub(crate) fn metadata(topic: &str) -> MetadataRequest {
    let topics = vec![MetadataRequestTopic::default().with_name(Some(topic_name(topic)))];
    MetadataRequest::default().with_topics(Some(topics)).with_allow_auto_topic_creation(false)
}

/// Creates one topic with one replica.
pub(crate) fn create_topic(topic: &str, partitions: i32, configs: &[(&str, String)]) -> CreateTopicsRequest {
    let config = |(name, value): &(&str, String)| {
        CreatableTopicConfig::default()
            .with_name(StrBytes::from_string((*name).to_owned()))
            .with_value(Some(StrBytes::from_string(value.clone())))
    };
    let topic = CreatableTopic::default()
        .with_name(topic_name(topic))
        .with_num_partitions(partitions)
        .with_replication_factor(1)
        .with_configs(configs.iter().map(config).collect());
    CreateTopicsRequest::default().with_timeout_ms(5000).with_topics(vec![topic])
}

/// Deletes one topic.
pub(crate) fn delete_topic(topic: &str) -> DeleteTopicsRequest {
    DeleteTopicsRequest::default().with_timeout_ms(5000).with_topic_names(vec![topic_name(topic)])
}
