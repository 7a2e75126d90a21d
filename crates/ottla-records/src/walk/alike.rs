//! [`Alike`]: the walk over usual records that differ from the one before them in length, number and value alone.
//!
//! Batches of small records are mostly made of such: no key, one timestamp for many, each number of the same size. All that comes
//! before a record's value is then known but for the digits of its length, and one comparison of eight bytes checks it:
//!
//! ```text
//! length        attributes  timestampDelta  offsetDelta  keyLength  valueLength  value  headers
//! size and sign same        same            one more     same       size, sum           none
//! ```

use super::usual::Usual;

/// What the records behind a usual one are compared with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alike {
    /// What the next record begins with, in the bits of `mask`: all before the value's length, but for the digits of the record's.
    head: u64,
    mask: u64,
    /// What one more record adds to `head`.
    step: u64,
    /// How many records there are until the offset delta's lowest byte overflows.
    records_max: i32,
    length: Digits,
    value: Digits,
    /// Where the value's length stands.
    value_at: usize,
}

/// A length of one or two bytes.
#[derive(Clone, Copy, Debug)]
struct Digits {
    size: usize,
    /// Its digits, in the lowest bytes of a number.
    mask: u64,
    /// What the rest of its bytes is: sizes and the sign.
    rest: u64,
}

impl Digits {
    fn of(size: usize) -> Option<Digits> {
        match size {
            1 => Some(Digits { size, mask: 0x7e, rest: 0 }),
            2 => Some(Digits { size, mask: 0x7f7e, rest: 0x80 }),
            _ => None,
        }
    }

    /// The length in the lowest bytes of `bits`.
    #[inline(always)]
    fn read(&self, bits: u64) -> usize {
        let digits = bits & self.mask;
        (digits >> 1 & 0x3f | digits >> 2 & 0x1fc0) as usize
    }

    /// Whether `bits` begin with a length of this size that is not negative.
    #[inline(always)]
    fn fits(&self, bits: u64) -> bool {
        bits & ((1 << (8 * self.size)) - 1) & !self.mask == self.rest
    }
}

impl Alike {
    /// What is behind `record`, which `bytes` begin with, when it is like it; `None` where that cannot be told by one comparison.
    #[inline(always)]
    pub(super) fn after(bytes: &[u8], record: &Usual<'_>) -> Option<Alike> {
        let sizes = record.sizes;
        let value_at = sizes.length + 1 + sizes.timestamp_delta + sizes.offset_delta + 1;
        if record.has_key || sizes.key_length != 1 || value_at > size_of::<u64>() {
            return None;
        }
        let (length, value) = (Digits::of(sizes.length)?, Digits::of(sizes.value_length)?);
        let head = u64::from_le_bytes(*bytes.first_chunk()?);
        let mask = u64::MAX >> (64 - 8 * value_at) & !length.mask;
        let offset_shift = 8 * (sizes.length + 1 + sizes.timestamp_delta);
        let step = 2 << offset_shift;
        let records_max = (0x7f - (head >> offset_shift & 0x7f) as i32) >> 1;
        Some(Alike { head: (head & mask) + step, mask, step, records_max, length, value, value_at })
    }

    /// Walks up to `records_max` records of `rest` as long as they are alike and begin before its last `left_at_end` bytes; returns
    /// their number and what follows them.
    #[inline(always)]
    pub(super) fn walk(self, mut rest: &[u8], left_at_end: usize, records_max: i32) -> (i32, &[u8]) {
        let Alike { mut head, mask, step, length, value, value_at, .. } = self;
        let records_max = records_max.min(self.records_max);
        let between = value_at - length.size + value.size + 1;
        let mut records = 0;
        while records < records_max && rest.len() > left_at_end {
            let Some(window) = rest.first_chunk::<24>() else { break };
            let first = u64::from_le_bytes(*window.first_chunk().expect("it has 24 bytes"));
            let behind = u64::from_le_bytes(*window[value_at & 15..].first_chunk().expect("at least 9 of them follow"));
            let record_length = length.read(first);
            let is_alike = first & mask == head && value.fits(behind) && value.read(behind) + between == record_length;
            let Some((record, after)) = rest.split_at_checked(length.size + record_length) else { break };
            if !is_alike || record.last() != Some(&0) {
                break;
            }
            rest = after;
            head += step;
            records += 1;
        }
        (records, rest)
    }
}
