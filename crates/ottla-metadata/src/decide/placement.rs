//! Which brokers get a new partition's replicas, and what a new partition starts with.

use std::collections::BTreeMap;

use ottla_base::{BrokerId, DirectoryId, LeaderEpoch, PartitionEpoch, PartitionIndex, TopicId};

use super::Context;
use crate::{Error, Image, InvalidAssignment, LeaderRecoveryState, PartitionRecord};

/// Places the replicas of new partitions one after the other, and picks the log directory of each.
pub(super) struct Placer<'a> {
    image: &'a Image,
    /// The brokers that can lead, then the fenced ones.
    unfenced: Vec<BrokerId>,
    fenced: Vec<BrokerId>,
    /// Where the striping starts: random, so that small topics do not all lie on the first broker.
    start: usize,
    shift: usize,
    /// How many replicas each directory has, counted when a broker with a choice is first met.
    load: Option<BTreeMap<DirectoryId, usize>>,
}

impl<'a> Placer<'a> {
    pub(super) fn new(context: &Context<'a>) -> Placer<'a> {
        let with = |fenced: bool| context.image.brokers.iter().filter(move |b| b.fenced == fenced).map(|b| b.broker_id);
        let (unfenced, fenced): (Vec<_>, Vec<_>) = (with(false).collect(), with(true).collect());
        let draw = |bound: usize| context.entropy.below(bound.max(1) as u64) as usize;
        let (start, shift) = (draw(unfenced.len()), draw(unfenced.len()));
        Placer { image: context.image, unfenced, fenced, start, shift, load: None }
    }

    /// Whether `factor` replicas can be placed at all. Source: Kafka `StripedReplicaPlacer.place`.
    pub(super) fn check(&self, factor: usize) -> Result<(), Error> {
        let registered = self.unfenced.len() + self.fenced.len();
        if factor > registered {
            return Err(Error::TooFewBrokers { factor, registered });
        }
        if self.unfenced.is_empty() { Err(Error::AllBrokersFenced) } else { Ok(()) }
    }

    /// The replicas of the partition `index`: leaders go round the unfenced brokers, and followers with a distance that grows with
    /// each round, so that what one broker leads is followed by all others alike. Fenced brokers only where the others run out.
    pub(super) fn place(&self, index: PartitionIndex, factor: usize) -> Vec<BrokerId> {
        let (count, index) = (self.unfenced.len(), index.0 as usize);
        let first = (self.start + index) % count;
        let shift = self.shift + index / count;
        let follower = |n: usize| (first + 1 + (shift + n) % (count - 1)) % count;
        let slots = std::iter::once(first).chain((0..count - 1).map(follower));
        slots.map(|slot| self.unfenced[slot]).chain(self.fenced.iter().copied()).take(factor).collect()
    }

    /// The record of a new partition on `replicas`. Those that can lead are its ISR, the first of them leads.
    ///
    /// Errors: [`InvalidAssignment::AllFenced`].
    pub(super) fn partition(
        &mut self,
        topic_id: TopicId,
        partition: PartitionIndex,
        replicas: Vec<BrokerId>,
        durable_acks: bool,
    ) -> Result<PartitionRecord, InvalidAssignment> {
        let directories: Vec<_> = replicas.iter().map(|broker_id| self.pick_directory(*broker_id)).collect();
        let pairs = replicas.iter().zip(&directories);
        let isr: Vec<_> = pairs.filter(|(id, dir)| self.image.is_active(**id, **dir)).map(|(id, _)| *id).collect();
        let leader = isr.first().copied();
        if leader.is_none() {
            return Err(InvalidAssignment::AllFenced { partition });
        }
        Ok(PartitionRecord {
            topic_id,
            partition,
            replicas,
            directories,
            isr,
            elr: Vec::new(),
            last_known_elr: Vec::new(),
            leader,
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            recovery_state: LeaderRecoveryState::Recovered,
            durable_acks,
        })
    }

    /// The broker's online directory with the fewest replicas. [`DirectoryId`] zero where all its directories are offline.
    fn pick_directory(&mut self, broker_id: BrokerId) -> DirectoryId {
        let directories = self.image.brokers.get(broker_id).map_or(&[][..], |broker| &broker.directories);
        if let [only] = directories {
            return *only;
        }
        let image = self.image;
        let load = self.load.get_or_insert_with(|| count_replicas(image));
        let load_of = |directory: &DirectoryId| load.get(directory).copied().unwrap_or(0);
        let Some(picked) = directories.iter().copied().min_by_key(load_of) else {
            return DirectoryId(ottla_base::Uuid::ZERO);
        };
        *load.entry(picked).or_default() += 1;
        picked
    }
}

fn count_replicas(image: &Image) -> BTreeMap<DirectoryId, usize> {
    let mut load = BTreeMap::new();
    let partitions = image.topics.iter().flat_map(|topic| &topic.partitions);
    partitions.flat_map(|partition| &partition.directories).for_each(|dir| *load.entry(*dir).or_default() += 1);
    load
}

/// Checks one partition of a manual assignment. Source: Kafka `ReplicationControlManager.validateManualPartitionAssignment`.
pub(super) fn check_assignment(
    image: &Image,
    replicas: &[BrokerId],
    factor: Option<usize>,
) -> Result<(), InvalidAssignment> {
    if replicas.is_empty() {
        return Err(InvalidAssignment::NoReplicas);
    }
    for (n, broker_id) in replicas.iter().copied().enumerate() {
        if image.brokers.get(broker_id).is_none() {
            return Err(InvalidAssignment::UnknownBroker { broker_id });
        }
        if replicas[..n].contains(&broker_id) {
            return Err(InvalidAssignment::DuplicateBroker { broker_id });
        }
    }
    match factor {
        Some(expected) if expected != replicas.len() => {
            Err(InvalidAssignment::ReplicationFactor { found: replicas.len(), expected })
        }
        _ => Ok(()),
    }
}
