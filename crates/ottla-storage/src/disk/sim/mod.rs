//! [`SimDisk`]: a disk in memory that loses what was not synced, and fails on demand.
//!
//! It keeps two trees: the live one, which programs see, and the durable one, with the effects in between. A crash applies some of
//! these to the durable tree, by a seed ([`SimDisk::crash`]) or by choice ([`CrashPoint::image`]); [`judge`] walks through all crash
//! points of a scenario. Nothing here draws on time, threads or the order of a hash, so one seed gives one course of events.
//!
//! [`CarelessDisk`] leaves out syncs, so that tests can tell whether a judge would notice.
//!
//! It has no maps. Names that outlive a crash need the sync of their folder, which is less than ext4 grants and all that POSIX does.

mod careless;
mod crash;
mod effect;
mod faults;
pub mod judge;
mod page;
mod state;
mod tree;

use std::fmt;
use std::io::IoSlice;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::io::Errno;

pub use careless::{CarelessDisk, SyncCall};
pub use crash::{CrashPoint, Image};
pub use effect::Fate;
pub use faults::SyncFault;
pub use page::PAGE_SIZE;

use super::{Cause, Disk, Entry, EntryKind, Error, File, FileSystem, Lock, LockError, Map, Open, Result, Space};
use state::State;
use tree::{Inode, Node};

/// How a simulated disk behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimOptions {
    /// Decides what a failed sync loses.
    pub seed: u64,
    /// How many bytes fit, in whole pages; `None` for no bound. Names take no room.
    pub capacity: Option<u64>,
    /// Whether [`FileSystem::can_sync`].
    pub has_syncfs: bool,
    /// Whether [`File::allocate`] is supported; some file systems cannot.
    pub has_allocate: bool,
    /// How many unsynced effects a file or folder keeps; the oldest are written back beyond it, as the kernel does on its own.
    pub effects_max: usize,
}

impl Default for SimOptions {
    fn default() -> SimOptions {
        SimOptions { seed: 0, capacity: None, has_syncfs: true, has_allocate: true, effects_max: 512 }
    }
}

/// A simulated disk.
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

impl SimDisk {
    /// An empty disk.
    pub fn new(options: SimOptions) -> Arc<SimDisk> {
        SimDisk::with_state(State::new(options))
    }

    fn with_state(state: State) -> Arc<SimDisk> {
        Arc::new(SimDisk { state: Arc::new(Mutex::new(state)) })
    }

    /// Ends the power: every later call on this disk and its files fails. Returns what the machine finds when it starts again: what
    /// is durable, and of the rest what `seed` chooses. Nothing is locked then, and no fault is set.
    pub fn crash(&self, seed: u64) -> Arc<SimDisk> {
        let mut state = self.state.lock();
        state.lose_power();
        let point = state.crash_point();
        let image = point.image(&point.draw_fates(seed));
        SimDisk::from_image(image, state.options())
    }

    /// Ends the process (`kill -9`) and nothing else: every later call on this disk and its files fails; the disk that is returned has
    /// everything that was written, synced or not, and nothing is locked. Faults stay.
    pub fn kill(&self) -> Arc<SimDisk> {
        SimDisk::with_state(self.state.lock().kill())
    }

    /// The disk of a machine that finds `image` when it starts.
    pub fn from_image(image: Image, options: SimOptions) -> Arc<SimDisk> {
        SimDisk::with_state(State::from_image(image, options))
    }

    /// What a crash now would have to choose from.
    pub fn crash_point(&self) -> CrashPoint {
        self.state.lock().crash_point()
    }

    /// How it behaves.
    pub fn options(&self) -> SimOptions {
        self.state.lock().options()
    }

    /// How many I/Os there were: calls that change something or make it durable, whether they succeeded or not.
    pub fn io_count(&self) -> u64 {
        self.state.lock().io_count()
    }

    /// Ends the power just before the I/O with this number (the first is 0) takes place. See what is left by [`SimDisk::crash`].
    pub fn lose_power_at(&self, io: u64) {
        self.state.lock().lose_power_at(io);
    }

    /// Calls `hook` with the crash point just before each I/O from now on. It must not use this disk.
    pub fn on_each_io(&self, hook: Box<dyn FnMut(CrashPoint) + Send>) {
        self.state.lock().on_each_io(hook);
    }

    /// Changes how many bytes fit; what is there already stays.
    pub fn set_capacity(&self, capacity: Option<u64>) {
        self.state.lock().set_capacity(capacity);
    }

    /// Lets the next sync, of whatever kind, fail with EIO. Later ones succeed.
    pub fn fail_next_sync(&self, fault: SyncFault) {
        self.state.lock().faults.next_sync = Some(fault);
    }

    /// Lets the next write fail with EIO; nothing of it is written.
    pub fn fail_next_write(&self) {
        self.state.lock().faults.next_write = true;
    }

    /// Lets the next call that takes a descriptor, an open or a folder's sync, fail with EMFILE.
    pub fn fail_next_open(&self) {
        self.state.lock().faults.next_open = true;
    }

    /// Lets every read that touches `bytes` of the file at `path` fail with EIO, until a crash. A new file is not affected.
    pub fn fail_reads(&self, path: &Path, bytes: Range<u64>) -> Result<()> {
        self.state.lock().fail_reads(path, bytes).map_err(|errno| sim_error("look at", path, errno))
    }

    /// Flips the bits of `mask` in the byte at `position` of the file at `path`, on the disk and in memory: rot. It stays.
    pub fn rot(&self, path: &Path, position: u64, mask: u8) -> Result<()> {
        self.state.lock().rot(path, position, mask).map_err(|errno| sim_error("look at", path, errno))
    }

    fn run<T>(
        &self,
        operation: &'static str,
        path: &Path,
        call: impl FnOnce(&mut State) -> state::Result<T>,
    ) -> Result<T> {
        call(&mut self.state.lock()).map_err(|cause| Error::new(operation, path, cause))
    }
}

fn sim_error(operation: &'static str, path: &Path, errno: Errno) -> Error {
    Error::new(operation, path, Cause::Os(errno.raw_os_error()))
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, how: Open) -> Result<Arc<dyn File>> {
        let inode = self.run("open", path, |state| state.open(path, how))?;
        Ok(Arc::new(SimFile { disk: self.state.clone(), inode, path: path.into(), is_writable: how != Open::Read }))
    }

    fn create_dir(&self, path: &Path) -> Result<()> {
        self.run("create folder", path, |state| state.create_dir(path))
    }

    fn list(&self, directory: &Path) -> Result<Vec<Entry>> {
        self.run("list", directory, |state| {
            let tree = state.live()?;
            let names = tree.names(tree.find(directory)?).ok_or(Errno::NOTDIR)?;
            let entry =
                |(name, inode): (&String, &Inode)| Entry { name: name.clone(), is_dir: tree.nodes[inode].is_dir() };
            Ok(names.iter().map(entry).collect())
        })
    }

    fn entry(&self, path: &Path) -> Result<Option<EntryKind>> {
        self.run("look at", path, |state| {
            let tree = state.live()?;
            let inode = match tree.find(path) {
                Err(Errno::NOENT) => return Ok(None),
                found => found?,
            };
            Ok(Some(match &tree.nodes[&inode] {
                Node::File(contents) => EntryKind::File { len: contents.len },
                Node::Directory(_) => EntryKind::Directory,
            }))
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        if from.parent() != to.parent() {
            return Err(Error::new("rename", from, Cause::OtherFolder));
        }
        self.run("rename", from, |state| state.rename(from, to))
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        self.run("remove", path, |state| state.remove(path, false))
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        self.run("remove folder", path, |state| state.remove(path, true))
    }

    fn sync_dir(&self, directory: &Path) -> Result<()> {
        self.run("sync folder", directory, |state| state.sync_dir(directory))
    }

    fn lock(&self, path: &Path) -> std::result::Result<Box<dyn Lock>, LockError> {
        self.open(path, Open::CreateIfMissing)?;
        if !self.state.lock().locks.insert(path.into()) {
            return Err(LockError::Held { process_id: None });
        }
        Ok(Box::new(SimLock { disk: self.state.clone(), path: path.into() }))
    }

    fn file_system(&self, directory: &Path) -> Result<Arc<dyn FileSystem>> {
        self.list(directory)?;
        Ok(Arc::new(SimFileSystem { disk: self.state.clone(), path: directory.into() }))
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimDisk")
    }
}

struct SimLock {
    disk: Arc<Mutex<State>>,
    path: PathBuf,
}

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.lock().locks.remove(&self.path);
    }
}

impl fmt::Debug for SimLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimLock({})", self.path.display())
    }
}

struct SimFile {
    disk: Arc<Mutex<State>>,
    inode: Inode,
    path: Box<Path>,
    is_writable: bool,
}

impl SimFile {
    fn run<T>(&self, operation: &'static str, call: impl FnOnce(&mut State) -> state::Result<T>) -> Result<T> {
        call(&mut self.disk.lock()).map_err(|cause| Error::new(operation, &self.path, cause))
    }

    fn change<T>(&self, operation: &'static str, call: impl FnOnce(&mut State) -> state::Result<T>) -> Result<T> {
        if !self.is_writable {
            return Err(sim_error(operation, &self.path, Errno::BADF));
        }
        self.run(operation, call)
    }
}

impl File for SimFile {
    fn len(&self) -> Result<u64> {
        self.run("look at", |state| Ok(state.contents(self.inode)?.len))
    }

    fn read_at(&self, buffer: &mut [u8], position: u64) -> Result<usize> {
        self.run("read", |state| state.read(self.inode, buffer, position))
    }

    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> Result<()> {
        match self.read_at(buffer, position)? {
            read if read == buffer.len() => Ok(()),
            _ => Err(Error::new("read", &self.path, Cause::UnexpectedEnd)),
        }
    }

    fn write_all_at(&self, slices: &[IoSlice<'_>], position: u64) -> Result<()> {
        self.change("write", |state| state.write(self.inode, slices, position))
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.change("set length of", |state| state.set_len(self.inode, len))
    }

    fn allocate(&self, len: u64) -> Result<()> {
        self.change("allocate", |state| state.allocate(self.inode, len))
    }

    fn sync_data(&self) -> Result<()> {
        self.run("sync", |state| state.sync_file(self.inode))
    }

    fn start_write_back(&self, _bytes: Range<u64>) -> Result<()> {
        // What it does, the fate of an effect does at random: any of them may be on disk at any time.
        self.run("start write-back of", |state| state.contents(self.inode).map(|_| ()))
    }

    fn map(&self, _len: u64) -> Result<Option<Map>> {
        Ok(None)
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        self.disk.lock().close(self.inode);
    }
}

impl fmt::Debug for SimFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimFile({})", self.path.display())
    }
}

struct SimFileSystem {
    disk: Arc<Mutex<State>>,
    path: Box<Path>,
}

impl FileSystem for SimFileSystem {
    fn can_sync(&self) -> bool {
        self.disk.lock().options().has_syncfs
    }

    fn sync(&self) -> Result<()> {
        let synced = self.disk.lock().sync_all();
        synced.map_err(|cause| Error::new("sync the file system of", &self.path, cause))
    }

    fn space(&self) -> Result<Space> {
        let space = self.disk.lock().space();
        space.map_err(|cause| Error::new("look at the file system of", &self.path, cause))
    }
}

impl fmt::Debug for SimFileSystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimFileSystem")
    }
}

#[cfg(test)]
#[path = "sim_test.rs"]
mod tests;
