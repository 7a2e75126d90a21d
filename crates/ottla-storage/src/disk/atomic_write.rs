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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::disk::sim::judge::{Judge, Promises, Verdict};
    use crate::disk::sim::{SimDisk, SimOptions};
    use crate::disk::{ensure_dir, read_file};

    const PATH: &str = "/data/checkpoint";

    /// The number of the version that was written last, and of the one that was being written; 0 is no file.
    #[derive(Clone, Default)]
    struct Promised {
        written: u8,
        tried: u8,
    }

    /// Longer than a page, so that a version can be torn, and no two sectors the same, so that each tear is another image.
    fn content(version: u8) -> Vec<u8> {
        (0..5000 + 100 * usize::from(version)).map(|at| (at / 512) as u8 * 16 + version).collect()
    }

    fn judge(replace: impl Fn(&SimDisk, &Path, &[u8]) -> Result<()>) -> Verdict {
        let disk = SimDisk::new(SimOptions::default());
        ensure_dir(&*disk, Path::new("/data")).expect("an empty disk");
        let scenario = |disk: &Arc<SimDisk>, promises: &Promises<Promised>| {
            for version in 1..=6 {
                promises.update(|promised| promised.tried = version);
                replace(disk, Path::new(PATH), &content(version)).expect("no fault is set");
                promises.update(|promised| promised.written = version);
            }
        };
        let check = |disk: Arc<SimDisk>, promised: &Promised| {
            let found = read_file(&*disk, Path::new(PATH), 1 << 20).map_err(|error| error.to_string())?;
            let is_one_of_them = [promised.written, promised.tried].into_iter().any(|version| match version {
                0 => found.is_none(),
                version => found == Some(content(version)),
            });
            if is_one_of_them {
                Ok(())
            } else {
                Err(format!("neither version {} nor {}", promised.written, promised.tried))
            }
        };
        Judge { seed: 3, tries_per_point: 300 }.run(&disk, Promised::default(), scenario, check)
    }

    #[test]
    fn every_crash_image_holds_the_old_file_or_the_new_one() {
        judge(|disk, path, bytes| atomic_write(disk, path, bytes)).assert_kept(150);
    }

    /// The judge is judged: each way to get it wrong is found.
    #[test]
    fn planted_bugs_are_found() {
        let no_folder_sync =
            |disk: &SimDisk, path: &Path, bytes: &[u8]| write_and_rename(disk, &temporary_path(path), path, bytes);
        let no_file_sync = |disk: &SimDisk, path: &Path, bytes: &[u8]| {
            let temporary = temporary_path(path);
            let file = disk.open(&temporary, Open::CreateIfMissing)?;
            file.set_len(0)?;
            file.write_all_at(&[IoSlice::new(bytes)], 0)?;
            disk.rename(&temporary, path)?;
            disk.sync_dir(Path::new("/data"))
        };
        let sync_before_write = |disk: &SimDisk, path: &Path, bytes: &[u8]| {
            let temporary = temporary_path(path);
            let file = disk.open(&temporary, Open::CreateIfMissing)?;
            file.set_len(0)?;
            file.sync_data()?;
            file.write_all_at(&[IoSlice::new(bytes)], 0)?;
            disk.rename(&temporary, path)?;
            disk.sync_dir(Path::new("/data"))
        };
        let in_place = |disk: &SimDisk, path: &Path, bytes: &[u8]| {
            let file = disk.open(path, Open::CreateIfMissing)?;
            file.write_all_at(&[IoSlice::new(bytes)], 0)?;
            file.set_len(bytes.len() as u64)?;
            file.sync_data()?;
            disk.sync_dir(Path::new("/data"))
        };
        assert!(!judge(no_folder_sync).violations.is_empty(), "the folder is not synced");
        assert!(!judge(no_file_sync).violations.is_empty(), "the file is not synced");
        assert!(!judge(sync_before_write).violations.is_empty(), "the file is synced before it is written");
        assert!(!judge(in_place).violations.is_empty(), "the file is written in place");
    }

    #[test]
    fn a_full_disk_keeps_the_old_file_and_no_rubbish() {
        let disk = SimDisk::new(SimOptions { capacity: Some(8 << 10), ..SimOptions::default() });
        ensure_dir(&*disk, Path::new("/data")).expect("an empty disk");
        atomic_write(&*disk, Path::new(PATH), b"old").expect("there is room");
        let error = atomic_write(&*disk, Path::new(PATH), &[1; 10_000]).expect_err("there is no room");
        assert!(error.is_no_space());
        assert_eq!(read_file(&*disk, Path::new(PATH), 1 << 20), Ok(Some(b"old".to_vec())));
        assert_eq!(disk.list(Path::new("/data")).expect("a folder").len(), 1);
    }
}
