//! [`SliceCursor`]: records that lie in memory, uncompressed. The hot path of a produce.

use super::{Cursor, RecordFault, RecordShape, RecordSource, check_length, decode_raw, length, walk_fields};
use crate::varint::{VARINT_LEN_MAX, VARLONG_LEN_MAX, unzigzag_32, unzigzag_64};

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
    /// A batch of small records spends its validation here. So the numbers before the key are read from one window, without asking for
    /// each whether there is one more byte; and the next record's place follows from this one's length alone, so that the processor is
    /// at work on several records at a time.
    #[inline(always)]
    fn walk_usual(&mut self) -> Option<RecordShape> {
        // Four numbers of three bytes and the attributes take 13 bytes.
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
        #![proptest_config(ProptestConfig::with_cases(64))]

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
