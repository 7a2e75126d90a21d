//! Why the controller refuses a request, by cause.

use ottla_base::{BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch, PartitionIndex, TopicId, TopicName};

/// Why a request, or one topic or partition of it, is refused. Nothing of what is refused is recorded.
///
/// Where Kafka has a message for the cause, this one is Kafka's: clients show it (`ReplicationControlManager`).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A topic of this name exists.
    #[error("Topic '{name}' already exists.")]
    TopicExists {
        /// The name.
        name: TopicName,
    },
    /// A topic exists whose name differs only in `.` and `_`, which are one in metric names.
    #[error("Topic '{name}' collides with existing topic: {existing}")]
    TopicCollision {
        /// The name that was asked for.
        name: TopicName,
        /// The topic in its way.
        existing: TopicName,
    },
    /// The request names one topic more than once.
    #[error("Duplicate topic name.")]
    DuplicateTopic,
    /// No topic has this name.
    #[error("This server does not host this topic-partition.")]
    UnknownTopic {
        /// The name.
        name: TopicName,
    },
    /// No topic has this id.
    #[error("This server does not host this topic ID.")]
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
    #[error("Number of partitions was set to an invalid non-positive value.")]
    InvalidPartitionCount {
        /// The count.
        count: i32,
    },
    /// CreatePartitions with a count that is no increase.
    #[error("{}", no_increase(name, *current, *asked))]
    NoIncrease {
        /// The topic.
        name: TopicName,
        /// How many it has.
        current: usize,
        /// How many were asked for.
        asked: i32,
    },
    /// A replication factor that is neither positive nor -1 (the default).
    #[error("Replication factor must be larger than 0, or -1 to use the default value.")]
    InvalidReplicationFactor {
        /// The factor.
        factor: i16,
    },
    /// More replicas than brokers.
    #[error(
        "Unable to replicate the partition {factor} time(s): The target replication factor of {factor} cannot be reached because only \
         {registered} broker(s) are registered."
    )]
    TooFewBrokers {
        /// The factor.
        factor: usize,
        /// How many brokers are registered.
        registered: usize,
    },
    /// No broker can lead: all are fenced.
    #[error("Unable to replicate the partition: All brokers are currently fenced.")]
    AllBrokersFenced,
    /// A manual assignment together with a count or a factor.
    #[error("A manual partition assignment was specified, but replication factor or numPartitions was not set to -1.")]
    CountsBesideAssignment,
    /// A manual assignment that cannot be.
    #[error("{reason}")]
    InvalidAssignment {
        /// What is wrong with it.
        reason: InvalidAssignment,
    },
    /// The request would write more than [`RECORDS_PER_REQUEST_MAX`](crate::RECORDS_PER_REQUEST_MAX) records.
    #[error("Excessively large number of partitions per request.")]
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

fn no_increase(name: &TopicName, current: usize, asked: i32) -> String {
    if usize::try_from(asked).is_ok_and(|asked| asked == current) {
        return format!("Topic already has {current} partition(s).");
    }
    format!("The topic {name} currently has {current} partition(s); {asked} would not be an increase.")
}

/// What is wrong with a manual assignment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAssignment {
    /// A partition without replicas.
    #[error("The manual partition assignment includes an empty replica list.")]
    NoReplicas,
    /// A broker twice in one partition.
    #[error("The manual partition assignment includes the broker {broker_id} more than once.")]
    DuplicateBroker {
        /// The broker.
        broker_id: BrokerId,
    },
    /// A broker that is not registered.
    #[error("The manual partition assignment includes broker {broker_id}, but no such broker is registered.")]
    UnknownBroker {
        /// The broker.
        broker_id: BrokerId,
    },
    /// Partitions with different numbers of replicas.
    #[error(
        "The manual partition assignment includes a partition with {found} replica(s), but this is not consistent with previous \
         partitions, which have {expected} replica(s)."
    )]
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
    #[error("Found multiple manual partition assignments for partition {partition}")]
    DuplicatePartition {
        /// The partition.
        partition: PartitionIndex,
    },
    /// No replica of the partition can lead.
    #[error(
        "All brokers specified in the manual partition assignment for partition {partition} are fenced or in controlled shutdown."
    )]
    AllFenced {
        /// The partition.
        partition: PartitionIndex,
    },
    /// CreatePartitions with another number of assignments than of new partitions.
    #[error("Attempted to add {added} additional partition(s), but only {assigned} assignment(s) were specified.")]
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
