//! Opening a log: finding out what a stop has left of it.
//!
//! ```text
//!    log start          snapshot          recovery point                     end of file
//!        |                 |                    |                                 |
//!  ------|=================|====================|==========|xxxxxx|---------------|
//!        |  not read       |  headers only      |  headers and CRC       cut off  |
//! ```
//!
//! - After a clean stop everything is whole: the end is found from the last index entry on, and a snapshot at the end tells the producers.
//! - After any other, what lies below the recovery point is durable, and what lies above came to the disk in no order: it ends at the
//!   first batch that is not whole, whatever follows. The bytes that are cut are put aside; when a whole batch is among them, records
//!   that others may count on can be missing, and the report says *suspect*.
//! - Below the recovery point nothing is ever cut. What cannot be read there is *rot*: the log ends before it and takes no more records.
//! - What is kept from above the recovery point is written once more, so that the next sync covers it: a page that an earlier, failed
//!   sync dropped would look clean. The durable offset begins at the recovery point.
//! - The producers' state is replayed from the headers since the newest snapshot that is not above the recovery point. Index entries are
//!   trusted below that snapshot only, as they were synced no later than it was passed by the recovery point; the rest is rebuilt.
//!
//! This module knows the files of a folder and the order of things; `replay.rs` walks the batches, `salvage.rs` looks at what is cut.

mod folder;
mod replay;
mod salvage;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ottla_base::Offset;

use crate::LogConfig;
use crate::disk::{self, Disk, atomic_write};
use crate::environment::LogEnvironment;
use crate::epochs::LeaderEpochs;
use crate::error::{Error, Result};
use crate::file_copy::rewrite;
use crate::file_names::{self, CUT, EPOCHS, LOG, OFFSET_INDEX, SNAPSHOT, TIME_INDEX, TRUNCATION, TXN_INDEX};
use crate::index::{OFFSET_ENTRY_LEN, TIME_ENTRY_LEN};
use crate::log::{Dirt, Opening};
use crate::producers::Producers;
use crate::segment::{Published, Segment, file_len, remove_if_there};
use crate::snapshot_file;

use folder::Folder;
use replay::{Fault, Replay};

/// What opening a log found. The caller reports it, and acts on suspicion and rot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// There was no segment: the log was created.
    pub created: bool,
    /// Bytes past the recovery point were cut off, as they do not make whole batches.
    pub cut: Option<Cut>,
    /// Below the recovery point, at this offset, something cannot be read. Nothing was cut; the log ends there and refuses appends.
    pub rot: Option<Offset>,
}

/// What recovery cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The log's end after the cut.
    pub at: Offset,
    /// How many bytes were cut, those of later segments included.
    pub bytes: u64,
    /// A whole batch lay behind the bad one, so that records which others may count on can be missing: the replica is *suspect*.
    pub suspect: bool,
    /// Where the bytes were put aside, the first of several files. `None` where there was no room, or nothing but zeros.
    pub kept_in: Option<PathBuf>,
}

/// What a log is made of when it has been opened.
pub(crate) struct Restored {
    pub(crate) segments: Vec<Arc<Segment>>,
    pub(crate) log_start_offset: Offset,
    pub(crate) end_offset: Offset,
    pub(crate) durable_offset: Offset,
    pub(crate) producers: Producers,
    pub(crate) snapshot_offset: Offset,
    pub(crate) bytes_since_snapshot: u64,
    pub(crate) epochs: LeaderEpochs,
    pub(crate) epochs_on_file: LeaderEpochs,
    pub(crate) dirt: Dirt,
    pub(crate) truncated_to: Option<Offset>,
}

/// What a replay of published segments gives.
pub(crate) struct Replayed {
    pub(crate) producers: Producers,
    pub(crate) snapshot_offset: Offset,
    pub(crate) bytes_since_snapshot: u64,
}

/// Opens the log in `directory`, or creates it.
pub(crate) fn restore(
    environment: &Arc<LogEnvironment>,
    directory: &Arc<Path>,
    opening: &Opening,
) -> Result<(Restored, Recovered)> {
    let recovery = Recovery { environment, directory, config: &opening.config };
    let folder = Folder::read(recovery.disk(), directory)?;
    let truncated_to = read_truncation(recovery.disk(), directory)?;
    if folder.segments.is_empty() {
        return recovery.create(opening);
    }
    let recovery_point = truncated_to.map_or(opening.recovery_point, |offset| offset.min(opening.recovery_point));
    if opening.was_clean
        && let Some(mut restored) = recovery.after_clean_stop(&folder, opening, recovery_point)?
    {
        restored.truncated_to = truncated_to;
        return Ok((restored, Recovered::default()));
    }
    let (mut restored, recovered) = recovery.after_unclean_stop(&folder, opening, recovery_point)?;
    restored.truncated_to = truncated_to;
    Ok((restored, recovered))
}

/// The producers' state at the end of `segments`, which are published and whole, and the last one's indexes where they lack the end.
pub(crate) fn replay_published(
    environment: &Arc<LogEnvironment>,
    directory: &Arc<Path>,
    config: &LogConfig,
    segments: &[Arc<Segment>],
) -> Result<Replayed> {
    let recovery = Recovery { environment, directory, config };
    let folder = Folder::read(recovery.disk(), directory)?;
    let end_offset = segments.last().expect("a log has a segment").published().end_offset;
    let mut replay =
        recovery.start_replay(&folder, end_offset, segments[0].base_offset(), Some(LeaderEpochs::default()))?;
    for segment in segments_since(segments, replay.snapshot_offset()) {
        let is_last = segment.published().end_offset == end_offset;
        if let Some(fault) = replay.segment(segment, is_last, Offset::MAX)? {
            return Err(Error::CorruptBatch { offset: fault.offset });
        }
    }
    Ok(replay.into_replayed())
}

/// What the file [`TRUNCATION`] holds. Format, version 0, text: a line with the version, a line with the offset.
pub(crate) fn truncation_text(offset: Offset) -> String {
    format!("0\n{offset}\n")
}

fn read_truncation(disk: &dyn Disk, directory: &Path) -> Result<Option<Offset>> {
    let path = directory.join(TRUNCATION);
    let Some(bytes) = disk::read_file(disk, &path, 64)? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes);
    let offset = text.strip_prefix("0\n").and_then(|rest| rest.trim_end().parse().ok());
    // It is written whole or not at all; if it is damaged all the same, nothing is taken for durable.
    Ok(Some(offset.map_or(Offset::ZERO, Offset)))
}

struct Recovery<'a> {
    environment: &'a Arc<LogEnvironment>,
    directory: &'a Arc<Path>,
    config: &'a LogConfig,
}

impl Recovery<'_> {
    fn disk(&self) -> &dyn Disk {
        &*self.environment.disk
    }

    fn create(&self, opening: &Opening) -> Result<(Restored, Recovered)> {
        let start = opening.log_start_offset;
        let truncation = self.directory.join(TRUNCATION);
        // A checkpoint that speaks of an older log, whose files are gone, says nothing of what is appended to this one.
        let truncated_to = (opening.recovery_point > start).then_some(start);
        match truncated_to {
            Some(start) => atomic_write(self.disk(), &truncation, truncation_text(start).as_bytes())?,
            None => remove_if_there(self.disk(), &truncation)?,
        }
        let segment = Segment::create(self.disk(), self.directory.clone(), start)?;
        let restored = Restored {
            segments: vec![Arc::new(segment)],
            log_start_offset: start,
            end_offset: start,
            durable_offset: start,
            producers: Producers::default(),
            snapshot_offset: start,
            bytes_since_snapshot: 0,
            epochs: LeaderEpochs::default(),
            epochs_on_file: self.read_epochs()?.unwrap_or_default(),
            dirt: Dirt::default(),
            truncated_to,
        };
        Ok((restored, Recovered { created: true, ..Recovered::default() }))
    }

    /// `None` where the files are not as a clean stop leaves them, whatever the marker said.
    fn after_clean_stop(&self, folder: &Folder, opening: &Opening, recovery_point: Offset) -> Result<Option<Restored>> {
        let mut segments = self.open_all(folder)?;
        let Some(end_offset) = self.find_end(segments.last().expect("a folder with segments"))? else {
            return Ok(None);
        };
        if end_offset < recovery_point {
            // Files are gone, or shorter.
            return Ok(None);
        }
        let epochs = self.read_epochs()?;
        let log_start_offset = self.drop_below_log_start(&mut segments, opening.log_start_offset, end_offset)?;
        let from = segments[0].base_offset();
        let mut replay = self.start_replay(folder, end_offset, from, epochs)?;
        for segment in segments_since(&segments, replay.snapshot_offset()) {
            let is_last = segment.published().end_offset == end_offset && segment.base_offset() < end_offset;
            let is_replayed = replay.snapshot_offset() < segment.published().end_offset;
            if is_replayed && replay.segment(segment, is_last, Offset::MAX)?.is_some() {
                return Ok(None);
            }
        }
        Ok(Some(self.finish(segments, replay, log_start_offset, end_offset, end_offset, Dirt::default())))
    }

    fn after_unclean_stop(
        &self,
        folder: &Folder,
        opening: &Opening,
        recovery_point: Offset,
    ) -> Result<(Restored, Recovered)> {
        // Names are to be the same for whoever comes after another crash: a snapshot that was removed and came back would vouch for index
        // entries that are rebuilt here, from an older one on, and not synced yet.
        self.disk().sync_dir(self.directory)?;
        let mut segments = self.open_all(folder)?;
        let epochs = self.read_epochs()?;
        let first = segments[0].base_offset();
        let mut replay = self.start_replay(folder, recovery_point, first, epochs)?;
        let mut dirt = Dirt::default();
        dirt.note_names();
        let mut fault = None;
        let mut replayed = segments.len() - segments_since(&segments, replay.snapshot_offset()).len();
        while fault.is_none() && replayed < segments.len() {
            let segment = &segments[replayed];
            let is_durable = segments.get(replayed + 1).is_some_and(|next| next.base_offset() <= recovery_point);
            if !is_durable {
                segment.truncate_indexes(self.disk(), replay.snapshot_offset())?;
                dirt.note_indexes(segment);
            }
            fault = replay.segment(segment, !is_durable, recovery_point)?;
            let next = segments.get(replayed + 1).map(|next| next.base_offset());
            fault = fault.or_else(|| next.filter(|next| *next != replay.end_offset()).map(|_| replay.fault_at_end()));
            if fault.is_none() && next.is_some() {
                segment.write_indexes(self.disk(), true)?;
                self.save_snapshot(&mut replay, &mut dirt)?;
            }
            replayed += 1;
        }
        let end_offset = replay.end_offset();
        let mut recovered = Recovered::default();
        let cut_segments = segments.split_off(replayed);
        let last = segments.last().expect("at least one segment is replayed");
        match fault {
            _ if end_offset < recovery_point => recovered.rot = Some(end_offset),
            Some(fault) => recovered.cut = self.cut_off(last, &cut_segments, &fault)?,
            None => {}
        }
        let size = replay.end_position();
        last.publish(Published { end_offset, size });
        if recovered.rot.is_none() {
            self.remove_snapshots_above(folder, end_offset)?;
            self.write_anew(&segments, recovery_point, &mut dirt)?;
        }
        let log_start_offset = self.drop_below_log_start(&mut segments, opening.log_start_offset, end_offset)?;
        let durable_offset = recovery_point.min(end_offset).max(first);
        Ok((self.finish(segments, replay, log_start_offset, end_offset, durable_offset, dirt), recovered))
    }

    /// All segments as the folder has them, each up to where the next one begins, the last one up to the end of its file.
    fn open_all(&self, folder: &Folder) -> Result<Vec<Arc<Segment>>> {
        let mut segments = Vec::with_capacity(folder.segments.len());
        for (at, base_offset) in folder.segments.iter().enumerate() {
            let size = file_len(self.disk(), &file_names::path(self.directory, *base_offset, LOG))?;
            let size = size.unwrap_or(0).min(u64::from(u32::MAX));
            let end_offset = folder.segments.get(at + 1).copied().unwrap_or(*base_offset);
            let published = Published { end_offset, size };
            let segment = Arc::new(Segment::open(self.disk(), self.directory.clone(), *base_offset, published)?);
            segments.push(segment.clone());
            if at + 1 < folder.segments.len() && self.lacks_index(&segment)? {
                self.rebuild_indexes(folder, &segments)?;
            }
        }
        Ok(segments)
    }

    /// Source: Kafka `LogLoader.recoverSegment`, `OffsetIndex.sanityCheck`.
    fn lacks_index(&self, segment: &Segment) -> Result<bool> {
        for (suffix, entry_len) in [(OFFSET_INDEX, OFFSET_ENTRY_LEN), (TIME_INDEX, TIME_ENTRY_LEN)] {
            let len = file_len(self.disk(), &segment.path(suffix))?;
            if len.is_none_or(|len| len % entry_len as u64 != 0) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Rebuilds the indexes of the last of `segments` from its headers, and from those before it as far as no snapshot tells which
    /// transactions were open there. What cannot be read is left to whoever reads it.
    fn rebuild_indexes(&self, folder: &Folder, segments: &[Arc<Segment>]) -> Result<()> {
        let (segment, older) = segments.split_last().expect("a segment to index");
        tracing::warn!(segment = %segment.path(LOG).display(), "an index is missing or damaged and is rebuilt");
        segment.truncate_indexes(self.disk(), segment.base_offset())?;
        let (from, epochs) = (segments[0].base_offset(), Some(LeaderEpochs::default()));
        let mut replay = self.start_replay(folder, segment.base_offset(), from, epochs)?;
        for older in segments_since(older, replay.snapshot_offset()) {
            replay.segment(older, false, Offset::MAX)?;
        }
        replay.segment(segment, true, Offset::MAX)?;
        segment.write_indexes(self.disk(), true)?;
        segment.sync_indexes(self.disk())?;
        Ok(self.disk().sync_dir(self.directory)?)
    }

    /// Where the last segment of a clean stop ends; `None` where its file is not whole.
    fn find_end(&self, last: &Arc<Segment>) -> Result<Option<Offset>> {
        let file = last.file(self.disk(), &self.environment.segment_cache)?;
        let mut walk = last.walk_before(self.disk(), &file, Offset::MAX, crate::batch_walk::LOOKUP_CHUNK)?;
        let mut end_offset = last.base_offset();
        while let Some(found) = walk.next()? {
            match found {
                Ok(found) if found.header.base_offset >= end_offset && found.header.last_offset_delta >= 0 => {
                    end_offset = found.header.next_offset();
                }
                _ => return Ok(None),
            }
        }
        if last.relative(end_offset).is_none() {
            return Ok(None);
        }
        last.publish(Published { end_offset, ..last.published() });
        Ok(Some(end_offset))
    }

    /// The epochs on file; `None` where they are damaged and have to be rebuilt from the batches.
    fn read_epochs(&self) -> Result<Option<LeaderEpochs>> {
        let path = self.directory.join(EPOCHS);
        let Some(bytes) = disk::read_file(self.disk(), &path, u64::from(u32::MAX))? else {
            return Ok(Some(LeaderEpochs::default()));
        };
        let epochs = LeaderEpochs::parse(&String::from_utf8_lossy(&bytes));
        Ok(epochs
            .inspect_err(|problem| tracing::warn!(file = %path.display(), problem, "the leader epochs are rebuilt"))
            .ok())
    }

    /// A replay that begins at the newest snapshot at or below `offset`, or at `from`, where the first segment begins: with the snapshot
    /// there, as nothing else tells what was before, or with nothing. Without epochs it always begins there.
    fn start_replay(
        &self,
        folder: &Folder,
        offset: Offset,
        from: Offset,
        epochs: Option<LeaderEpochs>,
    ) -> Result<Replay<'_>> {
        let up_to = if epochs.is_some() { offset.max(from) } else { from };
        let epochs = epochs.unwrap_or_default();
        for snapshot in folder.snapshots.iter().rev().filter(|snapshot| (from..=up_to).contains(snapshot)) {
            if let Some(producers) = snapshot_file::read(self.disk(), self.directory, *snapshot)? {
                return Ok(Replay::new(self.environment, self.config, producers, *snapshot).with_epochs(epochs));
            }
        }
        Ok(Replay::new(self.environment, self.config, Producers::default(), from).with_epochs(epochs))
    }

    /// Removes the segments that lie below the log start as a whole, and returns the log start: a checkpoint may be older than the
    /// newest deletion, or younger than the newest record that survived.
    fn drop_below_log_start(
        &self,
        segments: &mut Vec<Arc<Segment>>,
        log_start_offset: Offset,
        end_offset: Offset,
    ) -> Result<Offset> {
        let log_start_offset = log_start_offset.min(end_offset);
        let dropped = segments.partition_point(|segment| segment.published().end_offset <= log_start_offset);
        // The active segment stays, whatever it holds.
        let dropped = dropped.min(segments.len() - 1);
        if dropped > 0 {
            snapshot_file::sync(self.disk(), self.directory, segments[dropped].base_offset())?;
            self.disk().sync_dir(self.directory)?;
        }
        for segment in segments.drain(..dropped) {
            remove_if_there(self.disk(), &segment.path(LOG))?;
            // One by one, so that no crash leaves a hole; and each before its indexes, as in a deletion.
            self.disk().sync_dir(self.directory)?;
            for suffix in [TXN_INDEX, TIME_INDEX, OFFSET_INDEX] {
                remove_if_there(self.disk(), &segment.path(suffix))?;
            }
        }
        Ok(log_start_offset.max(segments[0].base_offset()))
    }

    /// Puts aside and cuts off what lies behind the end; `None` where that is nothing.
    fn cut_off(&self, last: &Arc<Segment>, cut_segments: &[Arc<Segment>], fault: &Fault) -> Result<Option<Cut>> {
        let file = last.file(self.disk(), &self.environment.segment_cache)?;
        let tail = fault.position..file.len()?;
        let later: u64 = cut_segments.iter().map(|segment| segment.published().size).sum();
        let bytes = tail.end - tail.start + later;
        if bytes == 0 && cut_segments.is_empty() {
            return Ok(None);
        }
        let mut suspect = salvage::has_whole_batch(&*file, tail.clone(), fault.offset)?;
        for segment in cut_segments {
            let file = segment.file(self.disk(), &self.environment.segment_cache)?;
            suspect |= salvage::has_whole_batch(&*file, 0..segment.published().size, fault.offset)?;
            segment.close_handles();
        }
        let kept_in =
            salvage::put_aside(self.disk(), self.directory, &*file, tail.clone(), fault.offset, cut_segments)?;
        // Durable before anything is appended in its place: what was cut must not come back behind that.
        file.set_len(tail.start)?;
        file.sync_data()?;
        self.disk().sync_dir(self.directory)?;
        Ok(Some(Cut { at: fault.offset, bytes, suspect, kept_in }))
    }

    /// Keeps the state between two segments, as a roll does: when the older one is deleted, nothing else tells what was in it.
    ///
    /// The epochs are written first, as always.
    fn save_snapshot(&self, replay: &mut Replay<'_>, dirt: &mut Dirt) -> Result<()> {
        if let Some(epochs) = replay.take_changed_epochs() {
            atomic_write(self.disk(), &self.directory.join(EPOCHS), epochs.to_text().as_bytes())?;
        }
        match snapshot_file::write(self.disk(), self.directory, replay.end_offset(), replay.producers()) {
            Ok(path) => dirt.note_file(path),
            Err(error) => tracing::warn!(directory = %self.directory.display(), %error, "no producer snapshot"),
        }
        Ok(())
    }

    fn remove_snapshots_above(&self, folder: &Folder, end_offset: Offset) -> Result<()> {
        for snapshot in folder.snapshots.iter().filter(|snapshot| **snapshot > end_offset) {
            remove_if_there(self.disk(), &file_names::path(self.directory, *snapshot, SNAPSHOT))?;
        }
        Ok(())
    }

    /// Makes what lies past the recovery point dirty again.
    fn write_anew(&self, segments: &[Arc<Segment>], recovery_point: Offset, dirt: &mut Dirt) -> Result<()> {
        for segment in segments_since(segments, recovery_point) {
            let file = segment.file(self.disk(), &self.environment.segment_cache)?;
            let from = segment.find(self.disk(), &file, None, recovery_point)?;
            let Published { size, .. } = segment.published();
            segment.set_dirty(true);
            rewrite(&*file, from.map_or(size, |found| found.position)..size)?;
            dirt.note(segment);
        }
        Ok(())
    }

    fn finish(
        &self,
        segments: Vec<Arc<Segment>>,
        replay: Replay<'_>,
        log_start_offset: Offset,
        end_offset: Offset,
        durable_offset: Offset,
        dirt: Dirt,
    ) -> Restored {
        let (replayed, mut epochs, epochs_on_file) = replay.into_parts();
        epochs.truncate_from_end(end_offset);
        epochs.truncate_from_start(log_start_offset);
        Restored {
            segments,
            log_start_offset,
            end_offset,
            durable_offset,
            producers: replayed.producers,
            snapshot_offset: replayed.snapshot_offset.min(end_offset),
            bytes_since_snapshot: replayed.bytes_since_snapshot,
            epochs,
            epochs_on_file,
            dirt,
            truncated_to: None,
        }
    }
}

/// The segments that have `offset` or lie behind it.
fn segments_since(segments: &[Arc<Segment>], offset: Offset) -> &[Arc<Segment>] {
    let next = segments.partition_point(|segment| segment.base_offset() <= offset);
    &segments[next.saturating_sub(1)..]
}
