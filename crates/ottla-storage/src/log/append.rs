//! Appending, and rolling to a new segment.

use std::io::IoSlice;
use std::sync::Arc;

use bytes::Bytes;
use ottla_base::{LeaderEpoch, Offset, ProducerId, Timestamp};
use ottla_records::{Batch, EndTxnMarker, Header, InvalidControlRecord, Validated, batches};

use super::{Log, draw_jitter};
use crate::error::{Error, Result};
use crate::segment::{Published, Segment};

/// A snapshot of the producers is taken at least every so many bytes, so that recovery reads no more headers than that.
const SNAPSHOT_INTERVAL_BYTES: u64 = 64 << 20;

/// How large a control batch's marker may be, decompressed.
const MARKER_BYTES_MAX: usize = 4096;

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The offset of the first record; of the original's where it is a duplicate.
    pub base_offset: Offset,
    /// The offset of the last.
    pub last_offset: Offset,
    /// The batch repeats one of the producer's last five (KIP-98): nothing was written, and these are the original's offsets.
    pub duplicate: bool,
}

impl Appended {
    /// The offset after the batch: a replica that has come this far has it.
    pub fn end_offset(&self) -> Offset {
        self.last_offset + 1
    }
}

impl Log {
    /// Appends a producer's batch, or a marker, and assigns its offsets. Returns when the bytes are in the page cache and published, not
    /// on disk: ask for a flush.
    ///
    /// The batch repeats one of its producer's last five: the original offsets, no write (KIP-98).
    ///
    /// Errors, after which nothing has changed: `InvalidProducerEpoch`, `OutOfOrderSequence`, `InvalidTxnState`, `CoordinatorFenced`,
    /// `InvalidControlRecord`, `LargerThanSegment`, `Rot`, `Disk` (with [`Error::is_no_space`] later appends may work).
    pub fn append(&mut self, validated: &Validated, leader_epoch: LeaderEpoch, now: Timestamp) -> Result<Appended> {
        self.check_writable()?;
        let batch = &validated.batch;
        let marker = if batch.header().attributes.is_control() { Some(read_marker(batch)?) } else { None };
        if batch.header().producer_id != ProducerId::NONE {
            match &marker {
                Some(marker) => self.producers.check_marker(batch.header(), marker)?,
                None => {
                    if let Some(original) = self.producers.check(batch.header())? {
                        let (base_offset, last_offset) = (original.base_offset(), original.last_offset);
                        return Ok(Appended { base_offset, last_offset, duplicate: true });
                    }
                }
            }
        }
        let base_offset = self.log_end_offset();
        let header = Header { base_offset, leader_epoch, ..*batch.header() };
        self.make_room(&header, now)?;
        let patched = batch.patched_header(base_offset, leader_epoch);
        self.write_batch(&header, marker, &[IoSlice::new(&patched), IoSlice::new(batch.payload())])?;
        self.check_invariants();
        Ok(Appended { base_offset, last_offset: header.last_offset(), duplicate: false })
    }

    /// Appends whole batches that have their offsets and leader epochs already: a follower's from its leader, or entries of a Raft log.
    /// A last batch that is cut is left out. Producers are not checked: their leader did that.
    ///
    /// Returns the offsets from the first batch to the last; `None` where there was no whole batch. Batches before the one that an error
    /// is about have been appended.
    ///
    /// Errors: `Malformed`, `CorruptBatch` (each batch's CRC is verified), `UnexpectedOffset` where one begins below the log's end,
    /// `LargerThanSegment`, `Rot`, `Disk`.
    pub fn append_replicated(&mut self, bytes: Bytes, now: Timestamp) -> Result<Option<Appended>> {
        self.check_writable()?;
        let mut appended: Option<Appended> = None;
        for batch in batches(bytes) {
            let batch = match batch {
                Ok(batch) => batch,
                Err(ottla_records::Malformed::Truncated { .. }) => break,
                Err(malformed) => return Err(malformed.into()),
            };
            self.append_in_place(&batch, now)?;
            let header = batch.header();
            let base_offset = appended.map_or(header.base_offset, |appended| appended.base_offset);
            appended = Some(Appended { base_offset, last_offset: header.last_offset(), duplicate: false });
        }
        self.check_invariants();
        Ok(appended)
    }

    fn append_in_place(&mut self, batch: &Batch, now: Timestamp) -> Result<()> {
        let header = *batch.header();
        let expected = self.log_end_offset();
        if header.base_offset < expected || header.last_offset_delta < 0 || header.last_offset() == Offset::MAX {
            return Err(Error::UnexpectedOffset { found: header.base_offset, expected });
        }
        if !batch.crc_is_valid() {
            return Err(Error::CorruptBatch { offset: header.base_offset });
        }
        let marker = if header.attributes.is_control() { read_marker(batch).ok() } else { None };
        self.make_room(&header, now)?;
        self.write_batch(&header, marker, &[IoSlice::new(&batch.bytes())])
    }

    /// Writes the batch of `header` and publishes it. Everything that can fail comes before anything that is kept.
    fn write_batch(&mut self, header: &Header, marker: Option<EndTxnMarker>, slices: &[IoSlice<'_>]) -> Result<()> {
        let environment = self.environment.clone();
        let disk = &*environment.disk;
        let active = self.active.clone();
        let position = active.published().size;
        self.dirt.note(&active);
        active.write(disk, &environment.segment_cache, slices)?;
        if let Some(aborted) = marker.and_then(|marker| self.producers.would_abort(header, &marker)) {
            active.index_aborted(disk, aborted)?;
            self.dirt.note_indexes(&active);
        }

        active.index_batch(disk, &self.config, position, header);
        self.producers.on_appended(header, marker);
        self.epochs.assign(header.leader_epoch, header.base_offset);
        self.bytes_since_snapshot += header.size_in_bytes() as u64;
        if position == 0 {
            self.first_timestamp = None;
        }
        // The bytes are there: only now may anybody look.
        active.publish(Published { end_offset: header.next_offset(), size: position + header.size_in_bytes() as u64 });
        self.shared.log_end_offset.set(header.next_offset());
        if self.bytes_since_snapshot >= SNAPSHOT_INTERVAL_BYTES {
            self.try_snapshot();
        }
        Ok(())
    }

    /// Takes a snapshot if it can be taken: without it a recovery reads more, nothing else.
    fn try_snapshot(&mut self) {
        if let Err(error) = self.take_snapshot() {
            tracing::warn!(directory = %self.directory.display(), %error, "no producer snapshot");
            self.bytes_since_snapshot = 0;
        }
    }

    /// Rolls where the active segment must not take the batch of `header`.
    ///
    /// Source: Kafka `LogSegment.shouldRoll`.
    fn make_room(&mut self, header: &Header, now: Timestamp) -> Result<()> {
        let segment_bytes = u64::from(self.config.segment_bytes.min(i32::MAX as u32));
        let batch_size = header.size_in_bytes() as u64;
        if batch_size > segment_bytes {
            let segment_bytes = self.config.segment_bytes;
            return Err(Error::LargerThanSegment { size: header.size_in_bytes(), segment_bytes });
        }
        let Published { size, .. } = self.active.published();
        let is_full = size + batch_size > segment_bytes || self.active.is_index_full(&self.config);
        let is_far = header.last_offset() - self.active.base_offset() > i64::from(i32::MAX);
        let expected = self.log_end_offset();
        if header.last_offset() - expected > i64::from(i32::MAX) {
            // A gap that no index can span. A follower that is so far behind begins anew.
            return Err(Error::UnexpectedOffset { found: header.base_offset, expected });
        }
        if is_full || is_far || (size > 0 && self.is_due(header, now)?) {
            self.roll(now)?;
        }
        Ok(())
    }

    /// Whether the active segment's first batch is older than `segment.ms` allows.
    fn is_due(&mut self, header: &Header, now: Timestamp) -> Result<bool> {
        let first_timestamp = match self.first_timestamp {
            Some(known) => known,
            None => self.active.first_timestamp(self.disk(), &self.environment.segment_cache)?,
        };
        self.first_timestamp = Some(first_timestamp);
        let age_ms = match first_timestamp {
            Some(first) => header.max_timestamp.0.saturating_sub(first.0),
            None => now.0.saturating_sub(self.active_since.0),
        };
        let limit_ms = self.config.segment_ms - self.roll_jitter_ms.min(self.config.segment_ms);
        Ok(u64::try_from(age_ms).is_ok_and(|age_ms| age_ms > limit_ms))
    }

    /// Closes the active segment and begins another at the log's end. Does nothing where the active one is empty.
    ///
    /// The closed segment's sync is still owed; its indexes are whole. On an error the active segment stays the active one.
    pub fn roll(&mut self, now: Timestamp) -> Result<()> {
        self.check_writable()?;
        if self.active.published().size == 0 {
            return Ok(());
        }
        let environment = self.environment.clone();
        let disk = &*environment.disk;
        let base_offset = self.log_end_offset();
        self.write_indexes(true)?;
        let segment = Arc::new(Segment::create(disk, self.directory.clone(), base_offset)?);
        self.try_snapshot();
        self.dirt.note_names();
        let mut segments = self.segments().to_vec();
        segments.push(segment);
        self.publish_segments(segments);
        self.first_timestamp = None;
        self.active_since = now;
        self.roll_jitter_ms = draw_jitter(&environment, &self.config);
        self.check_invariants();
        Ok(())
    }
}

/// The marker in a control batch.
fn read_marker(batch: &Batch) -> Result<EndTxnMarker> {
    match batch.records(MARKER_BYTES_MAX).next() {
        Some(Ok(record)) => Ok(EndTxnMarker::parse(&record)?),
        _ => Err(InvalidControlRecord::Truncated.into()),
    }
}
