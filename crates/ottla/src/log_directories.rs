//! [`LogDirectories`]: all log directories of this node, opened together or not at all.
//!
//! They are locked first, and looked at side by side before a run begins in any: what does not fit together stops the start while every
//! directory is as the last run left it. The metadata log's directory is one of `log.dirs` or one of its own; that one holds no partitions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{bail, ensure};
use ottla_base::{BrokerId, DirectoryId, Entropy, TopicPartition};
use ottla_settings::BrokerSettings;
use ottla_storage::disk::Disk;
use ottla_storage::{LockedDirectory, LogDirectory, LogDirectoryOptions, QUORUM_FOLDER, read_topic_id};

/// How much of each disk is kept for the day when it is full.
const BALLAST_BYTES: u64 = 16 << 20;

/// The log directories of a node, locked for as long as they live.
#[derive(Debug)]
pub(crate) struct LogDirectories {
    /// Those of `log.dirs`, in their order.
    data: Vec<Arc<LogDirectory>>,
    /// The one with the metadata log, among the others or not.
    metadata: Arc<LogDirectory>,
}

impl LogDirectories {
    /// Opens them, and creates those that are missing. Errors: one cannot be read or locked, is somebody else's, or they do not fit
    /// together. The message names the directories, and no run has begun in any.
    pub(crate) fn open(
        disk: &Arc<dyn Disk>,
        settings: &BrokerSettings,
        entropy: &dyn Entropy,
    ) -> anyhow::Result<LogDirectories> {
        let data_paths = &settings.storage.log_dirs;
        let metadata_path = settings.metadata_log_dir();
        let mut paths: Vec<&Path> = Vec::new();
        for path in data_paths {
            ensure!(!paths.contains(&path.as_path()), "log.dirs names {} twice", path.display());
            paths.push(path);
        }
        let metadata_at = paths.iter().position(|path| *path == metadata_path).unwrap_or(paths.len());
        if metadata_at == paths.len() {
            paths.push(metadata_path);
        }

        let options = |path: &Path| LogDirectoryOptions {
            path: path.to_owned(),
            node_id: BrokerId(settings.node.node_id),
            ballast_bytes: BALLAST_BYTES,
        };
        let lock = |path: &&Path| LockedDirectory::lock(disk.clone(), options(path));
        let locked = paths.iter().map(lock).collect::<Result<Vec<_>, _>>()?;
        let cluster_id = the_cluster_of(&locked)?;
        check_ids_differ(&locked)?;
        if let Some(cluster_id) = &cluster_id {
            check_metadata_log(&**disk, &locked, metadata_at, cluster_id)?;
        }
        check_partitions_lie_once(&**disk, &locked[..data_paths.len()])?;

        let open = |locked: LockedDirectory| locked.open(cluster_id.as_deref(), entropy);
        let mut opened = locked.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
        let start_counter = opened.iter().map(LogDirectory::start_counter).max().unwrap_or_default();
        opened.iter_mut().try_for_each(|directory| directory.raise_start_counter(start_counter))?;
        let mut data: Vec<_> = opened.into_iter().map(Arc::new).collect();
        let metadata = data[metadata_at].clone();
        data.truncate(data_paths.len());
        Ok(LogDirectories { data, metadata })
    }

    /// Those that hold partitions, in the order of `log.dirs`.
    pub(crate) fn data(&self) -> &[Arc<LogDirectory>] {
        &self.data
    }

    /// The one that holds the metadata log.
    pub(crate) fn metadata(&self) -> &Arc<LogDirectory> {
        &self.metadata
    }

    /// All of them, each once.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<LogDirectory>> {
        let is_apart = !self.data.iter().any(|directory| directory.id() == self.metadata.id());
        self.data.iter().chain(is_apart.then_some(&self.metadata))
    }

    /// The ids of those in service that hold partitions, in the order of `log.dirs`: where new partitions go, the emptiest first.
    pub(crate) fn online(&self) -> Vec<DirectoryId> {
        let online = self.data.iter().filter(|directory| directory.health().failure().is_none());
        online.map(|directory| directory.id()).collect()
    }

    /// How many times the node has started on them: larger than in every earlier start that had one of them.
    pub(crate) fn start_counter(&self) -> u64 {
        self.metadata.start_counter()
    }

    /// Whether the last run stopped cleanly in all of them that it had. Marks of different runs are of no one stop.
    pub(crate) fn was_clean(&self) -> bool {
        let mut marks = self.data.iter().filter(|directory| !directory.is_new()).map(|dir| dir.clean_shutdown());
        let Some(Some(first)) = marks.next() else { return false };
        marks.all(|mark| mark == Some(first))
    }

    /// Makes them part of cluster `cluster_id`. Errors: one belongs to another.
    pub(crate) fn adopt_cluster(&self, cluster_id: &str) -> anyhow::Result<()> {
        Ok(self.all().try_for_each(|directory| directory.adopt_cluster(cluster_id))?)
    }

    /// Their paths, as the log shows them.
    pub(crate) fn names(&self) -> String {
        self.data.iter().map(|directory| directory.path().display().to_string()).collect::<Vec<_>>().join(",")
    }
}

/// The one cluster that they belong to; `None` where all are new.
fn the_cluster_of(locked: &[LockedDirectory]) -> anyhow::Result<Option<String>> {
    let mut known = locked.iter().filter_map(|directory| Some((directory.path(), directory.cluster_id()?)));
    let Some((path, cluster_id)) = known.next() else { return Ok(None) };
    if let Some((other_path, other)) = known.find(|(_, other)| *other != cluster_id) {
        bail!(
            "log directory {} belongs to cluster {cluster_id}, and {} to cluster {other}",
            path.display(),
            other_path.display()
        );
    }
    Ok(Some(cluster_id.to_owned()))
}

fn check_ids_differ(locked: &[LockedDirectory]) -> anyhow::Result<()> {
    let mut seen = BTreeMap::new();
    for directory in locked {
        let Some(id) = directory.id() else { continue };
        if let Some(other) = seen.insert(id, directory.path()) {
            let (one, two) = (other.display(), directory.path().display());
            bail!(
                "log directories {one} and {two} have one id ({id}): one is a copy of the other, move it out of log.dirs"
            );
        }
    }
    Ok(())
}

/// A node of a cluster has its metadata log. Without this a start would found another cluster beside the one that there is.
fn check_metadata_log(
    disk: &dyn Disk,
    locked: &[LockedDirectory],
    metadata_at: usize,
    cluster_id: &str,
) -> anyhow::Result<()> {
    let has_it = |directory: &LockedDirectory| disk.entry(&directory.path().join(QUORUM_FOLDER)).map(|it| it.is_some());
    if has_it(&locked[metadata_at])? {
        return Ok(());
    }
    let expected = locked[metadata_at].path().display();
    for other in locked {
        if has_it(other)? {
            let found = other.path().display();
            bail!("the metadata log is not in {expected} but in {found}: set metadata.log.dir={found}");
        }
    }
    bail!(
        "there is no metadata log in {expected}, and the node belongs to cluster {cluster_id} already: put its folder \
         {QUORUM_FOLDER} back, or name in metadata.log.dir where it is"
    )
}

/// Where a partition lies twice, only the operator can tell which is the copy. Partitions of two topics that have had one name are told
/// apart by the topic's id.
fn check_partitions_lie_once(disk: &dyn Disk, locked: &[LockedDirectory]) -> anyhow::Result<()> {
    let mut folders: BTreeMap<TopicPartition, Vec<PathBuf>> = BTreeMap::new();
    for directory in locked {
        for partition in directory.folders()?.live {
            let folder = directory.path().join(partition.to_string());
            folders.entry(partition).or_default().push(folder);
        }
    }
    let mut twice = folders.iter().filter(|(_, folders)| are_copies(disk, folders));
    let Some((partition, folders)) = twice.next() else { return Ok(()) };
    let paths: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
    let others = match twice.count() {
        0 => String::new(),
        count => format!(" (as do {count} other partitions)"),
    };
    bail!(
        "partition {partition} lies in more than one log directory: {}{others}. Only you can tell which is the copy: move it \
         out of log.dirs. Nothing was changed",
        paths.join(" and ")
    )
}

/// Whether two of `folders`, which are named alike, are of one topic, or may be as one does not say.
fn are_copies(disk: &dyn Disk, folders: &[PathBuf]) -> bool {
    if folders.len() < 2 {
        return false;
    }
    let ids = folders.iter().map(|folder| read_topic_id(disk, folder).ok().flatten());
    let known: BTreeSet<_> = ids.flatten().collect();
    known.len() < folders.len()
}

#[cfg(test)]
#[path = "log_directories_test.rs"]
mod tests;
