//! The metadata log's records: what became true, never what was asked for.
//!
//! Named as KRaft names them. Each has a type number and a version on disk (`record/encoding.rs`); what a record means to the image
//! is `apply.rs`. All but [`PartitionChangeRecord`] and [`BrokerRegistrationChangeRecord`] say the whole of their subject.

mod codec;
mod encoding;
#[cfg(test)]
pub(crate) mod strategies;

pub use codec::DecodeError;
pub use encoding::{decode_records, encode_records};

use ottla_base::{
    BrokerEpoch, BrokerId, DirectoryId, Incarnation, LeaderEpoch, PartitionEpoch, PartitionIndex, ProducerId, TopicId,
    TopicName, Uuid,
};

/// One fact of the cluster's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The cluster's id; the first record of the log.
    ClusterId(ClusterIdRecord),
    /// A feature's level.
    FeatureLevel(FeatureLevelRecord),
    /// A broker's incarnation is registered.
    RegisterBroker(RegisterBrokerRecord),
    /// Something about a registered incarnation changed.
    BrokerRegistrationChange(BrokerRegistrationChangeRecord),
    /// A topic exists; its partitions and settings follow in the same entry.
    Topic(TopicRecord),
    /// A topic, its partitions and its settings are gone.
    RemoveTopic(RemoveTopicRecord),
    /// A partition exists.
    Partition(PartitionRecord),
    /// Something about a partition changed.
    PartitionChange(PartitionChangeRecord),
    /// A dynamic setting has a value, or no longer has one.
    Config(ConfigRecord),
    /// All producer ids below one are given away.
    ProducerIds(ProducerIdsRecord),
}

/// See [`Record::ClusterId`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterIdRecord {
    /// The id, as `meta.properties` and Kafka's clients show it.
    pub cluster_id: Uuid,
}

/// See [`Record::FeatureLevel`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureLevelRecord {
    /// The feature's name.
    pub name: String,
    /// Its finalized level; 0 takes the feature away.
    pub level: i16,
}

/// See [`Record::RegisterBroker`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterBrokerRecord {
    /// The broker.
    pub broker_id: BrokerId,
    /// The epoch of this registration (see [`Broker::broker_epoch`](crate::Broker::broker_epoch)).
    pub broker_epoch: BrokerEpoch,
    /// The run of the process that registered.
    pub incarnation: Incarnation,
    /// How often the broker has started on these directories.
    pub start_counter: u64,
    /// Its log directories that are online.
    pub directories: Vec<DirectoryId>,
    /// Where it listens.
    pub listeners: Vec<Listener>,
    /// Its rack (`broker.rack`).
    pub rack: Option<String>,
    /// Whether it may lead and be in an ISR yet. A registration starts fenced; a snapshot may hold one that no longer is.
    pub fenced: bool,
}

/// An address at which a broker is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The listener's name, such as `PLAINTEXT`.
    pub name: String,
    /// The host that clients are told.
    pub host: String,
    /// The port that clients are told.
    pub port: u16,
}

/// See [`Record::BrokerRegistrationChange`]. `None` leaves a thing as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerRegistrationChangeRecord {
    /// The broker.
    pub broker_id: BrokerId,
    /// The registration that changes.
    pub broker_epoch: BrokerEpoch,
    /// Fenced from now on, or no longer.
    pub fenced: Option<bool>,
    /// The log directories that are online from now on.
    pub directories: Option<Vec<DirectoryId>>,
}

/// See [`Record::Topic`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicRecord {
    /// The topic's name.
    pub name: TopicName,
    /// The topic's id.
    pub topic_id: TopicId,
}

/// See [`Record::RemoveTopic`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoveTopicRecord {
    /// The topic.
    pub topic_id: TopicId,
}

/// Whether a leader was elected without losing what had been acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaderRecoveryState {
    /// The leader has all that had been acknowledged.
    Recovered,
    /// The leader was elected uncleanly and has not yet said that it has dealt with it.
    Recovering,
}

/// See [`Record::Partition`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRecord {
    /// The topic.
    pub topic_id: TopicId,
    /// The partition in it; partitions of a topic are recorded in ascending order, without gaps.
    pub partition: PartitionIndex,
    /// The assignment, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// The log directory of each of `replicas`, in the same order.
    pub directories: Vec<DirectoryId>,
    /// The in-sync replicas.
    pub isr: Vec<BrokerId>,
    /// The eligible leader replicas (KIP-966).
    pub elr: Vec<BrokerId>,
    /// Who led last, where both of the above are empty.
    pub last_known_elr: Vec<BrokerId>,
    /// The leader, where there is one.
    pub leader: Option<BrokerId>,
    /// The leader's epoch, or that of the last one.
    pub leader_epoch: LeaderEpoch,
    /// How many changes there were.
    pub partition_epoch: PartitionEpoch,
    /// Whether the leader's election was clean.
    pub recovery_state: LeaderRecoveryState,
    /// Whether a replica counts by what it has on disk (true) or by what it has in its page cache.
    pub durable_acks: bool,
}

/// See [`Record::PartitionChange`]. `None` leaves a thing as it is; every change adds one to the partition epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionChangeRecord {
    /// The topic.
    pub topic_id: TopicId,
    /// The partition in it.
    pub partition: PartitionIndex,
    /// The in-sync replicas from now on.
    pub isr: Option<Vec<BrokerId>>,
    /// The eligible leader replicas from now on.
    pub elr: Option<Vec<BrokerId>>,
    /// The last known leader from now on.
    pub last_known_elr: Option<Vec<BrokerId>>,
    /// The leader from now on, or none. Naming it adds one to the leader epoch, also when it is who led before.
    pub leader: Option<Option<BrokerId>>,
    /// Whether the leader's election was clean, from now on.
    pub recovery_state: Option<LeaderRecoveryState>,
    /// What a replica counts by, from now on.
    pub durable_acks: Option<bool>,
}

impl PartitionChangeRecord {
    /// A change of nothing but the partition epoch.
    pub fn of(topic_id: TopicId, partition: PartitionIndex) -> PartitionChangeRecord {
        PartitionChangeRecord {
            topic_id,
            partition,
            isr: None,
            elr: None,
            last_known_elr: None,
            leader: None,
            recovery_state: None,
            durable_acks: None,
        }
    }

    /// Whether nothing but the partition epoch would change.
    pub fn is_empty(&self) -> bool {
        *self == PartitionChangeRecord::of(self.topic_id, self.partition)
    }
}

/// What a dynamic setting is set on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigResource {
    /// A topic.
    Topic(TopicName),
    /// One broker.
    Broker(BrokerId),
    /// All brokers: Kafka's broker resource with the empty name.
    ClusterDefault,
}

/// See [`Record::Config`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigRecord {
    /// What it is set on.
    pub resource: ConfigResource,
    /// The setting's name.
    pub name: String,
    /// Its value; `None` takes it away.
    pub value: Option<String>,
}

/// See [`Record::ProducerIds`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerIdsRecord {
    /// The first id that is not given away.
    pub next_producer_id: ProducerId,
}
