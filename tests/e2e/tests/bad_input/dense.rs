//! Arrays that are what they say: as many elements as a frame can hold, in every array of every request, by many
//! clients at once.

use bytes::Bytes;
use ottla_protocol::Request;
use ottla_protocol::messages::create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic};
use ottla_protocol::messages::create_topics_request::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig,
};
use ottla_protocol::messages::describe_configs_request::DescribeConfigsResource;
use ottla_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use ottla_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use ottla_protocol::messages::metadata_request::MetadataRequestTopic;
use ottla_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use ottla_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, DescribeConfigsRequest, FetchRequest,
    ListOffsetsRequest, MetadataRequest, OffsetForLeaderEpochRequest, ProduceRequest, StrBytes, TopicName,
};
use testkit::{Reply, requests};

use crate::support::{ask, assert_well, start};

/// Frames that are not Produce end at 4 MiB; these come near it.
const FRAME_BYTES: usize = 4_000_000;
const CLIENTS: usize = 8;

/// As many of `element` as fill a frame, each of `bytes` on the wire.
fn many<T: Clone>(element: T, bytes: usize) -> Vec<T> {
    vec![element; FRAME_BYTES / bytes]
}

fn name() -> TopicName {
    TopicName(StrBytes::from_static_str("t"))
}

fn frame<R: Request>(array: &'static str, version: i16, request: R) -> (&'static str, Bytes) {
    let frame = requests::frame(version, 7, &request).expect("the request exists in this version");
    assert!(frame.len() > FRAME_BYTES / 2, "{array}: {} bytes", frame.len());
    (array, frame)
}

/// Sizes on the wire are those of the plain versions, but where only a compact one has the array.
fn dense_frames() -> Vec<(&'static str, Bytes)> {
    let produce = |topics| ProduceRequest::default().with_acks(1).with_timeout_ms(1).with_topic_data(topics);
    let fetch = |topics| FetchRequest::default().with_session_epoch(-1).with_topics(topics);
    let forget = |topics| FetchRequest::default().with_session_epoch(-1).with_forgotten_topics_data(topics);
    let offsets = |topics| ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(topics);
    let create =
        |topics| CreateTopicsRequest::default().with_timeout_ms(1).with_validate_only(true).with_topics(topics);
    let grow =
        |topics| CreatePartitionsRequest::default().with_timeout_ms(1).with_validate_only(true).with_topics(topics);
    let epochs = |topics| OffsetForLeaderEpochRequest::default().with_topics(topics);
    let describe = |resources| DescribeConfigsRequest::default().with_resources(resources);

    let produced = TopicProduceData::default().with_name(name());
    let fetched = FetchTopic::default().with_topic(name());
    let forgotten = ForgottenTopic::default().with_topic(name());
    let timed = ListOffsetsTopic::default().with_name(name());
    let created = CreatableTopic::default().with_name(name()).with_num_partitions(1).with_replication_factor(1);
    let assigned = created.clone().with_num_partitions(-1).with_replication_factor(-1);
    let grown = CreatePartitionsTopic::default().with_name(name()).with_count(2);
    let dated = OffsetForLeaderTopic::default().with_topic(name());
    let described = DescribeConfigsResource::default().with_resource_type(2).with_resource_name(name().0);
    let assignment = CreatableReplicaAssignment::default();
    let growth = CreatePartitionsAssignment::default();
    let metadata = MetadataRequestTopic::default().with_name(Some(name()));

    vec![
        frame("Produce topics", 7, produce(many(produced.clone(), 7))),
        frame("Produce partitions", 7, {
            produce(vec![produced.with_partition_data(many(PartitionProduceData::default(), 8))])
        }),
        frame("Fetch topics", 11, fetch(many(fetched.clone(), 7))),
        frame("Fetch partitions", 11, fetch(vec![fetched.with_partitions(many(FetchPartition::default(), 28))])),
        frame("Fetch forgotten topics", 11, forget(many(forgotten.clone(), 7))),
        frame("Fetch forgotten partitions", 11, forget(vec![forgotten.with_partitions(many(1, 4))])),
        frame("ListOffsets topics", 5, offsets(many(timed.clone(), 7))),
        frame("ListOffsets partitions", 5, {
            offsets(vec![timed.with_partitions(many(ListOffsetsPartition::default(), 16))])
        }),
        frame("Metadata topics", 4, MetadataRequest::default().with_topics(Some(many(metadata, 3)))),
        frame("CreateTopics topics", 4, create(many(created.clone(), 17))),
        frame(
            "CreateTopics assignments",
            4,
            create(vec![assigned.clone().with_assignments(many(assignment.clone(), 8))]),
        ),
        frame("CreateTopics replicas", 4, {
            create(vec![assigned.with_assignments(vec![assignment.with_broker_ids(many(BrokerId(0), 4))])])
        }),
        frame("CreateTopics configs", 4, create(vec![created.with_configs(many(CreatableTopicConfig::default(), 4))])),
        frame(
            "DeleteTopics names",
            3,
            DeleteTopicsRequest::default().with_timeout_ms(1).with_topic_names(many(name(), 3)),
        ),
        frame("CreatePartitions topics", 1, grow(many(grown.clone(), 11))),
        frame(
            "CreatePartitions assignments",
            1,
            grow(vec![grown.clone().with_assignments(Some(many(growth.clone(), 4)))]),
        ),
        frame("CreatePartitions replicas", 1, {
            grow(vec![grown.with_assignments(Some(vec![growth.with_broker_ids(many(BrokerId(0), 4))]))])
        }),
        frame("OffsetForLeaderEpoch topics", 3, epochs(many(dated.clone(), 7))),
        frame("OffsetForLeaderEpoch partitions", 3, {
            epochs(vec![dated.with_partitions(many(OffsetForLeaderPartition::default(), 12))])
        }),
        frame(
            "DescribeConfigs resources",
            3,
            describe(many(described.clone().with_configuration_keys(Some(vec![])), 8)),
        ),
        frame("DescribeConfigs names", 3, {
            describe(vec![described.with_configuration_keys(Some(many(StrBytes::default(), 2)))])
        }),
    ]
}

#[test]
fn a_dense_array_in_any_place_is_answered_or_refused() {
    let mut broker = start();
    let address = broker.address();
    let frames = dense_frames();
    for (array, frame) in &frames {
        assert_ne!(ask(address, frame), Reply::Nothing, "{array}");
        println!("{array}: {} MiB at the most", assert_well(&mut broker) >> 20);
    }
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let frames = &frames;
            scope.spawn(move || {
                for (array, frame) in frames.iter().cycle().skip(client).take(frames.len() / 2) {
                    assert_ne!(ask(address, frame), Reply::Nothing, "{array}");
                }
            });
        }
    });
    assert_well(&mut broker);
}
