//! [`SliceCursor`]: records that lie in memory, uncompressed. The hot path of a produce is [`UsualRun`]'s; what it leaves is walked here.

use super::{Cursor, RecordFault, RecordShape, RecordSource, UsualRun, check_length, decode_raw, length, walk_fields};
use crate::varint::{VARINT_LEN_MAX, VARLONG_LEN_MAX, unzigzag_32, unzigzag_64};

/// Reads records that lie in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SliceCursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> SliceCursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> SliceCursor<'a> {
        SliceCursor { bytes, position: 0 }
    }

    /// A cursor over `bytes` that begins at `position`.
    pub(crate) fn at(bytes: &'a [u8], position: usize) -> SliceCursor<'a> {
        SliceCursor { bytes, position }
    }

    /// How many bytes have been read or skipped.
    pub(crate) fn consumed(&self) -> usize {
        self.position
    }

    /// Reads a record's length and takes the record out.
    pub(crate) fn take_record(&mut self) -> Result<SliceCursor<'a>, RecordFault> {
        let declared = length(self.varint()?, RecordFault::NegativeLength)?;
        let start = self.position;
        self.skip(declared)?;
        Ok(SliceCursor { bytes: &self.bytes[..self.position], position: start })
    }

    #[inline]
    fn raw(&mut self, length_max: usize) -> Result<u64, RecordFault> {
        let (raw, length) = decode_raw(&self.bytes[self.position..], length_max)?;
        self.position += length;
        Ok(raw)
    }
}

impl RecordSource for SliceCursor<'_> {
    fn walk_record(&mut self) -> Result<RecordShape, RecordFault> {
        let mut record = self.take_record()?;
        let start = record.position;
        let shape = walk_fields(&mut record)?;
        check_length(record.bytes.len() - start, record.position - start)?;
        Ok(shape)
    }

    fn walk_usual(&mut self, run: &mut UsualRun, until: usize) {
        self.position = run.walk(self.bytes, self.position, until);
    }

    fn consumed(&self) -> usize {
        self.position
    }

    fn is_at_end(&mut self) -> Result<bool, RecordFault> {
        Ok(self.position == self.bytes.len())
    }
}

impl Cursor for SliceCursor<'_> {
    fn byte(&mut self) -> Result<u8, RecordFault> {
        let byte = *self.bytes.get(self.position).ok_or(RecordFault::Truncated)?;
        self.position += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<i32, RecordFault> {
        Ok(unzigzag_32(self.raw(VARINT_LEN_MAX)? as u32))
    }

    fn varlong(&mut self) -> Result<i64, RecordFault> {
        Ok(unzigzag_64(self.raw(VARLONG_LEN_MAX)?))
    }

    fn skip(&mut self, count: usize) -> Result<(), RecordFault> {
        if count > self.bytes.len() - self.position {
            return Err(RecordFault::Truncated);
        }
        self.position += count;
        Ok(())
    }
}
