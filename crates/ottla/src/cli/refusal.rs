//! [`Refusal`]: what a broker's error code means to whoever typed the command.

use std::fmt;

use ottla_protocol::ErrorCode;
use ottla_protocol::messages::StrBytes;

/// A response's error.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The number on the wire.
    code: i16,
    /// The broker's words, if it had any.
    words: Option<String>,
}

impl std::error::Error for Refusal {}

/// The words of the broker, or else our own, and the code by its name. For a topic that is not there they are always our own: Kafka speaks
/// of what "this server" does not host.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.code().map_or_else(|| format!("error {}", self.code), |code| code.name().to_owned());
        let brokers = self.words.as_deref().filter(|_| self.code() != Some(ErrorCode::UnknownTopicOrPartition));
        match brokers.or_else(|| self.code().and_then(plain_words)) {
            Some(words) => write!(f, "{} ({name})", words.trim_end_matches('.')),
            None => f.write_str(&name),
        }
    }
}

impl Refusal {
    /// The refusal of a response with `code`; none where that is 0.
    pub(super) fn of(code: i16, words: Option<&StrBytes>) -> Option<Refusal> {
        let words = words.map(|words| words.to_string()).filter(|words| !words.is_empty());
        (code != ErrorCode::None.code()).then_some(Refusal { code, words })
    }

    /// An error where `code` is one.
    pub(super) fn check(code: i16, words: Option<&StrBytes>) -> Result<(), Refusal> {
        Refusal::of(code, words).map_or(Ok(()), Err)
    }

    /// What this side says where the metadata names no leader for a partition, as a broker would.
    pub(super) fn no_leader() -> Refusal {
        Refusal { code: ErrorCode::LeaderNotAvailable.code(), words: None }
    }

    /// The code, where Kafka's table has it.
    pub(super) fn code(&self) -> Option<ErrorCode> {
        ErrorCode::from_code(self.code)
    }

    /// Whether the same may go well in a moment. A topic that is not there is retriable to Kafka's clients, who hope that it will be;
    /// to a user it is a mistake.
    pub(super) fn is_transient(&self) -> bool {
        self.is_retriable() && self.code() != Some(ErrorCode::UnknownTopicOrPartition)
    }

    /// Whether Kafka's clients try again.
    pub(super) fn is_retriable(&self) -> bool {
        self.code().is_some_and(ErrorCode::is_retriable)
    }
}

/// What the codes that users meet most mean, where the broker says no more than the code.
fn plain_words(code: ErrorCode) -> Option<&'static str> {
    Some(match code {
        ErrorCode::UnknownTopicOrPartition => "there is no such topic or partition",
        ErrorCode::LeaderNotAvailable => "the partition has no leader",
        ErrorCode::MessageTooLarge => "larger than the topic's max.message.bytes",
        ErrorCode::NotEnoughReplicas => "fewer replicas are in sync than min.insync.replicas asks for",
        ErrorCode::RequestTimedOut => "not in time",
        ErrorCode::KafkaStorageError => "the broker's disk failed or is full",
        ErrorCode::InvalidTopic => "no legal name for a topic",
        ErrorCode::CoordinatorNotAvailable => "no broker coordinates the group now",
        ErrorCode::CoordinatorLoadInProgress => "the group's coordinator is still loading it",
        ErrorCode::NotCoordinator => "another broker coordinates the group now",
        ErrorCode::InvalidGroupId => "no legal name for a group",
        ErrorCode::GroupIdNotFound => "there is no such group",
        ErrorCode::NonEmptyGroup => "it has members: stop them first",
        ErrorCode::GroupSubscribedToTopic => "a member of the group subscribes to the topic: stop it first",
        ErrorCode::GroupMaxSizeReached => "it has as many members as group.max.size allows",
        ErrorCode::InconsistentGroupProtocol => {
            "its members assign partitions in no way that this command knows (range)"
        }
        ErrorCode::UnsupportedVersion => "the broker is too old for this",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(code: ErrorCode, words: Option<&'static str>) -> Refusal {
        let words = words.map(StrBytes::from_static_str);
        Refusal::of(code.code(), words.as_ref()).expect("an error")
    }

    #[test]
    fn the_brokers_words_come_first_and_the_code_is_named() {
        let told = refusal(ErrorCode::TopicAlreadyExists, Some("Topic 'a' already exists."));
        assert_eq!(told.to_string(), "Topic 'a' already exists (TOPIC_ALREADY_EXISTS)");
        let missing =
            refusal(ErrorCode::UnknownTopicOrPartition, Some("This server does not host this topic-partition."));
        assert_eq!(missing.to_string(), "there is no such topic or partition (UNKNOWN_TOPIC_OR_PARTITION)");
        let silent = refusal(ErrorCode::MessageTooLarge, None);
        assert_eq!(silent.to_string(), "larger than the topic's max.message.bytes (MESSAGE_TOO_LARGE)");
        assert_eq!(refusal(ErrorCode::InvalidTimestamp, Some("")).to_string(), "INVALID_TIMESTAMP");
        assert_eq!(Refusal::of(9999, None).expect("an error").to_string(), "error 9999");
    }

    #[test]
    fn success_is_no_refusal() {
        assert!(Refusal::of(0, None).is_none());
    }

    #[test]
    fn a_missing_topic_is_not_waited_for() {
        assert!(refusal(ErrorCode::LeaderNotAvailable, None).is_transient());
        assert!(!refusal(ErrorCode::UnknownTopicOrPartition, None).is_transient());
        assert!(refusal(ErrorCode::UnknownTopicOrPartition, None).is_retriable());
    }
}
