//! [`BatchBuilder`]: batches of our own making, for the metadata log, the coordinators' logs and clients.

use ottla_base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};

use crate::varint::{varint_len, write_varint, write_varlong};
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
        let timestamp_delta = timestamp.0.wrapping_sub(header.base_timestamp.0);

        let bytes_len = |bytes: Option<&[u8]>| varint_len(nullable_len(bytes)) + bytes.map_or(0, <[u8]>::len);
        let headers_len: usize =
            headers.iter().map(|(key, value)| bytes_len(Some(key.as_bytes())) + bytes_len(*value)).sum();
        let fields_len = bytes_len(key) + bytes_len(value) + varint_len(headers.len() as i32) + headers_len;
        let mut head = Vec::with_capacity(16);
        head.push(0);
        write_varlong(&mut head, timestamp_delta);
        write_varint(&mut head, header.last_offset_delta);
        let length = i32::try_from(head.len() + fields_len).expect("a record is below 2 GiB");

        let out = &mut self.buffer;
        write_varint(out, length);
        out.extend_from_slice(&head);
        write_nullable(out, key);
        write_nullable(out, value);
        write_varint(out, headers.len() as i32);
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

fn nullable_len(bytes: Option<&[u8]>) -> i32 {
    bytes.map_or(-1, |bytes| i32::try_from(bytes.len()).expect("a record is below 2 GiB"))
}

fn write_nullable(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    write_varint(out, nullable_len(bytes));
    out.extend_from_slice(bytes.unwrap_or_default());
}
