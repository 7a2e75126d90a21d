//! [`SegmentCache`]: how many segment files, and maps of them, the logs of one directory keep open.
//!
//! A segment opens its file when somebody needs it, and the cache closes those that were not used for longest, as a clock does: each
//! has a second chance. What is dirty is spared as long as anything else can be closed.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::disk::{self, Disk, File, Open};
use crate::segment::Segment;

/// How many segments are asked for a clean one to close before a dirty one is closed.
const LOOKED_AT_MAX: usize = 64;

/// The open segments of one log directory.
#[derive(Debug)]
pub(crate) struct SegmentCache {
    open_max: usize,
    open: Mutex<VecDeque<Weak<Segment>>>,
}

impl SegmentCache {
    /// Keeps at most `open_max` segments open, but those that are in use.
    pub(crate) fn new(open_max: usize) -> SegmentCache {
        SegmentCache { open_max: open_max.max(1), open: Mutex::default() }
    }

    /// Opens a file for reading and writing. Where descriptors have run out, half of the segments are closed for it.
    pub(crate) fn open(&self, disk: &dyn Disk, path: &Path) -> disk::Result<Arc<dyn File>> {
        match disk.open(path, Open::Write) {
            Err(error) if error.is_out_of_descriptors() => {
                let len = self.open.lock().len() / 2;
                self.shrink_to(len);
                disk.open(path, Open::Write)
            }
            opened => opened,
        }
    }

    /// Takes up a segment that has been opened.
    pub(crate) fn admit(&self, segment: &Arc<Segment>) {
        let mut open = self.open.lock();
        open.push_back(Arc::downgrade(segment));
        let is_full = open.len() > self.open_max;
        drop(open);
        if is_full {
            self.shrink_to(self.open_max);
        }
    }

    fn shrink_to(&self, len: usize) {
        // Closed without the lock: a sync may take its time.
        while let Some(segment) = self.next_to_close(len) {
            segment.close_handles();
        }
    }

    /// The segment to close so that `len` remain, taken out of the queue.
    fn next_to_close(&self, len: usize) -> Option<Arc<Segment>> {
        let mut open = self.open.lock();
        for _ in 0..open.len().min(LOOKED_AT_MAX) {
            if open.len() <= len {
                return None;
            }
            let Some(segment) = open.pop_front()?.upgrade() else {
                continue;
            };
            if segment.is_idle() && !segment.is_dirty() {
                return Some(segment);
            }
            open.push_back(Arc::downgrade(&segment));
        }
        while open.len() > len {
            if let Some(segment) = open.pop_front()?.upgrade() {
                return Some(segment);
            }
        }
        None
    }
}
