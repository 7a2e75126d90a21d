//! [`OsDisk`]: the operating system's files. The only place in the project that calls `std::fs`, and with [`map`] the only one that
//! maps memory.
#![expect(clippy::disallowed_methods, reason = "this is the seam")]

mod map;

use std::fs;
use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FallocateFlags, FlockOperation};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit};

pub use map::Map;

use super::{Cause, Disk, Entry, EntryKind, Error, File, FileSystem, Lock, LockError, Open, Result, Space};

/// The operating system's disk.
#[derive(Debug)]
pub struct OsDisk;

/// Gives an operation's error its verb and its path.
trait Context<T> {
    fn context(self, operation: &'static str, path: &Path) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, operation: &'static str, path: &Path) -> Result<T> {
        self.map_err(|error| Error::os(operation, path, &error))
    }
}

impl<T> Context<T> for rustix::io::Result<T> {
    fn context(self, operation: &'static str, path: &Path) -> Result<T> {
        self.map_err(|errno| Error::new(operation, path, Cause::Os(errno.raw_os_error())))
    }
}

impl Disk for OsDisk {
    fn open(&self, path: &Path, how: Open) -> Result<Arc<dyn File>> {
        let mut options = fs::OpenOptions::new();
        options.read(true);
        match how {
            Open::Read => &mut options,
            Open::Write => options.write(true),
            Open::CreateNew => options.write(true).create_new(true),
            Open::CreateIfMissing => options.write(true).create(true),
        };
        let file = options.open(path).context("open", path)?;
        Ok(Arc::new(OsFile { file, path: path.into() }))
    }

    fn create_dir(&self, path: &Path) -> Result<()> {
        fs::create_dir(path).context("create folder", path)
    }

    fn list(&self, directory: &Path) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(directory).context("list", directory)? {
            let entry = entry.context("list", directory)?;
            let is_dir = entry.file_type().context("list", directory)?.is_dir();
            if let Ok(name) = entry.file_name().into_string() {
                entries.push(Entry { name, is_dir });
            }
        }
        entries.sort();
        Ok(entries)
    }

    fn entry(&self, path: &Path) -> Result<Option<EntryKind>> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(Some(EntryKind::Directory)),
            Ok(metadata) => Ok(Some(EntryKind::File { len: metadata.len() })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).context("look at", path),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        if from.parent() != to.parent() {
            return Err(Error::new("rename", from, Cause::OtherFolder));
        }
        fs::rename(from, to).context("rename", from)
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        fs::remove_file(path).context("remove", path)
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        fs::remove_dir(path).context("remove folder", path)
    }

    fn sync_dir(&self, directory: &Path) -> Result<()> {
        let folder = fs::File::open(directory).context("open folder", directory)?;
        folder.sync_all().context("sync folder", directory)
    }

    fn lock(&self, path: &Path) -> std::result::Result<Box<dyn Lock>, LockError> {
        let mut options = fs::OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path).context("open lock", path)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return Err(LockError::Held { process_id: holder(&file) }),
            locked => locked.context("lock", path)?,
        }
        let id = std::process::id().to_string();
        file.set_len(0).and_then(|()| file.write_all_at(id.as_bytes(), 0)).or_else(|error| {
            // A full disk must not keep the broker from starting: the id only helps whoever is refused.
            if error.kind() == io::ErrorKind::StorageFull { Ok(()) } else { Err(error).context("write lock", path) }
        })?;
        Ok(Box::new(OsLock { _file: file }))
    }

    fn file_system(&self, directory: &Path) -> Result<Arc<dyn FileSystem>> {
        let folder = fs::File::open(directory).context("open folder", directory)?;
        let kind = rustix::fs::fstatfs(&folder).context("look at the file system of", directory)?.f_type;
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        let can_sync = [EXT4, XFS, BTRFS].contains(&(kind as u64)) && reports_sync_errors(&release);
        Ok(Arc::new(OsFileSystem { folder, path: directory.into(), can_sync }))
    }
}

/// File systems of which it is known that syncfs waits for everything and reports what failed (statfs(2), `f_type`).
const EXT4: u64 = 0xef53;
const XFS: u64 = 0x5846_5342;
const BTRFS: u64 = 0x9123_683e;

/// Linux reports write-back errors from syncfs since 5.8.
fn reports_sync_errors(kernel_release: &str) -> bool {
    let mut numbers =
        kernel_release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (5, 8)
}

fn holder(file: &fs::File) -> Option<u32> {
    let mut content = [0; 16];
    let len = file.read_at(&mut content, 0).ok()?;
    std::str::from_utf8(&content[..len]).ok()?.trim().parse().ok()
}

#[derive(Debug)]
struct OsLock {
    /// Closing it gives the lock back.
    _file: fs::File,
}

impl Lock for OsLock {}

#[derive(Debug)]
struct OsFile {
    file: fs::File,
    path: Box<Path>,
}

impl File for OsFile {
    fn len(&self) -> Result<u64> {
        Ok(self.file.metadata().context("look at", &self.path)?.len())
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> Result<usize> {
        let mut read = 0;
        while read < buffer.len() {
            match self.file.read_at(&mut buffer[read..], position + read as u64) {
                Ok(0) => break,
                Ok(n) => read += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("read", &self.path),
            }
        }
        Ok(read)
    }

    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> Result<()> {
        match self.read_at(buffer, position)? {
            read if read == buffer.len() => Ok(()),
            _ => Err(Error::new("read", &self.path, Cause::UnexpectedEnd)),
        }
    }

    fn write_all_at(&self, slices: &[IoSlice<'_>], mut position: u64) -> Result<()> {
        let mut left = slices.to_vec();
        let mut left = left.as_mut_slice();
        // Empty slices would make a write of nothing look like a full disk.
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            match rustix::io::pwritev(&self.file, &left[..left.len().min(SLICES_MAX)], position) {
                Ok(0) => return Err(Errno::NOSPC).context("write", &self.path),
                Ok(written) => {
                    position += written as u64;
                    IoSlice::advance_slices(&mut left, written);
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno).context("write", &self.path),
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.file.set_len(len).context("set length of", &self.path)
    }

    fn allocate(&self, len: u64) -> Result<()> {
        if len == 0 {
            return Ok(());
        }
        rustix::fs::fallocate(&self.file, FallocateFlags::KEEP_SIZE, 0, len).context("allocate", &self.path)
    }

    fn sync_data(&self) -> Result<()> {
        rustix::fs::fdatasync(&self.file).context("sync", &self.path)
    }

    #[expect(unsafe_code, reason = "rustix has no sync_file_range")]
    fn start_write_back(&self, bytes: Range<u64>) -> Result<()> {
        let (start, len) = (bytes.start as i64, bytes.end.saturating_sub(bytes.start) as i64);
        let file = self.file.as_fd().as_raw_fd();
        // SAFETY: the call takes numbers only, and the descriptor is open while `self` is borrowed.
        let result = unsafe { libc::sync_file_range(file, start, len, libc::SYNC_FILE_RANGE_WRITE) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()).context("start write-back of", &self.path) }
    }

    fn map(&self, len: u64) -> Result<Option<Map>> {
        if len == 0 {
            return Ok(None);
        }
        match Map::new(&self.file, len) {
            Ok(map) => Ok(Some(map)),
            // Out of maps (vm.max_map_count) or of address space: the caller reads without.
            Err(error) if error.raw_os_error() == Some(Errno::NOMEM.raw_os_error()) => Ok(None),
            Err(error) => Err(error).context("map", &self.path),
        }
    }
}

/// The most slices that one pwritev takes (IOV_MAX).
const SLICES_MAX: usize = 1024;

#[derive(Debug)]
struct OsFileSystem {
    /// Opened at start: a sync reports the errors of what was written since.
    folder: fs::File,
    path: Box<Path>,
    can_sync: bool,
}

impl FileSystem for OsFileSystem {
    fn can_sync(&self) -> bool {
        self.can_sync
    }

    fn sync(&self) -> Result<()> {
        rustix::fs::syncfs(&self.folder).context("sync the file system of", &self.path)
    }

    fn space(&self) -> Result<Space> {
        let stat = rustix::fs::fstatvfs(&self.folder).context("look at the file system of", &self.path)?;
        Ok(Space { free: stat.f_bavail * stat.f_frsize, total: stat.f_blocks * stat.f_frsize })
    }
}

/// Raises the process's limit of open files as far as it may, and returns what it is then.
pub fn raise_open_files_limit() -> u64 {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let current = match rustix::process::setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    };
    current.unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "os_test.rs"]
mod tests;
