//! What is true of every image, whatever was decided.

use std::collections::BTreeSet;

use ottla_base::BrokerId;

use crate::{Image, LeaderRecoveryState, Partition, Topic};

/// Panics where `image` breaks an invariant of Kafka's replication. O(partitions), for tests and the simulation.
pub fn check_invariants(image: &Image) {
    for topic in image.topics.iter() {
        let by_name = image.topics.by_name(topic.name.as_str()).map(|other| other.topic_id);
        assert_eq!(by_name, Some(topic.topic_id), "names and ids lead to the same topics");
        assert_eq!(image.topics.collision(&topic.name), None, "no two topics are one in a metric");
        assert!(!topic.partitions.is_empty(), "a topic has partitions: {}", topic.name);
        topic.partitions.iter().for_each(|partition| check_partition(image, topic, partition));
    }
    for broker in image.brokers.iter() {
        assert!(broker.broker_epoch.0 <= image.metadata_offset.0, "a registration is not ahead of its image");
    }
}

fn check_partition(image: &Image, topic: &Topic, partition: &Partition) {
    let name = &topic.name;
    let set = |members: &[BrokerId]| members.iter().copied().collect::<BTreeSet<_>>();
    let (replicas, isr, elr) = (set(&partition.replicas), set(&partition.isr), set(&partition.elr));
    assert!(!replicas.is_empty() && replicas.len() == partition.replicas.len(), "replicas differ: {name}");
    assert_eq!(partition.directories.len(), partition.replicas.len(), "each replica has its directory: {name}");
    assert_eq!(partition.replicas.len(), topic.replication_factor(), "partitions have one replication factor: {name}");
    assert!(isr.len() == partition.isr.len() && isr.is_subset(&replicas), "ISR is within the replicas: {name}");
    assert!(elr.len() == partition.elr.len() && elr.is_subset(&replicas), "ELR is within the replicas: {name}");
    assert!(isr.is_disjoint(&elr), "who is in the ISR is not in the ELR: {name}");
    let is_nobody = isr.is_empty() && elr.is_empty();
    assert_eq!(is_nobody, !partition.last_known_elr.is_empty(), "the last leader is known when nobody else is: {name}");
    let Some(leader) = partition.leader else { return };
    assert!(isr.contains(&leader), "the leader is in the ISR: {name}");
    let directory = partition.directory_of(leader).expect("the leader is a replica");
    assert!(image.is_active(leader, directory), "a fenced broker, or one without the directory, leads nothing: {name}");
    if partition.recovery_state == LeaderRecoveryState::Recovering {
        assert_eq!(isr.len(), 1, "after an unclean election the leader is alone in the ISR: {name}");
    }
}
