//! [`Pending`]: records on their way to one partition, as one batch.

use std::ops::RangeInclusive;

use bytes::Bytes;
use ottla_base::{ProducerEpoch, ProducerId, Timestamp};
use ottla_records::{BatchBuilder, Compression};

/// How large a batch grows before it is compressed, in bytes, unless one record is larger: below the default of `max.message.bytes`.
const BATCH_BYTES_MAX: usize = 1_000_000;

/// More than a record without headers takes beside its key and value.
const RECORD_OVERHEAD: usize = 32;

/// A header that each record gets.
pub(super) type Header = (String, String);

/// A record, and the line that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) line: u64,
    pub(super) timestamp: Timestamp,
    pub(super) key: Option<Bytes>,
    pub(super) value: Bytes,
}

/// Records for one batch, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    records: Vec<Outgoing>,
    size: usize,
}

/// Who writes, where that is an idempotent producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Producer {
    pub(super) id: ProducerId,
    pub(super) epoch: ProducerEpoch,
}

impl Pending {
    /// A batch of one record.
    pub(super) fn of(record: Outgoing) -> Pending {
        let size = size_of(&record);
        Pending { records: vec![record], size }
    }

    /// Adds a record, which comes back where the batch is full.
    pub(super) fn push(&mut self, record: Outgoing, headers_size: usize) -> Result<(), Outgoing> {
        let size = self.size + size_of(&record) + headers_size;
        if size > BATCH_BYTES_MAX {
            return Err(record);
        }
        self.records.push(record);
        self.size = size;
        Ok(())
    }

    /// How many records.
    pub(super) fn record_count(&self) -> usize {
        self.records.len()
    }

    /// The first and the last line. Others between may have gone to other partitions.
    pub(super) fn lines(&self) -> RangeInclusive<u64> {
        let line = |record: Option<&Outgoing>| record.map_or(0, |record| record.line);
        line(self.records.first())..=line(self.records.last())
    }

    /// The line of the record at `index` in the batch.
    pub(super) fn line(&self, index: usize) -> Option<u64> {
        self.records.get(index).map(|record| record.line)
    }

    /// Two batches of half the records each; `None` where there is one record.
    pub(super) fn halves(mut self) -> Option<(Pending, Pending)> {
        if self.records.len() < 2 {
            return None;
        }
        let second = self.records.split_off(self.records.len() / 2);
        let half = |records: Vec<Outgoing>| Pending { size: records.iter().map(size_of).sum(), records };
        Some((half(self.records), half(second)))
    }

    /// The batch as it goes out; the same each time that it is asked for with the same arguments.
    pub(super) fn encode(
        &self,
        compression: Compression,
        headers: &[Header],
        producer: Option<(Producer, i32)>,
    ) -> Bytes {
        let mut batch = BatchBuilder::new(compression);
        if let Some((producer, base_sequence)) = producer {
            batch = batch.producer(producer.id, producer.epoch, base_sequence);
        }
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), Some(value.as_bytes()))).collect();
        for record in &self.records {
            batch.append_with_headers(record.timestamp, record.key.as_deref(), Some(&record.value), &headers);
        }
        batch.build().bytes()
    }
}

fn size_of(record: &Outgoing) -> usize {
    record.key.as_ref().map_or(0, Bytes::len) + record.value.len() + RECORD_OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_records::Batch;

    fn record(line: u64, size: usize) -> Outgoing {
        Outgoing { line, timestamp: Timestamp(7), key: Some("k".into()), value: vec![b'x'; size].into() }
    }

    fn of_three() -> Pending {
        let mut pending = Pending::of(record(4, 1));
        pending.push(record(5, 2), 0).expect("room");
        pending.push(record(9, 3), 0).expect("room");
        pending
    }

    #[test]
    fn a_batch_stays_below_what_brokers_take() {
        let mut pending = Pending::of(record(1, 400_000));
        pending.push(record(2, 400_000), 0).expect("room");
        let back = pending.push(record(3, 400_000), 0).expect_err("full");
        assert_eq!(back.line, 3);
        let large = Pending::of(record(1, 2_000_000));
        assert_eq!(large.record_count(), 1, "one record is a batch, whatever its size");
    }

    #[test]
    fn a_batch_carries_keys_values_headers_and_sequence() {
        let producer = Producer { id: ProducerId(8), epoch: ProducerEpoch(2) };
        let headers = [("source".to_owned(), "test".to_owned())];
        let bytes = of_three().encode(Compression::Lz4, &headers, Some((producer, 40)));
        let batch = Batch::parse(bytes).expect("a whole batch");
        let header = batch.header();
        assert_eq!(
            (header.producer_id, header.producer_epoch, header.base_sequence),
            (ProducerId(8), ProducerEpoch(2), 40)
        );
        let records: Vec<_> = batch.records(1 << 20).map(Result::unwrap).collect();
        assert_eq!(records.len(), 3);
        assert_eq!(records[1].value.as_deref(), Some(&b"xx"[..]));
        assert_eq!(records[1].key.as_deref(), Some(&b"k"[..]));
        assert_eq!(records[2].headers[0].key, "source");
        assert_eq!(records[2].timestamp, Timestamp(7));
    }

    #[test]
    fn a_batch_that_is_too_large_is_halved_down_to_its_records() {
        let (first, second) = of_three().halves().expect("three records");
        assert_eq!((first.lines(), second.lines()), (4..=4, 5..=9));
        assert_eq!(second.line(1), Some(9));
        assert!(first.halves().is_none());
    }
}
