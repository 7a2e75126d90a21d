//! Cutting off the log's end: what a follower does with records that its leader does not have.
//!
//! The order of steps keeps two promises. Readers: ends are lowered and a new generation begins before a file is touched, and bytes that
//! were handed out as part of a map stay as they are (the log continues in a copy). Crashes: a recovery point that was checkpointed
//! above the cut is made void, durably, before anything is cut, so that what is appended there later is never taken for durable; and
//! when the call returns, the cut is durable: nothing that was cut comes back.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ottla_base::{Offset, Timestamp};

use super::{Log, truncation_path};
use crate::disk::atomic_write;
use crate::error::{Error, Result};
use crate::file_copy::copy_to_new_file;
use crate::file_names::{self, CLEANED, LOG, OFFSET_INDEX, SNAPSHOT, TIME_INDEX, TXN_INDEX};
use crate::recovery;
use crate::segment::{Published, Segment, remove_if_there};

/// Where a cut falls.
struct Cut {
    /// The log's end afterwards.
    end_offset: Offset,
    /// The size of the last segment afterwards.
    position: u64,
}

/// What readers saw before a cut.
struct Hidden {
    segments: Arc<Vec<Arc<Segment>>>,
    log_start_offset: Offset,
    log_end_offset: Offset,
    durable_offset: Offset,
    published: Published,
}

impl Log {
    /// Cuts off the record at `offset` and all behind it, durably; a batch that has `offset` in its middle goes as a whole. Returns
    /// whether there was anything to cut. Below the first segment it cuts everything and continues at `offset`.
    ///
    /// Producer state, epochs, indexes and last stable offset are afterwards as if the rest had never been appended. A log with rot at
    /// or above `offset` is whole again.
    ///
    /// Errors: `Disk`. With [`Error::is_no_space`] nothing was cut; else the log must not be used any more: take the directory offline.
    pub fn truncate_to(&mut self, offset: Offset, now: Timestamp) -> Result<bool> {
        if offset >= self.log_end_offset() && self.rot.is_none() {
            return Ok(false);
        }
        let segments = self.segments();
        if offset < segments[0].base_offset() {
            self.truncate_fully_and_start_at(offset, now)?;
            return Ok(true);
        }
        let kept = segments.partition_point(|segment| segment.base_offset() <= offset);
        let last = &segments[kept - 1];
        let cut = self.find_cut(last, offset)?;
        self.void_recovery_point(cut.end_offset)?;
        let hidden = self.hide(&segments[..kept], &cut);
        if self.shared.mapped_end.get() <= cut.end_offset {
            self.cut_file(last, cut.position)?;
        } else {
            self.replace_file(last, &cut).inspect_err(|error| self.show_if_no_space(hidden, error))?;
        }
        self.dirt.forget_from(last.base_offset());
        for segment in segments[kept..].iter().rev() {
            self.remove_files(segment)?;
        }
        self.remove_rotten_files(last.base_offset())?;
        self.remove_snapshots_above(cut.end_offset)?;
        last.truncate_indexes(self.disk(), cut.end_offset)?;
        last.sync_indexes(self.disk())?;
        self.disk().sync_dir(&self.directory)?;
        self.epochs.truncate_from_end(cut.end_offset);
        self.persist_epochs()?;
        self.reopen_after_cut(&segments[..kept], &cut)?;
        if !self.dirt.has_segments() {
            self.shared.durable_offset.set(cut.end_offset);
        }
        self.check_invariants();
        Ok(true)
    }

    /// Drops all segments and continues, empty, at `offset`, durably: what a follower does whose leader's log begins above its end.
    ///
    /// Errors: `Disk`; the log must then not be used any more.
    pub fn truncate_fully_and_start_at(&mut self, offset: Offset, now: Timestamp) -> Result<()> {
        let segments = self.segments();
        // The segments go in no order: what a crash leaves of them may have holes, and is to be read as if none of it were durable.
        self.void_recovery_point(offset.min(segments[0].base_offset()))?;
        self.shared.log_start_offset.set(offset);
        self.shared.log_end_offset.set(offset);
        self.shared.durable_offset.set(offset);
        self.shared.generation.fetch_add(1, Ordering::SeqCst);
        self.dirt.forget_from(Offset::ZERO);
        for segment in segments.iter().rev() {
            self.remove_files(segment)?;
        }
        self.remove_rotten_files(segments[0].base_offset())?;
        self.remove_snapshots_above(Offset(-1))?;
        let segment = Arc::new(Segment::create(self.disk(), self.directory.clone(), offset)?);
        self.disk().sync_dir(&self.directory)?;
        self.publish_segments(vec![segment]);
        self.shared.mapped_end.set(offset);
        self.producers.clear();
        self.snapshot_offset = offset;
        self.bytes_since_snapshot = 0;
        self.epochs.truncate_from_end(Offset(i64::MIN));
        self.persist_epochs()?;
        self.active_since = now;
        self.first_timestamp = None;
        self.check_invariants();
        Ok(())
    }

    /// A recovery point that lies above `offset` may stand in the checkpoint: notes, durably, that it is void.
    fn void_recovery_point(&mut self, offset: Offset) -> Result<()> {
        let is_void_already = self.truncated_to.is_some_and(|truncated_to| truncated_to <= offset);
        if offset < self.recovery_point().offset && !is_void_already {
            let text = recovery::truncation_text(offset);
            atomic_write(self.disk(), &truncation_path(&self.directory), text.as_bytes())?;
            self.truncated_to = Some(offset);
        }
        Ok(())
    }

    fn find_cut(&self, last: &Arc<Segment>, offset: Offset) -> Result<Cut> {
        let file = last.file(self.disk(), &self.environment.segment_cache)?;
        Ok(match last.find(self.disk(), &file, None, offset)? {
            Some(found) => Cut { end_offset: offset.min(found.header.base_offset), position: found.position },
            None => Cut { end_offset: offset.min(self.log_end_offset()), position: last.published().size },
        })
    }

    /// Takes what is cut from the readers, before anything happens to the files.
    fn hide(&mut self, kept: &[Arc<Segment>], cut: &Cut) -> Hidden {
        let last = kept.last().expect("a log keeps a segment");
        let hidden = Hidden {
            segments: self.segments(),
            log_start_offset: self.log_start_offset(),
            log_end_offset: self.log_end_offset(),
            durable_offset: self.durable_offset(),
            published: last.published(),
        };
        self.shared.log_end_offset.set(cut.end_offset);
        self.shared.durable_offset.set(hidden.durable_offset.min(cut.end_offset));
        self.shared.log_start_offset.set(hidden.log_start_offset.min(cut.end_offset));
        last.publish(Published { end_offset: cut.end_offset, size: cut.position });
        self.publish_segments(kept.to_vec());
        self.shared.generation.fetch_add(1, Ordering::SeqCst);
        hidden
    }

    /// Undoes [`Log::hide`] where there was no room for a copy: no file has changed.
    fn show_if_no_space(&mut self, hidden: Hidden, error: &Error) {
        if !error.is_no_space() {
            return;
        }
        self.active.publish(hidden.published);
        self.publish_segments(hidden.segments.to_vec());
        self.shared.log_end_offset.set(hidden.log_end_offset);
        self.shared.durable_offset.set(hidden.durable_offset);
        self.shared.log_start_offset.set(hidden.log_start_offset);
    }

    /// Cuts the file in place, durably: no reader holds on to anything that goes.
    fn cut_file(&self, last: &Arc<Segment>, position: u64) -> Result<()> {
        let file = last.file(self.disk(), &self.environment.segment_cache)?;
        file.set_len(position)?;
        file.sync_data()?;
        last.set_dirty(false);
        Ok(())
    }

    /// Puts a copy of what is kept in the file's place; readers that hold on to what is cut keep the old file.
    fn replace_file(&self, last: &Arc<Segment>, cut: &Cut) -> Result<()> {
        let file = last.file(self.disk(), &self.environment.segment_cache)?;
        let path = last.path(CLEANED);
        if let Err(error) = copy_to_new_file(self.disk(), &*file, 0..cut.position, &path) {
            remove_if_there(self.disk(), &path)?;
            return Err(error.into());
        }
        self.disk().rename(&path, &last.path(LOG))?;
        last.set_dirty(false);
        // The new file is nobody's yet.
        self.shared.mapped_end.set(cut.end_offset);
        Ok(())
    }

    fn remove_files(&self, segment: &Segment) -> Result<()> {
        for suffix in [LOG, OFFSET_INDEX, TIME_INDEX, TXN_INDEX] {
            remove_if_there(self.disk(), &segment.path(suffix))?;
        }
        Ok(())
    }

    /// Segments behind rot are not part of the log: they go with what is cut.
    fn remove_rotten_files(&mut self, last: Offset) -> Result<()> {
        if self.rot.take().is_some() {
            for entry in self.disk().list(&self.directory)? {
                let is_behind = |suffix| file_names::offset_of(&entry.name, suffix).is_some_and(|offset| offset > last);
                if [LOG, OFFSET_INDEX, TIME_INDEX, TXN_INDEX].into_iter().any(is_behind) {
                    self.disk().remove_file(&self.directory.join(&entry.name))?;
                }
            }
        }
        Ok(())
    }

    fn remove_snapshots_above(&self, offset: Offset) -> Result<()> {
        for entry in self.disk().list(&self.directory)? {
            if file_names::offset_of(&entry.name, SNAPSHOT).is_some_and(|snapshot| snapshot > offset) {
                self.disk().remove_file(&self.directory.join(&entry.name))?;
            }
        }
        Ok(())
    }

    /// Opens the last segment anew, as its file may be another one, and replays what the producers' state needs.
    fn reopen_after_cut(&mut self, kept: &[Arc<Segment>], cut: &Cut) -> Result<()> {
        let (last, older) = kept.split_last().expect("a log keeps a segment");
        let environment = self.environment.clone();
        last.close_handles();
        let published = Published { end_offset: cut.end_offset, size: cut.position };
        let reopened = Segment::open(&*environment.disk, self.directory.clone(), last.base_offset(), published)?;
        let segments = [older, &[Arc::new(reopened)]].concat();
        let replayed = recovery::replay_published(&environment, &self.directory, &self.config, &segments)?;
        self.producers = replayed.producers;
        self.snapshot_offset = replayed.snapshot_offset;
        self.bytes_since_snapshot = replayed.bytes_since_snapshot;
        self.publish_segments(segments);
        self.first_timestamp = None;
        Ok(())
    }
}
