//! Looking up offsets by time (ListOffsets). Timestamps need not ascend, neither within a segment nor from one to the next.

use std::ops::Range;
use std::sync::Arc;

use ottla_base::{LeaderEpoch, Offset, Timestamp};
use ottla_records::{Batch, Record};

use super::{LogReader, segments_from};
use crate::batch_walk::{Found, SCAN_CHUNK, read_range};
use crate::disk::{Disk, File};
use crate::error::{Error, Result};
use crate::segment::Segment;

/// How large the records of one batch may become when they are decompressed to look at their timestamps. What was appended was
/// decompressed before.
const DECODED_BYTES_MAX: usize = 1 << 30;

/// A record found by its timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimestampOffset {
    /// The record's timestamp.
    pub timestamp: Timestamp,
    /// Its offset.
    pub offset: Offset,
    /// The epoch of the leader that appended it.
    pub leader_epoch: LeaderEpoch,
}

impl LogReader {
    /// The first record, by offset, whose timestamp is `timestamp` or later, among those from the log start up to `up_to` (exclusive).
    /// May block for cold data.
    ///
    /// Source: Kafka `UnifiedLog.fetchOffsetByTimestamp`, `LogSegment.findOffsetByTimestamp`.
    pub fn offset_for_timestamp(&self, timestamp: Timestamp, up_to: Offset) -> Result<Option<TimestampOffset>> {
        self.consistently(|segments, _| {
            let offsets = self.log_start_offset()..up_to.min(self.log_end_offset());
            for segment in segments_within(segments, &offsets) {
                let disk = &*self.shared.environment.disk;
                let largest = segment.largest_timestamp(disk)?;
                if largest.is_none_or(|(largest, _)| largest < timestamp) {
                    continue;
                }
                let walk_from = segment.time_floor(disk, timestamp)?.unwrap_or(offsets.start);
                if let Some(found) = self.first_at_or_after(segment, timestamp, walk_from, &offsets)? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        })
    }

    /// The first record, by offset, that has the largest timestamp of all from the log start up to `up_to` (exclusive). `None` where no
    /// record has a timestamp. May block for cold data.
    pub fn offset_of_max_timestamp(&self, up_to: Offset) -> Result<Option<TimestampOffset>> {
        self.consistently(|segments, _| {
            let offsets = self.log_start_offset()..up_to.min(self.log_end_offset());
            let mut largest: Option<(Timestamp, &Arc<Segment>)> = None;
            for segment in segments_within(segments, &offsets) {
                let timestamp = self.largest_timestamp_within(segment, &offsets)?;
                if timestamp > largest.map_or(Timestamp::NONE, |(largest, _)| largest) {
                    largest = Some((timestamp, segment));
                }
            }
            let Some((timestamp, segment)) = largest else {
                return Ok(None);
            };
            self.first_at_or_after(segment, timestamp, offsets.start, &offsets)
        })
    }

    /// The largest timestamp among a segment's records in `offsets`; [`Timestamp::NONE`] where none has one.
    fn largest_timestamp_within(&self, segment: &Arc<Segment>, offsets: &Range<Offset>) -> Result<Timestamp> {
        let disk = &*self.shared.environment.disk;
        let end_offset = segment.published().end_offset;
        if offsets.start <= segment.base_offset() && end_offset <= offsets.end {
            return Ok(segment.largest_timestamp(disk)?.map_or(Timestamp::NONE, |(timestamp, _)| timestamp));
        }
        // The index knows about all that lies before the end; where the beginning is gone, what it says may be gone too.
        let (mut largest, from) = match segment.largest_timestamp_before(disk, offsets.end)? {
            Some((timestamp, last_offset)) if offsets.start <= segment.base_offset() => (timestamp, last_offset),
            _ => (Timestamp::NONE, offsets.start),
        };
        self.each_batch(segment, from..offsets.end, |_, found| {
            largest = largest.max(found.header.max_timestamp);
            Ok(None::<()>)
        })?;
        Ok(largest)
    }

    /// The first record of a segment in `offsets` whose timestamp is `timestamp` or later, where no batch that ends before `walk_from`
    /// has one.
    fn first_at_or_after(
        &self,
        segment: &Arc<Segment>,
        timestamp: Timestamp,
        walk_from: Offset,
        offsets: &Range<Offset>,
    ) -> Result<Option<TimestampOffset>> {
        let start = offsets.start;
        self.each_batch(segment, walk_from.max(start)..offsets.end, |file, found| {
            if found.header.max_timestamp < timestamp {
                return Ok(None);
            }
            let record = first_record(file, found, |record| record.timestamp >= timestamp && record.offset >= start)?;
            Ok(record.map(|record| TimestampOffset {
                timestamp: record.timestamp,
                offset: record.offset,
                leader_epoch: found.header.leader_epoch,
            }))
        })
    }

    /// Calls `visit` with the segment's batches that have records in `offsets` and none behind, until it returns something.
    fn each_batch<T>(
        &self,
        segment: &Arc<Segment>,
        offsets: Range<Offset>,
        mut visit: impl FnMut(&Arc<dyn File>, &Found) -> Result<Option<T>>,
    ) -> Result<Option<T>> {
        let environment = &*self.shared.environment;
        let disk: &dyn Disk = &*environment.disk;
        let file = segment.file(disk, &environment.segment_cache)?;
        let mut walk = segment.walk_before(disk, &file, offsets.start, SCAN_CHUNK)?;
        while let Some(found) = walk.next()? {
            let found = found.map_err(|_| Error::CorruptBatch { offset: offsets.start })?;
            if found.header.last_offset() >= offsets.end {
                break;
            }
            if found.header.last_offset() < offsets.start {
                continue;
            }
            if let Some(result) = visit(&file, &found)? {
                return Ok(Some(result));
            }
        }
        Ok(None)
    }
}

/// Those of `segments` that may have records in `offsets`.
fn segments_within<'a>(
    segments: &'a [Arc<Segment>],
    offsets: &Range<Offset>,
) -> impl Iterator<Item = &'a Arc<Segment>> {
    let end = offsets.end;
    segments_from(segments, offsets.start).iter().take_while(move |segment| segment.base_offset() < end)
}

fn first_record(file: &Arc<dyn File>, found: &Found, is_wanted: impl Fn(&Record) -> bool) -> Result<Option<Record>> {
    let bytes = read_range(&**file, found.position..found.end_position())?;
    let corrupt = Error::CorruptBatch { offset: found.header.base_offset };
    for record in Batch::parse(bytes)?.records(DECODED_BYTES_MAX) {
        match record {
            Ok(record) if is_wanted(&record) => return Ok(Some(record)),
            Ok(_) => {}
            Err(_) => return Err(corrupt),
        }
    }
    Ok(None)
}
