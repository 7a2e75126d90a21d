//! Topics are made, grown, described and deleted by librdkafka's admin client, and listed by both clients.

use std::future::Future;

use e2e::{Target, admin, consumer};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::describe_configs_request::DescribeConfigsResource;
use ottla_protocol::messages::{DescribeConfigsRequest, StrBytes};
use rdkafka::Offset;
use rdkafka::admin::{
    AdminOptions, ConfigResource, ConfigSource, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::consumer::Consumer as _;
use rdkafka::types::RDKafkaErrorCode;
use testkit::wait;

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(wait::PATIENCE)).operation_timeout(Some(wait::PATIENCE))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

/// The outcome of an operation on one topic.
fn create(target: &Target, topic: &NewTopic<'_>) -> Result<(), RDKafkaErrorCode> {
    let outcomes = block_on(admin(target.bootstrap()).create_topics([topic], &options())).expect("an answer");
    outcomes.into_iter().next().expect("one topic").map(drop).map_err(|(_, code)| code)
}

fn delete(target: &Target, topic: &str) -> Result<(), RDKafkaErrorCode> {
    let outcomes = block_on(admin(target.bootstrap()).delete_topics(&[topic], &options())).expect("an answer");
    outcomes.into_iter().next().expect("one topic").map(drop).map_err(|(_, code)| code)
}

fn grow(target: &Target, topic: &str, partitions: usize) -> Result<(), RDKafkaErrorCode> {
    let request = NewPartitions::new(topic, partitions);
    let outcomes = block_on(admin(target.bootstrap()).create_partitions([&request], &options())).expect("an answer");
    outcomes.into_iter().next().expect("one topic").map(drop).map_err(|(_, code)| code)
}

fn describe(target: &Target, resource: &ResourceSpecifier<'_>) -> Result<ConfigResource, RDKafkaErrorCode> {
    let outcomes = block_on(admin(target.bootstrap()).describe_configs([resource], &options())).expect("an answer");
    outcomes.into_iter().next().expect("one resource")
}

fn new_topic(topic: &str, partitions: i32) -> NewTopic<'_> {
    NewTopic::new(topic, partitions, TopicReplication::Fixed(1))
}

/// How many partitions of `topic` the broker lists; `None` where it does not list the topic.
fn partitions_listed(target: &Target, topic: &str) -> Option<usize> {
    let any = consumer(target.bootstrap(), topic, 0, Offset::Beginning, &[("allow.auto.create.topics", "false")]);
    let metadata = any.fetch_metadata(None, wait::PATIENCE).expect("metadata of all topics");
    metadata.topics().iter().find(|listed| listed.name() == topic).map(|listed| listed.partitions().len())
}

#[test]
fn a_topic_is_created_grown_and_deleted() {
    let target = Target::start();
    let topic = target.unused_topic_name("life");
    assert_eq!(create(&target, &new_topic(&topic, 3)), Ok(()));
    wait::until("the topic is listed", || (partitions_listed(&target, &topic) == Some(3)).then_some(()));
    assert_eq!(grow(&target, &topic, 7), Ok(()));
    wait::until("the partitions are listed", || (partitions_listed(&target, &topic) == Some(7)).then_some(()));
    assert_eq!(delete(&target, &topic), Ok(()));
    wait::until("the topic is gone", || partitions_listed(&target, &topic).is_none().then_some(()));
}

#[test]
fn a_topic_of_a_deleted_topics_name_is_empty() {
    let target = Target::start();
    let topic = target.create_topic("again", 1, &[]);
    let kcat = target.kcat();
    kcat.run(&["-P", "-t", &topic, "-p", "0"], b"old\n").expect("kcat writes");
    assert_eq!(delete(&target, &topic), Ok(()));
    wait::until("it can be made again", || create(&target, &new_topic(&topic, 1)).ok());
    wait::until("it is listed", || partitions_listed(&target, &topic));
    kcat.run(&["-P", "-t", &topic, "-p", "0"], b"new\n").expect("kcat writes");
    let read =
        kcat.run_text(&["-C", "-q", "-t", &topic, "-p", "0", "-o", "beginning", "-c", "1"], b"").expect("kcat reads");
    assert_eq!(read, "new\n");
}

#[test]
fn mistakes_are_named() {
    let target = Target::start();
    let topic = target.create_topic("taken", 2, &[]);
    assert_eq!(create(&target, &new_topic(&topic, 1)), Err(RDKafkaErrorCode::TopicAlreadyExists));
    assert_eq!(create(&target, &new_topic("no/slash", 1)), Err(RDKafkaErrorCode::InvalidTopic));
    assert_eq!(create(&target, &new_topic(&"x".repeat(250), 1)), Err(RDKafkaErrorCode::InvalidTopic));
    let replicated = target.unused_topic_name("replicated");
    let replicated = NewTopic::new(&replicated, 1, TopicReplication::Fixed(3));
    assert_eq!(create(&target, &replicated), Err(RDKafkaErrorCode::InvalidReplicationFactor));
    let configured = target.unused_topic_name("configured");
    let unknown = new_topic(&configured, 1).set("no.such.setting", "1");
    assert_eq!(create(&target, &unknown), Err(RDKafkaErrorCode::InvalidConfig));
    let wrong = new_topic(&configured, 1).set("retention.ms", "soon");
    assert_eq!(create(&target, &wrong), Err(RDKafkaErrorCode::InvalidConfig));
    assert_eq!(grow(&target, &topic, 2), Err(RDKafkaErrorCode::InvalidPartitions));
    assert_eq!(grow(&target, &topic, 1), Err(RDKafkaErrorCode::InvalidPartitions));
    let nobody = target.unused_topic_name("nobody");
    assert_eq!(grow(&target, &nobody, 2), Err(RDKafkaErrorCode::UnknownTopicOrPartition));
    assert_eq!(delete(&target, &nobody), Err(RDKafkaErrorCode::UnknownTopicOrPartition));
    assert_eq!(partitions_listed(&target, &configured), None, "nothing came of what failed");
}

#[test]
fn a_topics_settings_are_described_with_their_sources() {
    let target = Target::start();
    let topic = target.create_topic("described", 1, &[("retention.ms", "3600000"), ("max.message.bytes", "2000000")]);
    let described = describe(&target, &ResourceSpecifier::Topic(&topic)).expect("the topic is there");
    let entry = |name: &str| described.get(name).unwrap_or_else(|| panic!("{name} is described"));
    assert_eq!(entry("retention.ms").value.as_deref(), Some("3600000"));
    assert_eq!(entry("retention.ms").source, ConfigSource::DynamicTopic);
    assert_eq!(entry("max.message.bytes").value.as_deref(), Some("2000000"));
    assert_eq!(entry("cleanup.policy").value.as_deref(), Some("delete"));
    assert_eq!(entry("cleanup.policy").source, ConfigSource::Default);
    assert!(entry("cleanup.policy").is_default);
    assert_eq!(entry("segment.bytes").value.as_deref(), Some("1073741824"));
    assert!(!entry("segment.bytes").is_sensitive && !entry("segment.bytes").is_read_only);
}

/// Asked by the raw client: the crate drops a resource's error.
#[test]
fn a_topic_that_is_not_there_has_no_settings() {
    let target = Target::start();
    let nobody = StrBytes::from_string(target.unused_topic_name("nobody"));
    let resource = DescribeConfigsResource::default().with_resource_type(2).with_resource_name(nobody);
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
    let response = target.client().call(1, &request).expect("DescribeConfigs is answered");
    assert_eq!(response.results[0].error_code, ErrorCode::UnknownTopicOrPartition.code());
    assert!(response.results[0].configs.is_empty());
}

#[test]
fn the_brokers_settings_are_described() {
    let target = Target::start();
    let any = consumer(target.bootstrap(), "none", 0, Offset::Beginning, &[("allow.auto.create.topics", "false")]);
    let metadata = any.fetch_metadata(None, wait::PATIENCE).expect("metadata");
    let broker_id = metadata.brokers().first().expect("one broker").id();
    let described = describe(&target, &ResourceSpecifier::Broker(broker_id)).expect("the broker is there");
    let entry = |name: &str| described.get(name).unwrap_or_else(|| panic!("{name} is described"));
    assert_eq!(entry("log.retention.hours").value.as_deref(), Some("168"));
    assert_eq!(entry("log.retention.hours").source, ConfigSource::Default);
    assert_eq!(entry("auto.create.topics.enable").value.as_deref(), Some("true"));
    assert!(entry("listeners").source != ConfigSource::Default, "it was set at start");
}

#[test]
fn both_clients_list_brokers_topics_and_partitions() {
    let target = Target::start();
    let topic = target.create_topic("listed", 4, &[]);
    assert_eq!(partitions_listed(&target, &topic), Some(4));

    let listing = target.kcat().run_text(&["-L", "-J"], b"").expect("kcat lists");
    let listing: serde_json::Value = serde_json::from_str(&listing).expect("JSON");
    let brokers = listing["brokers"].as_array().expect("brokers");
    assert_eq!(brokers.len(), 1);
    assert_eq!(brokers[0]["name"], target.bootstrap(), "clients are sent to where they came");
    let listed = listing["topics"].as_array().expect("topics").iter().find(|listed| listed["topic"] == *topic);
    let partitions = listed.expect("the topic")["partitions"].as_array().expect("partitions");
    assert_eq!(partitions.len(), 4);
    assert!(partitions.iter().all(|partition| partition["leader"] == brokers[0]["id"]), "{partitions:?}");
}

#[test]
fn a_topic_comes_into_being_when_it_is_written_to() {
    let target = Target::start();
    let topic = target.unused_topic_name("auto");
    target.kcat().run(&["-P", "-t", &topic], b"first\n").expect("kcat writes");
    assert_eq!(partitions_listed(&target, &topic), Some(1));
}
