//! What a record means to the image. Cannot fail: a record that does not fit is a broken invariant, not a request to refuse.

use std::sync::Arc;

use ottla_base::{LeaderEpoch, Offset, PartitionEpoch};

use crate::{
    Broker, BrokerRegistrationChangeRecord, ConfigRecord, ConfigResource, Configs, Image, Partition,
    PartitionChangeRecord, PartitionRecord, Record, RegisterBrokerRecord, Topic,
};

impl Image {
    /// The image after `records`, whose entry stands at `metadata_offset`. Reads no clock and draws nothing: equal images and equal
    /// records give equal images.
    pub fn apply(&self, records: &[Record], metadata_offset: Offset) -> Image {
        assert!(metadata_offset >= self.metadata_offset, "the metadata offset never goes back");
        let mut image = self.clone();
        image.metadata_offset = metadata_offset;
        records.iter().for_each(|record| image.apply_record(record));
        image
    }

    fn apply_record(&mut self, record: &Record) {
        match record {
            Record::ClusterId(r) => self.cluster_id = Some(r.cluster_id),
            Record::FeatureLevel(r) => {
                let features = Arc::make_mut(&mut self.features);
                match r.level {
                    0 => features.remove(&r.name),
                    level => features.insert(r.name.clone(), level),
                };
            }
            Record::RegisterBroker(r) => self.brokers.put(Broker::from(r)),
            Record::BrokerRegistrationChange(r) => self.change_broker(r),
            Record::Topic(r) => self.topics.put(Topic {
                name: r.name.clone(),
                topic_id: r.topic_id,
                partitions: Vec::new(),
                configs: Arc::default(),
            }),
            Record::RemoveTopic(r) => {
                let removed = self.topics.remove(r.topic_id);
                assert!(removed.is_some(), "only a topic that exists is removed");
            }
            Record::Partition(r) => self.put_partition(r),
            Record::PartitionChange(r) => self.change_partition(r),
            Record::Config(r) => self.set_config(r),
            Record::ProducerIds(r) => {
                assert!(r.next_producer_id >= self.next_producer_id, "a producer id is given away once");
                self.next_producer_id = r.next_producer_id;
            }
        }
    }

    fn change_broker(&mut self, record: &BrokerRegistrationChangeRecord) {
        let broker = self.brokers.get(record.broker_id).expect("only a registered broker changes");
        assert_eq!(broker.broker_epoch, record.broker_epoch, "a change names the registration that it is about");
        let mut broker = Broker::clone(broker);
        if let Some(fenced) = record.fenced {
            broker.fenced = fenced;
        }
        if let Some(directories) = &record.directories {
            broker.directories.clone_from(directories);
        }
        self.brokers.put(broker);
    }

    fn put_partition(&mut self, record: &PartitionRecord) {
        let topic = self.topics.get_mut(record.topic_id).expect("a partition's topic comes before it");
        let partition = Arc::new(Partition::from(record));
        if let Some(slot) = topic.partitions.get_mut(record.partition.0 as usize) {
            assert!(partition.partition_epoch > slot.partition_epoch, "what is said anew is newer");
            *slot = partition;
            return;
        }
        assert_eq!(topic.partitions.len(), record.partition.0 as usize, "partitions come in order, without gaps");
        topic.partitions.push(partition);
    }

    fn change_partition(&mut self, record: &PartitionChangeRecord) {
        let topic = self.topics.get_mut(record.topic_id).expect("only a topic that exists changes");
        let slot = topic.partitions.get_mut(record.partition.0 as usize).expect("only a partition that exists changes");
        *slot = Arc::new(slot.changed_by(record));
    }

    fn set_config(&mut self, record: &ConfigRecord) {
        let set = |configs: &mut Configs| {
            let configs = Arc::make_mut(configs);
            match &record.value {
                Some(value) => configs.insert(record.name.clone(), value.clone()),
                None => configs.remove(&record.name),
            };
        };
        let broker_id = match &record.resource {
            ConfigResource::Topic(name) => {
                let topic_id = self.topics.by_name(name.as_str()).map(|topic| topic.topic_id);
                let topic = topic_id.and_then(|topic_id| self.topics.get_mut(topic_id));
                return set(&mut topic.expect("settings are set on topics that exist").configs);
            }
            ConfigResource::Broker(broker_id) => Some(*broker_id),
            ConfigResource::ClusterDefault => None,
        };
        let brokers = Arc::make_mut(&mut self.broker_configs);
        let configs = brokers.entry(broker_id).or_default();
        set(configs);
        if configs.is_empty() {
            brokers.remove(&broker_id);
        }
    }
}

impl Partition {
    /// The partition after the change.
    pub(crate) fn changed_by(&self, record: &PartitionChangeRecord) -> Partition {
        let mut partition = self.clone();
        if let Some(isr) = &record.isr {
            partition.isr.clone_from(isr);
        }
        if let Some(elr) = &record.elr {
            partition.elr.clone_from(elr);
        }
        if let Some(last_known_elr) = &record.last_known_elr {
            partition.last_known_elr.clone_from(last_known_elr);
        }
        if let Some(leader) = record.leader {
            partition.leader = leader;
            partition.leader_epoch = LeaderEpoch(self.leader_epoch.0 + 1);
        }
        if let Some(recovery_state) = record.recovery_state {
            partition.recovery_state = recovery_state;
        }
        if let Some(durable_acks) = record.durable_acks {
            partition.durable_acks = durable_acks;
        }
        partition.partition_epoch = PartitionEpoch(self.partition_epoch.0 + 1);
        partition
    }
}

impl From<&PartitionRecord> for Partition {
    fn from(record: &PartitionRecord) -> Partition {
        Partition {
            replicas: record.replicas.clone(),
            directories: record.directories.clone(),
            isr: record.isr.clone(),
            elr: record.elr.clone(),
            last_known_elr: record.last_known_elr.clone(),
            leader: record.leader,
            leader_epoch: record.leader_epoch,
            partition_epoch: record.partition_epoch,
            recovery_state: record.recovery_state,
            durable_acks: record.durable_acks,
        }
    }
}

impl From<&RegisterBrokerRecord> for Broker {
    fn from(record: &RegisterBrokerRecord) -> Broker {
        Broker {
            broker_id: record.broker_id,
            broker_epoch: record.broker_epoch,
            incarnation: record.incarnation,
            start_counter: record.start_counter,
            directories: record.directories.clone(),
            listeners: record.listeners.clone(),
            rack: record.rack.clone(),
            fenced: record.fenced,
        }
    }
}
