//! The few settings that decisions rest on, and how they resolve.

use std::collections::BTreeMap;

use crate::{ConfigResource, Image, Topic};

/// The settings of the controller's own configuration that decisions use where nothing is set dynamically.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// `num.partitions`, 1 or more.
    pub num_partitions: i32,
    /// `default.replication.factor`, 1 or more.
    pub replication_factor: i16,
    /// `min.insync.replicas`, 1 or more.
    pub min_insync_replicas: usize,
    /// `log.write.caching`: whether acks=all means in the page cache of all in-sync replicas, as Kafka has it, or on their disks.
    pub write_caching: bool,
}

impl Default for Defaults {
    fn default() -> Defaults {
        Defaults { num_partitions: 1, replication_factor: 1, min_insync_replicas: 1, write_caching: false }
    }
}

/// A setting's name on a topic and on brokers.
struct Name {
    topic: &'static str,
    broker: &'static str,
}

const MIN_INSYNC_REPLICAS: Name = Name { topic: "min.insync.replicas", broker: "min.insync.replicas" };
const WRITE_CACHING: Name = Name { topic: "write.caching", broker: "log.write.caching" };

/// The topic's `min.insync.replicas`, but never more than its replication factor. Source: Kafka `getTopicEffectiveMinIsr`.
pub(super) fn effective_min_isr(image: &Image, defaults: &Defaults, topic: &Topic) -> usize {
    let set: Option<usize> = resolve(image, &topic.configs, &MIN_INSYNC_REPLICAS);
    set.unwrap_or(defaults.min_insync_replicas).min(topic.replication_factor()).max(1)
}

/// Whether acks are cached on a topic with these dynamic settings.
pub(super) fn write_caching(image: &Image, defaults: &Defaults, topic_configs: &BTreeMap<String, String>) -> bool {
    resolve(image, topic_configs, &WRITE_CACHING).unwrap_or(defaults.write_caching)
}

/// The dynamic value: the topic's, else the cluster's. A value that does not parse counts as none: it was validated when it was set.
fn resolve<T: std::str::FromStr>(image: &Image, topic_configs: &BTreeMap<String, String>, name: &Name) -> Option<T> {
    let cluster = image.configs(&ConfigResource::ClusterDefault);
    let value = topic_configs.get(name.topic).or_else(|| cluster.get(name.broker))?;
    value.parse().ok()
}
