//! [`Records`]: the records of one batch, for those that must see them.

use bytes::Bytes;
use ottla_base::{Offset, Timestamp};
use thiserror::Error;

use crate::view::Batch;
use crate::walk::{Cursor, SliceCursor, check_length};
use crate::{RecordFault, TimestampType, UnknownCompression, compression};

/// One record. Key, value and headers share the batch's bytes, or those that it was decompressed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The record's offset.
    pub offset: Offset,
    /// The producer's time, or that of the append; -1 for none.
    pub timestamp: Timestamp,
    /// The key, if it has one.
    pub key: Option<Bytes>,
    /// The value; none is a tombstone in a compacted topic.
    pub value: Option<Bytes>,
    /// The headers in the order in which they were added; keys may repeat.
    pub headers: Vec<RecordHeader>,
}

/// A header of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// UTF-8 by convention, unchecked.
    pub key: Bytes,
    /// The value, if it has one.
    pub value: Option<Bytes>,
}

/// Why the records of a batch could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordsError {
    /// The batch names a codec that there is not.
    #[error(transparent)]
    UnknownCompression(#[from] UnknownCompression),
    /// The record at `index` is none, or those before it could not be decompressed.
    #[error("record {index}: {fault}")]
    Record {
        /// The index in the batch, from 0.
        index: i32,
        /// What is wrong with it.
        fault: RecordFault,
    },
}

/// The iterator of [`Batch::records`]. It ends after an error.
#[derive(Clone, Debug)]
pub struct Records {
    state: State,
    base_offset: Offset,
    base_timestamp: Timestamp,
    log_append_time: Option<Timestamp>,
}

#[derive(Clone, Debug)]
enum State {
    Failed(RecordsError),
    Reading { bytes: Bytes, position: usize, index: i32, record_count: i32 },
    Done,
}

impl Records {
    pub(crate) fn new(batch: &Batch, decoded_bytes_max: usize) -> Records {
        let header = batch.header();
        let is_append_time = header.attributes.timestamp_type() == TimestampType::LogAppendTime;
        Records {
            state: State::open(batch, decoded_bytes_max).unwrap_or_else(State::Failed),
            base_offset: header.base_offset,
            base_timestamp: header.base_timestamp,
            log_append_time: is_append_time.then_some(header.max_timestamp),
        }
    }

    fn read_record(&self, records: &mut SliceCursor<'_>, bytes: &Bytes) -> Result<Record, RecordFault> {
        let cursor = &mut records.take_record()?;
        let start = cursor.consumed();
        cursor.byte()?;
        let timestamp_delta = cursor.varlong()?;
        let offset_delta = cursor.varint()?;
        let record = Record {
            offset: Offset(self.base_offset.0.wrapping_add(i64::from(offset_delta))),
            timestamp: self.log_append_time.unwrap_or(Timestamp(self.base_timestamp.0.wrapping_add(timestamp_delta))),
            key: read_nullable(cursor, bytes)?,
            value: read_nullable(cursor, bytes)?,
            headers: read_headers(cursor, bytes)?,
        };
        let (declared, read) = (records.consumed() - start, cursor.consumed() - start);
        check_length(declared, read).map(|()| record)
    }
}

impl State {
    fn open(batch: &Batch, decoded_bytes_max: usize) -> Result<State, RecordsError> {
        let header = batch.header();
        let refuse = |fault| RecordsError::Record { index: 0, fault };
        if header.record_count < 0 {
            return Err(refuse(RecordFault::NegativeRecordCount(header.record_count)));
        }
        let compression = header.attributes.compression()?;
        let bytes = compression::decompress_bytes(compression, batch.payload_bytes(), decoded_bytes_max)
            .map_err(|error| refuse(error.into()))?;
        Ok(State::Reading { bytes, position: 0, index: 0, record_count: header.record_count })
    }
}

impl Iterator for Records {
    type Item = Result<Record, RecordsError>;

    fn next(&mut self) -> Option<Result<Record, RecordsError>> {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Done => None,
            State::Failed(error) => Some(Err(error)),
            State::Reading { bytes, position, index, record_count } => {
                let refuse = |fault| RecordsError::Record { index, fault };
                let mut cursor = SliceCursor::at(&bytes, position);
                if index == record_count {
                    let is_at_end = position == bytes.len();
                    return (!is_at_end).then_some(Err(refuse(RecordFault::TrailingBytes)));
                }
                let record = self.read_record(&mut cursor, &bytes);
                let position = cursor.consumed();
                if record.is_ok() {
                    self.state = State::Reading { bytes, position, index: index + 1, record_count };
                }
                Some(record.map_err(refuse))
            }
        }
    }
}

impl std::iter::FusedIterator for Records {}

fn read_headers(cursor: &mut SliceCursor<'_>, bytes: &Bytes) -> Result<Vec<RecordHeader>, RecordFault> {
    let header_count = cursor.varint()?;
    if header_count < 0 {
        return Err(RecordFault::NegativeHeaderCount(header_count));
    }
    // The vector grows with what is read: the count alone allocates nothing.
    let mut headers = Vec::new();
    for _ in 0..header_count {
        let key_length = cursor.varint()?;
        if key_length < 0 {
            return Err(RecordFault::NegativeHeaderKeyLength(key_length));
        }
        let key = read_slice(cursor, bytes, key_length as usize)?;
        headers.push(RecordHeader { key, value: read_nullable(cursor, bytes)? });
    }
    Ok(headers)
}

fn read_nullable(cursor: &mut SliceCursor<'_>, bytes: &Bytes) -> Result<Option<Bytes>, RecordFault> {
    match usize::try_from(cursor.varint()?) {
        Ok(length) => read_slice(cursor, bytes, length).map(Some),
        Err(_) => Ok(None),
    }
}

fn read_slice(cursor: &mut SliceCursor<'_>, bytes: &Bytes, length: usize) -> Result<Bytes, RecordFault> {
    let from = cursor.consumed();
    cursor.skip(length)?;
    Ok(bytes.slice(from..from + length))
}
