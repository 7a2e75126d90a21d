//! [`Removals`]: files that are no part of anything any more, and when they go.

use std::path::PathBuf;

use ottla_base::Instant;
use ottla_storage::disk::{self, Disk, remove_tree};
use ottla_storage::{Deletion, LogDirectory};
use parking_lot::Mutex;

/// Files that stay for a while for those that still read them.
#[derive(Debug)]
pub(crate) enum Removal {
    /// The folder of a deleted partition.
    Folder(PathBuf),
    /// Segments that retention took out of their log.
    Segments(Deletion),
}

/// What is to be removed from one log directory, and when. Empty after a restart: a start removes what it finds.
#[derive(Debug, Default)]
pub(crate) struct Removals {
    waiting: Mutex<Vec<(Instant, Removal)>>,
}

impl Removals {
    /// Removes `removal` at `due`.
    pub(crate) fn add(&self, due: Instant, removal: Removal) {
        self.waiting.lock().push((due, removal));
    }

    /// Whether nothing waits to be removed.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.lock().is_empty()
    }

    /// Removes what is due at `now`. Blocks.
    pub(crate) fn run_due(&self, directory: &LogDirectory, now: Instant) {
        let due = self.waiting.lock().extract_if(.., |(due, _)| *due <= now).collect::<Vec<_>>();
        due.into_iter().for_each(|(_, removal)| removal.run(directory));
    }
}

impl Removal {
    /// Removes the files now. Blocks. What is left behind is in nobody's way; the next start tries again.
    pub(crate) fn run(self, directory: &LogDirectory) {
        let removed: anyhow::Result<()> = match self {
            Removal::Folder(folder) => remove_folder(directory.disk().as_ref(), directory, &folder).map_err(Into::into),
            Removal::Segments(deletion) => deletion.remove().map_err(Into::into),
        };
        if let Err(error) = removed {
            tracing::error!(error = format!("{error:#}"), "deleted files are not removed");
        }
    }
}

/// Removes the folder of a deleted partition and makes that durable.
fn remove_folder(disk: &dyn Disk, directory: &LogDirectory, folder: &std::path::Path) -> disk::Result<()> {
    remove_tree(disk, folder)?;
    disk.sync_dir(directory.path())
}
