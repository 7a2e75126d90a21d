//! A cluster's metadata for tests: requests are decided and applied one after the other, and the invariants hold after each.

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_base::{BrokerEpoch, BrokerId, DirectoryId, Incarnation, PartitionIndex, SeededEntropy, TopicName, Uuid};

use crate::{
    AlterPartition, AlteredPartition, Context, CreateTopics, CreatedTopic, Decision, Defaults, Error, FenceBroker,
    Image, IsrMember, LeaderRecoveryState, Listener, NewTopic, Partition, PartitionAlteration, RegisterBroker, Request,
    UnfenceBroker, check_invariants,
};

pub(crate) struct Cluster {
    pub(crate) image: Image,
    pub(crate) defaults: Defaults,
    pub(crate) entropy: SeededEntropy,
}

pub(crate) fn name(text: &str) -> TopicName {
    TopicName::new(text).expect("a legal name")
}

pub(crate) fn brokers(ids: &[i32]) -> Vec<BrokerId> {
    ids.iter().copied().map(BrokerId).collect()
}

/// The one log directory of a broker.
pub(crate) fn directory_of(broker_id: i32) -> DirectoryId {
    DirectoryId(Uuid([broker_id as u8 + 1; 16]))
}

pub(crate) fn new_topic(topic: &str, partitions: i32, replication_factor: i16) -> NewTopic {
    NewTopic { name: name(topic), partitions, replication_factor, assignments: Vec::new(), configs: BTreeMap::new() }
}

impl Cluster {
    /// Unfenced brokers 0 to `count`.
    pub(crate) fn of(count: i32) -> Cluster {
        let mut cluster =
            Cluster { image: Image::empty(), defaults: Defaults::default(), entropy: SeededEntropy::new(7) };
        for broker_id in 0..count {
            cluster.start(broker_id, 1, true);
        }
        cluster
    }

    pub(crate) fn decide<R: Request>(&self, request: &R) -> Decision<R::Response> {
        request.decide(&Context { image: &self.image, entropy: &self.entropy, defaults: &self.defaults })
    }

    pub(crate) fn submit<R: Request>(&mut self, request: &R) -> R::Response {
        let Decision { records, response } = self.decide(request);
        if !records.is_empty() {
            self.image = self.image.apply(&records, self.image.metadata_offset + 1);
        }
        check_invariants(&self.image);
        response
    }

    pub(crate) fn registration(&self, broker_id: i32, start: u64, clean_shutdown: bool) -> RegisterBroker {
        RegisterBroker {
            broker_id: BrokerId(broker_id),
            incarnation: Incarnation(Uuid([start as u8; 16])),
            start_counter: start,
            clean_shutdown,
            directories: vec![directory_of(broker_id)],
            listeners: vec![Listener { name: "PLAINTEXT".into(), host: "host".into(), port: 9092 }],
            rack: None,
        }
    }

    /// Registers start `start` of the broker and unfences it.
    pub(crate) fn start(&mut self, broker_id: i32, start: u64, clean_shutdown: bool) {
        self.submit(&self.registration(broker_id, start, clean_shutdown)).expect("it may register");
        self.unfence(broker_id, Vec::new());
    }

    pub(crate) fn unfence(&mut self, broker_id: i32, lacking: Vec<(ottla_base::TopicId, PartitionIndex)>) {
        let (broker_id, broker_epoch) = (BrokerId(broker_id), self.broker_epoch(broker_id));
        let metadata_offset = self.image.metadata_offset;
        self.submit(&UnfenceBroker { broker_id, broker_epoch, metadata_offset, lacking }).expect("it has caught up");
    }

    pub(crate) fn fence(&mut self, broker_id: i32) {
        let (broker_id, broker_epoch) = (BrokerId(broker_id), self.broker_epoch(broker_id));
        self.submit(&FenceBroker { broker_id, broker_epoch }).expect("it is registered");
    }

    pub(crate) fn broker_epoch(&self, broker_id: i32) -> BrokerEpoch {
        self.image.brokers.get(BrokerId(broker_id)).expect("registered").broker_epoch
    }

    pub(crate) fn create(&mut self, topic: NewTopic) -> Result<CreatedTopic, Error> {
        self.submit(&CreateTopics { topics: vec![topic], validate_only: false }).remove(0)
    }

    /// Creates `topic` with one partition on `replicas`.
    pub(crate) fn create_on(&mut self, topic: &str, replicas: &[i32], configs: &[(&str, &str)]) {
        let assignments = vec![(PartitionIndex(0), brokers(replicas))];
        let configs = configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let topic = NewTopic { assignments, configs, ..new_topic(topic, -1, -1) };
        self.create(topic).expect("a valid assignment");
    }

    /// Partition 0 of `topic`.
    pub(crate) fn partition(&self, topic: &str) -> &Arc<Partition> {
        &self.image.topics.by_name(topic).expect("it exists").partitions[0]
    }

    /// The proposal of the leader of `topic`'s partition 0 to make `isr` its ISR.
    pub(crate) fn isr_change(&self, topic: &str, isr: &[i32]) -> AlterPartition {
        let partition = self.partition(topic);
        let leader = partition.leader.expect("it has a leader");
        let member = |id: &i32| IsrMember { broker_id: BrokerId(*id), broker_epoch: Some(self.broker_epoch(*id)) };
        AlterPartition {
            broker_id: leader,
            broker_epoch: self.broker_epoch(leader.0),
            partitions: vec![PartitionAlteration {
                topic_id: self.image.topics.by_name(topic).expect("it exists").topic_id,
                partition: PartitionIndex(0),
                leader_epoch: partition.leader_epoch,
                partition_epoch: partition.partition_epoch,
                isr: isr.iter().map(member).collect(),
                recovery_state: LeaderRecoveryState::Recovered,
                make_durable: false,
            }],
        }
    }

    pub(crate) fn alter(&mut self, request: &AlterPartition) -> Result<AlteredPartition, Error> {
        self.submit(request).expect("the sender is current").remove(0)
    }

    /// The image at some offset, as a snapshot brings it to another node.
    pub(crate) fn through_snapshot(&self) -> Image {
        Image::from_snapshot(&self.image.snapshot(), self.image.metadata_offset)
    }
}

/// Leader, ISR and ELR at a glance.
pub(crate) fn roles(partition: &Partition) -> (Option<i32>, Vec<i32>, Vec<i32>) {
    let ids = |members: &[BrokerId]| members.iter().map(|id| id.0).collect();
    (partition.leader.map(|id| id.0), ids(&partition.isr), ids(&partition.elr))
}
