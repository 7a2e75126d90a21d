//! [`Replicas`]: the partitions that this node has, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_base::{PartitionIndex, TopicName, TopicPartition};
use parking_lot::{Mutex, RwLock};

use crate::{Partition, Traffic};

/// The partitions that this node has. Looking one up copies no name and takes no lock for longer than the look.
#[derive(Debug, Default)]
pub struct Replicas {
    topics: RwLock<BTreeMap<TopicName, BTreeMap<PartitionIndex, Arc<Partition>>>>,
    /// That of the partitions that were taken out. Changed and read under the other lock.
    past_traffic: Mutex<Traffic>,
}

impl Replicas {
    /// None yet.
    pub fn new() -> Replicas {
        Replicas::default()
    }

    /// The partition, where this node has it.
    pub fn get(&self, topic: &str, partition: PartitionIndex) -> Option<Arc<Partition>> {
        self.topics.read().get(topic)?.get(&partition).cloned()
    }

    /// Adds a partition.
    pub fn insert(&self, partition: Arc<Partition>) {
        let TopicPartition { topic, partition: index } = partition.topic_partition().clone();
        let replaced = self.topics.write().entry(topic).or_default().insert(index, partition);
        assert!(replaced.is_none(), "a partition is closed before another of its name is opened");
    }

    /// Takes a partition out; those that hold it keep it until they let go.
    pub fn remove(&self, topic_partition: &TopicPartition) -> Option<Arc<Partition>> {
        let mut topics = self.topics.write();
        let partitions = topics.get_mut(&topic_partition.topic)?;
        let removed = partitions.remove(&topic_partition.partition);
        if partitions.is_empty() {
            topics.remove(&topic_partition.topic);
        }
        if let Some(partition) = &removed {
            *self.past_traffic.lock() += partition.traffic();
        }
        removed
    }

    /// The traffic of all partitions together, of those too that were taken out: it only grows.
    pub fn traffic(&self) -> Traffic {
        let topics = self.topics.read();
        let mut traffic = *self.past_traffic.lock();
        topics.values().flat_map(BTreeMap::values).for_each(|partition| traffic += partition.traffic());
        traffic
    }

    /// All partitions, by name and number.
    pub fn all(&self) -> Vec<Arc<Partition>> {
        self.topics.read().values().flat_map(|partitions| partitions.values().cloned()).collect()
    }
}
