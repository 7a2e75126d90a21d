//! [`Checkpoints`]: the offsets that are written down about all partitions of the log directory, by partition name.
//!
//! A topic that is deleted and created again gives a name to another log. What was written down about the old one must never be believed
//! of the new one: its log start would take records away, its recovery point and high watermark would vouch for what no sync has covered.
//! So a name is struck out, durably, before a log of that name is created, and offsets are gathered under the lock under which they are
//! written: nobody writes down later what he has gathered earlier.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ottla_base::{Offset, TopicPartition};
use ottla_storage::{Checkpoint, LogDirectory, ReplaceError};
use parking_lot::Mutex;

/// One offset for each partition.
pub(crate) type Offsets = BTreeMap<TopicPartition, Offset>;

const ALL: [Checkpoint; 3] = [Checkpoint::RecoveryPoint, Checkpoint::LogStartOffset, Checkpoint::HighWatermark];

/// The checkpoint files of one log directory. Its calls block.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    directory: Arc<LogDirectory>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<Checkpoint, Written>,
    /// Partitions that are there and not open, whose entries stay as they are.
    unopened: BTreeSet<TopicPartition>,
}

/// One file.
#[derive(Debug, Default)]
struct Written {
    offsets: Offsets,
    /// A write has failed: the file may hold what that was to write instead.
    is_in_doubt: bool,
}

impl Checkpoints {
    /// What the last run wrote down. A file that cannot be read costs a longer recovery and nothing else.
    pub(crate) fn read(directory: Arc<LogDirectory>) -> Checkpoints {
        let read = |checkpoint| {
            let offsets = directory.read_checkpoint(checkpoint).unwrap_or_else(|error| {
                tracing::warn!(%error, "a checkpoint is left out of account");
                Offsets::new()
            });
            (checkpoint, Written { offsets, is_in_doubt: false })
        };
        let state = State { files: ALL.map(read).into(), unopened: BTreeSet::new() };
        Checkpoints { directory, state: Mutex::new(state) }
    }

    /// What is written down about a partition; zero where nothing is.
    pub(crate) fn get(&self, checkpoint: Checkpoint, topic_partition: &TopicPartition) -> Offset {
        let state = self.state.lock();
        let offsets = state.files.get(&checkpoint).map(|file| &file.offsets);
        offsets.and_then(|offsets| offsets.get(topic_partition)).copied().unwrap_or(Offset::ZERO)
    }

    /// Writes down what `gather` gives, durably, where it is news; returns whether it was. `gather` must give what is so when it is called.
    pub(crate) fn replace(
        &self,
        checkpoint: Checkpoint,
        gather: impl FnOnce() -> Offsets,
    ) -> Result<bool, ReplaceError> {
        let mut state = self.state.lock();
        let State { files, unopened } = &mut *state;
        let file = files.entry(checkpoint).or_default();
        let mut offsets = gather();
        for topic_partition in unopened.iter() {
            if let Some(offset) = file.offsets.get(topic_partition) {
                offsets.entry(topic_partition.clone()).or_insert(*offset);
            }
        }
        if !file.is_in_doubt && file.offsets == offsets {
            return Ok(false);
        }
        file.write(&self.directory, checkpoint, offsets).map(|()| true)
    }

    /// Strikes the partition out of every file, durably: what is created under this name has nothing to do with what was.
    pub(crate) fn forget(&self, topic_partition: &TopicPartition) -> Result<(), ReplaceError> {
        let mut state = self.state.lock();
        state.unopened.remove(topic_partition);
        for (checkpoint, file) in &mut state.files {
            if file.is_in_doubt || file.offsets.contains_key(topic_partition) {
                let mut offsets = file.offsets.clone();
                offsets.remove(topic_partition);
                file.write(&self.directory, *checkpoint, offsets)?;
            }
        }
        Ok(())
    }

    /// Keeps what is written down about a partition that is there and cannot be opened, until it is.
    pub(crate) fn set_unopened(&self, topic_partition: &TopicPartition, is_unopened: bool) {
        let unopened = &mut self.state.lock().unopened;
        if is_unopened {
            unopened.insert(topic_partition.clone());
        } else {
            unopened.remove(topic_partition);
        }
    }

    /// Whether a partition is there and is not open.
    pub(crate) fn is_unopened(&self, topic_partition: &TopicPartition) -> bool {
        self.state.lock().unopened.contains(topic_partition)
    }

    /// How many partitions are there and are not open.
    pub(crate) fn unopened_count(&self) -> usize {
        self.state.lock().unopened.len()
    }
}

impl Written {
    fn write(
        &mut self,
        directory: &LogDirectory,
        checkpoint: Checkpoint,
        offsets: Offsets,
    ) -> Result<(), ReplaceError> {
        self.is_in_doubt = true;
        directory.write_checkpoint(checkpoint, &offsets)?;
        *self = Written { offsets, is_in_doubt: false };
        Ok(())
    }
}
