//! Why the controller refuses a request, by cause.

use ottla_base::{BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch, PartitionIndex, TopicId, TopicName};

/// Why a request, or one topic or partition of it, is refused. Nothing of what is refused is recorded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A topic of this name exists.
    #[error("topic '{name}' already exists")]
    TopicExists {
        /// The name.
        name: TopicName,
    },
    /// A topic exists whose name differs only in `.` and `_`, which are one in metric names.
    #[error("topic '{name}' collides with existing topic '{existing}'")]
    TopicCollision {
        /// The name that was asked for.
        name: TopicName,
        /// The topic in its way.
        existing: TopicName,
    },
    /// The request names one topic more than once.
    #[error("the topic is named more than once in the request")]
    DuplicateTopic,
    /// No topic has this name.
    #[error("topic '{name}' does not exist")]
    UnknownTopic {
        /// The name.
        name: TopicName,
    },
    /// No topic has this id.
    #[error("no topic has the id {topic_id}")]
    UnknownTopicId {
        /// The id.
        topic_id: TopicId,
    },
    /// The topic has no such partition.
    #[error("the topic has no partition {partition}")]
    UnknownPartition {
        /// The partition.
        partition: PartitionIndex,
    },
    /// A partition count that is neither positive nor -1 (the default).
    #[error("number of partitions was set to {count}, which is neither positive nor -1")]
    InvalidPartitionCount {
        /// The count.
        count: i32,
    },
    /// CreatePartitions with a count that is no increase.
    #[error("the topic has {current} partitions; {asked} is no increase")]
    NoIncrease {
        /// How many it has.
        current: usize,
        /// How many were asked for.
        asked: i32,
    },
    /// A replication factor that is neither positive nor -1 (the default).
    #[error("replication factor was set to {factor}, which is neither positive nor -1")]
    InvalidReplicationFactor {
        /// The factor.
        factor: i16,
    },
    /// More replicas than brokers.
    #[error("replication factor {factor} cannot be reached because only {registered} brokers are registered")]
    TooFewBrokers {
        /// The factor.
        factor: usize,
        /// How many brokers are registered.
        registered: usize,
    },
    /// No broker can lead: all are fenced.
    #[error("all brokers are currently fenced")]
    AllBrokersFenced,
    /// A manual assignment together with a count or a factor.
    #[error("a manual assignment was given, so the number of partitions and the replication factor must be -1")]
    CountsBesideAssignment,
    /// A manual assignment that cannot be.
    #[error("invalid replica assignment: {reason}")]
    InvalidAssignment {
        /// What is wrong with it.
        reason: InvalidAssignment,
    },
    /// The request would write more than [`RECORDS_PER_REQUEST_MAX`](crate::RECORDS_PER_REQUEST_MAX) records.
    #[error("the request is too large: at most {} records may come of one", crate::RECORDS_PER_REQUEST_MAX)]
    TooLarge,
    /// The broker is not registered.
    #[error("broker {broker_id} is not registered")]
    UnknownBroker {
        /// The broker.
        broker_id: BrokerId,
    },
    /// The request comes from another registration than the current one: the sender was superseded.
    #[error("broker epoch {named} is stale: the registration has {current}")]
    StaleBrokerEpoch {
        /// The epoch that the request names.
        named: BrokerEpoch,
        /// The current one.
        current: BrokerEpoch,
    },
    /// Another incarnation with this id and none of these directories is alive.
    #[error("broker {broker_id} is registered by a live process on other log directories")]
    DuplicateBroker {
        /// The broker.
        broker_id: BrokerId,
    },
    /// A newer incarnation on the same directories has registered.
    #[error("start {start_counter} of the broker is not its newest: start {newest} has registered")]
    SupersededStart {
        /// The counter that was sent.
        start_counter: u64,
        /// The registered one.
        newest: u64,
    },
    /// A registration without a log directory.
    #[error("a broker registers with at least one log directory")]
    NoDirectory,
    /// Unfencing asks that the broker has applied its own registration.
    #[error("the broker has applied the metadata up to {applied} and must reach {wanted} first")]
    NotCaughtUp {
        /// What it has applied.
        applied: i64,
        /// What it must have applied.
        wanted: i64,
    },
    /// AlterPartition of an older leader epoch.
    #[error("leader epoch {named} is older than the current {current}")]
    FencedLeaderEpoch {
        /// The epoch that was named.
        named: LeaderEpoch,
        /// The current one.
        current: LeaderEpoch,
    },
    /// AlterPartition that knows more than this controller: it is not the active one any more.
    #[error("the request was decided on newer metadata than this controller has")]
    NewerThanController,
    /// AlterPartition by a broker that does not lead.
    #[error("broker {broker_id} does not lead the partition")]
    NotLeader {
        /// The sender.
        broker_id: BrokerId,
    },
    /// AlterPartition decided on an older state of the partition.
    #[error("partition epoch {named} is older than the current {current}")]
    StalePartitionEpoch {
        /// The epoch that was named.
        named: PartitionEpoch,
        /// The current one.
        current: PartitionEpoch,
    },
    /// An ISR that cannot be: not a subset of the replicas, without the leader, or with more than a recovering leader.
    #[error("the proposed ISR is invalid")]
    InvalidIsr,
    /// A broker in the proposed ISR is fenced, has its replica on an offline directory, or is another incarnation.
    #[error("broker {broker_id} may not join the ISR")]
    IneligibleReplica {
        /// The broker.
        broker_id: BrokerId,
    },
    /// Durable acks were proposed where the topic's acks are cached (`write.caching`).
    #[error("acks of the topic are cached by its settings")]
    AcksAreCached,
    /// There are no producer ids left below 2^63.
    #[error("all producer ids are given away")]
    ProducerIdsExhausted,
}

/// What is wrong with a manual assignment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAssignment {
    /// A partition without replicas.
    #[error("a partition has an empty replica list")]
    NoReplicas,
    /// A broker twice in one partition.
    #[error("broker {broker_id} is there more than once")]
    DuplicateBroker {
        /// The broker.
        broker_id: BrokerId,
    },
    /// A broker that is not registered.
    #[error("broker {broker_id} is not registered")]
    UnknownBroker {
        /// The broker.
        broker_id: BrokerId,
    },
    /// Partitions with different numbers of replicas.
    #[error("a partition has {found} replicas where others have {expected}")]
    ReplicationFactor {
        /// This partition's number.
        found: usize,
        /// The others'.
        expected: usize,
    },
    /// Partitions that are not 0, 1, 2 and so on.
    #[error("partitions should be a consecutive 0-based integer sequence")]
    PartitionsNotConsecutive,
    /// One partition twice.
    #[error("partition {partition} is assigned more than once")]
    DuplicatePartition {
        /// The partition.
        partition: PartitionIndex,
    },
    /// No replica of the partition can lead.
    #[error("all brokers of partition {partition} are fenced")]
    AllFenced {
        /// The partition.
        partition: PartitionIndex,
    },
    /// CreatePartitions with another number of assignments than of new partitions.
    #[error("{added} partitions are added, but {assigned} are assigned")]
    AssignmentCount {
        /// How many are added.
        added: usize,
        /// How many are assigned.
        assigned: usize,
    },
}

impl From<InvalidAssignment> for Error {
    fn from(reason: InvalidAssignment) -> Error {
        Error::InvalidAssignment { reason }
    }
}
