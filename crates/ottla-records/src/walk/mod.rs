//! The walk over encoded records, without making anything of them: over a slice where they lie uncompressed, over a decoder's
//! stream where they do not. Knows a record's layout and nothing of batches.
//!
//! ```text
//! length  attributes  timestampDelta  offsetDelta  keyLength key  valueLength value  count (keyLength key valueLength value)*
//! varint  1 byte      varlong         varint       varint         varint             varint  headers
//! ```

mod alike;
mod slice;
mod stream;
mod usual;

use thiserror::Error;

pub(crate) use self::slice::SliceCursor;
pub(crate) use self::stream::StreamCursor;
pub(crate) use self::usual::UsualRun;
use crate::DecompressError;

/// Why bytes are no record.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordFault {
    /// The records end within a record.
    #[error("records end within a record")]
    Truncated,
    /// A variable-length integer has more bytes than its type can take.
    #[error("variable-length integer is too long")]
    VarintTooLong,
    /// The record's length is negative.
    #[error("record length {0} is negative")]
    NegativeLength(i32),
    /// The record's fields take more or less than its length.
    #[error("record of length {declared} has fields of {read} bytes")]
    LengthMismatch {
        /// What the record says.
        declared: usize,
        /// What its fields take.
        read: usize,
    },
    /// The number of headers is negative.
    #[error("header count {0} is negative")]
    NegativeHeaderCount(i32),
    /// A header has no key.
    #[error("header key length {0} is negative")]
    NegativeHeaderKeyLength(i32),
    /// More bytes follow after as many records as the batch counts.
    #[error("bytes follow the last record")]
    TrailingBytes,
    /// The batch counts a negative number of records.
    #[error("record count {0} is negative")]
    NegativeRecordCount(i32),
    /// The records could not be decompressed.
    #[error("decompress records")]
    Decompress(#[from] DecompressError),
}

/// Records, one after the other, to be walked.
pub(crate) trait RecordSource {
    /// Walks one record: every length in it is checked, and that its fields take exactly what it says.
    fn walk_record(&mut self) -> Result<RecordShape, RecordFault>;
    /// Walks what is usual as far as it goes and begins before `until`, which counts as [`RecordSource::consumed`]. May do nothing.
    fn walk_usual(&mut self, _run: &mut UsualRun, _until: usize) {}

    /// How many bytes of records have been walked.
    fn consumed(&self) -> usize;

    /// True where nothing follows.
    fn is_at_end(&mut self) -> Result<bool, RecordFault>;
}

/// Reads the fields of a record.
pub(crate) trait Cursor {
    /// The next byte.
    fn byte(&mut self) -> Result<u8, RecordFault>;
    /// The next zigzag integer of 32 bits.
    fn varint(&mut self) -> Result<i32, RecordFault>;
    /// The next zigzag integer of 64 bits.
    fn varlong(&mut self) -> Result<i64, RecordFault>;
    /// Leaves out `count` bytes.
    fn skip(&mut self, count: usize) -> Result<(), RecordFault>;
}

/// What a walk tells of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordShape {
    pub(crate) timestamp_delta: i64,
    pub(crate) offset_delta: i32,
    pub(crate) has_key: bool,
}

/// Walks what follows a record's length. A negative key or value length is a null, as Kafka reads it.
fn walk_fields<C: Cursor>(cursor: &mut C) -> Result<RecordShape, RecordFault> {
    cursor.byte()?;
    let timestamp_delta = cursor.varlong()?;
    let offset_delta = cursor.varint()?;
    let key_length = cursor.varint()?;
    skip_nullable(cursor, key_length)?;
    let value_length = cursor.varint()?;
    skip_nullable(cursor, value_length)?;
    let header_count = cursor.varint()?;
    if header_count != 0 {
        walk_headers(cursor, header_count)?;
    }
    Ok(RecordShape { timestamp_delta, offset_delta, has_key: key_length >= 0 })
}

/// A length that may not be negative; `fault` is what it is then.
fn length(declared: i32, fault: fn(i32) -> RecordFault) -> Result<usize, RecordFault> {
    usize::try_from(declared).map_err(|_| fault(declared))
}

/// Checks that a record's fields take exactly what it says.
pub(crate) fn check_length(declared: usize, read: usize) -> Result<(), RecordFault> {
    if read == declared { Ok(()) } else { Err(RecordFault::LengthMismatch { declared, read }) }
}

fn walk_headers<C: Cursor>(cursor: &mut C, header_count: i32) -> Result<(), RecordFault> {
    if header_count < 0 {
        return Err(RecordFault::NegativeHeaderCount(header_count));
    }
    for _ in 0..header_count {
        let key_length = length(cursor.varint()?, RecordFault::NegativeHeaderKeyLength)?;
        cursor.skip(key_length)?;
        let value_length = cursor.varint()?;
        skip_nullable(cursor, value_length)?;
    }
    Ok(())
}

fn skip_nullable<C: Cursor>(cursor: &mut C, length: i32) -> Result<(), RecordFault> {
    if length > 0 { cursor.skip(length as usize) } else { Ok(()) }
}

/// Decodes an integer of up to `length_max` bytes; gives its raw value and how many it took.
fn decode_raw(bytes: &[u8], length_max: usize) -> Result<(u64, usize), RecordFault> {
    let mut raw = 0;
    for (n, byte) in bytes.iter().take(length_max).enumerate() {
        raw |= u64::from(byte & 0x7f) << (7 * n);
        if *byte < 0x80 {
            return Ok((raw, n + 1));
        }
    }
    Err(if bytes.len() < length_max { RecordFault::Truncated } else { RecordFault::VarintTooLong })
}
