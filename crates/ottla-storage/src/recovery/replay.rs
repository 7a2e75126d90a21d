//! [`Replay`]: walks the batches of segments, one after the other, and rebuilds what follows from them: the producers, the leader
//! epochs and the indexes. It stops where the batches do not follow one another, and knows nothing of what is to be done then.

use std::sync::Arc;

use bytes::Bytes;
use ottla_base::Offset;
use ottla_records::{Batch, EndTxnMarker, Header};

use super::Replayed;
use crate::LogConfig;
use crate::batch_walk::{BatchWalk, Found, SCAN_CHUNK};
use crate::environment::LogEnvironment;
use crate::epochs::LeaderEpochs;
use crate::error::Result;
use crate::producers::Producers;
use crate::segment::Segment;

/// How large a control batch's marker may be, decompressed.
const MARKER_BYTES_MAX: usize = 4096;

pub(super) struct Replay<'a> {
    environment: &'a LogEnvironment,
    config: &'a LogConfig,
    producers: Producers,
    epochs: LeaderEpochs,
    epochs_on_file: LeaderEpochs,
    snapshot_offset: Offset,
    bytes_since_snapshot: u64,
    end_offset: Offset,
    end_position: u64,
}

/// Where the batches stop following one another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    /// The offset that was to come.
    pub(super) offset: Offset,
    /// Where in the last segment's file it was to be.
    pub(super) position: u64,
}

impl<'a> Replay<'a> {
    /// Begins with the state of `producers` at `snapshot_offset`.
    pub(super) fn new(
        environment: &'a LogEnvironment,
        config: &'a LogConfig,
        producers: Producers,
        snapshot_offset: Offset,
    ) -> Replay<'a> {
        Replay {
            environment,
            config,
            producers,
            epochs: LeaderEpochs::default(),
            epochs_on_file: LeaderEpochs::default(),
            snapshot_offset,
            bytes_since_snapshot: 0,
            end_offset: snapshot_offset,
            end_position: 0,
        }
    }

    /// Begins with those of `epochs_on_file` that lie below the snapshot's offset. There they are whole; what the file says of what lies
    /// above may be about batches that are gone.
    pub(super) fn with_epochs(self, epochs_on_file: LeaderEpochs) -> Replay<'a> {
        let mut epochs = epochs_on_file.clone();
        epochs.truncate_from_end(self.snapshot_offset);
        Replay { epochs, epochs_on_file, ..self }
    }

    /// The offset of the snapshot that the replay began with.
    pub(super) fn snapshot_offset(&self) -> Offset {
        self.snapshot_offset
    }

    /// The producers as of the last good batch.
    pub(super) fn producers(&self) -> &Producers {
        &self.producers
    }

    /// The epochs, where they differ from the file; from here on they are taken not to.
    pub(super) fn take_changed_epochs(&mut self) -> Option<&LeaderEpochs> {
        if self.epochs == self.epochs_on_file {
            return None;
        }
        self.epochs_on_file = self.epochs.clone();
        Some(&self.epochs)
    }

    /// The offset after the last good batch.
    pub(super) fn end_offset(&self) -> Offset {
        self.end_offset
    }

    /// Where the last good batch ends, in the file of the last segment.
    pub(super) fn end_position(&self) -> u64 {
        self.end_position
    }

    /// What came last ends where something else was to follow.
    pub(super) fn fault_at_end(&self) -> Fault {
        Fault { offset: self.end_offset, position: self.end_position }
    }

    /// Replays the batches of `segment` from the snapshot's offset on. Those that do not lie below `durable` have their CRC checked.
    /// With `index`, batches from the last index entry on are indexed; what is there already is not added twice.
    pub(super) fn segment(&mut self, segment: &Arc<Segment>, index: bool, durable: Offset) -> Result<Option<Fault>> {
        let disk = &*self.environment.disk;
        let file = segment.file(disk, &self.environment.segment_cache)?;
        let size = segment.published().size;
        segment.load_newest_entries(disk)?;
        let indexed_to = segment.floor_position(disk, Offset::MAX)?;
        let start = segment.floor_position(disk, self.snapshot_offset)?.min(if index { indexed_to } else { u64::MAX });
        let mut walk = BatchWalk::new(file, start, size, SCAN_CHUNK);
        // What lies before the snapshot is walked through for its index and its epochs, at most one index interval of it.
        self.end_offset = segment.base_offset();
        self.end_position = start;
        loop {
            let fault = self.fault_at_end();
            let Some(found) = walk.next()? else {
                return Ok(None);
            };
            let Ok(found) = found else {
                return Ok(Some(fault));
            };
            if !is_in_order(segment, &found.header, self.end_offset) || !self.is_whole(&mut walk, &found, durable)? {
                return Ok(Some(fault));
            }
            self.batch(segment, &mut walk, &found, index && found.position >= indexed_to)?;
            self.end_offset = found.header.next_offset();
            self.end_position = found.end_position();
        }
    }

    fn is_whole(&self, walk: &mut BatchWalk, found: &Found, durable: Offset) -> Result<bool> {
        if found.header.next_offset() <= durable {
            return Ok(true);
        }
        let batch = Batch::parse(Bytes::copy_from_slice(walk.read(found)?));
        Ok(batch.is_ok_and(|batch| batch.crc_is_valid()))
    }

    fn batch(&mut self, segment: &Arc<Segment>, walk: &mut BatchWalk, found: &Found, index: bool) -> Result<()> {
        let disk = &*self.environment.disk;
        let header = &found.header;
        if index {
            segment.index_batch(disk, self.config, found.position, header);
        }
        self.epochs.assign(header.leader_epoch, header.base_offset);
        if header.base_offset < self.snapshot_offset {
            return Ok(());
        }
        let marker = if header.attributes.is_control() { read_marker(walk, found)? } else { None };
        if let Some(aborted) = marker.and_then(|marker| self.producers.would_abort(header, &marker)) {
            segment.index_aborted(disk, aborted)?;
        }
        self.producers.on_appended(header, marker);
        self.bytes_since_snapshot += header.size_in_bytes() as u64;
        Ok(())
    }

    pub(super) fn into_replayed(self) -> Replayed {
        self.into_parts().0
    }

    /// Producers, epochs, and the epochs on file.
    pub(super) fn into_parts(self) -> (Replayed, LeaderEpochs, LeaderEpochs) {
        let replayed = Replayed {
            producers: self.producers,
            snapshot_offset: self.snapshot_offset,
            bytes_since_snapshot: self.bytes_since_snapshot,
        };
        (replayed, self.epochs, self.epochs_on_file)
    }
}

/// Whether a batch may stand where the next offset is `expected`. Offsets may be left out, as compaction does.
fn is_in_order(segment: &Segment, header: &Header, expected: Offset) -> bool {
    header.base_offset >= expected && header.last_offset_delta >= 0 && segment.relative(header.next_offset()).is_some()
}

fn read_marker(walk: &mut BatchWalk, found: &Found) -> Result<Option<EndTxnMarker>> {
    let batch = Batch::parse(Bytes::copy_from_slice(walk.read(found)?))?;
    let record = batch.records(MARKER_BYTES_MAX).next();
    Ok(record.and_then(|record| EndTxnMarker::parse(&record.ok()?).ok()))
}
