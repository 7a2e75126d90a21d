//! The one place that says who is in an ISR, who stays eligible and who leads after a change.
//!
//! ```text
//! leave the ISR --> ISR still >= min ISR: no longer counted
//!              \-> ISR below min ISR: eligible (ELR), holds all that was acknowledged, since the high watermark stood still
//! struck (its data is missing or in doubt) --> neither
//! ```
//!
//! Source: Kafka `PartitionChangeBuilder`, KIP-966; where ours differs, design: an ISR loses its last member only when it is struck.

use ottla_base::{BrokerId, DirectoryId, PartitionIndex};

use super::Context;
use super::settings::effective_min_isr;
use crate::{Image, LeaderRecoveryState, Partition, PartitionChangeRecord, Record, Topic};

/// A change of one partition under construction.
pub(super) struct Change<'a> {
    topic: &'a Topic,
    index: PartitionIndex,
    partition: &'a Partition,
    min_isr: usize,
    isr: Vec<BrokerId>,
    struck: Option<BrokerId>,
    recovered: bool,
    durable_acks: Option<bool>,
}

/// Who leads, and with which ISR.
struct Leadership {
    leader: Option<BrokerId>,
    isr: Vec<BrokerId>,
    clean: bool,
}

impl<'a> Change<'a> {
    pub(super) fn of(context: &Context<'_>, topic: &'a Topic, index: PartitionIndex, partition: &'a Partition) -> Self {
        let min_isr = effective_min_isr(context.image, context.defaults, topic);
        let isr = partition.isr.clone();
        Change { topic, index, partition, min_isr, isr, struck: None, recovered: false, durable_acks: None }
    }

    /// Makes `isr` the ISR.
    pub(super) fn set_isr(&mut self, isr: Vec<BrokerId>) {
        self.isr = isr;
    }

    /// Takes `broker_id` out of the ISR, where somebody else stays.
    pub(super) fn leave_isr(&mut self, broker_id: BrokerId) {
        if self.isr.iter().any(|member| *member != broker_id) {
            self.isr.retain(|member| *member != broker_id);
        }
    }

    /// Takes `broker_id` out of the ISR, also as the last, and out of those eligible: its data is missing or in doubt.
    pub(super) fn strike(&mut self, broker_id: BrokerId) {
        self.isr.retain(|member| *member != broker_id);
        self.struck = Some(broker_id);
    }

    /// The leader has dealt with its unclean election.
    pub(super) fn set_recovered(&mut self) {
        self.recovered = true;
    }

    /// Says what a replica counts by.
    pub(super) fn set_durable_acks(&mut self, durable: bool) {
        self.durable_acks = Some(durable);
    }

    /// The change as a record, a leader elected where there is none that can go on; `None` where nothing changes.
    ///
    /// `is_active` says who may lead: unfenced, and its directory online.
    pub(super) fn build(self, is_active: impl Fn(BrokerId, DirectoryId) -> bool) -> Option<PartitionChangeRecord> {
        let old = self.partition;
        let Leadership { leader, isr, clean } = self.elect(is_active);
        let elr = self.eligible(&isr);
        let last_known_elr = self.last_known(&isr, &elr);
        let recovery_state = match (leader, clean) {
            (Some(_), false) => LeaderRecoveryState::Recovering,
            (Some(_), true) if self.recovered => LeaderRecoveryState::Recovered,
            _ => old.recovery_state,
        };
        let mut record = PartitionChangeRecord::of(self.topic.topic_id, self.index);
        record.isr = (isr != old.isr).then_some(isr);
        record.elr = (elr != old.elr).then_some(elr);
        record.last_known_elr = (last_known_elr != old.last_known_elr).then_some(last_known_elr);
        record.leader = (leader != old.leader).then_some(leader);
        record.recovery_state = (recovery_state != old.recovery_state).then_some(recovery_state);
        record.durable_acks = self.durable_acks.filter(|durable| *durable != old.durable_acks);
        (!record.is_empty()).then_some(record)
    }

    fn elect(&self, is_active: impl Fn(BrokerId, DirectoryId) -> bool) -> Leadership {
        let replicas = self.partition.replicas.iter().zip(&self.partition.directories);
        let active: Vec<BrokerId> = replicas.filter(|(id, dir)| is_active(**id, **dir)).map(|(id, _)| *id).collect();
        let first_of = |set: &[BrokerId]| active.iter().copied().find(|id| set.contains(id));
        if let Some(leader) = self.partition.leader.filter(|id| active.contains(id) && self.isr.contains(id)) {
            return Leadership { leader: Some(leader), isr: self.isr.clone(), clean: true };
        }
        if let Some(leader) = first_of(&self.isr) {
            return Leadership { leader: Some(leader), isr: self.isr.clone(), clean: true };
        }
        let eligible = self.not_struck(&[]);
        if let Some(leader) = first_of(&eligible) {
            return Leadership { leader: Some(leader), isr: vec![leader], clean: true };
        }
        // Nobody is known to have everything: the one who led last lost the least.
        let nobody = self.isr.is_empty() && eligible.is_empty();
        if let Some(leader) = nobody.then(|| first_of(&self.last_known(&[], &[]))).flatten() {
            return Leadership { leader: Some(leader), isr: vec![leader], clean: false };
        }
        Leadership { leader: None, isr: self.isr.clone(), clean: true }
    }

    /// Who stays eligible beside `isr`.
    fn eligible(&self, isr: &[BrokerId]) -> Vec<BrokerId> {
        if isr.len() >= self.min_isr { Vec::new() } else { self.not_struck(isr) }
    }

    /// The members of the old ISR and ELR that are neither struck nor in `isr`, in the order of the assignment.
    ///
    /// Also who leaves the ISR with this very change has all that was acknowledged: nothing can have been acknowledged without it.
    fn not_struck(&self, isr: &[BrokerId]) -> Vec<BrokerId> {
        let old = self.partition;
        let has_all = |id: &BrokerId| old.isr.contains(id) || old.elr.contains(id);
        let stays = |id: &&BrokerId| has_all(id) && !isr.contains(id) && self.struck != Some(**id);
        old.replicas.iter().filter(stays).copied().collect()
    }

    fn last_known(&self, isr: &[BrokerId], elr: &[BrokerId]) -> Vec<BrokerId> {
        let old = self.partition;
        if !isr.is_empty() || !elr.is_empty() {
            return Vec::new();
        }
        if !old.last_known_elr.is_empty() {
            return old.last_known_elr.clone();
        }
        old.leader.or(old.isr.first().copied()).into_iter().collect()
    }
}

/// Changes every partition that has a replica on `broker_id`, as `change` says, under the metadata of `after`: the image in which the
/// broker's new state is already true.
///
/// Looks at all partitions of the cluster, which takes about a millisecond for ten thousand; brokers come and go rarely.
pub(super) fn change_partitions_of(
    context: &Context<'_>,
    after: &Image,
    broker_id: BrokerId,
    change: impl Fn(&Topic, PartitionIndex, &Partition, &mut Change<'_>),
) -> Vec<Record> {
    let mut records = Vec::new();
    for topic in context.image.topics.iter() {
        for (index, partition) in topic.indexed_partitions() {
            if !partition.replicas.contains(&broker_id) {
                continue;
            }
            let mut builder = Change::of(context, topic, index, partition);
            change(topic, index, partition, &mut builder);
            records.extend(builder.build(|id, dir| after.is_active(id, dir)).map(Record::PartitionChange));
        }
    }
    records
}
