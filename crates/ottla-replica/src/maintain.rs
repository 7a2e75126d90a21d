//! What a partition needs while nobody asks it for anything: checkpoints, retention, old producers, and flushes that nobody waits for.

use std::sync::Arc;

use ottla_base::Timestamp;
use ottla_storage::{Deletion, RecoveryPoint};

use crate::{Counts, Error, Partition};

impl Partition {
    /// Where recovery would have to begin, to be checkpointed.
    pub fn recovery_point(&self) -> RecoveryPoint {
        self.lock().log.recovery_point()
    }

    /// The checkpoint says `point`, durably. Errors: `Deleted`, `Log`.
    pub fn on_checkpointed(&self, point: RecoveryPoint) -> Result<(), Error> {
        let _folder = self.hold_folder()?;
        let checkpointed = self.lock().log.on_checkpointed(point);
        checkpointed.map_err(|error| self.refused(error))
    }

    /// Takes the segments out of the log that retention no longer keeps, and forgets producers that have been away for too long.
    ///
    /// The files are renamed when this returns, and go when the caller removes them. Errors: `Deleted`, `Log`.
    pub fn retain(&self, now: Timestamp) -> Result<Deletion, Error> {
        let _folder = self.hold_folder()?;
        let high_watermark = self.high_watermark();
        let mut state = self.lock();
        state.log.expire_producers(now);
        let deleted = state.log.delete_old_segments(high_watermark, now);
        self.publish_progress(state);
        let renamed = deleted.and_then(|deletion| deletion.rename().map(|()| deletion));
        renamed.map_err(|error| self.refused(error))
    }

    /// Whether acks come from the page cache though the settings no longer ask for that, and all that was acknowledged is on disk: so
    /// that the metadata may say that acks are durable. Asks for the missing sync where there is one.
    pub fn may_become_durable(self: &Arc<Self>) -> bool {
        let is_cached = self.lock().leadership().is_some_and(|leadership| leadership.counts == Counts::Appended);
        if !is_cached || self.config().write_caching {
            return false;
        }
        let is_on_disk = self.log().durable_offset() >= self.high_watermark();
        if !is_on_disk {
            self.request_flush();
        }
        is_on_disk
    }

    /// Has what is appended made durable, though nobody may wait for it: recovery then begins later.
    pub fn flush(self: &Arc<Self>) {
        let state = self.lock();
        let is_dirty = state.log.durable_offset() < state.log.log_end_offset();
        drop(state);
        if is_dirty {
            self.request_flush();
        }
    }
}
