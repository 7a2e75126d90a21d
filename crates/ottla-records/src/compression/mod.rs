//! The codecs of a batch's records. Each is decoded as a stream that ends with an error once it has given more than it may: what a
//! few bytes could decode to is never in memory, and never takes the time.

mod lz4;
mod snappy;

use std::fmt;
use std::io::{Read, Write};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use thiserror::Error;

/// A codec, as the attributes of a batch name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compression {
    /// As they are.
    None,
    /// RFC 1952; members may follow one another.
    Gzip,
    /// A raw block, or the frame of Java's snappy library around many.
    Snappy,
    /// An LZ4 frame of independent blocks.
    Lz4,
    /// Zstandard, from Produce 7 and Fetch 10 on (KIP-110).
    Zstd,
}

/// The batch names a codec that the format does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("compression type {0} is not known")]
pub struct UnknownCompression(pub u8);

/// Why records could not be decompressed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecompressError {
    /// They decode to more than they may. Nothing tells how much it would have been.
    #[error("records decode to more than {limit} bytes")]
    TooLarge {
        /// The most that they may decode to, in bytes.
        limit: usize,
    },
    /// They are not what the codec wrote.
    #[error("{compression} data is corrupt: {reason}")]
    Corrupt {
        /// The codec.
        compression: Compression,
        /// The decoder's words.
        reason: String,
    },
}

impl Compression {
    /// Every codec, in the order of their ids.
    pub const ALL: [Compression; 5] =
        [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

    /// The codec of the attributes' lowest three bits.
    pub fn from_id(compression_id: u8) -> Result<Compression, UnknownCompression> {
        Compression::ALL.get(usize::from(compression_id)).copied().ok_or(UnknownCompression(compression_id))
    }

    /// The value of the attributes' lowest three bits.
    pub fn id(self) -> u8 {
        self as u8
    }
}

/// The name that `compression.type` has for it.
impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Snappy => "snappy",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        })
    }
}

/// Appends `raw`, compressed, to `out`. The codecs' default levels.
pub fn compress(compression: Compression, raw: &[u8], out: &mut Vec<u8>) {
    let written = match compression {
        Compression::None => out.write_all(raw),
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(out, flate2::Compression::default());
            encoder.write_all(raw).and_then(|()| encoder.try_finish())
        }
        Compression::Snappy => {
            snappy::compress(raw, out);
            Ok(())
        }
        Compression::Lz4 => {
            lz4::compress(raw, out);
            Ok(())
        }
        Compression::Zstd => compress_zstd(raw, out),
    };
    written.expect("a vector takes all that is written to it");
}

fn compress_zstd(raw: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
    let mut encoder = zstd::stream::write::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
    encoder.set_pledged_src_size(Some(raw.len() as u64))?;
    encoder.write_all(raw)?;
    encoder.finish().map(|_| ())
}

/// Decompresses `compressed` to `decoded_bytes_max` bytes at the most.
///
/// Errors: it decodes to more, which is noticed as soon as it does; or it is corrupt.
pub fn decompress(
    compression: Compression,
    compressed: &[u8],
    decoded_bytes_max: usize,
) -> Result<Vec<u8>, DecompressError> {
    let mut decoder = Decoder::new(compression, compressed, decoded_bytes_max)?;
    let mut decoded = Vec::new();
    let mut filled = 0;
    loop {
        if filled == decoded.len() {
            let grown = filled.saturating_mul(2).max(compressed.len()).max(4096);
            decoded.resize(grown.min(decoded_bytes_max.saturating_add(1)).max(filled + 1), 0);
        }
        match decoder.read(&mut decoded[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    decoded.truncate(filled);
    Ok(decoded)
}

/// [`decompress`] that hands on what is not compressed.
pub(crate) fn decompress_bytes(
    compression: Compression,
    payload: Bytes,
    decoded_bytes_max: usize,
) -> Result<Bytes, DecompressError> {
    match compression {
        Compression::None => Ok(payload),
        _ => decompress(compression, &payload, decoded_bytes_max).map(Bytes::from),
    }
}

/// Decompresses as it is read, and fails once it has given more than it may.
pub(crate) struct Decoder<'a> {
    compression: Compression,
    stream: Box<dyn Read + 'a>,
    limit: usize,
    /// What may still come.
    left: usize,
}

impl<'a> Decoder<'a> {
    /// A window of 128 MiB is what a producer's highest level asks for; it is touched only as far as it is filled, so the limit on
    /// what is decoded limits it too.
    const ZSTD_WINDOW_LOG_MAX: u32 = 27;

    pub(crate) fn new(
        compression: Compression,
        compressed: &'a [u8],
        decoded_bytes_max: usize,
    ) -> Result<Decoder<'a>, DecompressError> {
        let corrupt = |error: std::io::Error| corrupt(compression, &error);
        let stream: Box<dyn Read + 'a> = match compression {
            Compression::None => Box::new(compressed),
            Compression::Gzip => Box::new(MultiGzDecoder::new(compressed)),
            Compression::Snappy => Box::new(snappy::Decoder::new(compressed, decoded_bytes_max)),
            Compression::Lz4 => Box::new(lz4::decoder(compressed).map_err(corrupt)?),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(compressed).map_err(corrupt)?;
                decoder.window_log_max(Self::ZSTD_WINDOW_LOG_MAX).map_err(corrupt)?;
                Box::new(decoder)
            }
        };
        Ok(Decoder { compression, stream, limit: decoded_bytes_max, left: decoded_bytes_max })
    }

    /// Fills the front of `out`; 0 at the end of the stream.
    pub(crate) fn read(&mut self, out: &mut [u8]) -> Result<usize, DecompressError> {
        // One byte more than may come tells a stream that goes on from one that ends there.
        let asked = out.len().min(self.left.saturating_add(1));
        let read = match self.stream.read(&mut out[..asked]) {
            Ok(read) => read,
            Err(error) => return Err(self.explain(&error)),
        };
        self.left = self.left.checked_sub(read).ok_or(DecompressError::TooLarge { limit: self.limit })?;
        Ok(read)
    }

    fn explain(&self, error: &std::io::Error) -> DecompressError {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<DecompressError>()) {
            Some(error) => error.clone(),
            None => corrupt(self.compression, error),
        }
    }
}

fn corrupt(compression: Compression, error: &std::io::Error) -> DecompressError {
    DecompressError::Corrupt { compression, reason: error.to_string() }
}

#[cfg(test)]
mod tests;
