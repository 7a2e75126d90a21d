//! [`Failure`]: what a client is told. The one place that turns causes into Kafka's error codes, exhaustively: a new cause shows here
//! that it has none yet.

use ottla_base::{InvalidTopicName, TopicName};
use ottla_protocol::ErrorCode;
use ottla_records::ValidationError;

/// An error as a client is told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Kafka's code.
    pub(crate) code: ErrorCode,
    /// For people, where the code alone does not say enough.
    pub(crate) message: Option<String>,
    /// For a batch: what is wrong with which of its records.
    pub(crate) record_errors: Vec<(i32, String)>,
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Failure {
        Failure { code, message: None, record_errors: Vec::new() }
    }
}

impl Failure {
    /// `code`, explained.
    pub(crate) fn new(code: ErrorCode, message: impl ToString) -> Failure {
        Failure { code, message: Some(message.to_string()), record_errors: Vec::new() }
    }

    /// There is no such topic. Kafka's words (`Errors`).
    pub(crate) fn unknown_topic() -> Failure {
        Failure::new(ErrorCode::UnknownTopicOrPartition, "This server does not host this topic-partition.")
    }

    /// `name` is none that a topic can have. Kafka's words (`Topic.detectInvalidTopic`).
    pub(crate) fn invalid_topic_name(name: &str, invalid: &InvalidTopicName) -> Failure {
        let reason = match invalid {
            InvalidTopicName::Empty => "the empty string is not allowed".to_owned(),
            InvalidTopicName::Dots => format!("'{name}' is not allowed"),
            InvalidTopicName::TooLong { .. } => {
                format!("the length of '{name}' is longer than the max allowed length {}", TopicName::LENGTH_MAX)
            }
            InvalidTopicName::Character { .. } => {
                format!("'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
            }
        };
        Failure::new(ErrorCode::InvalidTopic, format!("Topic name is invalid: {reason}"))
    }
}

impl From<ottla_settings::Error> for Failure {
    fn from(error: ottla_settings::Error) -> Failure {
        Failure::new(ErrorCode::InvalidConfig, error)
    }
}

impl From<ottla_replica::Error> for Failure {
    fn from(error: ottla_replica::Error) -> Failure {
        use ottla_replica::Error;
        match error {
            Error::NotLeader => ErrorCode::NotLeaderOrFollower.into(),
            Error::Deleted => ErrorCode::UnknownTopicOrPartition.into(),
            Error::FencedLeaderEpoch { .. } => ErrorCode::FencedLeaderEpoch.into(),
            Error::UnknownLeaderEpoch { .. } => ErrorCode::UnknownLeaderEpoch.into(),
            Error::NotEnoughReplicas(_) => Failure::new(ErrorCode::NotEnoughReplicas, error),
            Error::NotEnoughReplicasAfterAppend(_) => Failure::new(ErrorCode::NotEnoughReplicasAfterAppend, error),
            Error::NoTransaction { .. } => Failure::new(ErrorCode::InvalidTxnState, error),
            Error::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange.into(),
            Error::OffsetNotAvailable { .. } => ErrorCode::OffsetNotAvailable.into(),
            Error::DirectoryOffline(_) => ErrorCode::KafkaStorageError.into(),
            Error::Invalid(invalid) => invalid.into(),
            Error::Log(error) => error.into(),
        }
    }
}

impl From<ottla_storage::Error> for Failure {
    fn from(error: ottla_storage::Error) -> Failure {
        use ottla_storage::Error;
        let code = match error {
            Error::InvalidProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
            Error::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
            Error::InvalidTxnState { .. } => ErrorCode::InvalidTxnState,
            Error::CoordinatorFenced { .. } => ErrorCode::TransactionCoordinatorFenced,
            Error::LargerThanSegment { .. } => ErrorCode::RecordListTooLarge,
            Error::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            Error::Malformed(_) | Error::CorruptBatch { .. } | Error::InvalidControlRecord(_) => {
                ErrorCode::CorruptMessage
            }
            Error::UnexpectedOffset { .. } | Error::Rot { .. } | Error::InvalidFile { .. } | Error::Disk(_) => {
                ErrorCode::KafkaStorageError
            }
        };
        match code {
            // What the operator sees in the log is not the client's business: it may name files.
            ErrorCode::KafkaStorageError => code.into(),
            _ => Failure::new(code, error),
        }
    }
}

/// Two of these depend on the request's version besides: see [`ottla_coordinator::Error`].
impl From<ottla_coordinator::Error> for Failure {
    fn from(error: ottla_coordinator::Error) -> Failure {
        use ottla_coordinator::{AppendError, Error};
        let code = match &error {
            Error::EmptyGroupId => ErrorCode::InvalidGroupId,
            Error::GroupNotFound => ErrorCode::GroupIdNotFound,
            Error::NonEmptyGroup => ErrorCode::NonEmptyGroup,
            Error::UnknownMember => ErrorCode::UnknownMemberId,
            Error::MemberIdRequired { .. } => ErrorCode::MemberIdRequired,
            Error::FencedInstance => ErrorCode::FencedInstanceId,
            Error::IllegalGeneration { .. } => ErrorCode::IllegalGeneration,
            Error::InconsistentProtocol => ErrorCode::InconsistentGroupProtocol,
            Error::InvalidSessionTimeout { .. } => ErrorCode::InvalidSessionTimeout,
            Error::GroupFull => ErrorCode::GroupMaxSizeReached,
            Error::RebalanceInProgress | Error::Superseded => ErrorCode::RebalanceInProgress,
            Error::SubscribedToTopic { .. } => ErrorCode::GroupSubscribedToTopic,
            Error::OffsetMetadataTooLarge => ErrorCode::OffsetMetadataTooLarge,
            Error::FieldTooLong { .. } => ErrorCode::InvalidRequest,
            Error::NotCoordinator | Error::Append(AppendError::NotLeader | AppendError::Storage) => {
                ErrorCode::NotCoordinator
            }
            Error::Append(AppendError::NotEnoughReplicas) => ErrorCode::CoordinatorNotAvailable,
            Error::Append(AppendError::TooLarge) => ErrorCode::UnknownServerError,
        };
        Failure::new(code, error)
    }
}

impl From<ottla_controller::Error> for Failure {
    fn from(error: ottla_controller::Error) -> Failure {
        use ottla_controller::Error;
        match error {
            Error::NotActive { .. } => ErrorCode::NotController.into(),
            Error::TimedOut { .. } => Failure::new(ErrorCode::RequestTimedOut, error),
            Error::Stopped => ErrorCode::BrokerNotAvailable.into(),
        }
    }
}

impl From<ottla_metadata::Error> for Failure {
    fn from(error: ottla_metadata::Error) -> Failure {
        use ottla_metadata::Error;
        let code = match &error {
            Error::TopicExists { .. } => ErrorCode::TopicAlreadyExists,
            Error::TopicCollision { .. } => ErrorCode::InvalidTopic,
            Error::DuplicateTopic | Error::CountsBesideAssignment => ErrorCode::InvalidRequest,
            Error::UnknownTopic { .. } | Error::UnknownPartition { .. } => ErrorCode::UnknownTopicOrPartition,
            Error::UnknownTopicId { .. } => ErrorCode::UnknownTopicId,
            Error::InvalidPartitionCount { .. } | Error::NoIncrease { .. } => ErrorCode::InvalidPartitions,
            Error::InvalidReplicationFactor { .. } | Error::TooFewBrokers { .. } | Error::AllBrokersFenced => {
                ErrorCode::InvalidReplicationFactor
            }
            Error::InvalidAssignment { .. } => ErrorCode::InvalidReplicaAssignment,
            Error::TooLarge => ErrorCode::PolicyViolation,
            Error::UnknownBroker { .. } => ErrorCode::BrokerIdNotRegistered,
            Error::StaleBrokerEpoch { .. } | Error::SupersededStart { .. } => ErrorCode::StaleBrokerEpoch,
            Error::DuplicateBroker { .. } => ErrorCode::DuplicateBrokerRegistration,
            Error::NoDirectory => ErrorCode::InvalidRegistration,
            Error::NotCaughtUp { .. } => ErrorCode::ReplicaNotAvailable,
            Error::FencedLeaderEpoch { .. } => ErrorCode::FencedLeaderEpoch,
            Error::NewerThanController => ErrorCode::NotController,
            Error::NotLeader { .. } | Error::InvalidIsr => ErrorCode::InvalidRequest,
            Error::StalePartitionEpoch { .. } => ErrorCode::InvalidUpdateVersion,
            Error::IneligibleReplica { .. } => ErrorCode::IneligibleReplica,
            Error::AcksAreCached => ErrorCode::InvalidConfig,
            Error::ProducerIdsExhausted => ErrorCode::UnknownServerError,
        };
        Failure::new(code, error)
    }
}

impl From<ValidationError> for Failure {
    fn from(error: ValidationError) -> Failure {
        let code = match &error {
            ValidationError::NoBatch(_)
            | ValidationError::MoreThanOneBatch(_)
            | ValidationError::Magic(_)
            | ValidationError::BaseOffset(_)
            | ValidationError::RecordCount { .. }
            | ValidationError::ControlBatch
            | ValidationError::NegativeSequence { .. }
            | ValidationError::UnknownCompression(_)
            | ValidationError::Record { .. }
            | ValidationError::InvalidRecords(_) => ErrorCode::InvalidRecord,
            ValidationError::Length(_) | ValidationError::Crc { .. } => ErrorCode::CorruptMessage,
            ValidationError::TooLarge { .. } | ValidationError::DecodedTooLarge { .. } => ErrorCode::MessageTooLarge,
            ValidationError::LargerThanSegment { .. } => ErrorCode::RecordListTooLarge,
            ValidationError::ZstdNotAllowed => ErrorCode::UnsupportedCompressionType,
            ValidationError::LogAppendTimeFromProducer | ValidationError::InvalidTimestamp(_) => {
                ErrorCode::InvalidTimestamp
            }
        };
        let message = Some(error.to_string());
        let record_errors = match error {
            ValidationError::InvalidTimestamp(records) | ValidationError::InvalidRecords(records) => {
                records.into_iter().map(|record| (record.index, record.cause.to_string())).collect()
            }
            _ => Vec::new(),
        };
        Failure { code, message, record_errors }
    }
}
