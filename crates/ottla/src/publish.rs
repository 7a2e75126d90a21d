//! [`Publisher`]: turns the difference between two images into partitions that are created, led, reconfigured or deleted here.
//!
//! It applies one image at a time, in order, and publishes the image when it is done: what clients are told is what the node then does.
//! An image may skip any number of those between; what counts is the difference.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ottla_base::{BrokerId, Clock, DirectoryId, Lane, PartitionIndex, TopicId, TopicPartition, Workers};
use ottla_metadata::{Image, Partition as PartitionImage, Topic};
use ottla_net::{TaskScope, offload, timer};
use ottla_replica::{Counts, Durability, Leadership, Partition, PartitionConfig, Replicas};
use ottla_server::Coordinators;
use ottla_settings::{BrokerSettings, Layers, TopicSettings};
use ottla_storage::Checkpoint;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::log_store::RecoveredLog;
use crate::log_stores::{LogStores, NoPlace};
use crate::partition_config::partition_config;
use crate::removals::Removal;

/// How often a partition that could not be opened or created is tried again: the disk may have room by then.
const RETRY_INTERVAL: Duration = Duration::from_secs(10);

/// Applies images to this node. Its calls block: they are for workers, one at a time.
#[derive(Debug)]
pub(crate) struct Publisher {
    broker_id: BrokerId,
    settings: Arc<BrokerSettings>,
    layers: Arc<Layers>,
    logs: Arc<LogStores>,
    replicas: Arc<Replicas>,
    coordinators: Arc<Coordinators>,
    clock: Arc<dyn Clock>,
    published: watch::Sender<Arc<Image>>,
    /// Topics with partitions that are this node's and are not served.
    unserved: Mutex<BTreeSet<TopicId>>,
}

impl Publisher {
    /// A publisher that has applied nothing.
    pub(crate) fn new(
        broker_id: BrokerId,
        settings: Arc<BrokerSettings>,
        layers: Arc<Layers>,
        logs: Arc<LogStores>,
        replicas: Arc<Replicas>,
        coordinators: Arc<Coordinators>,
        clock: Arc<dyn Clock>,
    ) -> Publisher {
        let published = watch::Sender::new(Arc::new(Image::empty()));
        let unserved = Mutex::default();
        Publisher { broker_id, settings, layers, logs, replicas, coordinators, clock, published, unserved }
    }

    /// The images that this node has taken up.
    pub(crate) fn published(&self) -> watch::Receiver<Arc<Image>> {
        self.published.subscribe()
    }

    /// Takes up `image`. What fails concerns one partition and is logged; the rest goes on.
    pub(crate) fn apply(&self, image: Arc<Image>) {
        let before = self.published.borrow().clone();
        let changes = image.changed_topics(&before);
        let unserved = std::mem::take(&mut *self.unserved.lock());
        changes.deleted.iter().for_each(|topic| self.delete_topic(topic));
        for topic in &changes.created {
            self.update_topic(None, topic);
        }
        for (old, new) in &changes.changed {
            self.update_topic(Some(old), new);
        }
        for topic in unserved.into_iter().filter_map(|topic_id| image.topics.by_id(topic_id)) {
            self.update_topic(None, topic);
        }
        self.published.send_replace(image);
    }

    /// Takes up every image that `images` gives, in a task of `scope`, and now and then one again where something is not served.
    pub(crate) fn start(
        self: Arc<Self>,
        mut images: watch::Receiver<Arc<Image>>,
        workers: Arc<dyn Workers>,
        scope: &TaskScope,
    ) {
        scope.spawn(async move {
            loop {
                let image = images.borrow_and_update().clone();
                let publisher = self.clone();
                offload(&*workers, Lane::Background, move || publisher.apply(image)).await;
                let is_all_served = self.unserved.lock().is_empty();
                let changed = match is_all_served {
                    true => images.changed().await,
                    false => timer::timeout(RETRY_INTERVAL, images.changed()).await.unwrap_or(Ok(())),
                };
                if changed.is_err() {
                    return;
                }
            }
        });
    }

    /// Replicas assigned to this node whose data it lacks or doubts, though other nodes may have it.
    pub(crate) fn doubtful(&self, image: &Image) -> Vec<(TopicId, PartitionIndex)> {
        let of_topic = |topic: &Arc<Topic>| {
            let topic = topic.clone();
            let partitions: Vec<_> = topic.indexed_partitions().map(|(index, p)| (index, p.clone())).collect();
            partitions.into_iter().filter_map(move |(index, partition)| {
                let is_replicated = partition.replicas.len() > 1 && partition.replicas.contains(&self.broker_id);
                let is_here = self.replicas.get(topic.name.as_str(), index).is_some();
                (is_replicated && !is_here).then_some((topic.topic_id, index))
            })
        };
        image.topics.iter().flat_map(of_topic).collect()
    }

    /// Replicas of this node, with the log directory of each, that lie in another than the metadata has them in.
    pub(crate) fn moved(&self, image: &Image) -> Vec<(TopicId, PartitionIndex, DirectoryId)> {
        let mut moved = Vec::new();
        for topic in image.topics.iter() {
            for (index, partition) in topic.indexed_partitions() {
                let Some(assigned) = partition.directory_of(self.broker_id) else { continue };
                let found = self.logs.directory_of(&TopicPartition::new(topic.name.clone(), index), topic.topic_id);
                let elsewhere = found.filter(|directory| *directory != assigned);
                moved.extend(elsewhere.map(|directory| (topic.topic_id, index, directory)));
            }
        }
        moved
    }

    fn delete_topic(&self, topic: &Topic) {
        let config = self.config_of(topic);
        let name = |(index, _)| TopicPartition::new(topic.name.clone(), index);
        let names: Vec<_> = topic.indexed_partitions().map(name).collect();
        self.coordinators.delete(&names);
        for name in &names {
            if let Some(partition) = self.replicas.remove(name) {
                partition.delete();
            }
            self.delete_log(name, topic.topic_id, &config);
        }
    }

    /// Renames the folder now, so that a topic of the same name can come, and removes it when readers have had their time: at once
    /// where the disk needs the room. A partition that could not be opened has a folder, too.
    fn delete_log(&self, name: &TopicPartition, topic_id: TopicId, config: &PartitionConfig) {
        let (store, folder) = match self.logs.move_to_delete(name, topic_id) {
            Ok(Some(moved)) => moved,
            Ok(None) => return,
            Err(error) => return tracing::error!(partition = %name, %error, "a deleted partition keeps its folder"),
        };
        let removal = Removal::Folder(folder);
        if store.is_short_of_room() {
            removal.run(store.directory());
            store.restore_ballast();
        } else {
            store.removals().add(self.clock.now() + config.log.file_delete_delay, removal);
        }
    }

    /// Brings the partitions of `topic` that are this node's to where the metadata has them.
    fn update_topic(&self, before: Option<&Topic>, topic: &Topic) {
        let config = self.config_of(topic);
        let is_reconfigured = before.is_some_and(|before| before.configs != topic.configs);
        for (index, partition) in topic.indexed_partitions() {
            let is_mine = partition.replicas.contains(&self.broker_id);
            let is_unchanged =
                before.and_then(|before| before.partition(index)).is_some_and(|old| Arc::ptr_eq(old, partition));
            if !is_mine || (is_unchanged && !is_reconfigured) {
                continue;
            }
            let name = TopicPartition::new(topic.name.clone(), index);
            let assigned = partition.directory_of(self.broker_id).expect("a replica has its directory");
            match self.replica_of(&name, topic.topic_id, &config, assigned) {
                Ok(replica) => {
                    if is_reconfigured {
                        replica.reconfigure(config.clone());
                    }
                    self.lead_if_leader(&replica, partition);
                }
                Err(error) if error.is::<NoPlace>() => {
                    tracing::error!(partition = %name, %error, "the partition is offline in this run");
                }
                Err(error) => {
                    self.unserved.lock().insert(topic.topic_id);
                    tracing::error!(partition = %name, error = format!("{error:#}"), "the partition is not served");
                }
            }
        }
    }

    fn lead_if_leader(&self, replica: &Arc<Partition>, partition: &PartitionImage) {
        if partition.leader != Some(self.broker_id) {
            // As when its log directory has failed.
            return self.coordinators.leave(replica.topic_partition());
        }
        let counts = if partition.durable_acks { Counts::Durable } else { Counts::Appended };
        replica.lead(Leadership {
            leader_epoch: partition.leader_epoch,
            isr: partition.isr.clone(),
            replication_factor: partition.replicas.len(),
            counts,
        });
        self.coordinators.lead(replica, partition.leader_epoch);
    }

    /// The replica, opened where it is not open yet.
    fn replica_of(
        &self,
        name: &TopicPartition,
        topic_id: TopicId,
        config: &PartitionConfig,
        assigned: DirectoryId,
    ) -> anyhow::Result<Arc<Partition>> {
        if let Some(replica) = self.replicas.get(name.topic.as_str(), name.partition) {
            return Ok(replica);
        }
        let store = self.logs.place(name, topic_id, assigned)?;
        if store.directory().id() != assigned {
            tracing::info!(
                partition = %name, directory = %store.directory().path().display(),
                "the log was moved from another log directory, and is taken over"
            );
        }
        let RecoveredLog { log, recovered } = store.claim(name, topic_id, &config.log)?;
        if let Some(cut) = &recovered.cut {
            let kept_in = cut.kept_in.as_ref().map(|path| tracing::field::display(path.display()));
            // Whether it was durable once cannot be told: the recovery point is written now and then only.
            match cut.suspect {
                false => tracing::warn!(partition = %name, at = %cut.at, bytes = cut.bytes, kept_in,
                    "the log's damaged or half-written end was cut off after an unclean stop"),
                true => tracing::warn!(partition = %name, at = %cut.at, bytes = cut.bytes, kept_in,
                    "a damaged batch and whole ones behind it were cut off after an unclean stop: acknowledged records can be among them"),
            }
        }
        if let Some(at) = recovered.rot {
            tracing::error!(partition = %name, %at, "durable records cannot be read any more: the partition takes no more");
        }
        let high_watermark = store.checkpoints().get(Checkpoint::HighWatermark, name);
        let health = store.directory().health().clone();
        let flusher = store.flusher().clone();
        let replica =
            Partition::new(name.clone(), topic_id, log, config.clone(), high_watermark, Durability { flusher, health });
        self.replicas.insert(replica.clone());
        Ok(replica)
    }

    fn config_of(&self, topic: &Topic) -> PartitionConfig {
        // Checked when they were set; a newer version may have set what this one does not know.
        let (resolved, errors) = TopicSettings::of_existing(&self.layers, &topic.configs);
        for error in errors {
            tracing::error!(topic = %topic.name, %error, "a setting of the topic is not understood: the broker's is used");
        }
        partition_config(&resolved, &self.settings)
    }
}
