//! An image as the records that build it: what a snapshot holds.

use ottla_base::{Offset, PartitionIndex, TopicId};

use crate::{
    Broker, ClusterIdRecord, ConfigRecord, ConfigResource, FeatureLevelRecord, Image, Partition, PartitionRecord,
    ProducerIdsRecord, Record, RegisterBrokerRecord, Topic, TopicRecord,
};

impl Image {
    /// The records that make this image out of an empty one. Each is valid after those before it.
    pub fn snapshot(&self) -> Vec<Record> {
        let mut records = Vec::new();
        records.extend(self.cluster_id.map(|cluster_id| Record::ClusterId(ClusterIdRecord { cluster_id })));
        let feature = |(name, level): (&String, &i16)| {
            Record::FeatureLevel(FeatureLevelRecord { name: name.clone(), level: *level })
        };
        records.extend(self.features.iter().map(feature));
        records.extend(self.brokers.iter().map(|broker| Record::RegisterBroker(broker_record(broker))));
        for (broker_id, configs) in self.broker_configs.iter() {
            let resource = broker_id.map_or(ConfigResource::ClusterDefault, ConfigResource::Broker);
            records.extend(configs.iter().map(|setting| config_record(&resource, setting)));
        }
        self.topics.iter().for_each(|topic| topic_records(topic, &mut records));
        records.push(Record::ProducerIds(ProducerIdsRecord { next_producer_id: self.next_producer_id }));
        records
    }

    /// The image that a snapshot's `records` hold, whose last entry stands at `metadata_offset`.
    pub fn from_snapshot(records: &[Record], metadata_offset: Offset) -> Image {
        Image::empty().apply(records, metadata_offset)
    }
}

fn broker_record(broker: &Broker) -> RegisterBrokerRecord {
    RegisterBrokerRecord {
        broker_id: broker.broker_id,
        broker_epoch: broker.broker_epoch,
        incarnation: broker.incarnation,
        start_counter: broker.start_counter,
        directories: broker.directories.clone(),
        listeners: broker.listeners.clone(),
        rack: broker.rack.clone(),
        fenced: broker.fenced,
    }
}

fn topic_records(topic: &Topic, records: &mut Vec<Record>) {
    records.push(Record::Topic(TopicRecord { name: topic.name.clone(), topic_id: topic.topic_id }));
    let resource = ConfigResource::Topic(topic.name.clone());
    records.extend(topic.configs.iter().map(|setting| config_record(&resource, setting)));
    let partitions = topic.indexed_partitions();
    records.extend(partitions.map(|(index, p)| Record::Partition(partition_record(topic.topic_id, index, p))));
}

fn config_record(resource: &ConfigResource, (name, value): (&String, &String)) -> Record {
    Record::Config(ConfigRecord { resource: resource.clone(), name: name.clone(), value: Some(value.clone()) })
}

pub(crate) fn partition_record(topic_id: TopicId, index: PartitionIndex, partition: &Partition) -> PartitionRecord {
    PartitionRecord {
        topic_id,
        partition: index,
        replicas: partition.replicas.clone(),
        directories: partition.directories.clone(),
        isr: partition.isr.clone(),
        elr: partition.elr.clone(),
        last_known_elr: partition.last_known_elr.clone(),
        leader: partition.leader,
        leader_epoch: partition.leader_epoch,
        partition_epoch: partition.partition_epoch,
        recovery_state: partition.recovery_state,
        durable_acks: partition.durable_acks,
    }
}
