//! Why a coordinator refuses, by cause.

use ottla_base::TopicName;

/// Why an operation, or one member or partition of it, is refused. Nothing of what is refused is recorded.
///
/// The Kafka code that stands for each is named in capitals; the messages are for logs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `INVALID_GROUP_ID`: an operation on members, or OffsetDelete, names no group.
    #[error("the group id is empty")]
    EmptyGroupId,
    /// `GROUP_ID_NOT_FOUND`; for OffsetCommit below version 9 `ILLEGAL_GENERATION`, for DescribeGroups below version 6 no error but
    /// a group in the state `Dead`.
    #[error("there is no such group")]
    GroupNotFound,
    /// `NON_EMPTY_GROUP`: a group with members is not deleted, nor are its offsets unless it is a consumer group.
    #[error("the group has members")]
    NonEmptyGroup,
    /// `UNKNOWN_MEMBER_ID`: the group is not there, or has no such member; the client joins anew.
    #[error("the group has no such member")]
    UnknownMember,
    /// `MEMBER_ID_REQUIRED`: the client joins again, under this id (KIP-394).
    #[error("join again as {member_id}")]
    MemberIdRequired {
        /// The id that was allotted. It waits for its session timeout.
        member_id: String,
    },
    /// `FENCED_INSTANCE_ID`: another member has taken the static member's place (KIP-345).
    #[error("another member has the group instance id")]
    FencedInstance,
    /// `ILLEGAL_GENERATION`: the member's generation is not the group's.
    #[error("the group's generation is {current}")]
    IllegalGeneration {
        /// The group's.
        current: i32,
    },
    /// `INCONSISTENT_GROUP_PROTOCOL`: another protocol type than the group's, or no protocol that all members share.
    #[error("the member's protocols are not the group's")]
    InconsistentProtocol,
    /// `INVALID_SESSION_TIMEOUT`: outside `group.min.session.timeout.ms` to `group.max.session.timeout.ms`.
    #[error("a session timeout of {session_timeout_ms} ms is out of range")]
    InvalidSessionTimeout {
        /// What was asked for.
        session_timeout_ms: i32,
    },
    /// `GROUP_MAX_SIZE_REACHED`: `group.max.size`, or more ids handed out than can be waited for.
    #[error("the group is full")]
    GroupFull,
    /// `REBALANCE_IN_PROGRESS`: the member joins again.
    #[error("the group is rebalancing")]
    RebalanceInProgress,
    /// `REBALANCE_IN_PROGRESS`: the member has sent the same request again, and that one is answered.
    #[error("the member has asked again since")]
    Superseded,
    /// `GROUP_SUBSCRIBED_TO_TOPIC`: offsets of a topic that a group reads are not deleted.
    #[error("the group is subscribed to {topic}")]
    SubscribedToTopic {
        /// The topic.
        topic: TopicName,
    },
    /// `OFFSET_METADATA_TOO_LARGE`: longer than `offset.metadata.max.bytes`.
    #[error("the metadata of the offset is too long")]
    OffsetMetadataTooLarge,
    /// `INVALID_REQUEST`: Kafka's record schemas have no room for the field, which is 32,767 bytes.
    #[error("{field} is longer than 32767 bytes")]
    FieldTooLong {
        /// Which.
        field: &'static str,
    },
    /// `NOT_COORDINATOR`: this node has ceased to lead the shard's partition.
    #[error("this node no longer coordinates the group")]
    NotCoordinator,
    /// What could not be written, and so has not happened.
    #[error(transparent)]
    Append(#[from] AppendError),
}

/// Why the shard's partition did not take a batch. Nothing was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// `NOT_COORDINATOR`: this node does not lead the partition, or not in this epoch.
    #[error("this node does not lead the partition")]
    NotLeader,
    /// `NOT_COORDINATOR`: the partition's directory is offline or full.
    #[error("the partition cannot be written to")]
    Storage,
    /// `COORDINATOR_NOT_AVAILABLE`: the partition has fewer in-sync replicas than `min.insync.replicas`.
    #[error("the partition has too few in-sync replicas")]
    NotEnoughReplicas,
    /// `UNKNOWN_SERVER_ERROR`: larger than the partition's batches may be.
    #[error("the batch is too large")]
    TooLarge,
}
