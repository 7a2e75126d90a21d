//! Copying parts of files, in pieces.

use std::io::IoSlice;
use std::ops::Range;
use std::path::Path;

use crate::disk::{self, Disk, File, Open};

/// How much is copied at once.
const CHUNK: u64 = 1 << 20;

/// Copies `range` of `from` into a new file at `path`, whose content is durable then, its name not yet.
pub(crate) fn copy_to_new_file(disk: &dyn Disk, from: &dyn File, range: Range<u64>, path: &Path) -> disk::Result<()> {
    let to = disk.open(path, Open::CreateIfMissing)?;
    to.set_len(0)?;
    let start = range.start;
    each_chunk(from, range, |bytes, position| to.write_all_at(&[IoSlice::new(bytes)], position - start))?;
    to.sync_data()
}

/// Writes the bytes of `range` over themselves: they are dirty then, and the next sync puts them on the disk, whatever became of an
/// earlier one.
pub(crate) fn rewrite(file: &dyn File, range: Range<u64>) -> disk::Result<()> {
    each_chunk(file, range, |bytes, position| file.write_all_at(&[IoSlice::new(bytes)], position))
}

fn each_chunk(
    file: &dyn File,
    range: Range<u64>,
    mut visit: impl FnMut(&[u8], u64) -> disk::Result<()>,
) -> disk::Result<()> {
    let len = range.end.saturating_sub(range.start);
    let mut buffer = vec![0; CHUNK.min(len) as usize];
    let mut position = range.start;
    while position < range.end {
        let chunk = &mut buffer[..CHUNK.min(range.end - position) as usize];
        file.read_exact_at(chunk, position)?;
        visit(chunk, position)?;
        position += chunk.len() as u64;
    }
    Ok(())
}
