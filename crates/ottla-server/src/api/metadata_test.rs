//! Answers over an image of two brokers, as the client of one of them sees it.

use std::collections::BTreeMap;

use ottla_base::{BrokerEpoch, DirectoryId, Incarnation, LeaderEpoch, Offset, PartitionEpoch, Uuid};
use ottla_metadata::{
    ClusterIdRecord, LeaderRecoveryState, Listener, PartitionRecord, Record, RegisterBrokerRecord, TopicRecord,
};
use ottla_protocol::Response;

use super::*;
use crate::testing::{connection_to, settings};

const NEAR: BrokerId = BrokerId(1);
const FAR: BrokerId = BrokerId(2);

fn directory(broker_id: BrokerId) -> DirectoryId {
    DirectoryId(Uuid([broker_id.0 as u8; 16]))
}

fn broker(broker_id: BrokerId, listener: &str, fenced: bool) -> Record {
    Record::RegisterBroker(RegisterBrokerRecord {
        broker_id,
        broker_epoch: BrokerEpoch(1),
        incarnation: Incarnation(Uuid([9; 16])),
        start_counter: 1,
        directories: vec![directory(broker_id)],
        listeners: vec![Listener { name: listener.to_owned(), host: "far.example.com".to_owned(), port: 9092 }],
        rack: None,
        fenced,
    })
}

fn id_of(topic: &str) -> TopicId {
    TopicId(Uuid([topic.as_bytes()[0]; 16]))
}

fn topic(name: &str, leader: Option<BrokerId>) -> [Record; 2] {
    let topic_id = id_of(name);
    let partition = PartitionRecord {
        topic_id,
        partition: PartitionIndex(0),
        replicas: vec![NEAR, FAR],
        directories: vec![directory(NEAR), directory(FAR)],
        isr: vec![NEAR, FAR],
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        leader,
        leader_epoch: LeaderEpoch(4),
        partition_epoch: PartitionEpoch(0),
        recovery_state: LeaderRecoveryState::Recovered,
        durable_acks: true,
    };
    [Record::Topic(TopicRecord { name: TopicName::new(name).unwrap(), topic_id }), Record::Partition(partition)]
}

fn image(far: Record, topics: impl IntoIterator<Item = [Record; 2]>) -> Image {
    let cluster = Record::ClusterId(ClusterIdRecord { cluster_id: Uuid([3; 16]) });
    let mut records = vec![cluster, broker(NEAR, "PLAINTEXT", false), far];
    records.extend(topics.into_iter().flatten());
    Image::empty().apply(&records, Offset(1))
}

fn answering(version: i16, wanted: Wanted) -> Answering {
    let viewpoint = Viewpoint::new(NEAR, &settings(&[]).broker, &connection_to("127.0.0.1:9092"));
    Answering { version, viewpoint, wanted, cluster_operations: false, topic_operations: false }
}

fn names(names: &[&str]) -> Wanted {
    Wanted::Names(names.iter().map(|name| (*name).to_owned()).collect())
}

fn ids(ids: &[messages::BrokerId]) -> Vec<i32> {
    ids.iter().map(|id| id.0).collect()
}

fn request_topic(name: Option<&'static str>, id: u8) -> MetadataRequestTopic {
    MetadataRequestTopic::default()
        .with_name(name.map(wire::topic_name))
        .with_topic_id(messages::Uuid::from_bytes([id; 16]))
}

#[test]
fn an_empty_list_means_all_topics_in_version_0_only() {
    assert_eq!(wanted(0, Some(&[])), Some(Wanted::All));
    assert_eq!(wanted(1, Some(&[])), Some(names(&[])));
    assert_eq!(wanted(1, None), Some(Wanted::All));
}

#[test]
fn topics_are_asked_for_by_id_from_version_12_on() {
    let by_id = [request_topic(None, 7)];
    assert_eq!(wanted(12, Some(&by_id)), Some(Wanted::Ids([TopicId(Uuid([7; 16]))].into())));
    assert_eq!(wanted(11, Some(&by_id)), None);
    assert_eq!(wanted(10, Some(&[request_topic(Some("a"), 7)])), None);
    assert_eq!(wanted(12, Some(&[request_topic(None, 0)])), None);
    assert_eq!(wanted(10, Some(&[request_topic(Some("b"), 0), request_topic(Some("a"), 0)])), Some(names(&["a", "b"])));
}

#[test]
fn all_topics_come_by_name_with_the_brokers_and_the_cluster() {
    let image = image(broker(FAR, "PLAINTEXT", false), [topic("z", Some(NEAR)), topic("a", Some(FAR))]);
    let response = answering(13, Wanted::All).response(&image, &BTreeMap::new());
    let told: Vec<_> = response.topics.iter().map(|topic| topic.name.as_ref().unwrap().to_string()).collect();
    assert_eq!(told, ["a", "z"]);
    assert_eq!(response.topics[0].topic_id, wire::topic_id(id_of("a")));
    let brokers: Vec<_> = response.brokers.iter().map(|b| (b.node_id.0, b.host.to_string(), b.port)).collect();
    assert_eq!(brokers, [(1, "127.0.0.1".to_owned(), 9092), (2, "far.example.com".to_owned(), 9092)]);
    assert_eq!(response.cluster_id.unwrap().to_string(), Uuid([3; 16]).to_string());
    assert_eq!(response.controller_id.0, 1);
}

#[test]
fn a_fenced_broker_is_not_told_and_its_replicas_are_offline() {
    let image = image(broker(FAR, "PLAINTEXT", true), [topic("a", Some(NEAR))]);
    let partition = |version| {
        let mut response = answering(version, names(&["a"])).response(&image, &BTreeMap::new());
        assert_eq!(response.brokers.len(), 1);
        response.topics.remove(0).partitions.remove(0)
    };
    let newest = partition(13);
    assert_eq!((newest.error_code, newest.leader_id.0, newest.leader_epoch), (0, 1, 4));
    assert_eq!((ids(&newest.replica_nodes), ids(&newest.offline_replicas)), (vec![1, 2], vec![2]));
    let oldest = partition(0);
    assert_eq!(oldest.error_code, ErrorCode::ReplicaNotAvailable.code());
    assert_eq!(ids(&oldest.replica_nodes), [1]);
}

#[test]
fn a_leader_that_the_client_cannot_reach_is_told_as_none() {
    let leader = |far: Record, leader, version| {
        let image = image(far, [topic("a", leader)]);
        let mut response = answering(version, names(&["a"])).response(&image, &BTreeMap::new());
        let partition = response.topics.remove(0).partitions.remove(0);
        assert_eq!((partition.leader_id.0, partition.leader_epoch), (-1, 4));
        ErrorCode::from_code(partition.error_code).unwrap()
    };
    let elsewhere = || broker(FAR, "INTERNAL", false);
    assert_eq!(leader(elsewhere(), Some(FAR), 6), ErrorCode::ListenerNotFound);
    assert_eq!(leader(elsewhere(), Some(FAR), 5), ErrorCode::LeaderNotAvailable);
    assert_eq!(leader(broker(FAR, "PLAINTEXT", false), None, 13), ErrorCode::LeaderNotAvailable);
}

#[test]
fn topics_that_are_not_there_say_why() {
    let image = image(broker(FAR, "PLAINTEXT", false), []);
    let refused = BTreeMap::from([(TopicName::new("r").unwrap(), ErrorCode::InvalidReplicationFactor)]);
    let asked = answering(13, names(&["a", "bad/name", "r", "__consumer_offsets"]));
    assert_eq!(asked.missing(&image), ["a", "r"].map(|name| TopicName::new(name).unwrap()));
    let response = asked.response(&image, &refused);
    let told: Vec<_> = response.topics.iter().map(|t| (t.name.as_ref().unwrap().to_string(), t.error_code)).collect();
    let expected = [
        ("__consumer_offsets", ErrorCode::UnknownTopicOrPartition),
        ("a", ErrorCode::UnknownTopicOrPartition),
        ("bad/name", ErrorCode::InvalidTopic),
        ("r", ErrorCode::InvalidReplicationFactor),
    ];
    assert_eq!(told, expected.map(|(name, code)| (name.to_owned(), code.code())));

    let unknown = TopicId(Uuid([8; 16]));
    let by_id = answering(12, Wanted::Ids([unknown].into())).response(&image, &BTreeMap::new());
    assert_eq!((by_id.topics[0].error_code, by_id.topics[0].name.clone()), (ErrorCode::UnknownTopicId.code(), None));
}

#[test]
fn every_version_can_tell_everything() {
    let image = image(broker(FAR, "PLAINTEXT", true), [topic("a", Some(NEAR)), topic("__consumer_offsets", None)]);
    for version in API.served.clone() {
        let asked = Answering { cluster_operations: true, topic_operations: true, ..answering(version, Wanted::All) };
        let response = asked.response(&image, &BTreeMap::new());
        assert!(response.encode(version, 1).is_ok(), "version {version}");
        let operations = if version >= 8 { 3576 } else { i32::MIN };
        assert_eq!(response.topics[0].topic_authorized_operations, operations, "version {version}");
        assert!(response.topics[0].is_internal);
    }
}
