//! Control records: what the broker itself writes among a partition's records. Consumers skip them; each takes one offset.
//!
//! ```text
//! key    version i16 = 0 | type i16              value of an end-transaction marker    version i16 = 0 | coordinator epoch i32
//! ```
//!
//! Versions: key 0, end-transaction marker 0. A later version may only add fields, so one that we do not know is read as 0.

use ottla_base::{ProducerEpoch, ProducerId, Timestamp};
use thiserror::Error;

use crate::{Batch, BatchBuilder, Compression, NO_SEQUENCE, Record};

const VERSION: i16 = 0;

/// What a control record is for. Source: Kafka `ControlRecordType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlRecordType {
    /// Ends a transaction whose records do not count.
    Abort,
    /// Ends a transaction whose records count.
    Commit,
    /// One that does not concern a partition's log, or of a later version: to be passed over.
    Other(i16),
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransactionResult {
    /// Its records do not count.
    Abort,
    /// Its records count.
    Commit,
}

/// A control record that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidControlRecord {
    /// Key or value is missing or shorter than its version has it.
    #[error("control record is cut")]
    Truncated,
    /// No version is negative.
    #[error("control record has version {0}")]
    Version(i16),
    /// It is no end-transaction marker.
    #[error("control record is no end-transaction marker: {0:?}")]
    NoMarker(ControlRecordType),
}

impl ControlRecordType {
    /// Reads the key of a control record.
    pub fn parse(key: &[u8]) -> Result<ControlRecordType, InvalidControlRecord> {
        let (_, rest) = read_version(key)?;
        let record_type = rest.first_chunk().ok_or(InvalidControlRecord::Truncated)?;
        Ok(match i16::from_be_bytes(*record_type) {
            0 => ControlRecordType::Abort,
            1 => ControlRecordType::Commit,
            other => ControlRecordType::Other(other),
        })
    }
}

/// The record that ends a producer's transaction in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTxnMarker {
    /// How it ended.
    pub result: TransactionResult,
    /// The epoch of the coordinator that decided; an older one is fenced.
    pub coordinator_epoch: i32,
}

impl EndTxnMarker {
    /// The batch that ends the transaction of (`producer_id`, `producer_epoch`).
    pub fn to_batch(self, producer_id: ProducerId, producer_epoch: ProducerEpoch, timestamp: Timestamp) -> Batch {
        let record_type: i16 = match self.result {
            TransactionResult::Abort => 0,
            TransactionResult::Commit => 1,
        };
        let key = [VERSION.to_be_bytes(), record_type.to_be_bytes()].concat();
        let value = [&VERSION.to_be_bytes()[..], &self.coordinator_epoch.to_be_bytes()].concat();
        let mut builder = BatchBuilder::new(Compression::None)
            .producer(producer_id, producer_epoch, NO_SEQUENCE)
            .transactional()
            .control();
        builder.append(timestamp, Some(&key), Some(&value));
        builder.build()
    }

    /// Reads a record of a control batch. Errors: another control record, or one that is damaged.
    pub fn parse(record: &Record) -> Result<EndTxnMarker, InvalidControlRecord> {
        let key = record.key.as_deref().ok_or(InvalidControlRecord::Truncated)?;
        let result = match ControlRecordType::parse(key)? {
            ControlRecordType::Abort => TransactionResult::Abort,
            ControlRecordType::Commit => TransactionResult::Commit,
            other @ ControlRecordType::Other(_) => return Err(InvalidControlRecord::NoMarker(other)),
        };
        let value = record.value.as_deref().ok_or(InvalidControlRecord::Truncated)?;
        let (_, rest) = read_version(value)?;
        let coordinator_epoch = rest.first_chunk().ok_or(InvalidControlRecord::Truncated)?;
        Ok(EndTxnMarker { result, coordinator_epoch: i32::from_be_bytes(*coordinator_epoch) })
    }
}

fn read_version(bytes: &[u8]) -> Result<(i16, &[u8]), InvalidControlRecord> {
    let (version, rest) = bytes.split_first_chunk().ok_or(InvalidControlRecord::Truncated)?;
    match i16::from_be_bytes(*version) {
        version if version < 0 => Err(InvalidControlRecord::Version(version)),
        version => Ok((version, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn marker_record(result: TransactionResult) -> Record {
        let marker = EndTxnMarker { result, coordinator_epoch: 7 };
        let batch = marker.to_batch(ProducerId(1), ProducerEpoch(2), Timestamp(3));
        assert!(batch.header().attributes.is_control() && batch.header().attributes.is_transactional());
        assert_eq!(batch.header().base_sequence, NO_SEQUENCE);
        batch.records(0).next().unwrap().unwrap()
    }

    #[test]
    fn markers_read_back() {
        for result in [TransactionResult::Abort, TransactionResult::Commit] {
            let marker = EndTxnMarker::parse(&marker_record(result)).unwrap();
            assert_eq!(marker, EndTxnMarker { result, coordinator_epoch: 7 });
        }
    }

    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        let mut record = marker_record(TransactionResult::Commit);
        record.key = Some(Bytes::from_static(&[0, 1, 0, 1, 9, 9]));
        record.value = Some(Bytes::from_static(&[0, 4, 0, 0, 0, 8, 1, 2, 3]));
        assert_eq!(EndTxnMarker::parse(&record).unwrap().coordinator_epoch, 8);
    }

    #[test]
    fn damaged_control_records_are_told_apart() {
        assert_eq!(ControlRecordType::parse(&[0, 0, 0]), Err(InvalidControlRecord::Truncated));
        assert_eq!(ControlRecordType::parse(&[0xff, 0xff, 0, 0]), Err(InvalidControlRecord::Version(-1)));
        assert_eq!(ControlRecordType::parse(&[0, 0, 0, 5]), Ok(ControlRecordType::Other(5)));

        let mut record = marker_record(TransactionResult::Commit);
        record.value = Some(Bytes::from_static(&[0, 0, 0]));
        assert_eq!(EndTxnMarker::parse(&record), Err(InvalidControlRecord::Truncated));
        record.key = Some(Bytes::from_static(&[0, 0, 0, 2]));
        assert_eq!(EndTxnMarker::parse(&record), Err(InvalidControlRecord::NoMarker(ControlRecordType::Other(2))));
        record.key = None;
        assert_eq!(EndTxnMarker::parse(&record), Err(InvalidControlRecord::Truncated));
    }
}
