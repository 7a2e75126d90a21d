//! What is checked before the controller is asked, and what is answered.

use ottla_base::{TopicId, Uuid};
use ottla_metadata::{Record, TopicRecord};
use ottla_protocol::Response;
use ottla_protocol::messages::create_topics_request::CreatableTopicConfig;

use super::*;

fn topic(name: &'static str, configs: &[(&'static str, Option<&'static str>)]) -> CreatableTopic {
    let config = |(name, value): &(&'static str, Option<&'static str>)| {
        CreatableTopicConfig::default().with_name(wire::text(name)).with_value(value.map(wire::text))
    };
    CreatableTopic::default()
        .with_name(wire::topic_name(name))
        .with_num_partitions(2)
        .with_replication_factor(1)
        .with_configs(configs.iter().map(config).collect())
}

fn image_with(name: &str) -> Image {
    let record = TopicRecord { name: TopicName::new(name).unwrap(), topic_id: TopicId(Uuid([1; 16])) };
    Image::empty().apply(&[Record::Topic(record)], ottla_base::Offset(0))
}

fn refusal(topic: &CreatableTopic) -> (ErrorCode, String) {
    let refused = new_topic(&Layers::default(), &image_with("there"), topic).unwrap_err();
    (refused.code, refused.message.unwrap())
}

#[test]
fn refusals_are_told_in_kafkas_words() {
    let check = |topic: CreatableTopic, code, message: &str| assert_eq!(refusal(&topic), (code, message.to_owned()));
    check(
        topic("bad/name", &[]),
        ErrorCode::InvalidTopic,
        "Topic name is invalid: 'bad/name' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
    );
    check(topic("", &[]), ErrorCode::InvalidTopic, "Topic name is invalid: the empty string is not allowed");
    check(
        topic("__cluster_metadata", &[]),
        ErrorCode::InvalidRequest,
        "Creation of internal topic __cluster_metadata is prohibited.",
    );
    check(
        topic("t", &[("retention.ms", None), ("segment.bytes", None)]),
        ErrorCode::InvalidConfig,
        "Null value not supported for topic configs: retention.ms,segment.bytes",
    );
    check(topic("t", &[("nonsense", Some("1"))]), ErrorCode::InvalidConfig, "Unknown topic config name: nonsense");
}

#[test]
fn a_topic_that_is_there_counts_more_than_its_configs() {
    let (code, message) = refusal(&topic("there", &[("segment.bytes", Some("x"))]));
    assert_eq!((code, message.as_str()), (ErrorCode::TopicAlreadyExists, "Topic 'there' already exists."));
}

#[test]
fn what_is_created_is_described_from_version_5_on() {
    let layers = Layers::default();
    let new = new_topic(&layers, &Image::empty(), &topic("t", &[("retention.ms", Some("5"))])).unwrap();
    for version in API.served.clone() {
        let created = CreatedTopic { topic_id: TopicId(Uuid([2; 16])), partitions: 2, replication_factor: 1 };
        let asked = vec![Asked { named: "t".to_owned(), asked: Ok(new.clone()) }];
        let response = response(version, &layers, asked, Ok(vec![Ok(created)]));
        let configs = response.topics[0].configs.clone().unwrap();
        let retention = configs.iter().find(|config| config.name.as_str() == "retention.ms");
        let told = retention.map(|config| (config.value.as_ref().unwrap().to_string(), config.config_source));
        assert_eq!(told, (version >= 5).then(|| ("5".to_owned(), 1)), "version {version}");
        assert!(response.encode(version, 1).is_ok(), "version {version}");
    }
}
