//! Retention: deleting whole segments at the beginning of a log, by age, by size, and below the log start.
//!
//! Only segments that take no more appends and lie below the high watermark are deleted. Readers that are inside one keep what they
//! have; the log start moves at once, the files go later. Source: Kafka `UnifiedLog.deleteOldSegments`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ottla_base::{Offset, Timestamp};

use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::file_names::{DELETED, LOG, OFFSET_INDEX, SNAPSHOT, TIME_INDEX, TXN_INDEX, path};
use crate::log::Log;
use crate::segment::{Segment, remove_if_there};
use crate::snapshot_file;

/// Files that are no part of their log any more. Until [`Deletion::rename`] has run, a crash brings them back.
#[derive(Debug)]
#[must_use = "the files stay where they are until they are removed"]
pub struct Deletion {
    disk: Arc<dyn Disk>,
    directory: Arc<Path>,
    /// Each segment's files but its snapshot, the log first; the oldest segment first.
    segments: Vec<Vec<PathBuf>>,
    /// The segments' producer snapshots.
    snapshots: Vec<PathBuf>,
    /// How large the segments are, in bytes, without their indexes.
    bytes: u64,
    /// Where the log begins afterwards.
    kept_from: Offset,
    /// Why the youngest of the segments goes.
    reason: Reason,
    /// How long the renamed files are to stay, for those that still read them (`file.delete.delay.ms`).
    pub delay: Duration,
}

/// Why retention no longer keeps a segment. Where several reasons hold it is the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It lies below the log start offset.
    BelowLogStart,
    /// All its records are older than `retention.ms`.
    TooOld {
        /// `retention.ms`.
        retention_ms: u64,
    },
    /// What follows it has `retention.bytes` alone.
    TooMany {
        /// `retention.bytes`.
        retention_bytes: u64,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::BelowLogStart => f.write_str("below the log start"),
            Reason::TooOld { retention_ms } => write!(f, "older than retention.ms={retention_ms}"),
            Reason::TooMany { retention_bytes } => write!(f, "beyond retention.bytes={retention_bytes}"),
        }
    }
}

impl Deletion {
    /// Whether there is nothing to delete.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// How many segments go.
    pub fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// How large the segments are, in bytes, without their indexes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where the log begins afterwards.
    pub fn kept_from(&self) -> Offset {
        self.kept_from
    }

    /// Why the youngest of the segments goes.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// Gives the files the suffix `.deleted`, durably: a crash no longer brings them back. Blocks; needs no lock.
    pub fn rename(&self) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        // What stays is durable before anything goes: a log without any segment would begin anew, and only the snapshot tells what the
        // producers did in what goes.
        snapshot_file::sync(&*self.disk, &self.directory, self.kept_from)?;
        self.disk.sync_dir(&self.directory)?;
        for files in &self.segments {
            for file in files {
                self.rename_if_there(file)?;
                if is_log(file) {
                    // One segment at a time, so that no crash leaves a hole between those that are gone and those that are not. And each
                    // before its indexes: a log that came back without them would be one that never had an aborted transaction.
                    self.disk.sync_dir(&self.directory)?;
                }
            }
        }
        // A segment that a crash leaves the first needs the snapshot that it begins with.
        self.snapshots.iter().try_for_each(|snapshot| self.rename_if_there(snapshot))?;
        self.disk.sync_dir(&self.directory)?;
        Ok(())
    }

    fn rename_if_there(&self, file: &Path) -> Result<()> {
        match self.disk.rename(file, &deleted(file)) {
            Err(error) if !error.is_not_found() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Removes the renamed files: after `delay`, or at once where the room is needed.
    pub fn remove(self) -> Result<()> {
        for file in self.segments.iter().flatten().chain(&self.snapshots) {
            remove_if_there(&*self.disk, &deleted(file))?;
        }
        Ok(())
    }
}

fn deleted(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(DELETED);
    name.into()
}

impl Log {
    /// Moves the log start forward to `offset` (DeleteRecords, a leader's log start); what lies below cannot be read any more. Returns
    /// whether it moved. It is durable once the owner has checkpointed it; its segments go with the next retention.
    ///
    /// Errors: `OffsetOutOfRange` where `offset` is above the high watermark.
    pub fn advance_log_start_offset(&mut self, offset: Offset, high_watermark: Offset) -> Result<bool> {
        let available = self.log_start_offset()..high_watermark.min(self.log_end_offset());
        if offset > available.end {
            return Err(Error::OffsetOutOfRange { offset, available });
        }
        if offset <= available.start {
            return Ok(false);
        }
        self.set_log_start_offset(offset);
        Ok(true)
    }

    /// Takes the segments out of the log that retention no longer keeps: those below the log start, and where `cleanup.policy` names
    /// `delete`, those too old or too many. An active segment that is too old as a whole is rolled first, so that it can go.
    ///
    /// The caller renames and removes the files, off the partition's lock. Errors: `Disk`.
    pub fn delete_old_segments(&mut self, high_watermark: Offset, now: Timestamp) -> Result<Deletion> {
        let mut deletable = (self.segments_below(self.log_start_offset(), high_watermark), Reason::BelowLogStart);
        if self.config().delete_old_segments {
            if let Some(retention_ms) = self.config().retention_ms {
                let by_age = self.segments_too_old(high_watermark, now, retention_ms)?;
                if by_age == self.segment_count() {
                    self.roll(now)?;
                }
                deletable = larger(deletable, (by_age, Reason::TooOld { retention_ms }));
            }
            if let Some(retention_bytes) = self.config().retention_bytes {
                let by_size = self.segments_too_many(high_watermark, retention_bytes);
                deletable = larger(deletable, (by_size, Reason::TooMany { retention_bytes }));
            }
        }
        let (count, reason) = deletable;
        Ok(self.take_segments(count.min(self.segment_count() - 1), reason))
    }

    fn segments_below(&self, offset: Offset, high_watermark: Offset) -> usize {
        let end = offset.min(high_watermark);
        self.segments().iter().take_while(|segment| segment.published().end_offset <= end).count()
    }

    /// How many segments, from the oldest on, have no record that is young enough to be kept.
    fn segments_too_old(&self, high_watermark: Offset, now: Timestamp, retention_ms: u64) -> Result<usize> {
        let segments = self.segments();
        for (at, segment) in segments.iter().enumerate() {
            let published = segment.published();
            let is_too_old = published.size > 0
                && published.end_offset <= high_watermark
                && self.newest_timestamp(&segments[at..])?.is_some_and(|newest| is_older(newest, now, retention_ms));
            if !is_too_old {
                return Ok(at);
            }
        }
        Ok(segments.len())
    }

    /// The largest timestamp in the first of `segments`. Where none of its records has one, the next segment's stands in: what was
    /// appended earlier is no younger. `None` where no segment says.
    fn newest_timestamp(&self, segments: &[Arc<Segment>]) -> Result<Option<Timestamp>> {
        for segment in segments {
            match segment.largest_timestamp(self.disk())? {
                Some((timestamp, _)) if timestamp >= Timestamp(0) => return Ok(Some(timestamp)),
                _ => {}
            }
        }
        Ok(None)
    }

    /// How many segments, from the oldest on, can go while the rest still has `retention_bytes`.
    fn segments_too_many(&self, high_watermark: Offset, retention_bytes: u64) -> usize {
        let mut surplus = self.size_in_bytes().saturating_sub(retention_bytes);
        let segments = self.segments();
        let go = segments.iter().take_while(|segment| {
            let published = segment.published();
            let goes = published.end_offset <= high_watermark && published.size <= surplus && published.size > 0;
            surplus -= if goes { published.size } else { 0 };
            goes
        });
        go.count()
    }

    fn take_segments(&mut self, count: usize, reason: Reason) -> Deletion {
        let segments = self.segments();
        let (gone, kept) = segments.split_at(count);
        let segment_files = gone.iter().map(|segment| files_of(self.directory(), segment)).collect();
        let snapshots = gone.iter().map(|segment| path(self.directory(), segment.base_offset(), SNAPSHOT)).collect();
        let bytes = gone.iter().map(|segment| segment.published().size).sum();
        if !gone.is_empty() {
            self.keep_segments(kept.to_vec());
        }
        Deletion {
            disk: self.environment().disk.clone(),
            directory: self.directory().into(),
            segments: segment_files,
            snapshots,
            bytes,
            kept_from: kept[0].base_offset(),
            reason,
            delay: self.config().file_delete_delay,
        }
    }
}

/// The larger count; the first where they are alike.
fn larger(first: (usize, Reason), second: (usize, Reason)) -> (usize, Reason) {
    if second.0 > first.0 { second } else { first }
}

/// The log first: indexes without one are nobody's, and are cleared away by the next start.
fn files_of(directory: &Path, segment: &Segment) -> Vec<PathBuf> {
    let suffixes = [LOG, TXN_INDEX, TIME_INDEX, OFFSET_INDEX];
    suffixes.into_iter().map(|suffix| path(directory, segment.base_offset(), suffix)).collect()
}

fn is_log(file: &Path) -> bool {
    file.to_string_lossy().ends_with(LOG)
}

fn is_older(newest: Timestamp, now: Timestamp, retention_ms: u64) -> bool {
    u64::try_from(now.0.saturating_sub(newest.0)).is_ok_and(|age_ms| age_ms > retention_ms)
}
