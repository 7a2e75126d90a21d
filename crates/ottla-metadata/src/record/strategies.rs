//! Arbitrary records for property tests.

use ottla_base::{
    BrokerEpoch, BrokerId, DirectoryId, Incarnation, LeaderEpoch, PartitionEpoch, PartitionIndex, ProducerId, TopicId,
    TopicName, Uuid,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;

/// Any record, sensible or not.
pub(crate) fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        uuid().prop_map(|cluster_id| Record::ClusterId(ClusterIdRecord { cluster_id })),
        (".*", any::<i16>()).prop_map(|(name, level)| Record::FeatureLevel(FeatureLevelRecord { name, level })),
        register_broker(),
        broker_registration_change(),
        (topic_name(), topic_id()).prop_map(|(name, topic_id)| Record::Topic(TopicRecord { name, topic_id })),
        topic_id().prop_map(|topic_id| Record::RemoveTopic(RemoveTopicRecord { topic_id })),
        partition(),
        partition_change(),
        (resource(), ".*", option::of(".*")).prop_map(|(resource, name, value)| Record::Config(ConfigRecord {
            resource,
            name,
            value
        })),
        any::<i64>().prop_map(|n| Record::ProducerIds(ProducerIdsRecord { next_producer_id: ProducerId(n) })),
    ]
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<[u8; 16]>().prop_map(Uuid)
}

fn topic_id() -> impl Strategy<Value = TopicId> {
    uuid().prop_map(TopicId)
}

fn topic_name() -> impl Strategy<Value = TopicName> {
    "[a-z][a-zA-Z0-9._-]{0,30}".prop_map(|name| TopicName::new(&name).expect("legal characters only"))
}

fn broker() -> impl Strategy<Value = BrokerId> {
    any::<i32>().prop_map(BrokerId)
}

fn brokers() -> impl Strategy<Value = Vec<BrokerId>> {
    vec(broker(), 0..4)
}

fn directories() -> impl Strategy<Value = Vec<DirectoryId>> {
    vec(uuid().prop_map(DirectoryId), 0..3)
}

fn resource() -> impl Strategy<Value = ConfigResource> {
    prop_oneof![
        topic_name().prop_map(ConfigResource::Topic),
        broker().prop_map(ConfigResource::Broker),
        Just(ConfigResource::ClusterDefault),
    ]
}

fn recovery_state() -> impl Strategy<Value = LeaderRecoveryState> {
    prop_oneof![Just(LeaderRecoveryState::Recovered), Just(LeaderRecoveryState::Recovering)]
}

fn register_broker() -> impl Strategy<Value = Record> {
    let listener = (".*", ".*", any::<u16>()).prop_map(|(name, host, port)| Listener { name, host, port });
    let identity = (broker(), any::<i64>(), uuid(), any::<u64>());
    (identity, directories(), vec(listener, 0..3), option::of(".*"), any::<bool>()).prop_map(
        |((broker_id, epoch, incarnation, start_counter), directories, listeners, rack, fenced)| {
            Record::RegisterBroker(RegisterBrokerRecord {
                broker_id,
                broker_epoch: BrokerEpoch(epoch),
                incarnation: Incarnation(incarnation),
                start_counter,
                directories,
                listeners,
                rack,
                fenced,
            })
        },
    )
}

fn broker_registration_change() -> impl Strategy<Value = Record> {
    (broker(), any::<i64>(), option::of(any::<bool>()), option::of(directories())).prop_map(
        |(broker_id, epoch, fenced, directories)| {
            Record::BrokerRegistrationChange(BrokerRegistrationChangeRecord {
                broker_id,
                broker_epoch: BrokerEpoch(epoch),
                fenced,
                directories,
            })
        },
    )
}

fn partition() -> impl Strategy<Value = Record> {
    let identity = (topic_id(), any::<i32>());
    let sets = (brokers(), directories(), brokers(), brokers(), brokers());
    let leadership = (option::of(broker()), any::<i32>(), any::<i32>(), recovery_state(), any::<bool>());
    (identity, sets, leadership).prop_map(|(identity, sets, leadership)| {
        let (topic_id, partition) = identity;
        let (replicas, directories, isr, elr, last_known_elr) = sets;
        let (leader, leader_epoch, partition_epoch, recovery_state, durable_acks) = leadership;
        Record::Partition(PartitionRecord {
            topic_id,
            partition: PartitionIndex(partition),
            replicas,
            directories,
            isr,
            elr,
            last_known_elr,
            leader,
            leader_epoch: LeaderEpoch(leader_epoch),
            partition_epoch: PartitionEpoch(partition_epoch),
            recovery_state,
            durable_acks,
        })
    })
}

fn partition_change() -> impl Strategy<Value = Record> {
    let sets = (option::of(brokers()), option::of(brokers()), option::of(brokers()));
    let rest = (option::of(option::of(broker())), option::of(recovery_state()), option::of(any::<bool>()));
    (topic_id(), any::<i32>(), sets, rest).prop_map(|(topic_id, partition, sets, rest)| {
        let (isr, elr, last_known_elr) = sets;
        let (leader, recovery_state, durable_acks) = rest;
        Record::PartitionChange(PartitionChangeRecord {
            topic_id,
            partition: PartitionIndex(partition),
            isr,
            elr,
            last_known_elr,
            leader,
            recovery_state,
            durable_acks,
        })
    })
}
