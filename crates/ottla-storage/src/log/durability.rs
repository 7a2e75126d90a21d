//! What a log has written and not yet synced, and the durable offset that follows the end.
//!
//! A flush takes all that is dirty with it; what is written meanwhile is dirty anew. Only a flush of the current generation counts, and
//! what one of an older generation took is dirty still.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ottla_base::Offset;

use super::Log;
use crate::disk::File;
use crate::file_by_name::FileByName;
use crate::file_names::{LOG, OFFSET_INDEX, TIME_INDEX, TXN_INDEX};
use crate::flush::{FlushPlan, FlushTicket};
use crate::segment::{Segment, remove_if_there};

use super::truncation_path;

/// What is written and not synced.
#[derive(Debug, Default)]
pub(crate) struct Dirt {
    fresh: Unsynced,
    /// What a flush has taken that has not come back, with its ticket.
    taken: Option<(FlushTicket, Unsynced)>,
}

#[derive(Debug, Default)]
struct Unsynced {
    segments: BTreeMap<Offset, DirtySegment>,
    /// Small files that were written whole.
    files: BTreeSet<PathBuf>,
    /// The folder has names that are not durable.
    names: bool,
}

#[derive(Debug)]
struct DirtySegment {
    segment: Arc<Segment>,
    indexes: bool,
}

impl Dirt {
    /// The segment's `.log` has bytes that are not synced.
    pub(crate) fn note(&mut self, segment: &Arc<Segment>) {
        self.entry(segment);
    }

    /// The segment's indexes have, too, and their names may be new.
    pub(crate) fn note_indexes(&mut self, segment: &Arc<Segment>) {
        self.entry(segment).indexes = true;
        self.note_names();
    }

    /// A small file was written whole under a new name.
    pub(crate) fn note_file(&mut self, path: PathBuf) {
        self.fresh.files.insert(path);
        self.note_names();
    }

    /// The folder has new names.
    pub(crate) fn note_names(&mut self) {
        self.fresh.names = true;
    }

    /// Whether anything is not known to be durable.
    pub(crate) fn is_dirty(&self) -> bool {
        self.taken.is_some() || !self.fresh.is_empty()
    }

    /// Whether a segment is not known to be durable.
    pub(crate) fn has_segments(&self) -> bool {
        let taken = self.taken.iter().map(|(_, unsynced)| unsynced);
        taken.chain([&self.fresh]).any(|unsynced| !unsynced.segments.is_empty())
    }

    /// Up to where the flush under way makes the log durable; zero where there is none.
    pub(crate) fn flushing_up_to(&self) -> Offset {
        self.taken.as_ref().map_or(Offset::ZERO, |(ticket, _)| ticket.up_to)
    }

    /// Forgets the segments that begin at `offset` or later: they are gone.
    pub(crate) fn forget_from(&mut self, offset: Offset) {
        self.take_back();
        self.fresh.segments.retain(|base_offset, _| *base_offset < offset);
    }

    /// Forgets the segments that end at or before `offset`: they are gone.
    pub(crate) fn forget_before(&mut self, offset: Offset) {
        let taken = self.taken.iter_mut().map(|(_, unsynced)| unsynced);
        for unsynced in taken.chain([&mut self.fresh]) {
            unsynced.segments.retain(|_, dirty| dirty.segment.published().end_offset > offset);
        }
    }

    /// What a flush took is dirty again.
    fn take_back(&mut self) {
        let Some((_, taken)) = self.taken.take() else {
            return;
        };
        for (base_offset, dirty) in taken.segments {
            let indexes = dirty.indexes;
            self.fresh.segments.entry(base_offset).or_insert(dirty).indexes |= indexes;
        }
        self.fresh.files.extend(taken.files);
        self.fresh.names |= taken.names;
    }

    fn entry(&mut self, segment: &Arc<Segment>) -> &mut DirtySegment {
        let new = || DirtySegment { segment: segment.clone(), indexes: false };
        self.fresh.segments.entry(segment.base_offset()).or_insert_with(new)
    }
}

impl Unsynced {
    fn is_empty(&self) -> bool {
        self.segments.is_empty() && self.files.is_empty() && !self.names
    }
}

/// A recovery point to be checkpointed, and the generation of the log that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryPoint {
    /// All below is durable, indexes included as far as recovery trusts them.
    pub offset: Offset,
    generation: u64,
}

impl Log {
    /// All below survives a power cut. At most the log's end; moved by [`Log::on_flushed`] alone.
    pub fn durable_offset(&self) -> Offset {
        self.shared.durable_offset.get()
    }

    /// Begins with each truncation and each [`Log::invalidate_flushes`].
    pub fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::SeqCst)
    }

    /// What has to be synced so that all that is appended by now is durable; `None` where it is.
    pub fn begin_flush(&mut self) -> Option<FlushPlan> {
        self.dirt.take_back();
        if self.dirt.fresh.is_empty() {
            return None;
        }
        let unsynced = std::mem::take(&mut self.dirt.fresh);
        let ticket = FlushTicket { generation: self.generation(), up_to: self.log_end_offset() };
        let directories = if unsynced.names { vec![self.directory.to_path_buf()] } else { Vec::new() };
        let files = self.files_to_sync(&unsynced);
        self.dirt.taken = Some((ticket, unsynced));
        Some(FlushPlan { ticket, files, directories })
    }

    fn files_to_sync(&self, unsynced: &Unsynced) -> Vec<Arc<dyn File>> {
        let by_name = |path| FileByName::open_when_used(self.environment.disk.clone(), path);
        let mut files = Vec::with_capacity(1);
        for DirtySegment { segment, indexes } in unsynced.segments.values() {
            if segment.is_dirty() {
                files.push(segment.open_file().unwrap_or_else(|| by_name(segment.path(LOG))));
            }
            if *indexes {
                files.extend([OFFSET_INDEX, TIME_INDEX, TXN_INDEX].map(|suffix| by_name(segment.path(suffix))));
            }
        }
        files.extend(unsynced.files.iter().cloned().map(by_name));
        files
    }

    /// The flush of `ticket` has succeeded: moves the durable offset. Returns whether it moved; one of an older generation moves nothing.
    pub fn on_flushed(&mut self, ticket: FlushTicket) -> bool {
        if ticket.generation != self.generation() || self.dirt.taken.as_ref().is_none_or(|(taken, _)| *taken != ticket)
        {
            return false;
        }
        let (_, synced) = self.dirt.taken.take().expect("it was looked at just now");
        for (base_offset, dirty) in &synced.segments {
            if !self.dirt.fresh.segments.contains_key(base_offset) {
                dirty.segment.set_dirty(false);
            }
        }
        let has_moved = ticket.up_to > self.durable_offset();
        if has_moved {
            self.shared.durable_offset.set(ticket.up_to);
        }
        self.check_invariants();
        has_moved
    }

    /// Flushes that are under way count for nothing from here on: the role has changed, or the directory has failed.
    pub fn invalidate_flushes(&mut self) {
        self.dirt.take_back();
        self.shared.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// What the recovery point checkpoint may say now. Tell it to [`Log::on_checkpointed`] once it is durable there.
    pub fn recovery_point(&self) -> RecoveryPoint {
        let offset = self.rot.map_or(self.durable_offset(), |rot| rot.recovery_point);
        RecoveryPoint { offset, generation: self.generation() }
    }

    /// The checkpoint says `recovery_point`, durably: what it said before, perhaps from above a truncation, is gone.
    pub fn on_checkpointed(&mut self, recovery_point: RecoveryPoint) -> crate::error::Result<()> {
        if self.truncated_to.is_some() && recovery_point.generation == self.generation() {
            // Should the name come back in a crash, recovery reads more than it must, nothing else.
            remove_if_there(self.disk(), &truncation_path(&self.directory))?;
            self.truncated_to = None;
        }
        Ok(())
    }
}
