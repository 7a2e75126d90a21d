//! What clients live through with a broker and its controller, from frame to frame.

use std::collections::BTreeSet;
use std::time::Duration;

use ottla_net::timer;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use ottla_protocol::messages::create_topics_request::CreatableTopic;
use ottla_protocol::messages::delete_topics_request::DeleteTopicState;
use ottla_protocol::messages::metadata_request::MetadataRequestTopic;
use ottla_protocol::messages::metadata_response::MetadataResponseTopic;
use ottla_protocol::messages::{
    CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest, InitProducerIdRequest, MetadataRequest,
};

use crate::testing::{TestBroker, run};
use crate::wire;

fn create(name: &str, partitions: i32, timeout_ms: i32) -> CreateTopicsRequest {
    let topic = CreatableTopic::default()
        .with_name(wire::topic_name(name))
        .with_num_partitions(partitions)
        .with_replication_factor(-1);
    CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(timeout_ms)
}

async fn metadata(broker: &TestBroker, name: &str, creates: bool) -> MetadataResponseTopic {
    let topic = MetadataRequestTopic::default().with_name(Some(wire::topic_name(name)));
    let request = MetadataRequest::default().with_topics(Some(vec![topic])).with_allow_auto_topic_creation(creates);
    broker.ask(12, request).await.topics.remove(0)
}

fn error(topic: &MetadataResponseTopic) -> ErrorCode {
    ErrorCode::from_code(topic.error_code).expect("a code of Kafka's")
}

#[test]
fn a_created_topic_is_answered_once_the_broker_has_taken_it_up() {
    run(async {
        let broker = TestBroker::start(&[]).await;
        let mut answer = Box::pin(broker.ask(7, create("t", 3, 60_000)));
        assert!(timer::timeout(Duration::from_secs(10), &mut answer).await.is_err(), "nothing is taken up yet");
        assert_eq!(error(&metadata(&broker, "t", false).await), ErrorCode::UnknownTopicOrPartition);

        broker.take_up();
        let topic = answer.await.topics.remove(0);
        assert_eq!((topic.error_code, topic.num_partitions, topic.replication_factor), (0, 3, 1));
        let told = metadata(&broker, "t", false).await;
        assert_eq!((told.topic_id, told.partitions.len()), (topic.topic_id, 3));
        assert_eq!(told.partitions[0].leader_id.0, 1);
    });
}

#[test]
fn what_was_decided_is_answered_even_where_taking_it_up_takes_too_long() {
    run(async {
        let broker = TestBroker::start(&[]).await;
        for (name, timeout_ms) in [("patient", 500), ("at-once", 0), ("negative", -1)] {
            let response = broker.ask(7, create(name, 1, timeout_ms)).await;
            assert_eq!(response.topics[0].error_code, 0, "{name}");
        }
    });
}

#[test]
fn asking_about_a_topic_creates_it_and_waits_for_it() {
    run(async {
        let broker = TestBroker::start(&[]).await;
        assert_eq!(
            error(&metadata(&broker, "t", true).await),
            ErrorCode::UnknownTopicOrPartition,
            "not taken up in time"
        );
        broker.keep_up();
        let created = metadata(&broker, "u", true).await;
        assert_eq!((error(&created), created.partitions.len()), (ErrorCode::None, 1));
        assert_eq!(error(&metadata(&broker, "t", true).await), ErrorCode::None, "it was there already");
        assert_eq!(error(&metadata(&broker, "v", false).await), ErrorCode::UnknownTopicOrPartition);
        assert_eq!(error(&metadata(&broker, "u/v", true).await), ErrorCode::InvalidTopic);
        assert_eq!(error(&metadata(&broker, "__consumer_offsets", true).await), ErrorCode::UnknownTopicOrPartition);
    });
}

#[test]
fn nothing_is_created_for_asking_where_that_is_switched_off() {
    run(async {
        let broker = TestBroker::start(&["auto.create.topics.enable=false"]).await;
        broker.keep_up();
        assert_eq!(error(&metadata(&broker, "t", true).await), ErrorCode::UnknownTopicOrPartition);
    });
}

#[test]
fn validating_creates_nothing() {
    run(async {
        let broker = TestBroker::start(&[]).await;
        broker.keep_up();
        let response = broker.ask(7, create("t", 3, 1000).with_validate_only(true)).await;
        assert_eq!((response.topics[0].error_code, response.topics[0].num_partitions), (0, 3));
        assert_eq!(error(&metadata(&broker, "t", false).await), ErrorCode::UnknownTopicOrPartition);
    });
}

#[test]
fn a_topic_grows_is_deleted_by_id_and_comes_back_as_another() {
    run(async {
        let broker = TestBroker::start(&[]).await;
        broker.keep_up();
        let first = broker.ask(7, create("t", 1, 1000)).await.topics.remove(0).topic_id;

        let grown =
            CreatePartitionsTopic::default().with_name(wire::topic_name("t")).with_count(4).with_assignments(None);
        let request = CreatePartitionsRequest::default().with_topics(vec![grown]).with_timeout_ms(1000);
        assert_eq!(broker.ask(3, request.clone()).await.results[0].error_code, 0);
        assert_eq!(metadata(&broker, "t", false).await.partitions.len(), 4);
        let again = broker.ask(3, request).await.results.remove(0);
        assert_eq!(again.error_code, ErrorCode::InvalidPartitions.code());
        assert_eq!(again.error_message.unwrap().as_str(), "Topic already has 4 partition(s).");

        let by_id = DeleteTopicState::default().with_name(None).with_topic_id(first);
        let request = DeleteTopicsRequest::default().with_topics(vec![by_id]).with_timeout_ms(1000);
        let deleted = broker.ask(6, request.clone()).await.responses.remove(0);
        assert_eq!((deleted.error_code, deleted.name.unwrap().as_str()), (0, "t"));
        let gone = broker.ask(6, request).await.responses.remove(0);
        assert_eq!((gone.error_code, gone.name), (ErrorCode::UnknownTopicId.code(), None));

        let second = broker.ask(7, create("t", 1, 1000)).await.topics.remove(0).topic_id;
        assert_ne!(first, second);
    });
}

#[test]
fn producer_ids_are_never_given_twice() {
    run(async {
        let broker = TestBroker::start(&[]).await;
        let mut given = BTreeSet::new();
        for _ in 0..2500 {
            let request = InitProducerIdRequest::default().with_transactional_id(None);
            let response = broker.ask(4, request).await;
            assert_eq!((response.error_code, response.producer_epoch), (0, 0));
            assert!(given.insert(response.producer_id.0));
        }
    });
}
