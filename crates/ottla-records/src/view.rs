//! [`Batch`]: one whole batch over `Bytes`, and [`batches`], which cuts a run of them apart. Neither looks at the records.

use bytes::Bytes;
use ottla_base::{LeaderEpoch, Offset, Timestamp};

use crate::header::CRC_COVERED_FROM;
use crate::{HEADER_LEN, Header, Malformed, Records, TimestampType};

/// One whole batch, header and records. Cloning shares the bytes.
///
/// Its header may have been rewritten since the bytes came in (a max timestamp, an append time): [`Batch::header`],
/// [`Batch::patched_header`] and [`Batch::bytes`] tell the new one, and the records are not copied for it.
#[derive(Clone, Debug)]
pub struct Batch {
    header: Header,
    /// The batch as it came, or with a rewritten header.
    bytes: Bytes,
    /// True where `header` is newer than what `bytes` begins with.
    header_is_newer: bool,
}

impl Batch {
    /// Takes `bytes` as exactly one batch: length and magic are checked, the CRC and the records are not.
    ///
    /// Errors: what [`Header::read`] refuses, fewer bytes than the batch says it has, or more.
    pub fn parse(bytes: Bytes) -> Result<Batch, Malformed> {
        let header = Header::read(&bytes)?;
        let (have, needed) = (bytes.len(), header.size_in_bytes());
        match have.checked_sub(needed) {
            None => Err(Malformed::Truncated { have, needed }),
            Some(0) => Ok(Batch { header, bytes, header_is_newer: false }),
            Some(trailing) => Err(Malformed::TrailingBytes(trailing)),
        }
    }

    /// The header, decoded.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The whole batch. Costs nothing where the header is as it came, a copy where it was rewritten.
    pub fn bytes(&self) -> Bytes {
        if self.header_is_newer {
            [&self.header.to_bytes(), self.payload()].concat().into()
        } else {
            self.bytes.clone()
        }
    }

    /// What follows the header: the records, compressed where the attributes say so.
    pub fn payload(&self) -> &[u8] {
        &self.bytes[HEADER_LEN..]
    }

    /// [`Batch::payload`], sharing the batch's bytes.
    pub fn payload_bytes(&self) -> Bytes {
        self.bytes.slice(HEADER_LEN..)
    }

    /// The size of the whole batch, in bytes.
    pub fn size_in_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The header as a leader writes it, with the offset and the epoch that it assigns. Both lie outside the CRC. What follows on
    /// disk is [`Batch::payload`].
    pub fn patched_header(&self, base_offset: Offset, leader_epoch: LeaderEpoch) -> [u8; HEADER_LEN] {
        Header { base_offset, leader_epoch, ..self.header }.to_bytes()
    }

    /// This batch at `base_offset` in `leader_epoch`. Copies nothing.
    #[must_use]
    pub fn with_position(mut self, base_offset: Offset, leader_epoch: LeaderEpoch) -> Batch {
        self.header = Header { base_offset, leader_epoch, ..self.header };
        self.header_is_newer = true;
        self
    }

    /// True where the stored CRC is that of the bytes. Reads the whole batch.
    pub fn crc_is_valid(&self) -> bool {
        self.header.crc == self.computed_crc()
    }

    /// The CRC-32C of what it covers: everything from the attributes to the end.
    pub fn computed_crc(&self) -> u32 {
        if self.header_is_newer {
            crc32c::crc32c_append(header_crc(&self.header), self.payload())
        } else {
            crc32c::crc32c(&self.bytes[CRC_COVERED_FROM..])
        }
    }

    /// The same, in blocks that stay in the nearest cache; after each, `on_block` learns how many bytes of [`Batch::payload`] were read.
    pub(crate) fn computed_crc_by_blocks(&self, mut on_block: impl FnMut(usize)) -> u32 {
        assert!(!self.header_is_newer, "what a header was rewritten for was looked at before");
        let (mut crc, mut read) = (0, 0);
        for block in self.bytes[CRC_COVERED_FROM..].chunks(CRC_BLOCK) {
            crc = crc32c::crc32c_append(crc, block);
            read += block.len();
            on_block(read.saturating_sub(HEADER_LEN - CRC_COVERED_FROM));
        }
        crc
    }

    /// The records, in order. A compressed batch is decompressed first, to `decoded_bytes_max` bytes at the most; an uncompressed one
    /// is read in place, and its records share its bytes.
    pub fn records(&self, decoded_bytes_max: usize) -> Records {
        Records::new(self, decoded_bytes_max)
    }

    /// Changes timestamp type and max timestamp, and the CRC with them, where they differ. Copies nothing; the CRC is computed anew
    /// over the whole batch.
    pub(crate) fn set_max_timestamp(&mut self, timestamp_type: TimestampType, max_timestamp: Timestamp) {
        let attributes = self.header.attributes.with_timestamp_type(timestamp_type);
        if self.header.attributes == attributes && self.header.max_timestamp == max_timestamp {
            return;
        }
        self.header = Header { attributes, max_timestamp, ..self.header };
        self.header_is_newer = true;
        self.header.crc = self.computed_crc();
    }

    /// A batch of `header` with the length and the CRC that `payload` gives it.
    ///
    /// `buffer` holds [`HEADER_LEN`] bytes of room and then the payload, at most 2^31 bytes together.
    pub(crate) fn assemble(header: Header, mut buffer: Vec<u8>) -> Batch {
        let length = buffer.len() - crate::header::LENGTH_OVERHEAD;
        let batch_length = i32::try_from(length).expect("a batch is bounded below 2 GiB by whoever builds it");
        let mut header = Header { batch_length, ..header };
        header.crc = crc32c::crc32c_append(header_crc(&header), &buffer[HEADER_LEN..]);
        buffer[..HEADER_LEN].copy_from_slice(&header.to_bytes());
        Batch { header, bytes: buffer.into(), header_is_newer: false }
    }
}

/// How many bytes the CRC is computed over at a time: three quarters of the smallest first-level cache, and what the CRC's fastest loop
/// takes in one go (three times 8 KiB, wherever the eight bytes begin that it aligns itself to).
const CRC_BLOCK: usize = 3 * 8192 + 8;

/// The CRC-32C of the part of the header that the CRC covers.
fn header_crc(header: &Header) -> u32 {
    crc32c::crc32c(&header.to_bytes()[CRC_COVERED_FROM..])
}

/// How many records the whole batches hold that stand one after the other in `bytes`, as their headers say. Looks at nothing else, and no
/// further than to what is no whole batch.
pub fn count_records(mut bytes: &[u8]) -> u64 {
    let mut records = 0;
    while let Ok(header) = Header::read(bytes) {
        let Some(rest) = bytes.get(header.size_in_bytes()..) else { break };
        records += u64::try_from(header.record_count).unwrap_or(0);
        bytes = rest;
    }
    records
}

/// The batches that stand one after the other in `bytes`, as a Fetch answers them or a segment holds them.
pub fn batches(bytes: Bytes) -> Batches {
    Batches { rest: bytes, position: 0 }
}

/// The iterator of [`batches`]. The last batch may be cut: that is [`Malformed::Truncated`]. It ends after an error.
#[derive(Clone, Debug)]
pub struct Batches {
    rest: Bytes,
    position: usize,
}

impl Batches {
    /// How many bytes the batches that came out have taken; after an error, where the bad one begins.
    pub fn position(&self) -> usize {
        self.position
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, Malformed>;

    fn next(&mut self) -> Option<Result<Batch, Malformed>> {
        if self.rest.is_empty() {
            return None;
        }
        let next = Header::read(&self.rest).and_then(|header| {
            let size = header.size_in_bytes();
            Batch::parse(self.rest.slice(..size.min(self.rest.len())))
        });
        match &next {
            Ok(batch) => {
                self.position += batch.size_in_bytes();
                bytes::Buf::advance(&mut self.rest, batch.size_in_bytes());
            }
            Err(_) => self.rest.clear(),
        }
        Some(next)
    }
}

impl std::iter::FusedIterator for Batches {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BatchBuilder, Compression};
    use proptest::prelude::*;

    fn batch(records: i64) -> Batch {
        let mut builder = BatchBuilder::new(Compression::None);
        (0..records).for_each(|n| builder.append(Timestamp(n), Some(b"key"), Some(&[7; 20])));
        builder.build()
    }

    #[test]
    fn a_batch_is_neither_shorter_nor_longer_than_it_says() {
        let bytes = batch(2).bytes();
        let size = bytes.len();
        assert_eq!(
            Batch::parse(bytes.slice(..size - 1)).unwrap_err(),
            Malformed::Truncated { have: size - 1, needed: size }
        );
        let longer = Bytes::from([&bytes[..], b"x"].concat());
        assert_eq!(Batch::parse(longer).unwrap_err(), Malformed::TrailingBytes(1));
    }

    #[test]
    fn batches_come_out_in_order_and_a_cut_one_ends_them() {
        let run = [batch(1).bytes(), batch(3).bytes(), batch(2).bytes().slice(..70)].concat();
        let mut cut = batches(run.into());
        assert_eq!(cut.next().unwrap().unwrap().header().record_count, 1);
        assert_eq!(cut.next().unwrap().unwrap().header().record_count, 3);
        let position = batch(1).size_in_bytes() + batch(3).size_in_bytes();
        assert_eq!(cut.position(), position);
        assert!(matches!(cut.next(), Some(Err(Malformed::Truncated { have: 70, .. }))));
        assert_eq!(cut.position(), position);
        assert!(cut.next().is_none());
    }

    #[test]
    fn records_of_whole_batches_are_counted_by_their_headers() {
        let run = [batch(1).bytes(), batch(3).bytes(), batch(2).bytes().slice(..70)].concat();
        assert_eq!(count_records(&run), 4);
        assert_eq!(count_records(&run[..run.len() - 20]), 4, "a header that is cut ends it too");
        assert_eq!(count_records(&[]), 0);
        assert_eq!(count_records(&[0xff; 200]), 0, "no batch");
    }

    #[test]
    fn offset_and_epoch_change_outside_the_crc() {
        let batch = batch(2);
        let head = batch.patched_header(Offset(900), LeaderEpoch(4));
        let stored = Batch::parse([&head[..], batch.payload()].concat().into()).unwrap();
        assert!(stored.crc_is_valid());
        assert_eq!((stored.header().base_offset, stored.header().leader_epoch), (Offset(900), LeaderEpoch(4)));
        assert_eq!(batch.with_position(Offset(900), LeaderEpoch(4)).bytes(), stored.bytes());
    }

    #[test]
    fn a_changed_max_timestamp_has_a_new_crc_and_the_same_records() {
        let mut batch = batch(2);
        let before = batch.clone();
        batch.set_max_timestamp(TimestampType::LogAppendTime, Timestamp(99));
        assert!(batch.crc_is_valid());
        assert_eq!(batch.payload(), before.payload());
        let reread = Batch::parse(batch.bytes()).unwrap();
        assert!(reread.crc_is_valid());
        assert_eq!(reread.header(), batch.header());
        assert!(reread.records(0).all(|record| record.unwrap().timestamp == Timestamp(99)));
    }

    #[test]
    fn an_unchanged_max_timestamp_keeps_the_bytes() {
        let mut batch = batch(2);
        let before = batch.bytes();
        batch.set_max_timestamp(TimestampType::CreateTime, batch.header().max_timestamp);
        assert_eq!(batch.bytes().as_ptr(), before.as_ptr());
    }

    proptest! {
        #[test]
        fn a_flipped_bit_that_the_crc_covers_is_found(records in 1_i64..20, at: prop::sample::Index, bit in 0..8_u8) {
            let mut bytes = batch(records).bytes().to_vec();
            let covered = bytes.len() - CRC_COVERED_FROM;
            bytes[CRC_COVERED_FROM + at.index(covered)] ^= 1 << bit;
            prop_assert!(!Batch::parse(bytes.into()).unwrap().crc_is_valid());
        }

        #[test]
        fn any_bytes_come_apart_without_a_panic(bytes: Vec<u8>, head in prop::option::of(0_i32..200)) {
            let mut run = bytes;
            if let (Some(length), true) = (head, run.len() > 17) {
                run[8..12].copy_from_slice(&length.to_be_bytes());
                run[16] = 2;
            }
            for batch in batches(run.into()).flatten() {
                batch.crc_is_valid();
                let read = batch.records(1 << 16).take(1000).count();
                prop_assert!(read <= 1000);
            }
        }
    }
}
