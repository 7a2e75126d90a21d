//! [`LogDirectory`]: one entry of `log.dirs`, locked, identified, and known to be in service or not.
//!
//! It owns the small files beside the partitions' folders and the names of those folders. It knows no log: what lies in a folder is
//! [`crate::log`]'s. The order of a start, whose first line is [`crate::locked_directory`]'s and changes nothing:
//!
//! ```text
//! whose is it (meta.properties) -> lock -> whose is it still
//!     -> count this start -> say whose it is -> take the clean mark away -> now the logs may be opened
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ottla_base::{BrokerId, DirectoryId, Entropy, Offset, TopicPartition, Uuid};
use parking_lot::Mutex;

use crate::ballast::Ballast;
use crate::checkpoint_file::{self, CHECKPOINT_LEN_MAX, MalformedCheckpoint};
use crate::clean_shutdown::{CLEAN_SHUTDOWN_FILE, CleanShutdown};
use crate::directory_health::{DirectoryFailure, DirectoryHealth};
use crate::disk::{self, Disk, FileSystem, Lock, LockError, TEMPORARY_SUFFIX, atomic_write, read_file};
use crate::locked_directory::LockedDirectory;
use crate::meta_properties::{META_PROPERTIES_FILE, MalformedMetaProperties, MetaProperties};
use crate::partition_folder::PartitionFolder;

/// Counts the starts on the directory, and tells it from one of Apache Kafka's.
pub(crate) const START_COUNTER_FILE: &str = ".start_counter";
/// The longest of the small files that is read, in bytes.
pub(crate) const SMALL_FILE_LEN_MAX: u64 = 64 << 10;

/// What [`LogDirectory::open`] has to know.
#[derive(Clone, Debug)]
pub struct LogDirectoryOptions {
    /// Where it is; created when missing.
    pub path: PathBuf,
    /// `node.id`.
    pub node_id: BrokerId,
    /// How much room to keep for the day when the disk is full; 0 for none.
    pub ballast_bytes: u64,
}

/// Why a log directory is not opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another node in this one, has it.
    #[error("log directory {} cannot be locked: {cause}", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
        /// Who has it.
        cause: LockError,
    },
    /// It belongs to another node.
    #[error("log directory {} belongs to node {found}, this is node {expected}", path.display())]
    OtherNode {
        /// The directory.
        path: PathBuf,
        /// `node.id` in its `meta.properties`.
        found: BrokerId,
        /// This node's.
        expected: BrokerId,
    },
    /// It belongs to another cluster.
    #[error("log directory {} belongs to cluster {found}, this is cluster {expected}", path.display())]
    OtherCluster {
        /// The directory.
        path: PathBuf,
        /// `cluster.id` in its `meta.properties`.
        found: String,
        /// This cluster's.
        expected: String,
    },
    /// It is Apache Kafka's, as far as can be told.
    #[error(
        "{} is a data folder of Apache Kafka's: it holds {META_PROPERTIES_FILE} (node {node_id} of cluster {cluster_id}), \
         {partitions} partitions and no {START_COUNTER_FILE}. Nothing in it was touched. Kafka's metadata is not read here: name \
         another log directory, and copy the records over through both brokers. If it was written by Ottla, and \
         {START_COUNTER_FILE} got lost, put one back that holds a number larger than there were starts",
        path.display()
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// `node.id` in its `meta.properties`.
        node_id: BrokerId,
        /// `cluster.id` in its `meta.properties`.
        cluster_id: String,
        /// How many partitions there are.
        partitions: usize,
    },
    /// There are partitions, but nothing that says whose they are.
    #[error("log directory {} holds partitions but no {META_PROPERTIES_FILE}: put it back, or move the partitions away", path.display())]
    Anonymous {
        /// The directory.
        path: PathBuf,
    },
    /// `meta.properties` cannot be relied on.
    #[error("read {}: {problem}", path.display())]
    MetaProperties {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: MalformedMetaProperties,
    },
    /// The start counter is no number: without it this start could pass for an earlier one.
    #[error("read {}: {found:?} is no number", path.display())]
    StartCounter {
        /// The file.
        path: PathBuf,
        /// What it holds.
        found: String,
    },
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// Why a checkpoint was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Its contents are damaged.
    #[error("read {}: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: MalformedCheckpoint,
    },
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// Why one of the directory's small files was not replaced.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplaceError {
    /// The disk is full, ballast and all, or no file descriptor is left: try again later. The file is the old one or the new one.
    #[error(transparent)]
    NotNow(disk::Error),
    /// The directory is offline, perhaps since just now. The file is the old one or the new one.
    #[error("the log directory is offline: {0}")]
    Offline(DirectoryFailure),
}

/// Offsets that are kept for all partitions of a directory, one file each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checkpoint {
    /// Where recovery begins: all below is on disk.
    RecoveryPoint,
    /// The first offset that is not deleted.
    LogStartOffset,
    /// The high watermark.
    HighWatermark,
}

impl Checkpoint {
    /// The file's name, which is Kafka's.
    pub fn file_name(self) -> &'static str {
        match self {
            Checkpoint::RecoveryPoint => "recovery-point-offset-checkpoint",
            Checkpoint::LogStartOffset => "log-start-offset-checkpoint",
            Checkpoint::HighWatermark => "replication-offset-checkpoint",
        }
    }
}

/// The folders of a log directory, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionFolders {
    /// The partitions.
    pub live: Vec<TopicPartition>,
    /// Deleted partitions that still have to be removed.
    pub to_delete: Vec<PathBuf>,
    /// Partitions moved aside.
    pub stray: Vec<PathBuf>,
    /// Folders that are none of ours, or of a kind that we do not use. Nobody touches them.
    pub unknown: Vec<PathBuf>,
}

/// One log directory, locked for as long as this lives.
#[derive(Debug)]
pub struct LogDirectory {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    file_system: Arc<dyn FileSystem>,
    health: DirectoryHealth,
    ballast: Arc<Ballast>,
    node_id: BrokerId,
    directory_id: DirectoryId,
    /// `None` until the cluster of a new directory is known.
    cluster_id: Mutex<Option<String>>,
    start_counter: u64,
    is_new: bool,
    clean_shutdown: Option<CleanShutdown>,
    /// Given back last.
    _lock: Box<dyn Lock>,
}

impl LogDirectory {
    /// Opens, and where it is missing creates, the log directory at `options.path`: locks it, checks whose it is, counts this start
    /// durably, and takes the mark of a clean shutdown away, durably, so that a crash from here on counts as one. A node with several of
    /// them locks all before it opens any, by [`LockedDirectory::lock`].
    pub fn open(
        disk: Arc<dyn Disk>,
        options: LogDirectoryOptions,
        cluster_id: Option<&str>,
        entropy: &dyn Entropy,
    ) -> Result<LogDirectory, OpenError> {
        LockedDirectory::lock(disk, options)?.open(cluster_id, entropy)
    }

    pub(crate) fn begin(
        locked: LockedDirectory,
        cluster_id: Option<&str>,
        entropy: &dyn Entropy,
    ) -> Result<LogDirectory, OpenError> {
        let LockedDirectory { disk, path, node_id, ballast_bytes, properties: found, lock } = locked;
        if let (Some(found), Some(cluster_id)) = (&found, cluster_id) {
            check_cluster(&path, &found.cluster_id, cluster_id)?;
        }
        let file_system = disk.file_system(&path)?;
        remove_temporary_files(&*disk, &path)?;
        let is_new = found.is_none();
        let id_found = found.as_ref().and_then(|found| found.directory_id);
        let directory_id = id_found.unwrap_or_else(|| DirectoryId(Uuid::random(entropy)));
        let cluster_id = found.map(|found| found.cluster_id).or_else(|| cluster_id.map(str::to_owned));

        let ballast = Arc::new(Ballast::new(disk.clone(), file_system.clone(), &path, ballast_bytes)?);
        // First: whatever has meta.properties and no counter is taken for Apache Kafka's.
        let start_counter = count_start(&*disk, &ballast, &path)?;
        if let Some(cluster_id) = cluster_id.as_ref().filter(|_| id_found.is_none()) {
            let properties =
                MetaProperties { cluster_id: cluster_id.clone(), node_id, directory_id: Some(directory_id) };
            write_meta_properties(&*disk, &ballast, &path, &properties)?;
        }
        let clean_shutdown = take_clean_shutdown(&*disk, &path)?;
        Ok(LogDirectory {
            path,
            disk,
            file_system,
            health: DirectoryHealth::default(),
            ballast,
            node_id,
            directory_id,
            cluster_id: Mutex::new(cluster_id),
            start_counter,
            is_new,
            clean_shutdown,
            _lock: lock,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The disk that it lies on.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Its file system, opened before anything was written.
    pub fn file_system(&self) -> &Arc<dyn FileSystem> {
        &self.file_system
    }

    /// Whether it is in service.
    pub fn health(&self) -> &DirectoryHealth {
        &self.health
    }

    /// The room that it keeps for a full disk.
    pub fn ballast(&self) -> &Arc<Ballast> {
        &self.ballast
    }

    /// Its own id. That of a new directory is durable once its cluster is known: from the start where it was given, else from
    /// [`LogDirectory::adopt_cluster`] on.
    pub fn id(&self) -> DirectoryId {
        self.directory_id
    }

    /// The cluster that it belongs to; `None` for a new directory whose cluster is not known yet.
    pub fn cluster_id(&self) -> Option<String> {
        self.cluster_id.lock().clone()
    }

    /// How many times it was opened, this time included: larger than in every earlier start.
    pub fn start_counter(&self) -> u64 {
        self.start_counter
    }

    /// Has this start counted as number `start_counter`, durably, where it is a lower one so far: all directories of a node count alike,
    /// so that its starts do not seem to go back when one of them is gone.
    pub fn raise_start_counter(&mut self, start_counter: u64) -> disk::Result<()> {
        if self.start_counter < start_counter {
            write_start_counter(&*self.disk, &self.ballast, &self.path, start_counter)?;
            self.start_counter = start_counter;
        }
        Ok(())
    }

    /// Whether this is the first run on it.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// What the last run left when it stopped cleanly; `None` after a crash, and in a new directory.
    pub fn clean_shutdown(&self) -> Option<CleanShutdown> {
        self.clean_shutdown
    }

    /// Makes the directory a part of cluster `cluster_id`, durably, and its id with it. Errors: it belongs to another one.
    pub fn adopt_cluster(&self, cluster_id: &str) -> Result<(), OpenError> {
        let mut known = self.cluster_id.lock();
        if let Some(found) = &*known {
            return check_cluster(&self.path, found, cluster_id);
        }
        let (cluster_id, directory_id) = (cluster_id.to_owned(), Some(self.directory_id));
        let properties = MetaProperties { cluster_id: cluster_id.clone(), node_id: self.node_id, directory_id };
        write_meta_properties(&*self.disk, &self.ballast, &self.path, &properties)?;
        *known = Some(cluster_id);
        Ok(())
    }

    /// Leaves the mark of a clean shutdown, durably. The last thing that is done: all logs are flushed and all checkpoints written. A
    /// directory that has gone offline gets none.
    pub fn mark_clean_shutdown(&self, mark: CleanShutdown) -> Result<(), ReplaceError> {
        self.replace_file(CLEAN_SHUTDOWN_FILE, &mark.encode())
    }

    /// Reads a checkpoint; empty where there is none yet.
    pub fn read_checkpoint(&self, checkpoint: Checkpoint) -> Result<BTreeMap<TopicPartition, Offset>, CheckpointError> {
        let path = self.path.join(checkpoint.file_name());
        match read_file(&*self.disk, &path, CHECKPOINT_LEN_MAX)? {
            None => Ok(BTreeMap::new()),
            Some(bytes) => {
                checkpoint_file::decode_offsets(&bytes).map_err(|problem| CheckpointError::Malformed { path, problem })
            }
        }
    }

    /// Replaces a checkpoint, durably, on a full disk too.
    pub fn write_checkpoint(
        &self,
        checkpoint: Checkpoint,
        offsets: &BTreeMap<TopicPartition, Offset>,
    ) -> Result<(), ReplaceError> {
        self.replace_file(checkpoint.file_name(), &checkpoint_file::encode_offsets(offsets))
    }

    /// The partitions' folders.
    pub fn folders(&self) -> disk::Result<PartitionFolders> {
        list_folders(&*self.disk, &self.path)
    }

    /// The folder of `partition`, whether it exists or not.
    pub fn partition_path(&self, partition: &TopicPartition) -> PathBuf {
        self.path.join(partition.to_string())
    }

    /// Renames the partition's folder so that it counts as deleted, durably; returns where it is now. Its files stay open and readable;
    /// removing them is for [`disk::remove_tree`], later. Nothing more may be created in it by its old path.
    pub fn move_to_delete(&self, partition: &TopicPartition, entropy: &dyn Entropy) -> disk::Result<PathBuf> {
        self.move_aside(partition, PartitionFolder::delete_name(partition, entropy))
    }

    /// Renames the partition's folder out of the way, durably, to be kept for the operator; returns where it is now.
    pub fn move_to_stray(&self, partition: &TopicPartition, entropy: &dyn Entropy) -> disk::Result<PathBuf> {
        self.move_aside(partition, PartitionFolder::stray_name(partition, entropy))
    }

    fn move_aside(&self, partition: &TopicPartition, name: String) -> disk::Result<PathBuf> {
        let aside = self.path.join(name);
        self.disk.rename(&self.partition_path(partition), &aside)?;
        self.disk.sync_dir(&self.path)?;
        Ok(aside)
    }

    /// A sync may have failed, so an error that is no lack of space or descriptors takes the directory offline.
    fn replace_file(&self, name: &str, bytes: &[u8]) -> Result<(), ReplaceError> {
        if let Some(failure) = self.health.failure() {
            return Err(ReplaceError::Offline(failure));
        }
        let written = self.ballast.with_room(|| atomic_write(&*self.disk, &self.path.join(name), bytes));
        written.map_err(|error| {
            if error.is_no_space() || error.is_out_of_descriptors() {
                return ReplaceError::NotNow(error);
            }
            let failure = DirectoryFailure::Disk(error);
            self.health.fail(failure.clone());
            ReplaceError::Offline(failure)
        })
    }
}

fn write_meta_properties(
    disk: &dyn Disk,
    ballast: &Ballast,
    directory: &Path,
    properties: &MetaProperties,
) -> disk::Result<()> {
    ballast.with_room(|| atomic_write(disk, &directory.join(META_PROPERTIES_FILE), &properties.encode()))
}

fn check_cluster(path: &Path, found: &str, expected: &str) -> Result<(), OpenError> {
    if found == expected {
        return Ok(());
    }
    Err(OpenError::OtherCluster { path: path.into(), found: found.to_owned(), expected: expected.to_owned() })
}

fn count_start(disk: &dyn Disk, ballast: &Ballast, directory: &Path) -> Result<u64, OpenError> {
    let path = directory.join(START_COUNTER_FILE);
    let last = match read_file(disk, &path, SMALL_FILE_LEN_MAX)? {
        None => 0,
        Some(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let number: Option<u64> = text.trim().parse().ok().filter(|number| *number < u64::MAX);
            number
                .ok_or_else(|| OpenError::StartCounter { path: path.clone(), found: text.chars().take(80).collect() })?
        }
    };
    let counter = last + 1;
    write_start_counter(disk, ballast, directory, counter)?;
    Ok(counter)
}

fn write_start_counter(disk: &dyn Disk, ballast: &Ballast, directory: &Path, counter: u64) -> disk::Result<()> {
    let path = directory.join(START_COUNTER_FILE);
    ballast.with_room(|| atomic_write(disk, &path, format!("{counter}\n").as_bytes()))
}

fn take_clean_shutdown(disk: &dyn Disk, directory: &Path) -> disk::Result<Option<CleanShutdown>> {
    let path = directory.join(CLEAN_SHUTDOWN_FILE);
    let Some(bytes) = read_file(disk, &path, SMALL_FILE_LEN_MAX)? else {
        return Ok(None);
    };
    disk.remove_file(&path)?;
    disk.sync_dir(directory)?;
    Ok(CleanShutdown::decode(&bytes))
}

/// What a crash left of files that were about to be replaced.
fn remove_temporary_files(disk: &dyn Disk, directory: &Path) -> disk::Result<()> {
    let entries = disk.list(directory)?;
    for entry in entries.iter().filter(|entry| !entry.is_dir && entry.name.ends_with(TEMPORARY_SUFFIX)) {
        disk.remove_file(&directory.join(&entry.name))?;
    }
    Ok(())
}

pub(crate) fn list_folders(disk: &dyn Disk, directory: &Path) -> disk::Result<PartitionFolders> {
    let mut folders = PartitionFolders::default();
    for entry in disk.list(directory)?.into_iter().filter(|entry| entry.is_dir) {
        let path = directory.join(&entry.name);
        match PartitionFolder::parse(&entry.name) {
            Some(PartitionFolder::Live(partition)) => folders.live.push(partition),
            Some(PartitionFolder::Delete) => folders.to_delete.push(path),
            Some(PartitionFolder::Stray) => folders.stray.push(path),
            Some(PartitionFolder::Future) | None => folders.unknown.push(path),
        }
    }
    folders.live.sort();
    Ok(folders)
}

#[cfg(test)]
#[path = "log_directory_test.rs"]
mod tests;
