//! [`Header`]: the 61 bytes before the records of a batch, decoded and encoded. It does not look at the records.

use ottla_base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};
use thiserror::Error;

use crate::{Attributes, NO_SEQUENCE, increment_sequence};

/// The size of a batch's header, in bytes.
pub const HEADER_LEN: usize = 61;

/// Base offset and length: what the length field does not count.
pub(crate) const LENGTH_OVERHEAD: usize = 12;
/// Where the part that the CRC covers begins.
pub(crate) const CRC_COVERED_FROM: usize = 21;

const MAGIC: i8 = 2;

/// Why bytes are no batch of format v2. Says nothing about the CRC or the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Malformed {
    /// The bytes end before the batch does; `needed` counts from the batch's start, as far as it is known.
    #[error("batch is cut: {have} bytes of at least {needed}")]
    Truncated {
        /// How many bytes there are.
        have: usize,
        /// How many there must be, at least.
        needed: usize,
    },
    /// The length field cannot hold a header, or is negative.
    #[error("batch length {0} is shorter than a header")]
    Length(i32),
    /// Another format: 0 and 1 are Kafka's old message sets.
    #[error("batch has magic {0}, not 2")]
    Magic(i8),
    /// More bytes follow than the one batch that was asked for.
    #[error("{0} bytes follow the batch")]
    TrailingBytes(usize),
}

/// A batch's header. The numbers are as they were read: a forged one may hold any value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The offset of the first record, 0 from a producer.
    pub base_offset: Offset,
    /// The bytes that follow the length field; [`Header::size_in_bytes`] is the whole batch. At least 49.
    pub batch_length: i32,
    /// The epoch of the leader that appended the batch, `NONE` from a producer.
    pub leader_epoch: LeaderEpoch,
    /// CRC-32C over everything from the attributes to the end.
    pub crc: u32,
    /// Codec, timestamp type and flags.
    pub attributes: Attributes,
    /// The last record's offset minus the base offset; compaction keeps it when it removes that record.
    pub last_offset_delta: i32,
    /// What the records' timestamps are relative to.
    pub base_timestamp: Timestamp,
    /// The largest timestamp of a record, or the time of the append.
    pub max_timestamp: Timestamp,
    /// The idempotent producer, or `NONE`.
    pub producer_id: ProducerId,
    /// Its epoch, or `NONE`.
    pub producer_epoch: ProducerEpoch,
    /// The first record's sequence number, or [`NO_SEQUENCE`].
    pub base_sequence: i32,
    /// How many records follow; 0 only after compaction.
    pub record_count: i32,
}

impl Header {
    /// Reads the header at the start of `bytes`; what follows it need not be there.
    ///
    /// Errors: fewer than [`HEADER_LEN`] bytes, a length that cannot be, another magic than 2.
    pub fn read(bytes: &[u8]) -> Result<Header, Malformed> {
        let Some(fixed) = bytes.first_chunk::<HEADER_LEN>() else {
            return Err(refuse_short(bytes));
        };
        let header = Header {
            base_offset: Offset(i64::from_be_bytes(field(fixed, 0))),
            batch_length: i32::from_be_bytes(field(fixed, 8)),
            leader_epoch: LeaderEpoch(i32::from_be_bytes(field(fixed, 12))),
            crc: u32::from_be_bytes(field(fixed, 17)),
            attributes: Attributes(i16::from_be_bytes(field(fixed, 21))),
            last_offset_delta: i32::from_be_bytes(field(fixed, 23)),
            base_timestamp: Timestamp(i64::from_be_bytes(field(fixed, 27))),
            max_timestamp: Timestamp(i64::from_be_bytes(field(fixed, 35))),
            producer_id: ProducerId(i64::from_be_bytes(field(fixed, 43))),
            producer_epoch: ProducerEpoch(i16::from_be_bytes(field(fixed, 51))),
            base_sequence: i32::from_be_bytes(field(fixed, 53)),
            record_count: i32::from_be_bytes(field(fixed, 57)),
        };
        check_length(header.batch_length)?;
        check_magic(fixed[16] as i8)?;
        Ok(header)
    }

    /// The bytes of this header.
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0..8].copy_from_slice(&self.base_offset.0.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.batch_length.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.leader_epoch.0.to_be_bytes());
        bytes[16] = MAGIC as u8;
        bytes[17..21].copy_from_slice(&self.crc.to_be_bytes());
        bytes[21..23].copy_from_slice(&self.attributes.0.to_be_bytes());
        bytes[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        bytes[27..35].copy_from_slice(&self.base_timestamp.0.to_be_bytes());
        bytes[35..43].copy_from_slice(&self.max_timestamp.0.to_be_bytes());
        bytes[43..51].copy_from_slice(&self.producer_id.0.to_be_bytes());
        bytes[51..53].copy_from_slice(&self.producer_epoch.0.to_be_bytes());
        bytes[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        bytes[57..61].copy_from_slice(&self.record_count.to_be_bytes());
        bytes
    }

    /// The size of the whole batch, header included, in bytes.
    pub fn size_in_bytes(&self) -> usize {
        self.batch_length as usize + LENGTH_OVERHEAD
    }

    /// The offset of the last record; the largest offset where a forged delta would run past it.
    pub fn last_offset(&self) -> Offset {
        Offset(self.base_offset.0.saturating_add(i64::from(self.last_offset_delta)))
    }

    /// The offset after the batch; the largest offset where a forged delta would run past it.
    pub fn next_offset(&self) -> Offset {
        Offset(self.last_offset().0.saturating_add(1))
    }

    /// The last record's sequence number, [`NO_SEQUENCE`] where the batch has none.
    pub fn last_sequence(&self) -> i32 {
        match self.base_sequence {
            NO_SEQUENCE => NO_SEQUENCE,
            base_sequence => increment_sequence(base_sequence, self.last_offset_delta),
        }
    }
}

fn field<const N: usize>(fixed: &[u8; HEADER_LEN], at: usize) -> [u8; N] {
    fixed[at..at + N].try_into().expect("every field lies within the header")
}

/// Tells a batch that is merely cut from one that is none, as far as its bytes go.
fn refuse_short(bytes: &[u8]) -> Malformed {
    let have = bytes.len();
    let Some(length) = bytes.get(8..LENGTH_OVERHEAD) else {
        return Malformed::Truncated { have, needed: LENGTH_OVERHEAD };
    };
    let length = i32::from_be_bytes(length.try_into().expect("the length field has four bytes"));
    let magic = bytes.get(16).map_or(MAGIC, |magic| *magic as i8);
    match check_length(length).and(check_magic(magic)) {
        Err(malformed) => malformed,
        Ok(()) => Malformed::Truncated { have, needed: length as usize + LENGTH_OVERHEAD },
    }
}

fn check_length(batch_length: i32) -> Result<(), Malformed> {
    let least = (HEADER_LEN - LENGTH_OVERHEAD) as i32;
    if batch_length < least { Err(Malformed::Length(batch_length)) } else { Ok(()) }
}

fn check_magic(magic: i8) -> Result<(), Malformed> {
    if magic == MAGIC { Ok(()) } else { Err(Malformed::Magic(magic)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header() -> [u8; HEADER_LEN] {
        let mut bytes: [u8; HEADER_LEN] = std::array::from_fn(|n| n as u8);
        bytes[8..12].copy_from_slice(&49_i32.to_be_bytes());
        bytes[16] = 2;
        bytes
    }

    #[test]
    fn fields_lie_where_the_format_has_them() {
        let header = Header::read(&header()).unwrap();
        assert_eq!(header.base_offset, Offset(0x0001_0203_0405_0607));
        assert_eq!(header.size_in_bytes(), HEADER_LEN);
        assert_eq!(header.leader_epoch, LeaderEpoch(0x0c0d_0e0f));
        assert_eq!(header.crc, 0x1112_1314);
        assert_eq!(header.attributes, Attributes(0x1516));
        assert_eq!(header.last_offset_delta, 0x1718_191a);
        assert_eq!(header.base_timestamp, Timestamp(0x1b1c_1d1e_1f20_2122));
        assert_eq!(header.max_timestamp, Timestamp(0x2324_2526_2728_292a));
        assert_eq!(header.producer_id, ProducerId(0x2b2c_2d2e_2f30_3132));
        assert_eq!(header.producer_epoch, ProducerEpoch(0x3334));
        assert_eq!(header.base_sequence, 0x3536_3738);
        assert_eq!(header.record_count, 0x393a_3b3c);
    }

    #[test]
    fn a_cut_header_says_what_is_missing() {
        let bytes = header();
        assert_eq!(Header::read(&[]), Err(Malformed::Truncated { have: 0, needed: 12 }));
        assert_eq!(Header::read(&bytes[..60]), Err(Malformed::Truncated { have: 60, needed: 61 }));
    }

    #[test]
    fn another_magic_and_an_impossible_length_are_told_apart_from_a_cut() {
        let mut bytes = header();
        bytes[16] = 1;
        assert_eq!(Header::read(&bytes), Err(Malformed::Magic(1)));
        assert_eq!(Header::read(&bytes[..17]), Err(Malformed::Magic(1)));
        bytes[8..12].copy_from_slice(&(-1_i32).to_be_bytes());
        assert_eq!(Header::read(&bytes), Err(Malformed::Length(-1)));
        assert_eq!(Header::read(&bytes[..12]), Err(Malformed::Length(-1)));
    }

    #[test]
    fn forged_ends_do_not_overflow() {
        let mut forged = Header::read(&header()).unwrap();
        forged.base_offset = Offset::MAX;
        forged.last_offset_delta = i32::MAX;
        assert_eq!((forged.last_offset(), forged.next_offset()), (Offset::MAX, Offset::MAX));
        forged.base_offset = Offset(i64::MIN);
        forged.last_offset_delta = i32::MIN;
        assert_eq!(forged.last_offset(), Offset(i64::MIN));
    }

    #[test]
    fn the_last_sequence_wraps_and_is_none_without_a_producer() {
        let mut header = Header::read(&header()).unwrap();
        (header.base_sequence, header.last_offset_delta) = (i32::MAX, 1);
        assert_eq!(header.last_sequence(), 0);
        header.base_sequence = NO_SEQUENCE;
        assert_eq!(header.last_sequence(), NO_SEQUENCE);
    }

    proptest! {
        #[test]
        fn what_reads_writes_back(mut bytes in prop::array::uniform32(any::<u8>()), rest in prop::array::uniform29(any::<u8>())) {
            bytes[16] = 2;
            bytes[8] &= 0x7f;
            let bytes = [&bytes[..], &rest[..]].concat();
            match Header::read(&bytes) {
                Ok(header) => prop_assert_eq!(&header.to_bytes()[..], &bytes[..]),
                Err(malformed) => prop_assert!(matches!(malformed, Malformed::Length(0..49))),
            }
        }

        #[test]
        fn any_bytes_give_a_header_or_an_error(bytes: Vec<u8>) {
            if let Ok(header) = Header::read(&bytes) {
                prop_assert!(header.size_in_bytes() >= HEADER_LEN);
            }
        }
    }
}
