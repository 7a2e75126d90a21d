//! [`CarelessDisk`]: a simulated disk as a program with a bug would use it, for tests of the judges.

use std::fmt;
use std::io::IoSlice;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SimDisk;
use crate::disk::{Disk, Entry, EntryKind, File, FileSystem, Lock, LockError, Map, Open, Result, Space};

/// A call that makes something durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncCall {
    /// [`File::sync_data`].
    File,
    /// [`Disk::sync_dir`].
    Folder,
    /// [`FileSystem::sync`].
    FileSystem,
}

/// Whether a call on the file or folder at this path is left out.
type IsForgotten = fn(SyncCall, &Path) -> bool;

/// A disk whose user forgets some of its syncs: they succeed, and do nothing. What is written through it is the [`SimDisk`]'s.
pub struct CarelessDisk {
    disk: Arc<SimDisk>,
    is_forgotten: IsForgotten,
}

impl CarelessDisk {
    /// Leaves out the syncs that `is_forgotten` names.
    pub fn new(disk: Arc<SimDisk>, is_forgotten: IsForgotten) -> Arc<CarelessDisk> {
        Arc::new(CarelessDisk { disk, is_forgotten })
    }
}

impl Disk for CarelessDisk {
    fn open(&self, path: &Path, how: Open) -> Result<Arc<dyn File>> {
        let file = self.disk.open(path, how)?;
        Ok(Arc::new(CarelessFile { file, path: path.to_owned(), is_forgotten: self.is_forgotten }))
    }

    fn create_dir(&self, path: &Path) -> Result<()> {
        self.disk.create_dir(path)
    }

    fn list(&self, directory: &Path) -> Result<Vec<Entry>> {
        self.disk.list(directory)
    }

    fn entry(&self, path: &Path) -> Result<Option<EntryKind>> {
        self.disk.entry(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.disk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        self.disk.remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        self.disk.remove_dir(path)
    }

    fn sync_dir(&self, directory: &Path) -> Result<()> {
        if (self.is_forgotten)(SyncCall::Folder, directory) { Ok(()) } else { self.disk.sync_dir(directory) }
    }

    fn lock(&self, path: &Path) -> std::result::Result<Box<dyn Lock>, LockError> {
        self.disk.lock(path)
    }

    fn file_system(&self, directory: &Path) -> Result<Arc<dyn FileSystem>> {
        let file_system = self.disk.file_system(directory)?;
        let is_forgotten = self.is_forgotten;
        Ok(Arc::new(CarelessFileSystem { file_system, path: directory.to_owned(), is_forgotten }))
    }
}

impl fmt::Debug for CarelessDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CarelessDisk")
    }
}

#[derive(Debug)]
struct CarelessFile {
    file: Arc<dyn File>,
    path: PathBuf,
    is_forgotten: IsForgotten,
}

impl File for CarelessFile {
    fn len(&self) -> Result<u64> {
        self.file.len()
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> Result<usize> {
        self.file.read_at(buffer, position)
    }

    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> Result<()> {
        self.file.read_exact_at(buffer, position)
    }

    fn write_all_at(&self, slices: &[IoSlice<'_>], position: u64) -> Result<()> {
        self.file.write_all_at(slices, position)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.file.set_len(len)
    }

    fn allocate(&self, len: u64) -> Result<()> {
        self.file.allocate(len)
    }

    fn sync_data(&self) -> Result<()> {
        if (self.is_forgotten)(SyncCall::File, &self.path) { Ok(()) } else { self.file.sync_data() }
    }

    fn start_write_back(&self, bytes: Range<u64>) -> Result<()> {
        self.file.start_write_back(bytes)
    }

    fn map(&self, len: u64) -> Result<Option<Map>> {
        self.file.map(len)
    }
}

#[derive(Debug)]
struct CarelessFileSystem {
    file_system: Arc<dyn FileSystem>,
    path: PathBuf,
    is_forgotten: IsForgotten,
}

impl FileSystem for CarelessFileSystem {
    fn can_sync(&self) -> bool {
        self.file_system.can_sync()
    }

    fn sync(&self) -> Result<()> {
        if (self.is_forgotten)(SyncCall::FileSystem, &self.path) { Ok(()) } else { self.file_system.sync() }
    }

    fn space(&self) -> Result<Space> {
        self.file_system.space()
    }
}
