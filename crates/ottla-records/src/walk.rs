//! The walk over encoded records, without making anything of them: over a slice where they lie uncompressed, over a decoder's
//! stream where they do not. Knows a record's layout and nothing of batches.
//!
//! ```text
//! length  attributes  timestampDelta  offsetDelta  keyLength key  valueLength value  count (keyLength key valueLength value)*
//! varint  1 byte      varlong         varint       varint         varint             varint  headers
//! ```

use thiserror::Error;

use crate::DecompressError;
use crate::compression::Decoder;
use crate::varint::{VARINT_LEN_MAX, VARLONG_LEN_MAX, unzigzag_32, unzigzag_64};

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

/// Reads records that lie in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SliceCursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> SliceCursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> SliceCursor<'a> {
        SliceCursor { bytes, position: 0 }
    }

    /// A cursor over `bytes` that begins at `position`.
    pub(crate) fn at(bytes: &'a [u8], position: usize) -> SliceCursor<'a> {
        SliceCursor { bytes, position }
    }

    /// How many bytes have been read or skipped.
    pub(crate) fn consumed(&self) -> usize {
        self.position
    }

    /// Reads a record's length and takes the record out.
    pub(crate) fn take_record(&mut self) -> Result<SliceCursor<'a>, RecordFault> {
        let declared = length(self.varint()?, RecordFault::NegativeLength)?;
        let start = self.position;
        self.skip(declared)?;
        Ok(SliceCursor { bytes: &self.bytes[..self.position], position: start })
    }

    #[inline]
    fn raw(&mut self, length_max: usize) -> Result<u64, RecordFault> {
        let (raw, length) = decode_raw(&self.bytes[self.position..], length_max)?;
        self.position += length;
        Ok(raw)
    }
}

impl RecordSource for SliceCursor<'_> {
    #[inline(always)]
    fn walk_record(&mut self) -> Result<RecordShape, RecordFault> {
        match self.walk_usual() {
            Some(shape) => Ok(shape),
            None => self.walk_any(),
        }
    }

    #[inline]
    fn is_at_end(&mut self) -> Result<bool, RecordFault> {
        Ok(self.position == self.bytes.len())
    }
}

impl SliceCursor<'_> {
    /// Walks the record that nearly all are: sound, without headers, and each number in few bytes. Leaves any other untouched.
    ///
    /// A batch of small records spends its validation here, so this does with a third of the steps of [`SliceCursor::walk_any`]: the
    /// numbers before the key are read from one window, and the next record's place follows from this one's length alone, so that the
    /// processor is at work on several records at a time.
    #[inline(always)]
    fn walk_usual(&mut self) -> Option<RecordShape> {
        let window = self.bytes.get(self.position..)?.first_chunk::<16>()?;
        let mut at = 0;
        let length = usual_number(window, &mut at)?;
        let end = self.position + at + (length >> 1) as usize;
        at += 1;
        let timestamp_delta = usual_number(window, &mut at)?;
        let offset_delta = usual_number(window, &mut at)?;
        let key = usual_number(window, &mut at)?;

        let value_window = self.bytes.get(self.position + at + nullable_size(key)..)?.first_chunk::<4>()?;
        let mut value_at = 0;
        let value = usual_number(value_window, &mut value_at)?;
        let header_count_at = self.position + at + nullable_size(key) + value_at + nullable_size(value);
        if length & 1 != 0 || header_count_at + 1 != end || self.bytes.get(header_count_at) != Some(&0) {
            return None;
        }
        self.position = end;
        Some(RecordShape {
            timestamp_delta: i64::from(unzigzag_32(timestamp_delta)),
            offset_delta: unzigzag_32(offset_delta),
            has_key: key & 1 == 0,
        })
    }

    /// Walks any record.
    #[inline(never)]
    fn walk_any(&mut self) -> Result<RecordShape, RecordFault> {
        let mut record = self.take_record()?;
        let start = record.position;
        let shape = walk_fields(&mut record)?;
        check_length(record.bytes.len() - start, record.position - start)?;
        Ok(shape)
    }
}

/// The raw number at `at` where it takes up to three bytes.
#[inline(always)]
fn usual_number<const N: usize>(window: &[u8; N], at: &mut usize) -> Option<u32> {
    let byte = |n: usize| u32::from(window[(*at + n) % N]);
    let (raw, length) = match byte(0) {
        first @ 0..0x80 => (first, 1),
        first => match byte(1) {
            second @ 0..0x80 => (first & 0x7f | second << 7, 2),
            second => match byte(2) {
                third @ 0..0x80 => (first & 0x7f | (second & 0x7f) << 7 | third << 14, 3),
                _ => return None,
            },
        },
    };
    *at += length;
    Some(raw)
}

/// How many bytes a key or value of this raw length takes: none where it is a null.
#[inline(always)]
fn nullable_size(raw_length: u32) -> usize {
    if raw_length & 1 == 0 { (raw_length >> 1) as usize } else { 0 }
}

impl Cursor for SliceCursor<'_> {
    fn byte(&mut self) -> Result<u8, RecordFault> {
        let byte = *self.bytes.get(self.position).ok_or(RecordFault::Truncated)?;
        self.position += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<i32, RecordFault> {
        Ok(unzigzag_32(self.raw(VARINT_LEN_MAX)? as u32))
    }

    fn varlong(&mut self) -> Result<i64, RecordFault> {
        Ok(unzigzag_64(self.raw(VARLONG_LEN_MAX)?))
    }

    fn skip(&mut self, count: usize) -> Result<(), RecordFault> {
        if count > self.bytes.len() - self.position {
            return Err(RecordFault::Truncated);
        }
        self.position += count;
        Ok(())
    }
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

/// Reads records as they are decompressed, a buffer at a time.
pub(crate) struct StreamCursor<'a> {
    decoder: Decoder<'a>,
    buffer: Box<[u8]>,
    position: usize,
    filled: usize,
    /// What was consumed before the buffer's first byte.
    consumed_before: usize,
}

impl<'a> StreamCursor<'a> {
    /// What is decompressed at a time, in bytes.
    const BUFFER_LEN: usize = 32 * 1024;

    pub(crate) fn new(decoder: Decoder<'a>) -> StreamCursor<'a> {
        let buffer = vec![0; Self::BUFFER_LEN].into_boxed_slice();
        StreamCursor { decoder, buffer, position: 0, filled: 0, consumed_before: 0 }
    }

    /// How many bytes have been read or skipped.
    fn consumed(&self) -> usize {
        self.consumed_before + self.position
    }

    /// Moves what is left to the buffer's front and reads on; false at the end of the stream.
    #[cold]
    fn refill(&mut self) -> Result<bool, RecordFault> {
        self.buffer.copy_within(self.position..self.filled, 0);
        self.consumed_before += self.position;
        self.filled -= self.position;
        self.position = 0;
        let read = self.decoder.read(&mut self.buffer[self.filled..])?;
        self.filled += read;
        Ok(read > 0)
    }

    /// Decodes an integer, from the buffer where it holds as much as it can take.
    #[inline]
    fn raw(&mut self, length_max: usize) -> Result<u64, RecordFault> {
        while self.filled - self.position < length_max && self.refill()? {}
        let (raw, length) = decode_raw(&self.buffer[self.position..self.filled], length_max)?;
        self.position += length;
        Ok(raw)
    }
}

impl RecordSource for StreamCursor<'_> {
    fn walk_record(&mut self) -> Result<RecordShape, RecordFault> {
        let declared = length(self.varint()?, RecordFault::NegativeLength)?;
        let start = self.consumed();
        let shape = walk_fields(self)?;
        check_length(declared, self.consumed() - start)?;
        Ok(shape)
    }

    fn is_at_end(&mut self) -> Result<bool, RecordFault> {
        Ok(self.position == self.filled && !self.refill()?)
    }
}

impl Cursor for StreamCursor<'_> {
    fn byte(&mut self) -> Result<u8, RecordFault> {
        if self.is_at_end()? {
            return Err(RecordFault::Truncated);
        }
        self.position += 1;
        Ok(self.buffer[self.position - 1])
    }

    fn varint(&mut self) -> Result<i32, RecordFault> {
        Ok(unzigzag_32(self.raw(VARINT_LEN_MAX)? as u32))
    }

    fn varlong(&mut self) -> Result<i64, RecordFault> {
        Ok(unzigzag_64(self.raw(VARLONG_LEN_MAX)?))
    }

    fn skip(&mut self, count: usize) -> Result<(), RecordFault> {
        let mut left = count;
        loop {
            let here = left.min(self.filled - self.position);
            self.position += here;
            left -= here;
            if left == 0 {
                return Ok(());
            }
            if !self.refill()? {
                return Err(RecordFault::Truncated);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BatchBuilder, Compression};
    use ottla_base::Timestamp;
    use proptest::prelude::*;

    /// Walks with and without the short cut; both must tell and take the same.
    fn check_short_cut(bytes: &[u8]) -> bool {
        let (mut usual, mut any) = (SliceCursor::new(bytes), SliceCursor::new(bytes));
        let shape = usual.walk_usual();
        match shape {
            None => assert_eq!(usual.position, 0),
            Some(shape) => assert_eq!((any.walk_any(), any.position), (Ok(shape), usual.position)),
        }
        shape.is_some()
    }

    #[test]
    fn small_records_take_the_short_cut() {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.append(Timestamp(0), Some(b"a key"), Some(&[0; 100]));
        builder.append(Timestamp(900_000), None, Some(&[0; 100]));
        builder.append(Timestamp(5), Some(&[1; 300]), Some(b"value"));
        builder.append(Timestamp(0), None, Some(&[0; 20]));
        let batch = builder.build();
        let mut cursor = SliceCursor::new(batch.payload());
        for _ in 0..3 {
            assert!(check_short_cut(&cursor.bytes[cursor.position..]));
            cursor.walk_any().unwrap();
        }
    }

    proptest! {
        #[test]
        fn the_short_cut_tells_the_same(mut bytes in prop::collection::vec(any::<u8>(), 0..60), small in 0_u8..64) {
            check_short_cut(&bytes);
            bytes.iter_mut().step_by(2).for_each(|byte| *byte %= small.max(1));
            check_short_cut(&bytes);
        }

        #[test]
        fn the_short_cut_tells_the_same_of_records(
            key in prop::option::of(prop::collection::vec(any::<u8>(), 0..80)),
            value in prop::option::of(prop::collection::vec(any::<u8>(), 0..80)),
            timestamps: [i32; 2],
            damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        ) {
            let mut builder = BatchBuilder::new(Compression::None);
            for timestamp in timestamps {
                builder.append(Timestamp(i64::from(timestamp)), key.as_deref(), value.as_deref());
            }
            let mut payload = builder.build().payload().to_vec();
            if let Some((at, byte)) = damage {
                let at = at.index(payload.len());
                payload[at] = byte;
            }
            (0..payload.len()).for_each(|from| _ = check_short_cut(&payload[from..]));
        }
    }
}
