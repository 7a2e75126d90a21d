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

/// The CRC-32C of the part of the header that the CRC covers.
fn header_crc(header: &Header) -> u32 {
    crc32c::crc32c(&header.to_bytes()[CRC_COVERED_FROM..])
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
