//! [`atomic_write`]: the only way in which a small file is replaced.

use std::ffi::OsString;
use std::io::IoSlice;
use std::path::{Path, PathBuf};

use super::{Disk, Open, Result};

/// What a temporary file's name ends in; whatever is called so after a crash is rubbish.
pub const TEMPORARY_SUFFIX: &str = ".tmp";

/// Replaces the file at `path` by one that holds `bytes`, durably: temporary file, sync, rename, sync of the folder.
///
/// After a crash at any point the file is the old one or the new one, whole. On return it is the new one. After an error it may be
/// either, and the temporary file is removed as far as the disk lets us, so that a full disk does not get fuller.
pub fn atomic_write(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = temporary_path(path);
    let written = write_and_rename(disk, &temporary, path, bytes);
    if written.is_err() {
        // The first error is the one that counts; a leftover is overwritten by the next attempt.
        let _ = disk.remove_file(&temporary);
    }
    written?;
    disk.sync_dir(path.parent().expect("a file lies in a folder"))
}

fn write_and_rename(disk: &dyn Disk, temporary: &Path, path: &Path, bytes: &[u8]) -> Result<()> {
    let file = disk.open(temporary, Open::CreateIfMissing)?;
    file.set_len(0)?;
    file.write_all_at(&[IoSlice::new(bytes)], 0)?;
    file.sync_data()?;
    disk.rename(temporary, path)
}

fn temporary_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path.as_os_str());
    name.push(TEMPORARY_SUFFIX);
    name.into()
}
