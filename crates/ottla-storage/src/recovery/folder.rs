//! [`Folder`]: which segments and snapshots a partition's folder has. Rubbish that a crash left is cleared away on the way.

use std::path::Path;

use ottla_base::Offset;

use crate::disk::{Disk, TEMPORARY_SUFFIX};
use crate::error::{Error, Result};
use crate::file_names::{self, CLEANED, DELETED, LOG, OFFSET_INDEX, SNAPSHOT, TIME_INDEX, TXN_INDEX, offset_of};

/// What a partition's folder holds, each in ascending order.
pub(super) struct Folder {
    /// The base offsets of the segments.
    pub(super) segments: Vec<Offset>,
    /// The offsets of the producer snapshots.
    pub(super) snapshots: Vec<Offset>,
}

impl Folder {
    /// Lists the folder. Removes what was to be deleted, what was never finished, and indexes without a segment.
    ///
    /// Errors: `InvalidFile` where a segment lies further behind the one before it than any log rolls; nothing is removed then. `Disk`.
    pub(super) fn read(disk: &dyn Disk, directory: &Path) -> Result<Folder> {
        let entries = disk.list(directory)?;
        let of = |suffix| entries.iter().filter_map(move |entry| offset_of(&entry.name, suffix));
        let folder = Folder { segments: of(LOG).collect(), snapshots: of(SNAPSHOT).collect() };
        if let Some(pair) = folder.segments.windows(2).find(|pair| u32::try_from(pair[1] - pair[0]).is_err()) {
            let problem = format!("it cannot follow the segment at {}", pair[0]);
            return Err(Error::invalid_file(&file_names::path(directory, pair[1], LOG), problem));
        }
        for entry in &entries {
            let is_rubbish = [DELETED, CLEANED, TEMPORARY_SUFFIX].iter().any(|suffix| entry.name.ends_with(suffix));
            let is_orphan = [OFFSET_INDEX, TIME_INDEX, TXN_INDEX]
                .iter()
                .filter_map(|suffix| offset_of(&entry.name, suffix))
                .any(|base_offset| folder.segments.binary_search(&base_offset).is_err());
            if !entry.is_dir && (is_rubbish || is_orphan) {
                disk.remove_file(&directory.join(&entry.name))?;
            }
        }
        Ok(folder)
    }
}
