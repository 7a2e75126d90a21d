//! Records as bytes. **This shapes bytes on disk and between nodes.**
//!
//! A list of records is its count and then each record: length, type, version, fields. The type numbers and the fields of a version
//! never change; a new field means a new version, and this file goes on reading the old ones. All records are at version 0.

use ottla_base::{BrokerEpoch, Incarnation, LeaderEpoch, PartitionEpoch, PartitionIndex, ProducerId, TopicId};

use super::codec::{DecodeError, Reader, Writer};
use super::{
    BrokerRegistrationChangeRecord, ClusterIdRecord, ConfigRecord, ConfigResource, FeatureLevelRecord,
    LeaderRecoveryState, Listener, PartitionChangeRecord, PartitionRecord, ProducerIdsRecord, Record,
    RegisterBrokerRecord, RemoveTopicRecord, TopicRecord,
};

/// The version that each record is written with.
const VERSION: u64 = 0;

/// Appends the encoding of `records` to `out`.
pub fn encode_records(records: &[Record], out: &mut Vec<u8>) {
    Writer(out).unsigned(records.len() as u64);
    let mut body = Vec::new();
    for record in records {
        body.clear();
        encode_record(record, &mut Writer(&mut body));
        Writer(out).unsigned(body.len() as u64);
        out.extend_from_slice(&body);
    }
}

/// Reads what [`encode_records`] wrote, all of `bytes`.
///
/// Errors: [`DecodeError::UnknownType`] and [`DecodeError::UnknownVersion`] for what a newer version wrote, the others for damage.
pub fn decode_records(bytes: &[u8]) -> Result<Vec<Record>, DecodeError> {
    let mut reader = Reader(bytes);
    let records = reader.list(|r| {
        let length = r.length()?;
        decode_record(r.take(length)?)
    })?;
    if reader.0.is_empty() { Ok(records) } else { Err(DecodeError::Truncated) }
}

fn record_type(record: &Record) -> u64 {
    match record {
        Record::ClusterId(_) => 1,
        Record::FeatureLevel(_) => 2,
        Record::RegisterBroker(_) => 3,
        Record::BrokerRegistrationChange(_) => 4,
        Record::Topic(_) => 5,
        Record::RemoveTopic(_) => 6,
        Record::Partition(_) => 7,
        Record::PartitionChange(_) => 8,
        Record::Config(_) => 9,
        Record::ProducerIds(_) => 10,
    }
}

fn encode_record(record: &Record, w: &mut Writer<'_>) {
    w.unsigned(record_type(record));
    w.unsigned(VERSION);
    match record {
        Record::ClusterId(r) => w.uuid(r.cluster_id),
        Record::FeatureLevel(r) => {
            w.string(&r.name);
            w.signed(r.level.into());
        }
        Record::RegisterBroker(r) => encode_register_broker(r, w),
        Record::BrokerRegistrationChange(r) => {
            w.broker(&r.broker_id);
            w.signed(r.broker_epoch.0);
            w.option(r.fenced.as_ref(), |w, fenced| w.bool(*fenced));
            w.option(r.directories.as_ref(), |w, directories| w.directories(directories));
        }
        Record::Topic(r) => {
            w.string(r.name.as_str());
            w.uuid(r.topic_id.0);
        }
        Record::RemoveTopic(r) => w.uuid(r.topic_id.0),
        Record::Partition(r) => encode_partition(r, w),
        Record::PartitionChange(r) => encode_partition_change(r, w),
        Record::Config(r) => {
            encode_resource(&r.resource, w);
            w.string(&r.name);
            w.option(r.value.as_ref(), |w, value| w.string(value));
        }
        Record::ProducerIds(r) => w.signed(r.next_producer_id.0),
    }
}

fn decode_record(bytes: &[u8]) -> Result<Record, DecodeError> {
    let mut reader = Reader(bytes);
    let r = &mut reader;
    let record_type = r.unsigned()?;
    if !(1..=10).contains(&record_type) {
        return Err(DecodeError::UnknownType { record_type });
    }
    let version = r.unsigned()?;
    if version != VERSION {
        return Err(DecodeError::UnknownVersion { record_type, version });
    }
    let record = match record_type {
        1 => Record::ClusterId(ClusterIdRecord { cluster_id: r.uuid()? }),
        2 => Record::FeatureLevel(FeatureLevelRecord { name: r.string()?, level: r.signed()? }),
        3 => Record::RegisterBroker(decode_register_broker(r)?),
        4 => Record::BrokerRegistrationChange(BrokerRegistrationChangeRecord {
            broker_id: r.broker()?,
            broker_epoch: BrokerEpoch(r.signed()?),
            fenced: r.option(Reader::bool)?,
            directories: r.option(Reader::directories)?,
        }),
        5 => Record::Topic(TopicRecord { name: r.topic_name()?, topic_id: TopicId(r.uuid()?) }),
        6 => Record::RemoveTopic(RemoveTopicRecord { topic_id: TopicId(r.uuid()?) }),
        7 => Record::Partition(decode_partition(r)?),
        8 => Record::PartitionChange(decode_partition_change(r)?),
        9 => Record::Config(ConfigRecord {
            resource: decode_resource(r)?,
            name: r.string()?,
            value: r.option(Reader::string)?,
        }),
        _ => Record::ProducerIds(ProducerIdsRecord { next_producer_id: ProducerId(r.signed()?) }),
    };
    match reader.0.len() {
        0 => Ok(record),
        bytes => Err(DecodeError::Trailing { record_type, bytes }),
    }
}

fn encode_register_broker(record: &RegisterBrokerRecord, w: &mut Writer<'_>) {
    w.broker(&record.broker_id);
    w.signed(record.broker_epoch.0);
    w.uuid(record.incarnation.0);
    w.unsigned(record.start_counter);
    w.directories(&record.directories);
    w.list(&record.listeners, |w, listener| {
        w.string(&listener.name);
        w.string(&listener.host);
        w.unsigned(listener.port.into());
    });
    w.option(record.rack.as_ref(), |w, rack| w.string(rack));
    w.bool(record.fenced);
}

fn decode_register_broker(r: &mut Reader<'_>) -> Result<RegisterBrokerRecord, DecodeError> {
    Ok(RegisterBrokerRecord {
        broker_id: r.broker()?,
        broker_epoch: BrokerEpoch(r.signed()?),
        incarnation: Incarnation(r.uuid()?),
        start_counter: r.unsigned()?,
        directories: r.directories()?,
        listeners: r.list(|r| {
            let (name, host) = (r.string()?, r.string()?);
            let port = u16::try_from(r.unsigned()?).map_err(|_| DecodeError::OutOfRange)?;
            Ok(Listener { name, host, port })
        })?,
        rack: r.option(Reader::string)?,
        fenced: r.bool()?,
    })
}

fn encode_partition(record: &PartitionRecord, w: &mut Writer<'_>) {
    w.uuid(record.topic_id.0);
    w.signed(record.partition.0.into());
    w.brokers(&record.replicas);
    w.directories(&record.directories);
    w.brokers(&record.isr);
    w.brokers(&record.elr);
    w.brokers(&record.last_known_elr);
    w.option(record.leader.as_ref(), Writer::broker);
    w.signed(record.leader_epoch.0.into());
    w.signed(record.partition_epoch.0.into());
    encode_recovery_state(record.recovery_state, w);
    w.bool(record.durable_acks);
}

fn decode_partition(r: &mut Reader<'_>) -> Result<PartitionRecord, DecodeError> {
    Ok(PartitionRecord {
        topic_id: TopicId(r.uuid()?),
        partition: PartitionIndex(r.signed()?),
        replicas: r.brokers()?,
        directories: r.directories()?,
        isr: r.brokers()?,
        elr: r.brokers()?,
        last_known_elr: r.brokers()?,
        leader: r.option(Reader::broker)?,
        leader_epoch: LeaderEpoch(r.signed()?),
        partition_epoch: PartitionEpoch(r.signed()?),
        recovery_state: decode_recovery_state(r)?,
        durable_acks: r.bool()?,
    })
}

fn encode_partition_change(record: &PartitionChangeRecord, w: &mut Writer<'_>) {
    w.uuid(record.topic_id.0);
    w.signed(record.partition.0.into());
    w.option(record.isr.as_ref(), |w, isr| w.brokers(isr));
    w.option(record.elr.as_ref(), |w, elr| w.brokers(elr));
    w.option(record.last_known_elr.as_ref(), |w, last| w.brokers(last));
    w.option(record.leader.as_ref(), |w, leader| w.option(leader.as_ref(), Writer::broker));
    w.option(record.recovery_state.as_ref(), |w, state| encode_recovery_state(*state, w));
    w.option(record.durable_acks.as_ref(), |w, durable| w.bool(*durable));
}

fn decode_partition_change(r: &mut Reader<'_>) -> Result<PartitionChangeRecord, DecodeError> {
    Ok(PartitionChangeRecord {
        topic_id: TopicId(r.uuid()?),
        partition: PartitionIndex(r.signed()?),
        isr: r.option(Reader::brokers)?,
        elr: r.option(Reader::brokers)?,
        last_known_elr: r.option(Reader::brokers)?,
        leader: r.option(|r| r.option(Reader::broker))?,
        recovery_state: r.option(decode_recovery_state)?,
        durable_acks: r.option(Reader::bool)?,
    })
}

fn encode_recovery_state(state: LeaderRecoveryState, w: &mut Writer<'_>) {
    w.bool(match state {
        LeaderRecoveryState::Recovered => false,
        LeaderRecoveryState::Recovering => true,
    });
}

fn decode_recovery_state(r: &mut Reader<'_>) -> Result<LeaderRecoveryState, DecodeError> {
    Ok(if r.bool()? { LeaderRecoveryState::Recovering } else { LeaderRecoveryState::Recovered })
}

fn encode_resource(resource: &ConfigResource, w: &mut Writer<'_>) {
    match resource {
        ConfigResource::Topic(name) => {
            w.unsigned(0);
            w.string(name.as_str());
        }
        ConfigResource::Broker(broker_id) => {
            w.unsigned(1);
            w.broker(broker_id);
        }
        ConfigResource::ClusterDefault => w.unsigned(2),
    }
}

fn decode_resource(r: &mut Reader<'_>) -> Result<ConfigResource, DecodeError> {
    match r.byte()? {
        0 => Ok(ConfigResource::Topic(r.topic_name()?)),
        1 => Ok(ConfigResource::Broker(r.broker()?)),
        2 => Ok(ConfigResource::ClusterDefault),
        tag => Err(DecodeError::UnknownTag { tag }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::strategies;
    use super::*;
    use proptest::prelude::*;

    fn encoded(records: &[Record]) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode_records(records, &mut bytes);
        bytes
    }

    #[test]
    fn unknown_type_and_version_are_named() {
        assert_eq!(decode_records(&[1, 2, 99, 0]), Err(DecodeError::UnknownType { record_type: 99 }));
        assert_eq!(decode_records(&[1, 2, 6, 7]), Err(DecodeError::UnknownVersion { record_type: 6, version: 7 }));
    }

    #[test]
    fn bytes_after_the_last_field_are_refused() {
        let mut bytes = encoded(&[Record::ProducerIds(ProducerIdsRecord { next_producer_id: ProducerId(1) })]);
        bytes[1] += 1;
        bytes.push(0);
        assert_eq!(decode_records(&bytes), Err(DecodeError::Trailing { record_type: 10, bytes: 1 }));
    }

    #[test]
    fn forged_count_reserves_nothing() {
        assert_eq!(decode_records(&[0xff, 0xff, 0xff, 0xff, 0x7f]), Err(DecodeError::Truncated));
    }

    proptest! {
        #[test]
        fn records_read_back(records in prop::collection::vec(strategies::record(), 0..8)) {
            prop_assert_eq!(decode_records(&encoded(&records)), Ok(records));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode_records(&bytes);
        }

        #[test]
        fn every_cut_is_an_error(record in strategies::record()) {
            let bytes = encoded(&[record]);
            for length in 0..bytes.len() {
                prop_assert!(decode_records(&bytes[..length]).is_err());
            }
        }
    }
}
