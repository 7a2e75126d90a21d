//! [`BatchWalk`]: the batches of a segment's file, one after the other, by their headers.

use std::sync::Arc;

use bytes::Bytes;
use ottla_records::{HEADER_LEN, Header, Malformed};

use crate::disk::{self, File};

/// How much a lookup reads at once: what lies between two index entries.
pub(crate) const LOOKUP_CHUNK: usize = 4096;
/// How much a walk through much of a segment reads at once.
pub(crate) const SCAN_CHUNK: usize = 256 * 1024;

/// Steps from header to header without reading what lies between, unless it comes along in the same read.
pub(crate) struct BatchWalk {
    file: Arc<dyn File>,
    position: u64,
    end: u64,
    chunk: usize,
    last_batch_size: usize,
    buffer: Vec<u8>,
    buffer_position: u64,
}

/// A batch's header, and where the batch lies. The batch lies within the walk's range as a whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) position: u64,
    pub(crate) header: Header,
}

impl Found {
    /// Where the next batch begins.
    pub(crate) fn end_position(&self) -> u64 {
        self.position + self.header.size_in_bytes() as u64
    }
}

impl BatchWalk {
    /// The batches that begin at `position`, up to `end`; `chunk` bytes are read at once where batches are small.
    pub(crate) fn new(file: Arc<dyn File>, position: u64, end: u64, chunk: usize) -> BatchWalk {
        BatchWalk { file, position, end, chunk, last_batch_size: 0, buffer: Vec::new(), buffer_position: 0 }
    }

    /// Where the next batch begins.
    #[cfg(test)]
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next batch; `None` at the end.
    pub(crate) fn next(&mut self) -> disk::Result<Option<Result<Found, Malformed>>> {
        if self.position >= self.end {
            return Ok(None);
        }
        let position = self.position;
        let header = Header::read(self.bytes(HEADER_LEN)?);
        let left = usize::try_from(self.end - position).unwrap_or(usize::MAX);
        Ok(Some(match header {
            Ok(header) if header.size_in_bytes() <= left => {
                self.last_batch_size = header.size_in_bytes();
                self.position += self.last_batch_size as u64;
                Ok(Found { position, header })
            }
            Ok(header) => Err(Malformed::Truncated { have: left, needed: header.size_in_bytes() }),
            Err(malformed) => Err(malformed),
        }))
    }

    /// Makes `found`, the last one, the next one again.
    pub(crate) fn back_to(&mut self, found: &Found) {
        self.position = found.position;
    }

    /// The whole batch that `found`, the last one, stands for.
    pub(crate) fn read(&mut self, found: &Found) -> disk::Result<&[u8]> {
        self.position = found.position;
        let size = found.header.size_in_bytes();
        self.last_batch_size = 0;
        self.bytes(size)?;
        self.position = found.end_position();
        self.last_batch_size = size;
        let start = (found.position - self.buffer_position) as usize;
        Ok(&self.buffer[start..start + size])
    }

    /// Up to `len` bytes from the current position on, out of the buffer, which is filled anew where they are not in it.
    fn bytes(&mut self, len: usize) -> disk::Result<&[u8]> {
        let available = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let len = len.min(available);
        let is_buffered = self.position >= self.buffer_position
            && self.position + len as u64 <= self.buffer_position + self.buffer.len() as u64;
        if !is_buffered {
            // Where batches are large, what follows the header is skipped anyway.
            let ahead = if self.last_batch_size >= self.chunk { len } else { self.chunk };
            self.buffer.resize(ahead.max(len).min(available), 0);
            self.buffer_position = self.position;
            self.file.read_exact_at(&mut self.buffer, self.position)?;
        }
        let start = (self.position - self.buffer_position) as usize;
        Ok(&self.buffer[start..start + len])
    }
}

/// The bytes of `range` of a file, as a copy.
pub(crate) fn read_range(file: &dyn File, range: std::ops::Range<u64>) -> disk::Result<Bytes> {
    let mut bytes = vec![0; usize::try_from(range.end - range.start).expect("a segment fits into memory")];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes.into())
}
