//! What recovery does with the bytes that it cuts off: it looks whether there is a whole batch among them, and puts them aside.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ottla_base::Offset;
use ottla_records::{Batch, HEADER_LEN, Header};

use super::{CUT, LOG};
use crate::batch_walk::read_range;
use crate::disk::{Disk, File};
use crate::error::Result;
use crate::file_copy::copy_to_new_file;
use crate::file_names::{self, offset_of};
use crate::segment::Segment;

/// How much is searched at once.
const WINDOW: u64 = 1 << 20;

/// Whether `range` of the file holds a whole batch, with the right CRC, of an offset from `from` on; it may begin anywhere.
pub(super) fn has_whole_batch(file: &dyn File, range: Range<u64>, from: Offset) -> Result<bool> {
    let mut start = range.start;
    while start + HEADER_LEN as u64 <= range.end {
        let end = range.end.min(start + WINDOW);
        let bytes = read_range(file, start..end)?;
        for at in 0..=bytes.len() - HEADER_LEN {
            let position = start + at as u64;
            if let Some(header) = plausible_header(&bytes[at..], from)
                && position + header.size_in_bytes() as u64 <= range.end
                && is_whole(file, position, &header)?
            {
                return Ok(true);
            }
        }
        if end == range.end {
            break;
        }
        // The next window begins with what was too short for a header in this one.
        start = end - HEADER_LEN as u64 + 1;
    }
    Ok(false)
}

/// The header at the beginning of `bytes`, where it could be one. Nearly all positions are dismissed by their magic.
fn plausible_header(bytes: &[u8], from: Offset) -> Option<Header> {
    let header = Header::read(bytes).ok()?;
    let is_near = header.base_offset >= from && header.base_offset - from <= i64::from(i32::MAX);
    (is_near && header.last_offset_delta >= 0 && header.record_count >= 0).then_some(header)
}

fn is_whole(file: &dyn File, position: u64, header: &Header) -> Result<bool> {
    let bytes = read_range(file, position..position + header.size_in_bytes() as u64)?;
    Ok(Batch::parse(bytes).is_ok_and(|batch| batch.crc_is_valid()))
}

/// Copies `tail` of the last segment's file into a file of its own and renames the files of the segments behind it. What an earlier
/// recovery put aside goes. Returns the first file; `None` where there was no room for it, or nothing in it but zeros.
pub(super) fn put_aside(
    disk: &dyn Disk,
    directory: &Path,
    file: &dyn File,
    tail: Range<u64>,
    at: Offset,
    cut_segments: &[Arc<Segment>],
) -> Result<Option<PathBuf>> {
    for entry in disk.list(directory)? {
        if offset_of(&entry.name, CUT).is_some() {
            disk.remove_file(&directory.join(&entry.name))?;
        }
    }
    let mut kept = Vec::new();
    if !is_zero(file, tail.clone())? {
        let path = file_names::path(directory, at, CUT);
        match copy_to_new_file(disk, file, tail, &path) {
            Ok(()) => kept.push(path),
            Err(error) if error.is_no_space() => disk.remove_file(&path)?,
            Err(error) => return Err(error.into()),
        }
    }
    for segment in cut_segments {
        let path = segment.path(CUT);
        disk.rename(&segment.path(LOG), &path)?;
        kept.push(path);
        for suffix in [super::OFFSET_INDEX, super::TIME_INDEX, super::TXN_INDEX] {
            crate::segment::remove_if_there(disk, &segment.path(suffix))?;
        }
    }
    Ok(kept.into_iter().next())
}

fn is_zero(file: &dyn File, range: Range<u64>) -> Result<bool> {
    let mut start = range.start;
    while start < range.end {
        let end = range.end.min(start + WINDOW);
        if read_range(file, start..end)?.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        start = end;
    }
    Ok(true)
}
