//! [`LogStores`]: the logs of all log directories, and in which of them a partition's is.
//!
//! A log is where it lies: a start finds it there, whatever the metadata says. Where there is none yet, it is created in the directory
//! that the metadata has assigned it to, which was the one with the fewest partitions.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use ottla_base::{DirectoryId, TopicId, TopicPartition};
use ottla_replica::Replicas;
use ottla_settings::BrokerSettings;
use ottla_storage::{DirectoryFailure, LogDirectory, LogEnvironment};

use crate::Environment;
use crate::log_directories::LogDirectories;
use crate::log_store::LogStore;

/// Segments have open what connections, the quorum and everything else leave of the process's descriptors.
const OPEN_FILES_RESERVE_SHARE: u64 = 2;

/// Live maps cost page tables, so more of them than this are not kept, whatever the limit on open files.
const OPEN_SEGMENTS_MAX: u64 = 4096;

/// The stores of a node's log directories.
#[derive(Debug)]
pub(crate) struct LogStores {
    stores: Vec<Arc<LogStore>>,
}

/// Why there is no place for a partition's log in this run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoPlace {
    /// The directory that it lies in, or would, has failed.
    #[error("log directory {} is offline: {failure}", path.display())]
    Offline {
        /// The directory.
        path: PathBuf,
        /// Why.
        failure: DirectoryFailure,
    },
    /// It is in no directory, and the one that it belongs to is not among `log.dirs`. Its data is there: an empty log must not take its
    /// place.
    #[error("it belongs in the log directory with the id {}, which is not in log.dirs", .0.0)]
    NotNamed(DirectoryId),
}

impl LogStores {
    /// The stores of `directories`, with no log open.
    pub(crate) fn new(directories: &LogDirectories, environment: &Environment, settings: &BrokerSettings) -> LogStores {
        let logs = LogEnvironment::new(
            environment.disk.clone(),
            environment.entropy.clone(),
            open_segments_max(environment.open_files_max),
        );
        let store = |directory: &Arc<LogDirectory>| {
            Arc::new(LogStore::new(directory.clone(), logs.clone(), environment, settings))
        };
        LogStores { stores: directories.data().iter().map(store).collect() }
    }

    /// The store of each directory, in the order of `log.dirs`.
    pub(crate) fn all(&self) -> &[Arc<LogStore>] {
        &self.stores
    }

    /// The store with the partition's log, or the one where it is to be created: that of the directory `assigned`.
    pub(crate) fn place(
        &self,
        topic_partition: &TopicPartition,
        topic_id: TopicId,
        assigned: DirectoryId,
    ) -> Result<&Arc<LogStore>, NoPlace> {
        let find = |is_it: &dyn Fn(&LogStore) -> bool| self.stores.iter().find(|store| is_it(store));
        let store = find(&|store| store.holds(topic_partition, topic_id))
            .or_else(|| find(&|store| store.checkpoints().is_unopened(topic_partition)))
            .or_else(|| find(&|store| store.directory().id() == assigned))
            .ok_or(NoPlace::NotNamed(assigned))?;
        match store.directory().health().failure() {
            None => Ok(store),
            Some(failure) => Err(NoPlace::Offline { path: store.directory().path().to_owned(), failure }),
        }
    }

    /// The directory that the partition's log is in.
    pub(crate) fn directory_of(&self, topic_partition: &TopicPartition, topic_id: TopicId) -> Option<DirectoryId> {
        let store = self.stores.iter().find(|store| store.holds(topic_partition, topic_id))?;
        Some(store.directory().id())
    }

    /// Takes a deleted partition's folder out of service; returns where its files wait to be removed, and in whose directory. `None`
    /// where there is no folder of this topic.
    pub(crate) fn move_to_delete(
        &self,
        topic_partition: &TopicPartition,
        topic_id: TopicId,
    ) -> ottla_storage::Result<Option<(&Arc<LogStore>, PathBuf)>> {
        for store in &self.stores {
            if let Some(folder) = store.move_to_delete(topic_partition, topic_id)? {
                return Ok(Some((store, folder)));
            }
        }
        Ok(None)
    }

    /// Takes each directory's partitions offline when it fails.
    pub(crate) fn watch_health(&self, replicas: &Arc<Replicas>) {
        for store in &self.stores {
            let (of_directory, replicas): (Weak<LogStore>, _) = (Arc::downgrade(store), replicas.clone());
            store.directory().health().on_failure(Box::new(move |failure| {
                let partitions = of_directory.upgrade().map(|store| store.partitions(&replicas));
                partitions.iter().flatten().for_each(|partition| partition.go_offline(failure));
            }));
        }
    }

    /// Moves aside what the start found and nobody has claimed.
    pub(crate) fn set_strays_aside(&self) {
        self.stores.iter().for_each(|store| store.set_strays_aside());
    }
}

fn open_segments_max(open_files_max: u64) -> usize {
    let share = open_files_max / OPEN_FILES_RESERVE_SHARE;
    usize::try_from(share.clamp(1, OPEN_SEGMENTS_MAX)).expect("it is clamped")
}

#[cfg(test)]
#[path = "log_stores_test.rs"]
mod tests;
