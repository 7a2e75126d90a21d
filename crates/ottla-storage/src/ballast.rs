//! [`Ballast`]: room set aside for the day when the disk is full.
//!
//! A full disk must not keep the broker from writing what makes room again: the metadata log's entry that deletes a topic, checkpoints,
//! a new length. The ballast is a file that is allocated and never used. It is removed when such a write finds no room, and allocated
//! again once there is enough.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{self, Disk, FileSystem, Open};

/// The ballast's file name in a log directory.
pub const BALLAST_FILE: &str = ".ballast";

/// A file system is not asked for more than this share of itself.
const SHARE_MAX: u64 = 16;

/// Room in reserve on one file system. Shared by all that must be able to write on a full disk.
#[derive(Debug)]
pub struct Ballast {
    disk: Arc<dyn Disk>,
    file_system: Arc<dyn FileSystem>,
    path: PathBuf,
    bytes: u64,
    /// Whether the room is set aside now.
    is_held: Mutex<bool>,
}

impl Ballast {
    /// Sets `bytes` aside in `directory`, or a sixteenth of the file system where that is less. A disk that is already full is no
    /// error: [`Ballast::restore`] tries again.
    pub fn new(
        disk: Arc<dyn Disk>,
        file_system: Arc<dyn FileSystem>,
        directory: &Path,
        bytes: u64,
    ) -> disk::Result<Ballast> {
        let bytes = bytes.min(file_system.space()?.total / SHARE_MAX);
        let path = directory.join(BALLAST_FILE);
        let existed = disk.entry(&path)?.is_some();
        let ballast = Ballast { disk, file_system, path, bytes, is_held: Mutex::new(false) };
        // One that the last run left is taken over as it is: the disk may have become too full to set it aside anew.
        if existed && bytes > 0 {
            ballast.allocate(&mut ballast.is_held.lock())?
        } else {
            ballast.restore()?
        };
        Ok(ballast)
    }

    /// How many bytes it holds when it holds.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the room is set aside now.
    pub fn is_held(&self) -> bool {
        *self.is_held.lock()
    }

    /// Runs `write`; where it finds the disk full, gives the ballast back and runs it once more. For writes that make room, or without
    /// which the broker cannot go on; never for clients' records.
    pub fn with_room<T>(&self, mut write: impl FnMut() -> disk::Result<T>) -> disk::Result<T> {
        match write() {
            Err(error) if error.is_no_space() && self.release()? => {
                tracing::warn!(path = %self.path.display(), bytes = self.bytes, "the disk is full, the ballast is given back");
                write()
            }
            written => written,
        }
    }

    /// Gives the room back to the file system. False where there was none.
    pub fn release(&self) -> disk::Result<bool> {
        let mut is_held = self.is_held.lock();
        if !*is_held {
            return Ok(false);
        }
        self.disk.remove_file(&self.path)?;
        *is_held = false;
        Ok(true)
    }

    /// Sets the room aside again, where as much is left beside it; call it now and then. Returns whether it is held.
    pub fn restore(&self) -> disk::Result<bool> {
        let mut is_held = self.is_held.lock();
        if *is_held || self.bytes == 0 {
            return Ok(*is_held);
        }
        if self.file_system.space()?.free < self.bytes.saturating_mul(2) {
            return Ok(false);
        }
        self.allocate(&mut is_held)
    }

    fn allocate(&self, is_held: &mut bool) -> disk::Result<bool> {
        let file = self.disk.open(&self.path, Open::CreateIfMissing)?;
        match file.allocate(self.bytes) {
            Ok(()) => *is_held = true,
            Err(error) => {
                tracing::warn!(%error, "no ballast is kept");
                self.disk.remove_file(&self.path)?;
            }
        }
        Ok(*is_held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::ensure_dir;
    use crate::disk::sim::{SimDisk, SimOptions};
    use std::io::IoSlice;

    const DIRECTORY: &str = "/data";

    fn disk_with_ballast(capacity: u64, bytes: u64) -> (Arc<SimDisk>, Ballast) {
        let disk = SimDisk::new(SimOptions { capacity: Some(capacity), ..SimOptions::default() });
        ensure_dir(&*disk, Path::new(DIRECTORY)).expect("an empty disk");
        let file_system = disk.file_system(Path::new(DIRECTORY)).expect("the folder exists");
        let ballast = Ballast::new(disk.clone(), file_system, Path::new(DIRECTORY), bytes).expect("there is room");
        (disk, ballast)
    }

    fn fill(disk: &SimDisk) -> Arc<dyn crate::disk::File> {
        let file = disk.open(Path::new("/data/filler"), Open::CreateIfMissing).expect("a name takes no room");
        let mut position = 0;
        while file.write_all_at(&[IoSlice::new(&[1; 4096])], position).is_ok() {
            position += 4096;
        }
        file
    }

    #[test]
    fn a_full_disk_still_takes_what_makes_room() {
        let (disk, ballast) = disk_with_ballast(1 << 20, 32 << 10);
        let filler = fill(&disk);
        let write = || disk::atomic_write(&*disk, Path::new("/data/checkpoint"), b"0\n0\n");
        assert!(write().expect_err("the disk is full").is_no_space());

        ballast.with_room(write).expect("the ballast makes room");
        assert!(!ballast.is_held());
        assert!(!ballast.restore().expect("no error"), "there is no room to set aside");
        filler.set_len(0).expect("cutting needs no room");
        assert!(ballast.restore().expect("no error"));
    }

    #[test]
    fn a_small_file_system_gives_a_sixteenth() {
        let (disk, ballast) = disk_with_ballast(1 << 20, 512 << 10);
        assert_eq!(ballast.bytes(), 64 << 10);
        let free =
            disk.file_system(Path::new(DIRECTORY)).and_then(|system| system.space()).expect("no fault is set").free;
        assert_eq!(free, (1 << 20) - (64 << 10));
    }
}
