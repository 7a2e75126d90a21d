//! From the domain's names and ids to the messages' and back. What goes into an answer is always a copy: a slice of the request would keep
//! the connection's receive buffer from being used again while the answer waits.

use std::net::SocketAddr;
use std::time::Duration;

use ottla_base::{LeaderEpoch, PartitionIndex, TopicId, TopicPartition, Uuid};
use ottla_metadata::Image;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::{self, StrBytes};

/// A message's string.
pub(crate) fn text(text: impl ToString) -> StrBytes {
    StrBytes::from_string(text.to_string())
}

/// A message's topic name.
pub(crate) fn topic_name(name: impl ToString) -> messages::TopicName {
    messages::TopicName(text(name))
}

/// A topic's id in a message.
pub(crate) fn topic_id(topic_id: TopicId) -> messages::Uuid {
    messages::Uuid::from_bytes(topic_id.0.0)
}

/// The topic's id that a message names; `None` where it names none.
pub(crate) fn named_topic_id(id: messages::Uuid) -> Option<TopicId> {
    (!id.is_nil()).then(|| TopicId(Uuid(id.into_bytes())))
}

/// The leader epoch that a message names; `None` where it names none.
pub(crate) fn named_epoch(epoch: i32) -> Option<LeaderEpoch> {
    (epoch >= 0).then_some(LeaderEpoch(epoch))
}

/// A message's span of time; a negative one is none at all.
pub(crate) fn millis(millis: i32) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// The partition that a message names. Errors: UNKNOWN_TOPIC_OR_PARTITION.
pub(crate) fn existing_partition(
    image: &Image,
    topic: &str,
    index: PartitionIndex,
) -> Result<TopicPartition, ErrorCode> {
    let topic = image.topics.by_name(topic).filter(|topic| topic.partition(index).is_some());
    let partition = topic.map(|topic| TopicPartition::new(topic.name.clone(), index));
    partition.ok_or(ErrorCode::UnknownTopicOrPartition)
}

/// A client's address, as Java writes it and tools show it.
pub(crate) fn client_host(address: SocketAddr) -> String {
    format!("/{}", address.ip().to_canonical())
}
