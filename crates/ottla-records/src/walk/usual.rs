//! [`UsualRun`]: the walk over records as nearly all are: sound, without headers, numbered one after the other, each number in few
//! bytes. It stops before any other, which [`super::SliceCursor::walk_record`] then takes.
//!
//! A batch of small records spends its validation here, so this is one small loop whose state stays in registers. The next record's
//! place follows from a record's length alone, so that the processor is at work on several records at a time; and a record with the
//! timestamp of the one before it needs no second look at it.

use ottla_base::Timestamp;

use super::alike::Alike;
use crate::varint::unzigzag_32;

/// What usual records must keep to, and how far they got.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UsualRun {
    /// What timestamps are relative to.
    pub(crate) base_timestamp: Timestamp,
    /// The earliest and the latest timestamp that is let pass, both inclusive.
    pub(crate) window: (Timestamp, Timestamp),
    /// Records without a key are not let pass.
    pub(crate) needs_key: bool,
    /// How many records the batch has.
    pub(crate) record_count: i32,
    /// The number of the next record.
    pub(crate) index: i32,
    /// The largest timestamp so far.
    pub(crate) max_timestamp: Timestamp,
    /// Whose it is first.
    pub(crate) index_of_max_timestamp: i32,
}

impl UsualRun {
    /// Walks records of `bytes` from `position` on as long as they are usual and begin before `until`; returns where the next one
    /// begins.
    #[inline(never)]
    pub(crate) fn walk(&mut self, bytes: &[u8], position: usize, until: usize) -> usize {
        let UsualRun { base_timestamp, window: (earliest, latest), needs_key, record_count, .. } = *self;
        let UsualRun { mut index, mut max_timestamp, mut index_of_max_timestamp, .. } = *self;
        let mut last_timestamp_delta = None;
        let left_at_end = bytes.len().saturating_sub(until);
        let mut rest = bytes.get(position..).unwrap_or_default();
        while rest.len() > left_at_end && index < record_count {
            let Some(record) = Usual::read(rest) else { break };
            if record.raw_offset_delta != (index as u32) << 1 || (needs_key && !record.has_key) {
                break;
            }
            if last_timestamp_delta != Some(record.raw_timestamp_delta) {
                let timestamp = Timestamp(base_timestamp.0.wrapping_add(record.timestamp_delta()));
                if timestamp < earliest || timestamp > latest {
                    break;
                }
                if timestamp > max_timestamp {
                    (max_timestamp, index_of_max_timestamp) = (timestamp, index);
                }
                last_timestamp_delta = Some(record.raw_timestamp_delta);
                (rest, index) = (record.rest, index + 1);
                continue;
            }
            index += 1;
            let alike = Alike::after(rest, &record);
            rest = record.rest;
            if let Some(alike) = alike {
                let (records, after) = alike.walk(rest, left_at_end, record_count - index);
                (rest, index) = (after, index + records);
            }
        }
        *self = UsualRun { index, max_timestamp, index_of_max_timestamp, ..*self };
        bytes.len() - rest.len()
    }
}

/// A usual record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual<'a> {
    raw_timestamp_delta: u32,
    raw_offset_delta: u32,
    pub(super) has_key: bool,
    pub(super) sizes: Sizes,
    /// What follows it.
    rest: &'a [u8],
}

/// How many bytes a usual record's numbers take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) length: usize,
    pub(super) timestamp_delta: usize,
    pub(super) offset_delta: usize,
    pub(super) key_length: usize,
    pub(super) value_length: usize,
}

impl<'a> Usual<'a> {
    /// The record at the beginning of `bytes`, where it is a usual one.
    #[inline(always)]
    fn read(bytes: &'a [u8]) -> Option<Usual<'a>> {
        // Length, attributes and timestamp take up to 7 bytes, and as many are looked at behind them.
        let head = bytes.first_chunk::<16>()?;
        let (length, length_size, bits) = usual_number(u64::from_le_bytes(*head.first_chunk()?))?;
        let (raw_timestamp_delta, timestamp_size, _) = usual_number(bits >> 8)?;
        let at = length_size + 1 + timestamp_size;
        let (raw_offset_delta, offset_size, bits) = usual_number(u64::from_le_bytes(*head[at & 7..].first_chunk()?))?;
        let (key, key_size, _) = usual_number(bits)?;

        let value_at = at + offset_size + key_size + nullable_size(key);
        let bits = u32::from_le_bytes(*bytes.get(value_at..)?.first_chunk()?);
        let (value, value_size, _) = usual_number(u64::from(bits))?;
        let header_count_at = value_at + value_size + nullable_size(value);
        let end = length_size + (length >> 1) as usize;
        if length & 1 != 0 || header_count_at + 1 != end {
            return None;
        }
        let (record, rest) = bytes.split_at_checked(end)?;
        let sizes = Sizes {
            length: length_size,
            timestamp_delta: timestamp_size,
            offset_delta: offset_size,
            key_length: key_size,
            value_length: value_size,
        };
        let is_usual = record.last() == Some(&0);
        is_usual.then_some(Usual { raw_timestamp_delta, raw_offset_delta, has_key: key & 1 == 0, sizes, rest })
    }

    #[inline(always)]
    fn timestamp_delta(&self) -> i64 {
        i64::from(unzigzag_32(self.raw_timestamp_delta))
    }
}

/// The raw number in the lowest bytes of `bits`, its size where that is up to three bytes, and the bits behind it.
#[inline(always)]
fn usual_number(bits: u64) -> Option<(u32, usize, u64)> {
    let raw = bits as u32;
    if raw & 0x80 == 0 {
        Some((raw & 0x7f, 1, bits >> 8))
    } else if raw & 0x8000 == 0 {
        Some((raw & 0x7f | raw >> 1 & 0x3f80, 2, bits >> 16))
    } else if raw & 0x80_0000 == 0 {
        Some((raw & 0x7f | raw >> 1 & 0x3f80 | raw >> 2 & 0x1f_c000, 3, bits >> 24))
    } else {
        None
    }
}

/// How many bytes a key or value of this raw length takes: none where it is a null.
#[inline(always)]
fn nullable_size(raw_length: u32) -> usize {
    if raw_length & 1 == 0 { (raw_length >> 1) as usize } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk::{RecordShape, RecordSource, SliceCursor};
    use crate::{BatchBuilder, Compression};
    use proptest::prelude::*;

    /// Reads what `bytes` begin with as a usual record and as any; both must tell and take the same.
    fn check_usual(bytes: &[u8]) -> bool {
        let Some(usual) = Usual::read(bytes) else { return false };
        let mut any = SliceCursor::new(bytes);
        let shape = RecordShape {
            timestamp_delta: usual.timestamp_delta(),
            offset_delta: unzigzag_32(usual.raw_offset_delta),
            has_key: usual.has_key,
        };
        assert_eq!((any.walk_record(), any.consumed()), (Ok(shape), bytes.len() - usual.rest.len()));
        true
    }

    #[test]
    fn small_records_are_usual() {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.append(Timestamp(0), Some(b"a key"), Some(&[0; 100]));
        builder.append(Timestamp(900_000), None, Some(&[0; 100]));
        builder.append(Timestamp(5), Some(&[1; 300]), Some(b"value"));
        builder.append(Timestamp(0), None, Some(&[0; 20]));
        let batch = builder.build();
        let mut cursor = SliceCursor::new(batch.payload());
        for _ in 0..3 {
            assert!(check_usual(&batch.payload()[cursor.consumed()..]));
            cursor.walk_record().unwrap();
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn usual_records_are_like_any(mut bytes in prop::collection::vec(any::<u8>(), 0..60), small in 0_u8..64) {
            check_usual(&bytes);
            bytes.iter_mut().step_by(2).for_each(|byte| *byte %= small.max(1));
            check_usual(&bytes);
        }

        #[test]
        fn damaged_records_are_like_any(
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
            (0..payload.len()).for_each(|from| _ = check_usual(&payload[from..]));
        }
    }
}
