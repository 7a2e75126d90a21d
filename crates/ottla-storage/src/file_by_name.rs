//! [`FileByName`]: a file that is opened when something is asked of it, and not before.
//!
//! A flush of a thousand logs names several thousand files. Where one syncfs makes them all durable, none of them needs a descriptor.

use std::io::IoSlice;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::disk::{Disk, File, Map, Open, Result};

/// A file that holds no descriptor. One that is gone by the time it is synced has nothing left to sync.
#[derive(Debug)]
pub(crate) struct FileByName {
    disk: Arc<dyn Disk>,
    path: PathBuf,
}

impl FileByName {
    /// The file at `path`.
    pub(crate) fn open_when_used(disk: Arc<dyn Disk>, path: PathBuf) -> Arc<dyn File> {
        Arc::new(FileByName { disk, path })
    }

    fn open(&self) -> Result<Arc<dyn File>> {
        self.disk.open(&self.path, Open::Write)
    }
}

impl File for FileByName {
    fn len(&self) -> Result<u64> {
        self.open()?.len()
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> Result<usize> {
        self.open()?.read_at(buffer, position)
    }

    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> Result<()> {
        self.open()?.read_exact_at(buffer, position)
    }

    fn write_all_at(&self, slices: &[IoSlice<'_>], position: u64) -> Result<()> {
        self.open()?.write_all_at(slices, position)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.open()?.set_len(len)
    }

    fn allocate(&self, len: u64) -> Result<()> {
        self.open()?.allocate(len)
    }

    fn sync_data(&self) -> Result<()> {
        match self.open() {
            Err(error) if error.is_not_found() => Ok(()),
            file => file?.sync_data(),
        }
    }

    fn start_write_back(&self, bytes: Range<u64>) -> Result<()> {
        self.open()?.start_write_back(bytes)
    }

    fn map(&self, len: u64) -> Result<Option<Map>> {
        self.open()?.map(len)
    }
}
