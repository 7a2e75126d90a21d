//! [`StreamCursor`]: records as they come out of a decoder, never in memory as a whole.

use super::{Cursor, RecordFault, RecordShape, RecordSource, check_length, decode_raw, length, walk_fields};
use crate::compression::Decoder;
use crate::varint::{VARINT_LEN_MAX, VARLONG_LEN_MAX, unzigzag_32, unzigzag_64};

/// Reads records as they are decompressed, a buffer at a time.
pub(crate) struct StreamCursor<'a> {
    decoder: Decoder<'a>,
    buffer: Box<[u8]>,
    position: usize,
    filled: usize,
    /// What was consumed before the buffer's first byte.
    consumed_before: usize,
}

impl<'a> StreamCursor<'a> {
    /// What is decompressed at a time, in bytes.
    const BUFFER_LEN: usize = 32 * 1024;

    pub(crate) fn new(decoder: Decoder<'a>) -> StreamCursor<'a> {
        let buffer = vec![0; Self::BUFFER_LEN].into_boxed_slice();
        StreamCursor { decoder, buffer, position: 0, filled: 0, consumed_before: 0 }
    }

    /// Moves what is left to the buffer's front and reads on; false at the end of the stream.
    #[cold]
    fn refill(&mut self) -> Result<bool, RecordFault> {
        self.buffer.copy_within(self.position..self.filled, 0);
        self.consumed_before += self.position;
        self.filled -= self.position;
        self.position = 0;
        let read = self.decoder.read(&mut self.buffer[self.filled..])?;
        self.filled += read;
        Ok(read > 0)
    }

    /// Decodes an integer, from the buffer where it holds as much as it can take.
    #[inline]
    fn raw(&mut self, length_max: usize) -> Result<u64, RecordFault> {
        while self.filled - self.position < length_max && self.refill()? {}
        let (raw, length) = decode_raw(&self.buffer[self.position..self.filled], length_max)?;
        self.position += length;
        Ok(raw)
    }
}

impl RecordSource for StreamCursor<'_> {
    fn consumed(&self) -> usize {
        self.consumed_before + self.position
    }

    fn walk_record(&mut self) -> Result<RecordShape, RecordFault> {
        let declared = length(self.varint()?, RecordFault::NegativeLength)?;
        let start = self.consumed();
        let shape = walk_fields(self)?;
        check_length(declared, self.consumed() - start)?;
        Ok(shape)
    }

    fn is_at_end(&mut self) -> Result<bool, RecordFault> {
        Ok(self.position == self.filled && !self.refill()?)
    }
}

impl Cursor for StreamCursor<'_> {
    fn byte(&mut self) -> Result<u8, RecordFault> {
        if self.is_at_end()? {
            return Err(RecordFault::Truncated);
        }
        self.position += 1;
        Ok(self.buffer[self.position - 1])
    }

    fn varint(&mut self) -> Result<i32, RecordFault> {
        Ok(unzigzag_32(self.raw(VARINT_LEN_MAX)? as u32))
    }

    fn varlong(&mut self) -> Result<i64, RecordFault> {
        Ok(unzigzag_64(self.raw(VARLONG_LEN_MAX)?))
    }

    fn skip(&mut self, count: usize) -> Result<(), RecordFault> {
        let mut left = count;
        loop {
            let here = left.min(self.filled - self.position);
            self.position += here;
            left -= here;
            if left == 0 {
                return Ok(());
            }
            if !self.refill()? {
                return Err(RecordFault::Truncated);
            }
        }
    }
}
