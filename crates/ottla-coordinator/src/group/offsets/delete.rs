//! OffsetDelete (KIP-496): offsets of topics that a group has ceased to read.
//!
//! Source: Kafka `OffsetMetadataManager.deleteOffsets`, `ClassicGroup.validateOffsetDelete`.

use std::sync::Arc;

use ottla_base::TopicPartition;

use super::Decision;
use crate::Error;
use crate::group::Group;
use crate::record::Record;

/// What a client asks for with OffsetDelete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteOffsets {
    /// The group.
    pub group_id: String,
    /// The partitions whose offsets go. One without an offset is no error.
    pub partitions: Vec<TopicPartition>,
}

impl Group {
    /// One answer for each partition, and the tombstones.
    pub(crate) fn delete_offsets(&self, group_id: &Arc<str>, partitions: &[TopicPartition]) -> Result<Decision, Error> {
        if !self.classic.is_empty() && !self.classic.is_of_consumers() {
            return Err(Error::NonEmptyGroup);
        }
        let is_subscribed = self.subscriptions();
        let check = |partition: &TopicPartition| match is_subscribed(partition) {
            true => Err(Error::SubscribedToTopic { topic: partition.topic.clone() }),
            false => Ok(()),
        };
        let results: Vec<_> = partitions.iter().map(check).collect();
        let allowed = partitions.iter().zip(&results).filter(|(_, result)| result.is_ok());
        let known = allowed.filter(|(partition, _)| self.offsets.get(partition).is_some());
        let records = known.map(|(partition, _)| tombstone(group_id, partition)).collect();
        Ok(Decision { results, records })
    }

    /// Whether the group reads a partition's topic. Where that cannot be told, a consumer group reads them all.
    pub(super) fn subscriptions(&self) -> impl Fn(&TopicPartition) -> bool + use<> {
        let topics = self.classic.subscribed_topics();
        let is_of_consumers = self.classic.is_of_consumers();
        move |partition| match &topics {
            Some(topics) => topics.contains(partition.topic.as_str()),
            None => is_of_consumers,
        }
    }
}

/// The record that ends an offset.
pub(super) fn tombstone(group_id: &Arc<str>, partition: &TopicPartition) -> Record {
    Record::OffsetCommit { group_id: group_id.clone(), topic_partition: partition.clone(), value: None }
}
