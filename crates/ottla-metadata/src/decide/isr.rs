//! AlterPartition: a leader changes its ISR, by compare and set.

use std::sync::Arc;

use ottla_base::{BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch, PartitionIndex, TopicId};

use super::brokers::current;
use super::election::Change;
use super::settings::write_caching;
use super::{Context, Decision, Request};
use crate::{Error, LeaderRecoveryState, Partition, Record};

/// A leader proposes changes of partitions that it leads, each for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterPartition {
    /// The leader.
    pub broker_id: BrokerId,
    /// Its registration.
    pub broker_epoch: BrokerEpoch,
    /// The changes.
    pub partitions: Vec<PartitionAlteration>,
}

/// One partition of [`AlterPartition`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionAlteration {
    /// The topic.
    pub topic_id: TopicId,
    /// The partition in it.
    pub partition: PartitionIndex,
    /// The epoch in which the sender leads.
    pub leader_epoch: LeaderEpoch,
    /// The state of the partition that the proposal was decided on.
    pub partition_epoch: PartitionEpoch,
    /// The ISR from now on, the leader included.
    pub isr: Vec<IsrMember>,
    /// [`LeaderRecoveryState::Recovered`] once the leader has dealt with an unclean election.
    pub recovery_state: LeaderRecoveryState,
    /// Replicas count by what they have on disk from now on: the durable offset of every ISR member has reached the high watermark.
    /// False leaves it as it is; acks become cached only by the settings, in the entry that sets them.
    pub make_durable: bool,
}

/// A member of a proposed ISR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IsrMember {
    /// The broker.
    pub broker_id: BrokerId,
    /// The registration in which it fetched; `None` where the leader does not know.
    pub broker_epoch: Option<BrokerEpoch>,
}

/// A partition after a change that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlteredPartition {
    /// Its state from now on.
    pub partition: Arc<Partition>,
}

impl Request for AlterPartition {
    /// One result for each partition, in the order of the request; an error of the whole where the sender was superseded.
    type Response = Result<Vec<Result<AlteredPartition, Error>>, Error>;

    /// Source: Kafka `ReplicationControlManager.alterPartition` and `validateAlterPartitionData`.
    fn decide(&self, context: &Context<'_>) -> Decision<Self::Response> {
        if let Err(error) = current(context, self.broker_id, self.broker_epoch) {
            return Decision::unchanged(Err(error));
        }
        // One partition twice in a request: the second is decided on what the first leaves.
        let mut image = context.image.clone();
        let mut records = Vec::new();
        let mut results = Vec::with_capacity(self.partitions.len());
        for alteration in &self.partitions {
            let context = Context { image: &image, ..*context };
            let altered = self.alter(&context, alteration);
            results.push(altered.map(|(altered, record)| {
                if let Some(record) = record {
                    image = image.apply(std::slice::from_ref(&record), image.metadata_offset);
                    records.push(record);
                }
                altered
            }));
        }
        Decision { records, response: Ok(results) }
    }
}

impl AlterPartition {
    fn alter(
        &self,
        context: &Context<'_>,
        alteration: &PartitionAlteration,
    ) -> Result<(AlteredPartition, Option<Record>), Error> {
        let topic_id = alteration.topic_id;
        let topic = context.image.topics.by_id(topic_id).ok_or(Error::UnknownTopicId { topic_id })?;
        let index = alteration.partition;
        let partition = topic.partition(index).ok_or(Error::UnknownPartition { partition: index })?;
        self.check_epochs(partition, alteration)?;
        check_isr(context, partition, alteration, self.broker_id)?;
        if alteration.make_durable && write_caching(context.image, context.defaults, &topic.configs) {
            return Err(Error::AcksAreCached);
        }

        let mut change = Change::of(context, topic, index, partition);
        let in_isr = |id: &&BrokerId| alteration.isr.iter().any(|member| member.broker_id == **id);
        change.set_isr(partition.replicas.iter().filter(in_isr).copied().collect());
        if alteration.make_durable {
            change.set_durable_acks(true);
        }
        if alteration.recovery_state == LeaderRecoveryState::Recovered {
            change.set_recovered();
        }
        let record = change.build(|id, directory| context.image.is_active(id, directory));
        let partition = record.as_ref().map_or_else(|| partition.clone(), |r| Arc::new(partition.changed_by(r)));
        Ok((AlteredPartition { partition }, record.map(Record::PartitionChange)))
    }

    fn check_epochs(&self, partition: &Partition, alteration: &PartitionAlteration) -> Result<(), Error> {
        let (named, current) = (alteration.leader_epoch, partition.leader_epoch);
        if named > current || alteration.partition_epoch > partition.partition_epoch {
            return Err(Error::NewerThanController);
        }
        if named < current {
            return Err(Error::FencedLeaderEpoch { named, current });
        }
        if partition.leader != Some(self.broker_id) {
            return Err(Error::NotLeader { broker_id: self.broker_id });
        }
        let (named, current) = (alteration.partition_epoch, partition.partition_epoch);
        if named < current { Err(Error::StalePartitionEpoch { named, current }) } else { Ok(()) }
    }
}

fn check_isr(
    context: &Context<'_>,
    partition: &Partition,
    alteration: &PartitionAlteration,
    leader: BrokerId,
) -> Result<(), Error> {
    let members = &alteration.isr;
    let is_twice = |n: usize| members[..n].iter().any(|other| other.broker_id == members[n].broker_id);
    let has_leader = members.iter().any(|member| member.broker_id == leader);
    let is_assigned = members.iter().all(|member| partition.replicas.contains(&member.broker_id));
    if !has_leader || !is_assigned || (0..members.len()).any(is_twice) {
        return Err(Error::InvalidIsr);
    }
    if alteration.recovery_state == LeaderRecoveryState::Recovering
        && (members.len() > 1 || partition.recovery_state == LeaderRecoveryState::Recovered)
    {
        return Err(Error::InvalidIsr);
    }
    let is_eligible = |member: &IsrMember| {
        let broker = context.image.brokers.get(member.broker_id)?;
        let directory = partition.directory_of(member.broker_id)?;
        let is_current = member.broker_epoch.is_none_or(|epoch| epoch == broker.broker_epoch);
        Some(is_current && broker.serves(directory))
    };
    match members.iter().find(|member| is_eligible(member) != Some(true)) {
        Some(member) => Err(Error::IneligibleReplica { broker_id: member.broker_id }),
        None => Ok(()),
    }
}
