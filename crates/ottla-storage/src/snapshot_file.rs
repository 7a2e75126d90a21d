//! The files of producer snapshots: `<offset>.snapshot`, whose content [`crate::producers`] knows.

use std::io::IoSlice;
use std::path::{Path, PathBuf};

use ottla_base::Offset;

use crate::disk::{self, Disk, Open};
use crate::file_names::{self, SNAPSHOT};
use crate::producers::Producers;
use crate::segment::remove_if_there;

/// Writes what is known of the producers as of `offset`; durable with the next flush that syncs the file, whose path it returns. What
/// was not written whole is told by its CRC, so an error leaves nothing that could be believed.
pub(crate) fn write(disk: &dyn Disk, directory: &Path, offset: Offset, producers: &Producers) -> disk::Result<PathBuf> {
    let path = file_names::path(directory, offset, SNAPSHOT);
    let written = write_file(disk, &path, &producers.to_snapshot());
    if written.is_err() {
        remove_if_there(disk, &path)?;
    }
    written.map(|()| path)
}

fn write_file(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> disk::Result<()> {
    let file = disk.open(path, Open::CreateIfMissing)?;
    file.set_len(0)?;
    file.write_all_at(&[IoSlice::new(bytes)], 0)
}

/// What was known as of `offset`; `None` where there is no such file, or none that is whole.
pub(crate) fn read(disk: &dyn Disk, directory: &Path, offset: Offset) -> disk::Result<Option<Producers>> {
    let path = file_names::path(directory, offset, SNAPSHOT);
    let bytes = disk::read_file(disk, &path, u64::from(u32::MAX))?;
    Ok(bytes.and_then(|bytes| Producers::from_snapshot(&bytes)))
}

/// Makes the content of the snapshot at `offset` durable, where there is one; its name is, once the folder is synced.
pub(crate) fn sync(disk: &dyn Disk, directory: &Path, offset: Offset) -> disk::Result<()> {
    match disk.open(&file_names::path(directory, offset, SNAPSHOT), Open::Write) {
        Err(error) if error.is_not_found() => Ok(()),
        file => file?.sync_data(),
    }
}
