//! [`Coordinators`]: the shards of `__consumer_offsets` that this node leads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ottla_base::{Clock, Entropy, LeaderEpoch, PartitionIndex, TopicPartition, Workers};
use ottla_coordinator::{Config, partition_for};
use ottla_metadata::Image;
use ottla_net::TaskScope;
use ottla_protocol::ErrorCode;
use ottla_replica::Partition;
use ottla_settings::Groups;
use parking_lot::RwLock;

use super::Hosted;
use crate::internal_topics::CONSUMER_OFFSETS;

/// What coordinators touch the world with.
#[derive(Clone, Debug)]
pub struct CoordinatorSeams {
    /// Sessions, rebalances, and the times that are recorded.
    pub clock: Arc<dyn Clock>,
    /// Member ids.
    pub entropy: Arc<dyn Entropy>,
    /// Loads shards.
    pub workers: Arc<dyn Workers>,
    /// Runs the shards' timers.
    pub scope: TaskScope,
}

/// The group coordinators of one node. They come with the leadership of a partition of `__consumer_offsets` and go with it.
#[derive(Debug)]
pub struct Coordinators {
    seams: CoordinatorSeams,
    config: Config,
    answer_timeout: Duration,
    read_bytes_max: usize,
    hosted: RwLock<BTreeMap<PartitionIndex, Arc<Hosted>>>,
}

impl Coordinators {
    /// None yet.
    pub fn new(settings: &Groups, seams: CoordinatorSeams) -> Coordinators {
        let config = Config {
            initial_rebalance_delay: settings.group_initial_rebalance_delay,
            session_timeout_min: settings.group_min_session_timeout,
            session_timeout_max: settings.group_max_session_timeout,
            members_max: settings.group_max_size,
            offset_metadata_max: settings.offset_metadata_max_bytes,
            offsets_retention: Duration::from_secs(60 * u64::from(settings.offsets_retention_minutes)),
            offsets_retention_check_interval: settings.offsets_retention_check_interval,
        };
        Coordinators {
            seams,
            config,
            answer_timeout: settings.offsets_commit_timeout,
            read_bytes_max: settings.offsets_load_buffer_size,
            hosted: RwLock::default(),
        }
    }

    /// The node leads `partition` in `leader_epoch` from now on; where it is one of `__consumer_offsets`, the groups in it are loaded.
    pub fn lead(&self, partition: &Arc<Partition>, leader_epoch: LeaderEpoch) {
        let TopicPartition { topic, partition: index } = partition.topic_partition();
        if topic.as_str() != CONSUMER_OFFSETS {
            return;
        }
        let CoordinatorSeams { clock, entropy, workers, scope } = &self.seams;
        let mut hosted = self.hosted.write();
        if hosted.get(index).is_some_and(|hosted| hosted.leader_epoch() == leader_epoch) {
            return;
        }
        let new = Arc::new(Hosted::new(partition.clone(), leader_epoch, clock.clone(), self.answer_timeout));
        scope.spawn(new.clone().run(self.config.clone(), entropy.clone(), workers.clone(), self.read_bytes_max));
        if let Some(old) = hosted.insert(*index, new) {
            old.resign();
        }
    }

    /// These partitions are deleted: coordinators among them end, and the others forget the offsets of the rest.
    pub fn delete(&self, partitions: &[TopicPartition]) {
        partitions.iter().for_each(|partition| self.leave(partition));
        self.all().iter().for_each(|hosted| hosted.forget(partitions));
    }

    /// The node leads `partition` no more: where it is one of `__consumer_offsets`, its coordinator ends.
    pub fn leave(&self, partition: &TopicPartition) {
        let is_of_groups = partition.topic.as_str() == CONSUMER_OFFSETS;
        let hosted = is_of_groups.then(|| self.hosted.write().remove(&partition.partition)).flatten();
        if let Some(hosted) = hosted {
            hosted.resign();
        }
    }

    /// Ends all of them; whoever waits is told to look for another.
    pub fn resign(&self) {
        let hosted = std::mem::take(&mut *self.hosted.write());
        hosted.values().for_each(|hosted| hosted.resign());
    }

    /// All, by partition.
    pub(crate) fn all(&self) -> Vec<Arc<Hosted>> {
        self.hosted.read().values().cloned().collect()
    }

    /// The coordinator of `group_id`, where it is this node. Errors: NOT_COORDINATOR.
    pub(crate) fn of_group(&self, group_id: &str, image: &Image) -> Result<Arc<Hosted>, ErrorCode> {
        let index = partition_of(group_id, image).ok_or(ErrorCode::NotCoordinator)?;
        self.hosted.read().get(&index).cloned().ok_or(ErrorCode::NotCoordinator)
    }
}

/// The partition of `__consumer_offsets` that `group_id` is in; `None` while there is no such topic.
pub(crate) fn partition_of(group_id: &str, image: &Image) -> Option<PartitionIndex> {
    let partitions = image.topics.by_name(CONSUMER_OFFSETS)?.partitions.len();
    Some(partition_for(group_id, i32::try_from(partitions).expect("a topic has fewer than 2^31 partitions")))
}
