//! [`Offsets`]: the offsets that a group has committed. What they say is recorded, all of it.

mod commit;
mod delete;
mod expiry;
mod fetch;

use std::collections::BTreeMap;

use ottla_base::{PartitionIndex, TopicName, TopicPartition};

pub use commit::{CommitOffsets, OffsetToCommit};
pub use delete::DeleteOffsets;

use crate::Error;
use crate::record::{CommittedOffset, Record};

/// What is to be done with the offsets of a request.
#[derive(Debug)]
pub(crate) struct Decision {
    /// One answer for each offset or partition, in the request's order.
    pub(crate) results: Vec<Result<(), Error>>,
    /// What makes it so.
    pub(crate) records: Vec<Record>,
}

/// The committed offsets of one group. A topic is in it while one of its partitions is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offsets {
    by_topic: BTreeMap<TopicName, BTreeMap<PartitionIndex, CommittedOffset>>,
}

impl Offsets {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_topic.is_empty()
    }

    pub(crate) fn get(&self, topic_partition: &TopicPartition) -> Option<&CommittedOffset> {
        self.by_topic.get(&topic_partition.topic)?.get(&topic_partition.partition)
    }

    pub(crate) fn put(&mut self, topic_partition: TopicPartition, offset: CommittedOffset) {
        let TopicPartition { topic, partition } = topic_partition;
        self.by_topic.entry(topic).or_default().insert(partition, offset);
    }

    pub(crate) fn remove(&mut self, topic_partition: &TopicPartition) {
        if let Some(partitions) = self.by_topic.get_mut(&topic_partition.topic) {
            partitions.remove(&topic_partition.partition);
            if partitions.is_empty() {
                self.by_topic.remove(&topic_partition.topic);
            }
        }
    }

    /// All of them, by topic and partition.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TopicPartition, &CommittedOffset)> {
        self.by_topic.iter().flat_map(|(topic, partitions)| {
            let named = |partition: &PartitionIndex| TopicPartition::new(topic.clone(), *partition);
            partitions.iter().map(move |(partition, offset)| (named(partition), offset))
        })
    }

    /// The partitions that there is an offset of.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = TopicPartition> {
        self.iter().map(|(topic_partition, _)| topic_partition)
    }
}
