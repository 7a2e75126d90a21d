//! Topics and their partitions, as an image holds them.

use std::sync::Arc;

use ottla_base::{BrokerId, DirectoryId, LeaderEpoch, PartitionEpoch, PartitionIndex, TopicId, TopicName};

use super::Configs;
use super::shards::Shards;
use crate::LeaderRecoveryState;

/// All topics. A clone shares everything with its original.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Topics {
    by_id: Shards<TopicId, Arc<Topic>>,
    by_name: Shards<TopicName, TopicId>,
}

/// One topic: it is replaced as a whole when anything about it changes, its dynamic settings included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Its name.
    pub name: TopicName,
    /// Its id.
    pub topic_id: TopicId,
    /// Its partitions; the index is the partition.
    pub partitions: Vec<Arc<Partition>>,
    /// The settings that are set on it.
    pub configs: Configs,
}

/// One partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// The assignment, the preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// The log directory of each of `replicas`, in the same order.
    pub directories: Vec<DirectoryId>,
    /// The in-sync replicas: a subset of `replicas`, holding the leader where there is one.
    pub isr: Vec<BrokerId>,
    /// Eligible leader replicas (KIP-966): they left an ISR that fell below min ISR, and hold all that was acknowledged.
    pub elr: Vec<BrokerId>,
    /// Who led last, where `isr` and `elr` are empty.
    pub last_known_elr: Vec<BrokerId>,
    /// The leader.
    pub leader: Option<BrokerId>,
    /// The leader's epoch, or the last one's.
    pub leader_epoch: LeaderEpoch,
    /// How many changes there were.
    pub partition_epoch: PartitionEpoch,
    /// Whether the leader's election was clean.
    pub recovery_state: LeaderRecoveryState,
    /// Whether a replica counts by what it has on disk, for the high watermark and for the ISR, or by what it has in memory.
    pub durable_acks: bool,
}

/// What changed between two images; see [`Image::changed_topics`](crate::Image::changed_topics).
#[derive(Clone, Debug, Default)]
pub struct TopicChanges {
    /// Topics that the older image has and the newer has not. A topic that was created again is here and in `created`.
    pub deleted: Vec<Arc<Topic>>,
    /// Topics that only the newer image has.
    pub created: Vec<Arc<Topic>>,
    /// Topics of both that differ: the older, the newer. Partitions that did not change are the same `Arc`.
    pub changed: Vec<(Arc<Topic>, Arc<Topic>)>,
}

impl Topics {
    /// The topic with this id.
    pub fn by_id(&self, topic_id: TopicId) -> Option<&Arc<Topic>> {
        self.by_id.get(&topic_id)
    }

    /// The topic with this name.
    pub fn by_name(&self, name: &str) -> Option<&Arc<Topic>> {
        self.by_id(*self.by_name.get(name)?)
    }

    /// The name of a topic that would be one with `name` in a metric, `name` itself aside.
    pub fn collision(&self, name: &TopicName) -> Option<&TopicName> {
        self.by_name.neighbours(name).find(|other| *other != name && other.collides_with(name))
    }

    /// All topics, in an order that is the same wherever the topics are.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.by_id.values()
    }

    /// How many topics there are. O(1).
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn put(&mut self, topic: Topic) {
        self.by_name.insert(topic.name.clone(), topic.topic_id);
        self.by_id.insert(topic.topic_id, Arc::new(topic));
    }

    /// The topic, to change anything about it but its name and id; copied first where another image has it too.
    pub(crate) fn get_mut(&mut self, topic_id: TopicId) -> Option<&mut Topic> {
        self.by_id.get_mut(&topic_id).map(Arc::make_mut)
    }

    pub(crate) fn remove(&mut self, topic_id: TopicId) -> Option<Arc<Topic>> {
        let topic = self.by_id.remove(&topic_id)?;
        self.by_name.remove(&topic.name);
        Some(topic)
    }

    pub(crate) fn changed_since(&self, older: &Topics) -> TopicChanges {
        let mut changes = TopicChanges::default();
        for (new_part, old_part) in self.by_id.parts_changed_since(&older.by_id) {
            changes
                .deleted
                .extend(old_part.iter().filter(|(id, _)| !new_part.contains_key(id)).map(|(_, t)| t.clone()));
            for (topic_id, new) in new_part {
                match old_part.get(topic_id) {
                    None => changes.created.push(new.clone()),
                    Some(old) if Arc::ptr_eq(old, new) => {}
                    Some(old) => changes.changed.push((old.clone(), new.clone())),
                }
            }
        }
        changes
    }
}

impl Topic {
    /// The partition with this index.
    pub fn partition(&self, partition: PartitionIndex) -> Option<&Arc<Partition>> {
        usize::try_from(partition.0).ok().and_then(|index| self.partitions.get(index))
    }

    /// The partitions with their indexes, in ascending order.
    pub fn indexed_partitions(&self) -> impl Iterator<Item = (PartitionIndex, &Arc<Partition>)> {
        (0..).map(PartitionIndex).zip(&self.partitions)
    }

    /// How many replicas each partition has; the first partition speaks for all.
    pub fn replication_factor(&self) -> usize {
        self.partitions.first().map_or(0, |partition| partition.replicas.len())
    }
}

impl Partition {
    /// The log directory in which `broker_id` keeps its replica, if it has one.
    pub fn directory_of(&self, broker_id: BrokerId) -> Option<DirectoryId> {
        let position = self.replicas.iter().position(|replica| *replica == broker_id)?;
        self.directories.get(position).copied()
    }
}
