//! The disk seam: everything that touches a file goes through [`Disk`].
//!
//! [`OsDisk`] is the operating system; [`sim`] is a disk in memory that loses what was not synced, as a power cut does, and fails on
//! demand. Both run one behaviour suite. Calls block; nothing here knows what the bytes mean.
//!
//! What is durable after a call returns:
//!
//! | what | durable once |
//! |---|---|
//! | bytes written, a file's length | [`File::sync_data`] of that file, or [`FileSystem::sync`] |
//! | a file's or folder's name (created, renamed, removed) | [`Disk::sync_dir`] of the folder that holds the name, or [`FileSystem::sync`] |
//!
//! Until then each page, length and name survives or is lost on its own, in no order. A failed sync says that some of it is lost for
//! good: the kernel may have dropped the dirty pages, and a later sync that succeeds proves nothing.

mod atomic_write;
mod error;
mod os;
pub mod sim;
#[cfg(test)]
mod suite;

use std::fmt;
use std::io::IoSlice;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

pub use atomic_write::{TEMPORARY_SUFFIX, atomic_write};
pub use error::{Cause, Error};
pub use os::{Map, OsDisk, raise_open_files_limit};

/// What a disk operation gives.
pub type Result<T> = std::result::Result<T, Error>;

/// How [`Disk::open`] opens a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// An existing file, to be read only.
    Read,
    /// An existing file, to be read and written.
    Write,
    /// A file that must not exist yet.
    CreateNew,
    /// The file as it is, or an empty one where there is none.
    CreateIfMissing,
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name within the folder.
    pub name: String,
    /// Whether it names a folder.
    pub is_dir: bool,
}

/// A tree of files and folders.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Opens the file at `path`. A name that this creates is durable once its folder is synced.
    ///
    /// Errors: [`Error::is_not_found`] where it must exist, [`Error::is_already_exists`] where it must not.
    fn open(&self, path: &Path, how: Open) -> Result<Arc<dyn File>>;

    /// Creates a folder in an existing one. Errors: [`Error::is_already_exists`] where the name is taken.
    fn create_dir(&self, path: &Path) -> Result<()>;

    /// The names in a folder, sorted. Names that are no UTF-8 are none of ours and left out.
    fn list(&self, directory: &Path) -> Result<Vec<Entry>>;

    /// What is at `path`, if anything is.
    fn entry(&self, path: &Path) -> Result<Option<EntryKind>>;

    /// Renames a file or folder within its folder. A file replaces a file at `to`; never rename to where a folder is, or a folder to
    /// where anything is. After a crash the old name is there or the new one, never neither.
    ///
    /// Both must lie in the same folder, so that one [`Disk::sync_dir`] makes the change durable; anything else is an error.
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;

    /// Removes a file's name. Whoever has the file open keeps reading it; its space comes back when the last of them lets go.
    fn remove_file(&self, path: &Path) -> Result<()>;

    /// Removes an empty folder.
    fn remove_dir(&self, path: &Path) -> Result<()>;

    /// Makes the names in a folder durable: what was created, renamed and removed there.
    fn sync_dir(&self, directory: &Path) -> Result<()>;

    /// Locks the file at `path` (created when missing) against every other process and every other caller, until the lock is dropped
    /// or the process ends. The file then holds the process id of who has it.
    fn lock(&self, path: &Path) -> std::result::Result<Box<dyn Lock>, LockError>;

    /// A handle of the file system that `directory` lies in. Open it before writing: a sync reports only errors of later writes.
    fn file_system(&self, directory: &Path) -> Result<Arc<dyn FileSystem>>;
}

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A file of so many bytes.
    File {
        /// Its length in bytes.
        len: u64,
    },
    /// A folder.
    Directory,
}

/// An open file. Positional reads and writes only, so that one handle serves any number of threads.
#[expect(clippy::len_without_is_empty, reason = "the length is asked of the disk, and nobody asks whether it is zero")]
pub trait File: Send + Sync + fmt::Debug {
    /// The length in bytes.
    fn len(&self) -> Result<u64>;

    /// Reads from `position` until `buffer` is full or the file ends; returns how much was read.
    fn read_at(&self, buffer: &mut [u8], position: u64) -> Result<usize>;

    /// Reads exactly `buffer.len()` bytes. Errors: [`Cause::UnexpectedEnd`] where the file is shorter.
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> Result<()>;

    /// Writes all `slices`, one after the other, from `position` on; what lies between the file's end and `position` reads as zeros.
    ///
    /// Not atomic: after an error any part may have been written. Errors: [`Error::is_no_space`] and whatever the disk says.
    fn write_all_at(&self, slices: &[IoSlice<'_>], position: u64) -> Result<()>;

    /// Cuts the file, or lengthens it with zeros.
    fn set_len(&self, len: u64) -> Result<()>;

    /// Reserves room for the first `len` bytes without changing the file's length, so that writing them cannot fail for want of space.
    fn allocate(&self, len: u64) -> Result<()>;

    /// Makes bytes and length durable (fdatasync). An error is final: see the module's text.
    fn sync_data(&self) -> Result<()>;

    /// Starts writing `bytes` back without waiting: a hint, which makes nothing durable.
    fn start_write_back(&self, bytes: Range<u64>) -> Result<()>;

    /// Maps the first `len` bytes, which may lie past the file's present end. `None` where this disk has no maps, or none left:
    /// read by [`File::read_exact_at`] then.
    fn map(&self, len: u64) -> Result<Option<Map>>;
}

/// Held while it lives.
pub trait Lock: Send + Sync + fmt::Debug {}

/// Why a lock was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Somebody has it.
    #[error("it is in use by {}", holder(.process_id))]
    Held {
        /// The holder's process id, as far as the lock file tells.
        process_id: Option<u32>,
    },
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] Error),
}

fn holder(process_id: &Option<u32>) -> String {
    process_id.map_or_else(|| "another process".to_owned(), |id| format!("process {id}"))
}

/// A file system, as far as its space and its sync go.
pub trait FileSystem: Send + Sync + fmt::Debug {
    /// Whether [`FileSystem::sync`] exists here and reports errors: ext4, xfs and btrfs on a kernel from 5.8 on.
    fn can_sync(&self) -> bool;

    /// Makes all data, lengths and names of the file system durable (syncfs). An error does not say which file it hit, and is final.
    fn sync(&self) -> Result<()>;

    /// How much room there is.
    fn space(&self) -> Result<Space>;
}

/// The room of a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What this process may still write.
    pub free: u64,
    /// All there is.
    pub total: u64,
}

/// The whole file at `path`, or `None` where there is none. Errors: [`Cause::TooLarge`] where it is longer than `len_max` bytes.
pub fn read_file(disk: &dyn Disk, path: &Path, len_max: u64) -> Result<Option<Vec<u8>>> {
    let file = match disk.open(path, Open::Read) {
        Ok(file) => file,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    let len = file.len()?;
    if len > len_max {
        return Err(Error::new("read", path, Cause::TooLarge { len, len_max }));
    }
    let mut bytes = vec![0; usize::try_from(len).expect("a file that is read whole fits into memory")];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(Some(bytes))
}

/// Creates the folder at `path` and those above it that are missing, durably.
pub fn ensure_dir(disk: &dyn Disk, path: &Path) -> Result<()> {
    if disk.entry(path)? == Some(EntryKind::Directory) {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if parent != Path::new(".") {
        ensure_dir(disk, parent)?;
    }
    match disk.create_dir(path) {
        Err(error) if !error.is_already_exists() => Err(error),
        _ => disk.sync_dir(parent),
    }
}

/// Removes the folder at `path` and all that it holds; one that is not there is no error. Its name is gone for good once the folder
/// above it is synced.
pub fn remove_tree(disk: &dyn Disk, path: &Path) -> Result<()> {
    let entries = match disk.list(path) {
        Err(error) if error.is_not_found() => return Ok(()),
        listed => listed?,
    };
    for entry in entries {
        let path = path.join(&entry.name);
        if entry.is_dir { remove_tree(disk, &path)? } else { disk.remove_file(&path)? }
    }
    disk.remove_dir(path)
}
