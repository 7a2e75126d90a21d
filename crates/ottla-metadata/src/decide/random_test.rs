//! Random histories: whatever is asked in whatever order, the image stays sound.

use std::collections::{BTreeMap, BTreeSet};

use ottla_base::{BrokerId, PartitionIndex, TopicId};
use proptest::prelude::*;

use crate::testing::{Cluster, directory_of, name, new_topic};
use crate::{
    AlterConfigs, AlterPartition, ConfigChange, ConfigResource, Context, CreatePartitions, CreateTopics, DeleteTopics,
    Image, IsrMember, LeaderRecoveryState, NewPartitions, OfflineDirectories, Partition, PartitionAlteration, Record,
    Request, ResourceChange, TopicReference, UnfenceBroker, check_invariants, decode_records, encode_records,
};

const TOPICS: [&str; 4] = ["a", "b.c", "b_c", "d"];
const BROKERS: i32 = 4;

#[derive(Clone, Debug)]
enum Step {
    Create { topic: usize, partitions: i32, factor: i16 },
    Delete { topic: usize },
    Grow { topic: usize, by: i32 },
    Restart { broker: i32, clean: bool },
    Unfence { broker: i32, lacks: bool },
    Fence { broker: i32 },
    LoseDirectory { broker: i32 },
    Configure { topic: usize, caching: Option<bool>, min_isr: Option<u8> },
    AlterIsr { topic: usize, members: u8, durable: bool, recovered: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let (topic, broker) = (0..TOPICS.len(), 0..BROKERS);
    prop_oneof![
        2 => (topic.clone(), 1..4, 1..4i16).prop_map(|(topic, partitions, factor)| Step::Create { topic, partitions, factor }),
        1 => topic.clone().prop_map(|topic| Step::Delete { topic }),
        1 => (topic.clone(), 0..3).prop_map(|(topic, by)| Step::Grow { topic, by }),
        2 => (broker.clone(), any::<bool>()).prop_map(|(broker, clean)| Step::Restart { broker, clean }),
        4 => (broker.clone(), any::<bool>()).prop_map(|(broker, lacks)| Step::Unfence { broker, lacks }),
        2 => broker.clone().prop_map(|broker| Step::Fence { broker }),
        1 => broker.prop_map(|broker| Step::LoseDirectory { broker }),
        1 => (topic.clone(), any::<Option<bool>>(), prop::option::of(1..4u8))
            .prop_map(|(topic, caching, min_isr)| Step::Configure { topic, caching, min_isr }),
        4 => (topic, any::<u8>(), any::<bool>(), any::<bool>())
            .prop_map(|(topic, members, durable, recovered)| Step::AlterIsr { topic, members, durable, recovered }),
    ]
}

/// A cluster, what was recorded of it, and how often each broker has started.
struct History {
    cluster: Cluster,
    entries: Vec<Vec<Record>>,
    starts: BTreeMap<i32, u64>,
}

impl History {
    fn new() -> History {
        History { cluster: Cluster::of(0), entries: Vec::new(), starts: BTreeMap::new() }
    }

    fn submit<R: Request>(&mut self, request: &R) {
        let (image, before) = (&self.cluster.image, self.cluster.image.clone());
        let context = Context { image, entropy: &self.cluster.entropy, defaults: &self.cluster.defaults };
        let records = request.decide(&context).records;
        if records.is_empty() {
            return;
        }
        self.cluster.image = before.apply(&records, before.metadata_offset + 1);
        check_invariants(&self.cluster.image);
        check_epochs(&before, &self.cluster.image, &records);
        self.entries.push(records);
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Create { topic, partitions, factor } => {
                let topics = vec![new_topic(TOPICS[topic], partitions, factor)];
                self.submit(&CreateTopics { topics, validate_only: false });
            }
            Step::Delete { topic } => {
                self.submit(&DeleteTopics { topics: vec![TopicReference::Name(name(TOPICS[topic]))] });
            }
            Step::Grow { topic, by } => {
                let count =
                    self.cluster.image.topics.by_name(TOPICS[topic]).map_or(0, |t| t.partitions.len()) as i32 + by;
                let topics = vec![NewPartitions { name: name(TOPICS[topic]), count, assignments: None }];
                self.submit(&CreatePartitions { topics, validate_only: false });
            }
            Step::Restart { broker, clean } => {
                let start = self.starts.entry(broker).or_insert(0);
                *start += 1;
                let registration = self.cluster.registration(broker, *start, clean);
                self.submit(&registration);
            }
            Step::Unfence { broker, lacks } => self.unfence(broker, lacks),
            Step::Fence { broker } => {
                let Some(registered) = self.cluster.image.brokers.get(BrokerId(broker)).cloned() else { return };
                let (broker_id, broker_epoch) = (registered.broker_id, registered.broker_epoch);
                self.submit(&crate::FenceBroker { broker_id, broker_epoch });
            }
            Step::LoseDirectory { broker } => {
                let Some(registered) = self.cluster.image.brokers.get(BrokerId(broker)).cloned() else { return };
                let (broker_id, broker_epoch) = (registered.broker_id, registered.broker_epoch);
                self.submit(&OfflineDirectories { broker_id, broker_epoch, offline: vec![directory_of(broker)] });
            }
            Step::Configure { topic, caching, min_isr } => {
                let change = |name: &str, value: Option<String>| ConfigChange { name: name.to_owned(), value };
                let changes = vec![
                    change("write.caching", caching.map(|value| value.to_string())),
                    change("min.insync.replicas", min_isr.map(|value| value.to_string())),
                ];
                let resources = vec![ResourceChange { resource: ConfigResource::Topic(name(TOPICS[topic])), changes }];
                self.submit(&AlterConfigs { resources, validate_only: false });
            }
            Step::AlterIsr { topic, members, durable, recovered } => self.alter_isr(topic, members, durable, recovered),
        }
    }

    fn unfence(&mut self, broker: i32, lacks: bool) {
        let Some(registered) = self.cluster.image.brokers.get(BrokerId(broker)).cloned() else { return };
        let topics = self.cluster.image.topics.iter().filter(|_| lacks);
        let lacking = topics.map(|topic| (topic.topic_id, PartitionIndex(0))).collect();
        let (broker_id, broker_epoch) = (registered.broker_id, registered.broker_epoch);
        let metadata_offset = self.cluster.image.metadata_offset;
        self.submit(&UnfenceBroker { broker_id, broker_epoch, metadata_offset, lacking });
    }

    /// The leader of the topic's first partition proposes the members whose bit is set, and itself.
    fn alter_isr(&mut self, topic: usize, members: u8, durable: bool, recovered: bool) {
        let Some(topic) = self.cluster.image.topics.by_name(TOPICS[topic]) else { return };
        let partition = topic.partitions[0].clone();
        let Some(leader) = partition.leader else { return };
        let is_member = |id: &&BrokerId| **id == leader || members & (1 << id.0) != 0;
        let member = |id: &BrokerId| IsrMember { broker_id: *id, broker_epoch: None };
        let alteration = PartitionAlteration {
            topic_id: topic.topic_id,
            partition: PartitionIndex(0),
            leader_epoch: partition.leader_epoch,
            partition_epoch: partition.partition_epoch,
            isr: partition.replicas.iter().filter(is_member).map(member).collect(),
            recovery_state: if recovered { LeaderRecoveryState::Recovered } else { partition.recovery_state },
            make_durable: durable,
        };
        let broker_epoch = self.cluster.broker_epoch(leader.0);
        self.submit(&AlterPartition { broker_id: leader, broker_epoch, partitions: vec![alteration] });
    }
}

/// Each change adds one to the partition epoch, and epochs of leaders never go back.
fn check_epochs(before: &Image, after: &Image, records: &[Record]) {
    for topic in before.topics.iter() {
        let Some(later) = after.topics.by_id(topic.topic_id) else { continue };
        for (index, old) in topic.indexed_partitions() {
            let new: &Partition = later.partition(index).expect("a topic only grows");
            let changes = changes_of(records, topic.topic_id, index);
            assert_eq!(new.partition_epoch.0, old.partition_epoch.0 + changes);
            assert!(new.leader_epoch >= old.leader_epoch);
            let is_new_leader = new.leader != old.leader;
            assert!(!is_new_leader || new.leader_epoch > old.leader_epoch, "a new leader has a new epoch");
        }
    }
}

fn changes_of(records: &[Record], topic_id: TopicId, index: PartitionIndex) -> i32 {
    let is_it = |r: &&Record| matches!(r, Record::PartitionChange(c) if c.topic_id == topic_id && c.partition == index);
    records.iter().filter(is_it).count() as i32
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_history_keeps_the_invariants_and_replays_to_the_same_image(steps in prop::collection::vec(step(), 1..80)) {
        let mut history = History::new();
        steps.iter().for_each(|step| history.run(step));

        let image = &history.cluster.image;
        prop_assert_eq!(&history.cluster.through_snapshot(), image);
        let mut replayed = Image::empty();
        for records in &history.entries {
            let mut bytes = Vec::new();
            encode_records(records, &mut bytes);
            let records = decode_records(&bytes).expect("written a moment ago");
            replayed = replayed.apply(&records, replayed.metadata_offset + 1);
        }
        prop_assert_eq!(&replayed, image);
    }

    #[test]
    fn changed_topics_are_what_a_full_comparison_finds(
        steps in prop::collection::vec(step(), 1..40),
        more in prop::collection::vec(step(), 1..20),
    ) {
        let mut history = History::new();
        steps.iter().for_each(|step| history.run(step));
        let older = history.cluster.image.clone();
        more.iter().for_each(|step| history.run(step));
        let newer = &history.cluster.image;

        let changes = newer.changed_topics(&older);
        let ids = |image: &Image| image.topics.iter().map(|t| t.topic_id).collect::<BTreeSet<_>>();
        let (old_ids, new_ids) = (ids(&older), ids(newer));
        let set = |topics: &[std::sync::Arc<crate::Topic>]| topics.iter().map(|t| t.topic_id).collect::<BTreeSet<_>>();
        prop_assert_eq!(set(&changes.created), &new_ids - &old_ids);
        prop_assert_eq!(set(&changes.deleted), &old_ids - &new_ids);
        let differs = |id: &&TopicId| newer.topics.by_id(**id) != older.topics.by_id(**id);
        let changed = new_ids.intersection(&old_ids).filter(differs).count();
        let reported = changes.changed.iter().filter(|(old, new)| old != new).count();
        prop_assert_eq!(reported, changed);
    }
}
