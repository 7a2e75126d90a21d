//! [`Faults`]: what the simulated disk has been told to get wrong.

use std::ops::Range;

use super::tree::Inode;

/// What a failed sync does to the data that it was to make durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncFault {
    /// Some of the dirty pages are written, the others are marked clean all the same, as Linux does: programs still read the new bytes,
    /// the next sync succeeds, and after a crash the old bytes are back.
    DropsPages,
    /// Everything stays dirty, and the next sync writes it.
    KeepsPages,
}

/// The faults that are set.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) next_sync: Option<SyncFault>,
    pub(super) next_write: bool,
    pub(super) next_open: bool,
    unreadable: Vec<(Inode, Range<u64>)>,
}

impl Faults {
    pub(super) fn add_unreadable(&mut self, file: Inode, bytes: Range<u64>) {
        self.unreadable.push((file, bytes));
    }

    pub(super) fn is_unreadable(&self, file: Inode, bytes: &Range<u64>) -> bool {
        self.unreadable.iter().any(|(inode, bad)| *inode == file && bad.start < bytes.end && bytes.start < bad.end)
    }

    pub(super) fn forget(&mut self, file: Inode) {
        self.unreadable.retain(|(inode, _)| *inode != file);
    }
}
