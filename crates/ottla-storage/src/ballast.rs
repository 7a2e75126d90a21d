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
    hold: Mutex<Hold>,
}

/// Whether the room is set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    Held,
    /// It was given back, or there was no room for it yet.
    Released,
    /// It is not wanted, or this file system cannot set room aside.
    Impossible,
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
        let hold = if bytes > 0 { Hold::Released } else { Hold::Impossible };
        let ballast = Ballast { disk, file_system, path, bytes, hold: Mutex::new(hold) };
        match (existed, bytes) {
            (true, 0) => ballast.disk.remove_file(&ballast.path)?,
            // One that the last run left is taken over as it is: the disk may have become too full to set it aside anew.
            (true, _) => ballast.allocate(&mut ballast.hold.lock())?,
            (false, _) => {
                ballast.restore()?;
            }
        }
        Ok(ballast)
    }

    /// How many bytes it holds when it holds.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the room is set aside now.
    pub fn is_held(&self) -> bool {
        *self.hold.lock() == Hold::Held
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
        let mut hold = self.hold.lock();
        if *hold != Hold::Held {
            return Ok(false);
        }
        self.disk.remove_file(&self.path)?;
        *hold = Hold::Released;
        Ok(true)
    }

    /// Sets the room aside again, where as much is left beside it; call it now and then. Returns whether it is held.
    pub fn restore(&self) -> disk::Result<bool> {
        let mut hold = self.hold.lock();
        if *hold == Hold::Released && self.file_system.space()?.free >= self.bytes.saturating_mul(2) {
            self.allocate(&mut hold)?;
        }
        Ok(*hold == Hold::Held)
    }

    fn allocate(&self, hold: &mut Hold) -> disk::Result<()> {
        let file = self.disk.open(&self.path, Open::CreateIfMissing)?;
        let Err(error) = file.allocate(self.bytes) else {
            *hold = Hold::Held;
            return Ok(());
        };
        if !error.is_no_space() {
            tracing::warn!(%error, "no room is kept for a full disk");
            *hold = Hold::Impossible;
        }
        self.disk.remove_file(&self.path)
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
    #[test]
    fn a_file_system_that_cannot_set_room_aside_is_left_alone() {
        let disk = SimDisk::new(SimOptions { has_allocate: false, ..SimOptions::default() });
        ensure_dir(&*disk, Path::new(DIRECTORY)).expect("an empty disk");
        let file_system = disk.file_system(Path::new(DIRECTORY)).expect("the folder exists");
        let ballast = Ballast::new(disk.clone(), file_system, Path::new(DIRECTORY), 4096).expect("it goes without");
        let io_count = disk.io_count();
        assert_eq!((ballast.is_held(), ballast.restore(), ballast.release()), (false, Ok(false), Ok(false)));
        assert_eq!(disk.io_count(), io_count, "it is not tried again");
        assert_eq!(disk.list(Path::new(DIRECTORY)), Ok(vec![]));
    }

    #[test]
    fn a_ballast_of_the_last_run_is_taken_over_or_removed() {
        let (disk, ballast) = disk_with_ballast(1 << 20, 32 << 10);
        drop(ballast);
        let disk = disk.kill();
        fill(&disk);
        let reopen = |bytes| {
            let file_system = disk.file_system(Path::new(DIRECTORY)).expect("the folder exists");
            Ballast::new(disk.clone(), file_system, Path::new(DIRECTORY), bytes).expect("no fault is set")
        };
        assert!(reopen(32 << 10).is_held(), "though the disk is full");
        assert!(!reopen(0).is_held());
        assert_eq!(disk.entry(&Path::new(DIRECTORY).join(BALLAST_FILE)), Ok(None));
    }
}
