//! [`LockedDirectory`]: a log directory that is known to be this node's, and in which nothing has happened yet.
//!
//! A node with several directories looks at all of them before it begins in any: one that is not as it should be stops the start, and
//! the others are as the last run left them. Whose a directory is, is looked at before the lock, too, since the lock is a file: in a
//! directory of Apache Kafka's, or of another node, not a byte changes.
//!
//! Apache Kafka and this crate name their files alike, so what tells their directories apart is `.start_counter`, which Kafka does not
//! know: it is there before `meta.properties` is (see [`LogDirectory::open`]), and so whatever has the one without the other is not ours.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ottla_base::{BrokerId, DirectoryId, Entropy};

use crate::disk::{self, Disk, Lock, ensure_dir, read_file};
use crate::log_directory::{
    LogDirectory, LogDirectoryOptions, OpenError, PartitionFolders, SMALL_FILE_LEN_MAX, START_COUNTER_FILE,
    list_folders,
};
use crate::meta_properties::{META_PROPERTIES_FILE, MetaProperties};

const LOCK_FILE: &str = ".lock";

/// A log directory that is locked and identified. Dropping it gives the lock back.
#[derive(Debug)]
pub struct LockedDirectory {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) path: PathBuf,
    pub(crate) node_id: BrokerId,
    pub(crate) ballast_bytes: u64,
    /// `None` in a new directory.
    pub(crate) properties: Option<MetaProperties>,
    pub(crate) lock: Box<dyn Lock>,
}

impl LockedDirectory {
    /// Locks the log directory at `options.path`, and creates it where it is missing. Nothing else is written, and nothing at all where it
    /// is somebody else's.
    pub fn lock(disk: Arc<dyn Disk>, options: LogDirectoryOptions) -> Result<LockedDirectory, OpenError> {
        let LogDirectoryOptions { path, node_id, ballast_bytes } = options;
        identify(&*disk, &path, node_id)?;
        ensure_dir(&*disk, &path)?;
        let locked = disk.lock(&path.join(LOCK_FILE));
        let lock = locked.map_err(|cause| OpenError::Locked { path: path.clone(), cause })?;
        // Somebody may have come between the look and the lock.
        let properties = identify(&*disk, &path, node_id)?;
        Ok(LockedDirectory { disk, path, node_id, ballast_bytes, properties, lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The cluster that it belongs to; `None` for a new directory.
    pub fn cluster_id(&self) -> Option<&str> {
        self.properties.as_ref().map(|properties| properties.cluster_id.as_str())
    }

    /// Its own id; `None` for a new directory.
    pub fn id(&self) -> Option<DirectoryId> {
        self.properties.as_ref().and_then(|properties| properties.directory_id)
    }

    /// The partitions' folders.
    pub fn folders(&self) -> disk::Result<PartitionFolders> {
        list_folders(&*self.disk, &self.path)
    }

    /// Begins a run on it: see [`LogDirectory::open`]. `cluster_id` is the cluster that the node belongs to, where that is known already.
    pub fn open(self, cluster_id: Option<&str>, entropy: &dyn Entropy) -> Result<LogDirectory, OpenError> {
        LogDirectory::begin(self, cluster_id, entropy)
    }
}

/// Whose the directory is; `None` where it is new. Writes nothing.
fn identify(disk: &dyn Disk, path: &Path, node_id: BrokerId) -> Result<Option<MetaProperties>, OpenError> {
    if disk.entry(path)?.is_none() {
        return Ok(None);
    }
    let Some(properties) = read_meta_properties(disk, path)? else {
        let is_empty = list_folders(disk, path)?.live.is_empty();
        return if is_empty { Ok(None) } else { Err(OpenError::Anonymous { path: path.into() }) };
    };
    // After the properties: a node that starts here for the first time writes it before them.
    if disk.entry(&path.join(START_COUNTER_FILE))?.is_none() {
        let MetaProperties { cluster_id, node_id, .. } = properties;
        let partitions = list_folders(disk, path)?.live.len();
        return Err(OpenError::Foreign { path: path.into(), node_id, cluster_id, partitions });
    }
    if properties.node_id != node_id {
        return Err(OpenError::OtherNode { path: path.into(), found: properties.node_id, expected: node_id });
    }
    Ok(Some(properties))
}

fn read_meta_properties(disk: &dyn Disk, directory: &Path) -> Result<Option<MetaProperties>, OpenError> {
    let path = directory.join(META_PROPERTIES_FILE);
    let bytes = read_file(disk, &path, SMALL_FILE_LEN_MAX)?;
    let decoded = bytes.map(|bytes| MetaProperties::decode(&bytes)).transpose();
    decoded.map_err(|problem| OpenError::MetaProperties { path, problem })
}
