//! The `.snapshot` files: the producers of a log as they stood at the offset in the file's name.
//!
//! Source: Kafka `ProducerStateManager.writeSnapshot`. Format, version 1, big endian: version i16, CRC-32C of all that follows u32,
//! count i32, and for each entry producer id i64, epoch i16, last sequence i32, last offset i64, offset delta i32, timestamp i64,
//! coordinator epoch i32, first offset of the open transaction i64 (-1: none).
//!
//! Kafka keeps a producer's last batch only. Ours has an entry for each batch of its window, oldest first, so that a restart forgets
//! no batch that may still be repeated; Kafka lets the last entry of a producer win, and so reads the same file as its own.

use std::collections::BTreeMap;

use ottla_base::{Offset, ProducerEpoch, ProducerId, Timestamp};
use ottla_records::NO_SEQUENCE;

use super::{AppendedBatch, Producer, Producers, WINDOW};

const VERSION: i16 = 1;
const ENTRY_LEN: usize = 46;
/// Version and CRC.
const CRC_COVERED_FROM: usize = 6;
const HEADER_LEN: usize = CRC_COVERED_FROM + 4;

/// What a snapshot tells of a producer, and of one of its batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotEntry {
    /// The producer.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: ProducerEpoch,
    /// The sequence number of the batch's last record; -1 where there is no batch to tell of.
    pub last_sequence: i32,
    /// The offset of the batch's last record; -1 where there is none.
    pub last_offset: Offset,
    /// From the batch's first offset to its last.
    pub offset_delta: i32,
    /// Of the batch, and in a producer's last entry of whatever it, or a marker for it, wrote last.
    pub timestamp: Timestamp,
    /// Of the transaction coordinator that wrote the last marker for it; -1 where none did.
    pub coordinator_epoch: i32,
    /// Where its open transaction begins.
    pub transaction: Option<Offset>,
}

impl SnapshotEntry {
    /// Reads the content of a snapshot file. `None` where it was not written whole, or by a version that is not known.
    pub(crate) fn read_all(bytes: &[u8]) -> Option<Vec<SnapshotEntry>> {
        let (header, entries) = bytes.split_first_chunk::<HEADER_LEN>()?;
        let crc = u32::from_be_bytes(header[2..CRC_COVERED_FROM].try_into().ok()?);
        let is_whole = header[..2] == VERSION.to_be_bytes() && crc32c::crc32c(&bytes[CRC_COVERED_FROM..]) == crc;
        let count = usize::try_from(i32::from_be_bytes(header[CRC_COVERED_FROM..].try_into().ok()?)).ok()?;
        let (entries, rest) = entries.as_chunks::<ENTRY_LEN>();
        let is_whole = is_whole && rest.is_empty() && entries.len() == count;
        is_whole.then(|| entries.iter().map(SnapshotEntry::decode).collect())
    }

    fn decode(bytes: &[u8; ENTRY_LEN]) -> SnapshotEntry {
        let long = |at: usize| i64::from_be_bytes(bytes[at..at + 8].try_into().expect("it lies within the entry"));
        let int = |at: usize| i32::from_be_bytes(bytes[at..at + 4].try_into().expect("it lies within the entry"));
        SnapshotEntry {
            producer_id: ProducerId(long(0)),
            producer_epoch: ProducerEpoch(i16::from_be_bytes([bytes[8], bytes[9]])),
            last_sequence: int(10),
            last_offset: Offset(long(14)),
            offset_delta: int(22),
            timestamp: Timestamp(long(26)),
            coordinator_epoch: int(34),
            transaction: Some(Offset(long(38))).filter(|first_offset| *first_offset >= Offset::ZERO),
        }
    }
}

impl Producers {
    /// The content of a snapshot file.
    pub(crate) fn to_snapshot(&self) -> Vec<u8> {
        let mut body = Vec::new();
        let mut count = 0_i32;
        for (producer_id, producer) in &self.producers {
            for batch in batches_or_none(producer) {
                write_entry(&mut body, *producer_id, producer, batch);
                count += 1;
            }
        }
        let body = [&count.to_be_bytes()[..], &body].concat();
        [&VERSION.to_be_bytes()[..], &crc32c::crc32c(&body).to_be_bytes(), &body].concat()
    }

    /// Reads the content of a snapshot file. `None` where it was not written whole, or by a version that is not known.
    pub(crate) fn from_snapshot(bytes: &[u8]) -> Option<Producers> {
        let mut producers = BTreeMap::new();
        for entry in SnapshotEntry::read_all(bytes)? {
            add_entry(&entry, &mut producers);
        }
        let open = producers.iter().filter_map(|(id, producer): (_, &Producer)| Some((producer.transaction?, *id)));
        Some(Producers { open: open.collect(), decided: BTreeMap::new(), producers })
    }
}

/// A producer's batches; one that means none where a marker is all that there was of it.
fn batches_or_none(producer: &Producer) -> impl Iterator<Item = AppendedBatch> {
    let none = AppendedBatch {
        last_sequence: NO_SEQUENCE,
        last_offset: Offset(-1),
        offset_delta: 0,
        timestamp: producer.last_timestamp,
    };
    producer.batches.iter().copied().chain(producer.batches.is_empty().then_some(none))
}

fn write_entry(body: &mut Vec<u8>, producer_id: ProducerId, producer: &Producer, batch: AppendedBatch) {
    let is_last = producer.batches.last().is_none_or(|last| *last == batch);
    let timestamp = if is_last { producer.last_timestamp } else { batch.timestamp };
    let transaction = producer.transaction.unwrap_or(Offset(-1));
    body.extend(producer_id.0.to_be_bytes());
    body.extend(producer.epoch.0.to_be_bytes());
    body.extend(batch.last_sequence.to_be_bytes());
    body.extend(batch.last_offset.0.to_be_bytes());
    body.extend(batch.offset_delta.to_be_bytes());
    body.extend(timestamp.0.to_be_bytes());
    body.extend(producer.coordinator_epoch.to_be_bytes());
    body.extend(transaction.0.to_be_bytes());
}

fn add_entry(entry: &SnapshotEntry, producers: &mut BTreeMap<ProducerId, Producer>) {
    let producer = producers.entry(entry.producer_id).or_insert_with(|| Producer::new(entry.producer_epoch));
    producer.set_epoch(entry.producer_epoch);
    producer.last_timestamp = entry.timestamp;
    producer.coordinator_epoch = entry.coordinator_epoch;
    producer.transaction = entry.transaction;
    let batch = AppendedBatch {
        last_sequence: entry.last_sequence,
        last_offset: entry.last_offset,
        offset_delta: entry.offset_delta,
        timestamp: entry.timestamp,
    };
    if batch.last_offset >= Offset::ZERO && batch.offset_delta >= 0 {
        producer.push(batch);
    }
    debug_assert!(producer.batches.len() <= WINDOW, "a window has its bound");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        fn producer()(
            epoch in 0..3_i16,
            batches in prop::collection::vec((0..i32::MAX, 0..1000_i32, 0..1000_i64), 0..8),
            (last_timestamp, coordinator_epoch) in (0..1000_i64, -1..5_i32),
            transaction in prop::option::of(0..1000_i64),
        ) -> Producer {
            let mut producer = Producer::new(ProducerEpoch(epoch));
            for (last_sequence, offset_delta, timestamp) in batches {
                let (last_offset, timestamp) = (Offset(i64::from(offset_delta) + timestamp), Timestamp(timestamp));
                producer.push(AppendedBatch { last_sequence, last_offset, offset_delta, timestamp });
            }
            producer.last_timestamp = producer.batches.last().map_or(Timestamp(last_timestamp), |batch| batch.timestamp);
            producer.coordinator_epoch = coordinator_epoch;
            producer.transaction = transaction.map(Offset);
            producer
        }
    }

    prop_compose! {
        fn producers()(list in prop::collection::vec(producer(), 0..6)) -> Producers {
            let producers: BTreeMap<_, _> = (0..).map(ProducerId).zip(list).collect();
            let open = producers.iter().filter_map(|(id, producer)| Some((producer.transaction?, *id))).collect();
            Producers { producers, open, decided: BTreeMap::new() }
        }
    }

    proptest! {
        #[test]
        fn a_snapshot_reads_back(producers in producers()) {
            prop_assert_eq!(Producers::from_snapshot(&producers.to_snapshot()), Some(producers));
        }

        #[test]
        fn a_damaged_snapshot_is_none(producers in producers(), at: prop::sample::Index, bit in 0..8_u8) {
            let mut bytes = producers.to_snapshot();
            let at = at.index(bytes.len());
            prop_assert_eq!(Producers::from_snapshot(&bytes[..at]), None);
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(Producers::from_snapshot(&bytes), None);
        }
    }

    #[test]
    fn the_layout_is_that_of_kafka() {
        let mut producer = Producer::new(ProducerEpoch(2));
        producer.push(AppendedBatch {
            last_sequence: 9,
            last_offset: Offset(19),
            offset_delta: 4,
            timestamp: Timestamp(77),
        });
        producer.last_timestamp = Timestamp(77);
        let producers = Producers { producers: [(ProducerId(5), producer)].into(), ..Producers::default() };
        let bytes = producers.to_snapshot();
        let entry = [
            &5_i64.to_be_bytes()[..],
            &2_i16.to_be_bytes(),
            &9_i32.to_be_bytes(),
            &19_i64.to_be_bytes(),
            &4_i32.to_be_bytes(),
            &77_i64.to_be_bytes(),
            &(-1_i32).to_be_bytes(),
            &(-1_i64).to_be_bytes(),
        ];
        assert_eq!(bytes[..2], [0, 1]);
        assert_eq!(bytes[6..10], [0, 0, 0, 1]);
        assert_eq!(bytes[10..], entry.concat());
    }
}
