//! [`LogStore`]: the logs of one log directory, opened, deleted and moved aside.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::ensure;
use ottla_base::{Clock, Entropy, Lane, Offset, TopicId, TopicPartition};
use ottla_replica::{Partition, Replicas};
use ottla_settings::BrokerSettings;
use ottla_storage::disk::{self, remove_tree};
use ottla_storage::{
    Checkpoint, FlushPlan, Flusher, FlusherSeams, Log, LogConfig, LogDirectory, LogEnvironment, Opening, Recovered,
    read_topic_id,
};
use parking_lot::Mutex;

use crate::Environment;
use crate::checkpoints::Checkpoints;
use crate::partition_config::millis;
use crate::removals::Removals;

/// The logs of one log directory, and what is known of them. Its calls block: they are for workers.
#[derive(Debug)]
pub(crate) struct LogStore {
    directory: Arc<LogDirectory>,
    environment: Arc<LogEnvironment>,
    flusher: Flusher,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    checkpoints: Checkpoints,
    removals: Removals,
    /// The settings of a log whose topic is not known yet.
    config_until_claimed: LogConfig,
    /// Folders that were there at the start and that no assignment has claimed yet.
    unclaimed: Mutex<BTreeMap<TopicPartition, RecoveredLog>>,
    /// The partitions that have their log here.
    claimed: Mutex<BTreeMap<TopicPartition, TopicId>>,
}

/// A log that the start found.
#[derive(Debug)]
pub(crate) struct RecoveredLog {
    pub(crate) log: Log,
    pub(crate) recovered: Recovered,
}

impl LogStore {
    /// The logs of `directory`, none of them open. `logs` is what they share with those of other directories.
    pub(crate) fn new(
        directory: Arc<LogDirectory>,
        logs: Arc<LogEnvironment>,
        environment: &Environment,
        settings: &BrokerSettings,
    ) -> LogStore {
        let Environment { clock, entropy, workers, disk, .. } = environment.clone();
        let health = directory.health().clone();
        let file_system = directory.file_system().clone();
        let seams = FlusherSeams { disk, file_system, workers, clock: clock.clone() };
        let flusher = Flusher::new(Lane::Flush, settings.storage.log_dir_failure_timeout, health, seams);
        let checkpoints = Checkpoints::read(directory.clone());
        let producer_id_expiration_ms = millis(settings.storage.producer_id_expiration).unsigned_abs();
        LogStore {
            directory,
            environment: logs,
            flusher,
            clock,
            entropy,
            checkpoints,
            removals: Removals::default(),
            config_until_claimed: LogConfig { producer_id_expiration_ms, ..LogConfig::default() },
            unclaimed: Mutex::default(),
            claimed: Mutex::default(),
        }
    }

    /// The directory.
    pub(crate) fn directory(&self) -> &Arc<LogDirectory> {
        &self.directory
    }

    /// What makes the logs durable.
    pub(crate) fn flusher(&self) -> &Flusher {
        &self.flusher
    }

    /// What is written down about the logs.
    pub(crate) fn checkpoints(&self) -> &Checkpoints {
        &self.checkpoints
    }

    /// Files of this directory that wait to be removed.
    pub(crate) fn removals(&self) -> &Removals {
        &self.removals
    }

    /// Whether the log of this partition is here.
    pub(crate) fn holds(&self, topic_partition: &TopicPartition, topic_id: TopicId) -> bool {
        let found = || self.unclaimed.lock().get(topic_partition).and_then(|found| found.log.topic_id());
        self.claimed.lock().get(topic_partition) == Some(&topic_id) || found() == Some(topic_id)
    }

    /// Those of `replicas` that have their log here.
    pub(crate) fn partitions(&self, replicas: &Replicas) -> Vec<Arc<Partition>> {
        let mut partitions = replicas.all();
        let claimed = self.claimed.lock();
        partitions.retain(|partition| claimed.get(partition.topic_partition()) == Some(&partition.topic_id()));
        partitions
    }

    /// Opens a log that the start found, and keeps it until it is claimed.
    pub(crate) fn recover(&self, topic_partition: &TopicPartition) -> ottla_storage::Result<()> {
        let opening = Opening {
            config: self.config_until_claimed.clone(),
            topic_id: None,
            log_start_offset: self.checkpoints.get(Checkpoint::LogStartOffset, topic_partition),
            recovery_point: self.checkpoints.get(Checkpoint::RecoveryPoint, topic_partition),
            was_clean: self.directory.clean_shutdown().is_some(),
            now: self.clock.wall(),
        };
        let opened = Log::open(&self.environment, &self.directory.partition_path(topic_partition), opening);
        self.checkpoints.set_unopened(topic_partition, opened.is_err());
        let (log, recovered) = opened?;
        self.unclaimed.lock().insert(topic_partition.clone(), RecoveredLog { log, recovered });
        Ok(())
    }

    /// The log of an assigned partition: the one that the start found, or a new one. What was found of another topic is moved aside.
    pub(crate) fn claim(
        &self,
        topic_partition: &TopicPartition,
        topic_id: TopicId,
        config: &LogConfig,
    ) -> anyhow::Result<RecoveredLog> {
        if self.checkpoints.is_unopened(topic_partition) {
            // What kept the start from it may be over.
            self.recover(topic_partition)?;
        }
        let found = self.unclaimed.lock().remove(topic_partition);
        let claimed = match found {
            Some(mut found) if found.log.topic_id() == Some(topic_id) => {
                found.log.set_config(config.clone());
                found
            }
            other => {
                if other.is_some() {
                    drop(other);
                    self.move_to_stray(topic_partition)?;
                }
                self.create(topic_partition, topic_id, config)?
            }
        };
        self.claimed.lock().insert(topic_partition.clone(), topic_id);
        Ok(claimed)
    }

    /// Moves aside what the start found and nobody has claimed: data is never deleted because metadata is missing.
    pub(crate) fn set_strays_aside(&self) {
        for (topic_partition, found) in std::mem::take(&mut *self.unclaimed.lock()) {
            drop(found);
            if let Err(error) = self.move_to_stray(&topic_partition) {
                tracing::error!(partition = %topic_partition, %error, "a partition that the metadata does not know stays where it is");
            }
        }
    }

    /// Whether a deleted partition's files should go at once: what the ballast stood for was needed, or would be next.
    pub(crate) fn is_short_of_room(&self) -> bool {
        let ballast = self.directory.ballast();
        let space = self.directory.file_system().space();
        !ballast.is_held() || space.is_ok_and(|space| space.free < ballast.bytes())
    }

    /// Sets room aside again where it was given back and there is enough of it.
    pub(crate) fn restore_ballast(&self) {
        if let Err(error) = self.directory.ballast().restore() {
            tracing::debug!(%error, "the ballast is not restored yet");
        }
    }

    /// Closes every log, so that the next start has nothing to recover.
    pub(crate) fn close(&self, replicas: &Replicas) -> anyhow::Result<()> {
        if let Some(failure) = self.directory.health().failure() {
            return Err(failure.into());
        }
        // In rounds over all logs, so that a thousand of them cost a handful of syncs.
        loop {
            let mut plans = Vec::new();
            for partition in self.partitions(replicas) {
                if let Some(plan) = partition.with_log(Log::closing_flush)? {
                    plans.push((partition, plan));
                }
            }
            if plans.is_empty() {
                return Ok(());
            }
            self.sync(plans.iter().map(|(_, plan)| plan))?;
            for (partition, plan) in plans {
                partition.with_log(|log| log.on_flushed(plan.ticket));
            }
        }
    }

    fn sync<'a>(&self, plans: impl Iterator<Item = &'a FlushPlan>) -> disk::Result<()> {
        if self.directory.file_system().can_sync() {
            return self.directory.file_system().sync();
        }
        for plan in plans {
            plan.files.iter().try_for_each(|file| file.sync_data())?;
            plan.directories.iter().try_for_each(|directory| self.directory.disk().sync_dir(directory))?;
        }
        Ok(())
    }

    /// Whether this run has opened every log that there is, and could read it to its end. Where it has not, the next start must not take
    /// this stop for a clean one: it would believe what nobody has looked at.
    pub(crate) fn check_all_are_whole(&self, replicas: &Replicas) -> anyhow::Result<()> {
        let unopened = self.checkpoints.unopened_count();
        ensure!(unopened == 0, "{unopened} partitions could not be opened");
        for partition in self.partitions(replicas) {
            let rot = partition.with_log(|log| log.rot());
            ensure!(rot.is_none(), "partition {} is damaged", partition.topic_partition());
        }
        Ok(())
    }

    /// Takes a deleted partition's folder out of service; returns where its files wait to be removed. `None` where there is no folder of
    /// this topic, or the directory is offline: it keeps the folder, and the next start moves it aside.
    pub(crate) fn move_to_delete(
        &self,
        topic_partition: &TopicPartition,
        topic_id: TopicId,
    ) -> ottla_storage::Result<Option<PathBuf>> {
        let is_here = {
            let mut claimed = self.claimed.lock();
            let is_here = claimed.get(topic_partition) == Some(&topic_id);
            if is_here {
                claimed.remove(topic_partition);
            }
            is_here
        };
        if self.directory.health().failure().is_some() {
            if is_here {
                tracing::warn!(partition = %topic_partition, "a deleted partition keeps its folder in a directory that is offline");
            }
            return Ok(None);
        }
        let folder = self.directory.partition_path(topic_partition);
        if read_topic_id(&**self.directory.disk(), &folder)? != Some(topic_id) {
            return Ok(None);
        }
        Ok(Some(self.directory.move_to_delete(topic_partition, &*self.entropy)?))
    }

    fn create(
        &self,
        topic_partition: &TopicPartition,
        topic_id: TopicId,
        config: &LogConfig,
    ) -> anyhow::Result<RecoveredLog> {
        let (disk, folder) = (self.directory.disk(), self.directory.partition_path(topic_partition));
        disk.create_dir(&folder)?;
        let forgotten = self.checkpoints.forget(topic_partition).map_err(Into::into);
        let created = forgotten.and_then(|()| self.create_in(&folder, topic_id, config));
        if created.is_err() {
            // What is half created would be in the way of the next attempt. The first error is the one that counts.
            let _ = remove_tree(&**disk, &folder);
        }
        created
    }

    fn create_in(&self, folder: &Path, topic_id: TopicId, config: &LogConfig) -> anyhow::Result<RecoveredLog> {
        let opening = Opening {
            config: config.clone(),
            topic_id: Some(topic_id),
            log_start_offset: Offset::ZERO,
            recovery_point: Offset::ZERO,
            was_clean: false,
            now: self.clock.wall(),
        };
        let (log, recovered) = Log::open(&self.environment, folder, opening)?;
        // The folder's name must not be lost with a power cut while what is in it is durable.
        self.directory.disk().sync_dir(self.directory.path())?;
        Ok(RecoveredLog { log, recovered })
    }

    fn move_to_stray(&self, topic_partition: &TopicPartition) -> disk::Result<()> {
        let moved = self.directory.move_to_stray(topic_partition, &*self.entropy);
        let aside = moved.inspect_err(|_| self.checkpoints.set_unopened(topic_partition, true))?;
        tracing::warn!(partition = %topic_partition, folder = %aside.display(), "not in the metadata: moved aside and kept");
        Ok(())
    }
}

#[cfg(test)]
#[path = "log_store_test.rs"]
mod tests;
