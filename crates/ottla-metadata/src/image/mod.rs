//! [`Image`]: the cluster's metadata at one offset of its log, immutable.
//!
//! Brokers and the controller hold the same image once they have applied the same entries. What changed between two of them is found
//! by comparing them ([`Image::changed_topics`]), so a subscriber may skip as many as it likes.

mod brokers;
mod shards;
mod topics;

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_base::{BrokerId, DirectoryId, Offset, PartitionIndex, ProducerId, TopicId, Uuid};

pub use brokers::{Broker, Brokers};
pub use topics::{Partition, Topic, TopicChanges, Topics};

use crate::ConfigResource;

/// The settings that are set on something, by name.
pub type Configs = Arc<BTreeMap<String, String>>;

/// The cluster's metadata at one offset of its log. A clone costs a few reference counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// The Raft index of the last entry with records that is in it, -1 where there is none. Blank and membership entries do not move
    /// it, so two images with one offset are equal.
    pub metadata_offset: Offset,
    /// The cluster's id; `None` only before the first entry.
    pub cluster_id: Option<Uuid>,
    /// The finalized features and their levels.
    pub features: Arc<BTreeMap<String, i16>>,
    /// The topics, with their partitions and dynamic settings.
    pub topics: Topics,
    /// The registered brokers.
    pub brokers: Brokers,
    /// The dynamic settings of brokers: of one, or with `None` of all.
    pub broker_configs: Arc<BTreeMap<Option<BrokerId>, Configs>>,
    /// The first producer id that is not given away.
    pub next_producer_id: ProducerId,
}

impl Image {
    /// The image before the first entry.
    pub fn empty() -> Image {
        Image {
            metadata_offset: Offset(-1),
            cluster_id: None,
            features: Arc::default(),
            topics: Topics::default(),
            brokers: Brokers::default(),
            broker_configs: Arc::default(),
            next_producer_id: ProducerId(0),
        }
    }

    /// The topics that differ between `older` and this image, in O(changed) and not O(topics).
    pub fn changed_topics(&self, older: &Image) -> TopicChanges {
        self.topics.changed_since(&older.topics)
    }

    /// The partition, where it exists.
    pub fn partition(&self, topic_id: TopicId, partition: PartitionIndex) -> Option<&Arc<Partition>> {
        self.topics.by_id(topic_id)?.partition(partition)
    }

    /// What is set on `resource`, by name; empty where nothing is, or where there is no such resource.
    pub fn configs(&self, resource: &ConfigResource) -> Configs {
        let configs = match resource {
            ConfigResource::Topic(name) => self.topics.by_name(name.as_str()).map(|topic| &topic.configs),
            ConfigResource::Broker(broker_id) => self.broker_configs.get(&Some(*broker_id)),
            ConfigResource::ClusterDefault => self.broker_configs.get(&None),
        };
        configs.cloned().unwrap_or_default()
    }

    /// Whether a replica of `broker_id` in `directory` may lead and be in an ISR.
    pub fn is_active(&self, broker_id: BrokerId, directory: DirectoryId) -> bool {
        self.brokers.get(broker_id).is_some_and(|broker| broker.serves(directory))
    }
}

impl Default for Image {
    fn default() -> Image {
        Image::empty()
    }
}
