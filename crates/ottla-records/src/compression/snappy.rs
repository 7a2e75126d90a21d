//! Snappy as Kafka's clients write it: librdkafka sends one raw block, Java's library (xerial) frames blocks of 32 KiB:
//!
//! ```text
//! 82 'S' 'N' 'A' 'P' 'P' 'Y' 00 | version i32 | compatible version i32 | (length i32 | raw block)*      big endian
//! ```
//!
//! Framed streams may follow one another, each with its own head.

use std::io::{self, ErrorKind, Read};

use super::DecompressError;

const MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
const HEAD_LEN: usize = 16;
const VERSION: i32 = 1;
const BLOCK_LEN: usize = 32 * 1024;

/// More bytes than one byte of a raw block can decode to: its longest copy, of 64 bytes, takes 3.
const EXPANSION_MAX: usize = 22;

/// Appends `raw` in xerial frames, which every client reads.
pub(super) fn compress(raw: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&VERSION.to_be_bytes());
    let mut encoder = snap::raw::Encoder::new();
    for block in raw.chunks(BLOCK_LEN) {
        let compressed = encoder.compress_vec(block).expect("snappy takes blocks below 4 GiB");
        let length = i32::try_from(compressed.len()).expect("a block of 32 KiB grows by little");
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&compressed);
    }
}

/// Decodes block by block. A block must be in memory as a whole, so what it says it decodes to is checked before anything is allocated.
pub(super) struct Decoder<'a> {
    rest: &'a [u8],
    is_framed: bool,
    block: Vec<u8>,
    position: usize,
    block_bytes_max: usize,
}

impl<'a> Decoder<'a> {
    /// A decoder that refuses blocks which decode to more than `block_bytes_max` bytes.
    pub(super) fn new(compressed: &'a [u8], block_bytes_max: usize) -> Decoder<'a> {
        let is_framed = compressed.starts_with(&MAGIC);
        Decoder { rest: compressed, is_framed, block: Vec::new(), position: 0, block_bytes_max }
    }

    fn next_block(&mut self) -> io::Result<&'a [u8]> {
        if !self.is_framed {
            return Ok(std::mem::take(&mut self.rest));
        }
        while self.rest.starts_with(&MAGIC) {
            let head = self.take(HEAD_LEN)?;
            let version = i32::from_be_bytes(head[8..12].try_into().expect("four bytes of the head"));
            if version < VERSION {
                return Err(io::Error::new(ErrorKind::InvalidData, "frame of an incompatible version"));
            }
        }
        if self.rest.is_empty() {
            return Ok(self.rest);
        }
        let length = i32::from_be_bytes(self.take(4)?.try_into().expect("four bytes were taken"));
        let length = usize::try_from(length).map_err(|_| io::Error::new(ErrorKind::InvalidData, "negative length"))?;
        self.take(length)
    }

    fn take(&mut self, length: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(ErrorKind::UnexpectedEof)?;
        self.rest = rest;
        Ok(taken)
    }

    fn decode(&mut self, block: &[u8]) -> io::Result<()> {
        let length = snap::raw::decompress_len(block)?;
        if length > block.len().saturating_mul(EXPANSION_MAX) {
            return Err(io::Error::new(ErrorKind::InvalidData, "block cannot decode to what it says"));
        }
        if length > self.block_bytes_max {
            return Err(io::Error::other(DecompressError::TooLarge { limit: self.block_bytes_max }));
        }
        self.block.resize(length, 0);
        self.position = 0;
        snap::raw::Decoder::new().decompress(block, &mut self.block)?;
        Ok(())
    }
}

impl Read for Decoder<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.position == self.block.len() {
            if self.rest.is_empty() {
                return Ok(0);
            }
            let block = self.next_block()?;
            if block.is_empty() && self.is_framed {
                continue;
            }
            self.decode(block)?;
        }
        let count = out.len().min(self.block.len() - self.position);
        out[..count].copy_from_slice(&self.block[self.position..self.position + count]);
        self.position += count;
        Ok(count)
    }
}
