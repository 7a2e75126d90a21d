//! [`BatchBuilder`]: batches of our own making, for the metadata log, the coordinators' logs and clients.

use ottla_base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};

use crate::varint::{varint_len, varlong_len, write_varint, write_varlong};
use crate::{Attributes, Batch, Compression, HEADER_LEN, Header, NO_SEQUENCE, compress};

/// Gathers records into one batch. The first is at offset delta 0, and each later one at the next.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    header: Header,
    compression: Compression,
    /// Room for the header, then the encoded records.
    buffer: Vec<u8>,
}

impl Default for BatchBuilder {
    fn default() -> BatchBuilder {
        BatchBuilder::new(Compression::None)
    }
}

impl BatchBuilder {
    /// A batch at offset 0, of no leader epoch and no producer, as a client sends it.
    pub fn new(compression: Compression) -> BatchBuilder {
        let header = Header {
            base_offset: Offset::ZERO,
            batch_length: 0,
            leader_epoch: LeaderEpoch::NONE,
            crc: 0,
            attributes: Attributes::default().with_compression(compression),
            last_offset_delta: -1,
            base_timestamp: Timestamp::NONE,
            max_timestamp: Timestamp::NONE,
            producer_id: ProducerId::NONE,
            producer_epoch: ProducerEpoch::NONE,
            base_sequence: NO_SEQUENCE,
            record_count: 0,
        };
        BatchBuilder { header, compression, buffer: vec![0; HEADER_LEN] }
    }

    /// Where the batch stands in its log, and under which leader.
    #[must_use]
    pub fn position(mut self, base_offset: Offset, leader_epoch: LeaderEpoch) -> BatchBuilder {
        self.header = Header { base_offset, leader_epoch, ..self.header };
        self
    }

    /// Makes it the batch of an idempotent producer; `base_sequence` is its first record's number.
    #[must_use]
    pub fn producer(
        mut self,
        producer_id: ProducerId,
        producer_epoch: ProducerEpoch,
        base_sequence: i32,
    ) -> BatchBuilder {
        self.header = Header { producer_id, producer_epoch, base_sequence, ..self.header };
        self
    }

    /// Makes it part of its producer's transaction.
    #[must_use]
    pub fn transactional(mut self) -> BatchBuilder {
        self.header.attributes = self.header.attributes.with_transactional(true);
        self
    }

    /// Makes it a batch of control records.
    #[must_use]
    pub fn control(mut self) -> BatchBuilder {
        self.header.attributes = self.header.attributes.with_control(true);
        self
    }

    /// Adds a record without headers.
    pub fn append(&mut self, timestamp: Timestamp, key: Option<&[u8]>, value: Option<&[u8]>) {
        self.append_with_headers(timestamp, key, value, &[]);
    }

    /// Adds a record. The batch, once encoded, must stay below 2 GiB.
    pub fn append_with_headers(
        &mut self,
        timestamp: Timestamp,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&str, Option<&[u8]>)],
    ) {
        let header = &mut self.header;
        if header.record_count == 0 {
            (header.base_timestamp, header.max_timestamp) = (timestamp, timestamp);
        }
        header.max_timestamp = header.max_timestamp.max(timestamp);
        header.record_count += 1;
        header.last_offset_delta += 1;
        let (timestamp_delta, offset_delta) =
            (timestamp.0.wrapping_sub(header.base_timestamp.0), header.last_offset_delta);
        let header_count = i32::try_from(headers.len()).expect("a record is below 2 GiB");

        let headers_len: usize =
            headers.iter().map(|(key, value)| nullable_len(Some(key.as_bytes())) + nullable_len(*value)).sum();
        let length = 1
            + varlong_len(timestamp_delta)
            + varint_len(offset_delta)
            + nullable_len(key)
            + nullable_len(value)
            + varint_len(header_count)
            + headers_len;

        let out = &mut self.buffer;
        write_varint(out, i32::try_from(length).expect("a record is below 2 GiB"));
        out.push(0);
        write_varlong(out, timestamp_delta);
        write_varint(out, offset_delta);
        write_nullable(out, key);
        write_nullable(out, value);
        write_varint(out, header_count);
        for (key, value) in headers {
            write_nullable(out, Some(key.as_bytes()));
            write_nullable(out, *value);
        }
    }

    /// How many records it has.
    pub fn record_count(&self) -> usize {
        self.header.record_count as usize
    }

    /// The size of the batch before compression, in bytes.
    pub fn size_in_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// The batch. It has at least one record.
    pub fn build(self) -> Batch {
        assert!(self.header.record_count > 0, "a batch has records");
        let buffer = match self.compression {
            Compression::None => self.buffer,
            compression => {
                let mut buffer = vec![0; HEADER_LEN];
                compress(compression, &self.buffer[HEADER_LEN..], &mut buffer);
                buffer
            }
        };
        Batch::assemble(self.header, buffer)
    }
}

/// How many bytes [`write_nullable`] appends.
fn nullable_len(bytes: Option<&[u8]>) -> usize {
    varint_len(length_field(bytes)) + bytes.map_or(0, <[u8]>::len)
}

fn length_field(bytes: Option<&[u8]>) -> i32 {
    bytes.map_or(-1, |bytes| i32::try_from(bytes.len()).expect("a record is below 2 GiB"))
}

fn write_nullable(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    write_varint(out, length_field(bytes));
    out.extend_from_slice(bytes.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Record;
    use proptest::prelude::*;

    type Entry = (i64, Option<Vec<u8>>, Option<Vec<u8>>, Vec<(String, Option<Vec<u8>>)>);

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let bytes = || prop::option::of(prop::collection::vec(any::<u8>(), 0..100));
        let headers = prop::collection::vec((".{0,8}", bytes()), 0..4);
        prop::collection::vec((any::<i64>(), bytes(), bytes(), headers), 1..20)
    }

    fn append_all(builder: &mut BatchBuilder, entries: &[Entry]) {
        for (timestamp, key, value, headers) in entries {
            let headers: Vec<_> = headers.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect();
            builder.append_with_headers(Timestamp(*timestamp), key.as_deref(), value.as_deref(), &headers);
        }
    }

    fn entry(record: Record) -> Entry {
        let headers = record
            .headers
            .into_iter()
            .map(|header| (String::from_utf8(header.key.into()).unwrap(), header.value.map(Into::into)));
        (record.timestamp.0, record.key.map(Into::into), record.value.map(Into::into), headers.collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn what_is_built_reads_back(entries in entries(), codec in 0_u8..5, base_offset in 0..i64::MAX - 20) {
            let compression = Compression::from_id(codec).unwrap();
            let mut builder = BatchBuilder::new(compression).position(Offset(base_offset), LeaderEpoch(5));
            append_all(&mut builder, &entries);
            let built = builder.build();
            let batch = Batch::parse(built.bytes()).unwrap();
            prop_assert_eq!(batch.header(), built.header());
            prop_assert!(batch.crc_is_valid());
            prop_assert_eq!(batch.header().next_offset(), Offset(base_offset + entries.len() as i64));
            prop_assert_eq!(batch.header().max_timestamp.0, entries.iter().map(|entry| entry.0).max().unwrap());

            let records: Vec<Record> = batch.records(1 << 20).map(Result::unwrap).collect();
            for (record, n) in records.iter().zip(0..) {
                prop_assert_eq!(record.offset, Offset(base_offset + n));
            }
            prop_assert_eq!(records.into_iter().map(entry).collect::<Vec<_>>(), entries);
        }
    }

    #[test]
    fn the_size_is_known_before_the_batch_is_built() {
        let mut builder = BatchBuilder::default();
        builder.append_with_headers(Timestamp(5), Some(b"key"), None, &[("h", Some(b"v"))]);
        let (records, size) = (builder.record_count(), builder.size_in_bytes());
        let batch = builder.build();
        assert_eq!((records, size), (1, batch.size_in_bytes()));
        assert_eq!(batch.header().size_in_bytes(), size);
    }
}
