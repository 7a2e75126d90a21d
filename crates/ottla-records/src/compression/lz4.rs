//! LZ4 frames as Kafka's clients read them: version 1, independent blocks, an end mark. The frame format allows more, and so does the
//! decoder below; a Java consumer would choke on it, so it is refused before it is in a log.

use std::io::{self, ErrorKind, Read, Write};

use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};

const MAGIC: [u8; 4] = 0x184d_2204_u32.to_le_bytes();

const FLAG_VERSION_MASK: u8 = 0b1100_0000;
const FLAG_VERSION_1: u8 = 0b0100_0000;
const FLAG_BLOCKS_INDEPENDENT: u8 = 0b0010_0000;
const FLAG_BLOCK_CHECKSUM: u8 = 0b0001_0000;
const FLAG_CONTENT_SIZE: u8 = 0b0000_1000;
const FLAG_CONTENT_CHECKSUM: u8 = 0b0000_0100;
const FLAG_RESERVED: u8 = 0b0000_0011;

const BLOCK_IS_RAW: u32 = 1 << 31;

/// Appends `raw` as one frame of blocks of 64 KiB, as Kafka's own clients do.
pub(super) fn compress(raw: &[u8], out: &mut Vec<u8>) {
    let frame = FrameInfo::new().block_size(BlockSize::Max64KB).block_mode(BlockMode::Independent);
    let mut encoder = FrameEncoder::with_frame_info(frame, out);
    encoder.write_all(raw).expect("a vector takes all that is written to it");
    encoder.finish().expect("a vector takes all that is written to it");
}

/// A decoder of the frame at the start of `compressed`. What follows the frame is left out, as Kafka's reader does.
pub(super) fn decoder(compressed: &[u8]) -> io::Result<impl Read + '_> {
    Ok(FrameDecoder::new(&compressed[..frame_len(compressed)?]))
}

/// Finds the frame's end by the lengths of its blocks, and refuses what Kafka's reader refuses. Source: `Lz4BlockInputStream`.
fn frame_len(compressed: &[u8]) -> io::Result<usize> {
    let invalid = |reason| Err(io::Error::new(ErrorKind::InvalidData, reason));
    let mut frame = Walk { bytes: compressed, position: 0 };
    if frame.take::<4>()? != MAGIC {
        return invalid("not an LZ4 frame");
    }
    let [flags, _block_size] = frame.take()?;
    if flags & FLAG_VERSION_MASK != FLAG_VERSION_1 || flags & FLAG_RESERVED != 0 {
        return invalid("frame of another version");
    }
    if flags & FLAG_BLOCKS_INDEPENDENT == 0 {
        return invalid("blocks depend on one another");
    }
    frame.skip(if flags & FLAG_CONTENT_SIZE == 0 { 1 } else { 9 })?;
    loop {
        let block = u32::from_le_bytes(frame.take()?);
        let length = (block & !BLOCK_IS_RAW) as usize;
        if length == 0 {
            break;
        }
        frame.skip(length + if flags & FLAG_BLOCK_CHECKSUM == 0 { 0 } else { 4 })?;
    }
    frame.skip(if flags & FLAG_CONTENT_CHECKSUM == 0 { 0 } else { 4 })?;
    Ok(frame.position)
}

struct Walk<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl Walk<'_> {
    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let rest = &self.bytes[self.position..];
        let taken = rest.first_chunk::<N>().ok_or(ErrorKind::UnexpectedEof)?;
        self.position += N;
        Ok(*taken)
    }

    fn skip(&mut self, count: usize) -> io::Result<()> {
        if count > self.bytes.len() - self.position {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.position += count;
        Ok(())
    }
}
