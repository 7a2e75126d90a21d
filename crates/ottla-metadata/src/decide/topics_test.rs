//! CreateTopics, DeleteTopics and CreatePartitions, as clients see them.

use std::collections::BTreeMap;

use ottla_base::{BrokerId, PartitionIndex, TopicId, Uuid};

use crate::testing::{Cluster, brokers, name, new_topic};
use crate::{
    CreatePartitions, CreateTopics, DeleteTopics, Error, InvalidAssignment, NewPartitions, NewTopic,
    RECORDS_PER_REQUEST_MAX, TopicReference,
};

fn assigned(topic: &str, assignments: &[(i32, &[i32])]) -> NewTopic {
    let assignments = assignments.iter().map(|(index, ids)| (PartitionIndex(*index), brokers(ids))).collect();
    NewTopic { assignments, ..new_topic(topic, -1, -1) }
}

fn grow(cluster: &mut Cluster, count: i32, assignments: Option<Vec<Vec<BrokerId>>>) -> Result<(), Error> {
    let topics = vec![NewPartitions { name: name("t"), count, assignments }];
    cluster.submit(&CreatePartitions { topics, validate_only: false }).remove(0)
}

#[test]
fn minus_one_means_the_defaults() {
    let mut cluster = Cluster::of(3);
    cluster.defaults.num_partitions = 4;
    cluster.defaults.replication_factor = 2;
    let created = cluster.create(new_topic("t", -1, -1)).expect("defaults are valid");
    assert_eq!((created.partitions, created.replication_factor), (4, 2));
    let topic = cluster.image.topics.by_id(created.topic_id).expect("created");
    assert!(topic.partitions.iter().all(|p| p.replicas.len() == 2 && p.isr == p.replicas && p.durable_acks));
}

#[test]
fn leaders_go_round_the_brokers() {
    let mut cluster = Cluster::of(3);
    cluster.create(new_topic("t", 30, 3)).expect("there are three brokers");
    let topic = cluster.image.topics.by_name("t").expect("created");
    let mut led = BTreeMap::new();
    topic.partitions.iter().for_each(|p| *led.entry(p.leader).or_insert(0) += 1);
    assert!(led.values().all(|count| *count == 10), "{led:?}");
    let followed =
        |leader, follower| topic.partitions.iter().filter(|p| p.replicas[..2] == brokers(&[leader, follower])).count();
    assert!(followed(0, 1) > 0 && followed(0, 2) > 0, "one broker's followers are not always the same");
}

#[test]
fn fenced_brokers_hold_replicas_only_where_others_run_out() {
    let mut cluster = Cluster::of(3);
    cluster.fence(1);
    cluster.create(new_topic("two", 6, 2)).expect("two can lead");
    let topic = cluster.image.topics.by_name("two").expect("created");
    assert!(topic.partitions.iter().all(|p| !p.replicas.contains(&BrokerId(1))));
    cluster.create(new_topic("three", 6, 3)).expect("three are registered");
    let topic = cluster.image.topics.by_name("three").expect("created");
    assert!(topic.partitions.iter().all(|p| p.replicas[2] == BrokerId(1) && p.isr.len() == 2));
}

#[test]
fn a_topic_is_refused_by_cause() {
    let mut cluster = Cluster::of(2);
    cluster.create(new_topic("a.b", 1, 1)).expect("new");
    let existing = name("a.b");
    let many = RECORDS_PER_REQUEST_MAX as i32;
    let cases = [
        (new_topic("a.b", 1, 1), Error::TopicExists { name: name("a.b") }),
        (new_topic("a_b", 1, 1), Error::TopicCollision { name: name("a_b"), existing }),
        (new_topic("t", 0, 1), Error::InvalidPartitionCount { count: 0 }),
        (new_topic("t", -2, 1), Error::InvalidPartitionCount { count: -2 }),
        (new_topic("t", 1, 0), Error::InvalidReplicationFactor { factor: 0 }),
        (new_topic("t", 1, -2), Error::InvalidReplicationFactor { factor: -2 }),
        (new_topic("t", 1, 3), Error::TooFewBrokers { factor: 3, registered: 2 }),
        (new_topic("t", many, 1), Error::TooLarge),
        (NewTopic { partitions: 1, ..assigned("t", &[(0, &[0])]) }, Error::CountsBesideAssignment),
        (NewTopic { replication_factor: 1, ..assigned("t", &[(0, &[0])]) }, Error::CountsBesideAssignment),
    ];
    for (topic, error) in cases {
        assert_eq!(cluster.create(topic), Err(error));
    }
    assert_eq!(cluster.image.topics.len(), 1);
}

#[test]
fn a_manual_assignment_is_refused_by_cause() {
    use InvalidAssignment::*;
    let mut cluster = Cluster::of(3);
    cluster.fence(2);
    type Case = (&'static [(i32, &'static [i32])], InvalidAssignment);
    let cases: [Case; 7] = [
        (&[(0, &[])], NoReplicas),
        (&[(0, &[0, 0])], InvalidAssignment::DuplicateBroker { broker_id: BrokerId(0) }),
        (&[(0, &[9])], InvalidAssignment::UnknownBroker { broker_id: BrokerId(9) }),
        (&[(0, &[0, 1]), (1, &[0])], ReplicationFactor { found: 1, expected: 2 }),
        (&[(1, &[0])], PartitionsNotConsecutive),
        (&[(0, &[0]), (0, &[1])], DuplicatePartition { partition: PartitionIndex(0) }),
        (&[(0, &[2])], AllFenced { partition: PartitionIndex(0) }),
    ];
    for (assignments, reason) in cases {
        assert_eq!(cluster.create(assigned("t", assignments)), Err(Error::InvalidAssignment { reason }));
    }
    cluster.create(assigned("t", &[(1, &[1, 2]), (0, &[2, 0])])).expect("out of order is no error");
    let topic = cluster.image.topics.by_name("t").expect("created");
    assert_eq!(topic.partitions[0].replicas, brokers(&[2, 0]));
    assert_eq!(topic.partitions[0].leader, Some(BrokerId(0)));
}

#[test]
fn no_topic_is_created_while_all_brokers_are_fenced() {
    let mut cluster = Cluster::of(1);
    cluster.fence(0);
    assert_eq!(cluster.create(new_topic("t", 1, 1)), Err(Error::AllBrokersFenced));
    assert_eq!(Cluster::of(0).create(new_topic("t", 1, 1)), Err(Error::TooFewBrokers { factor: 1, registered: 0 }));
}

#[test]
fn topics_of_one_request_stand_for_themselves() {
    let mut cluster = Cluster::of(1);
    let topics = ["a", "b", "b", "c.d", "c_d"].map(|topic| new_topic(topic, 1, 1));
    let results = cluster.submit(&CreateTopics { topics: topics.into(), validate_only: false });
    assert!(results[0].is_ok() && results[3].is_ok());
    assert_eq!(results[1..3], [Err(Error::DuplicateTopic), Err(Error::DuplicateTopic)]);
    assert_eq!(results[4], Err(Error::TopicCollision { name: name("c_d"), existing: name("c.d") }));
    assert_eq!(cluster.image.topics.len(), 2);
}

#[test]
fn validate_only_answers_and_changes_nothing() {
    let mut cluster = Cluster::of(1);
    let request = CreateTopics { topics: vec![new_topic("t", 2, 1)], validate_only: true };
    assert_eq!(cluster.submit(&request).remove(0).expect("valid").partitions, 2);
    assert!(cluster.image.topics.is_empty());
}

#[test]
fn topics_are_deleted_by_name_and_by_id_once() {
    let mut cluster = Cluster::of(1);
    let a = cluster.create(new_topic("a", 1, 1)).expect("new").topic_id;
    cluster.create(new_topic("b", 1, 1)).expect("new");
    let (by_id, unknown) = (TopicReference::Id(a), TopicId(Uuid([9; 16])));
    let by_name = |topic| TopicReference::Name(name(topic));
    let topics = vec![by_id.clone(), by_name("a"), by_name("b"), by_name("c"), TopicReference::Id(unknown)];
    let results = cluster.submit(&DeleteTopics { topics });
    assert_eq!(results[0].as_ref().expect("it existed").name, name("a"));
    assert_eq!(results[1], Err(Error::DuplicateTopic));
    assert!(results[2].is_ok());
    assert_eq!(results[3], Err(Error::UnknownTopic { name: name("c") }));
    assert_eq!(results[4], Err(Error::UnknownTopicId { topic_id: unknown }));
    assert!(cluster.image.topics.is_empty());
    assert_ne!(cluster.create(new_topic("a", 1, 1)).expect("the name is free again").topic_id, a);
}

#[test]
fn a_topic_only_grows() {
    let mut cluster = Cluster::of(2);
    cluster.create(new_topic("t", 2, 1)).expect("new");
    let no_increase = |asked| Err(Error::NoIncrease { name: name("t"), current: 2, asked });
    assert_eq!(grow(&mut cluster, 2, None), no_increase(2));
    assert_eq!(grow(&mut cluster, -1, None), no_increase(-1));
    let two = Some(vec![brokers(&[0]), brokers(&[1])]);
    let reason = InvalidAssignment::AssignmentCount { added: 1, assigned: 2 };
    assert_eq!(grow(&mut cluster, 3, two.clone()), Err(Error::InvalidAssignment { reason }));
    let reason = InvalidAssignment::ReplicationFactor { found: 2, expected: 1 };
    assert_eq!(grow(&mut cluster, 3, Some(vec![brokers(&[0, 1])])), Err(Error::InvalidAssignment { reason }));
    grow(&mut cluster, 4, two).expect("an increase");
    grow(&mut cluster, 5, None).expect("an increase");
    let topic = cluster.image.topics.by_name("t").expect("created");
    assert_eq!(topic.partitions.len(), 5);
    assert_eq!(topic.partitions[3].replicas, brokers(&[1]));
}

#[test]
fn a_broker_with_several_directories_fills_them_alike() {
    let mut cluster = Cluster::of(0);
    let directories: Vec<_> = (0..3).map(|n| ottla_base::DirectoryId(Uuid([n + 1; 16]))).collect();
    let registration = crate::RegisterBroker { directories: directories.clone(), ..cluster.registration(0, 1, true) };
    cluster.submit(&registration).expect("new");
    cluster.unfence(0, Vec::new());
    cluster.create(new_topic("a", 4, 1)).expect("new");
    cluster.create(new_topic("b", 2, 1)).expect("new");
    let partitions: Vec<_> = cluster.image.topics.iter().flat_map(|topic| &topic.partitions).collect();
    let on = |directory| partitions.iter().filter(|p| p.directories == [directory]).count();
    assert!(directories.iter().all(|directory| on(*directory) == 2));
}
