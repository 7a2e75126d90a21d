//! [`LogReader`]: reads a log while others write it, without their lock.
//!
//! ```text
//!    log start          high watermark      durable        end
//!        |                     |               |            |
//!  ------|======consumers======|               |            |
//!        |=============================replicas=============|
//! ```
//!
//! Bytes below the published end never change but by a truncation. A writer that truncates lowers the ends, begins a new generation and
//! only then touches the files; a reader looks at the generation before it looks at anything else and again after it has copied, and
//! begins anew when it has changed. What it hands out without a copy it announces first ([`Shared::mapped_end`]), and a truncation
//! below that leaves the file as it is and continues in a copy.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use ottla_base::Offset;

use crate::batch_walk::{LOOKUP_CHUNK, read_range};
use crate::disk::{File, Map};
use crate::environment::LogEnvironment;
use crate::error::{Error, Result};
use crate::index::txn::AbortedTxn;
use crate::segment::{Mapped, Published, Segment};

mod timestamps;

pub use timestamps::TimestampOffset;

/// What a log and its readers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) environment: Arc<LogEnvironment>,
    /// Oldest first, never empty. Replaced as a whole.
    pub(crate) segments: ArcSwap<Vec<Arc<Segment>>>,
    pub(crate) log_start_offset: AtomicOffset,
    pub(crate) log_end_offset: AtomicOffset,
    pub(crate) durable_offset: AtomicOffset,
    /// No byte of an offset at or above this was ever handed out as part of a map.
    pub(crate) mapped_end: AtomicOffset,
    pub(crate) generation: AtomicU64,
    /// The size for which the active segment is mapped.
    pub(crate) segment_bytes: AtomicU64,
}

/// An offset that several threads see.
#[derive(Debug)]
pub(crate) struct AtomicOffset(AtomicI64);

impl AtomicOffset {
    pub(crate) fn new(offset: Offset) -> AtomicOffset {
        AtomicOffset(AtomicI64::new(offset.0))
    }

    pub(crate) fn get(&self) -> Offset {
        Offset(self.0.load(Ordering::SeqCst))
    }

    pub(crate) fn set(&self, offset: Offset) {
        self.0.store(offset.0, Ordering::SeqCst);
    }

    pub(crate) fn raise_to(&self, offset: Offset) {
        self.0.fetch_max(offset.0, Ordering::SeqCst);
    }
}

/// How a read gets at the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// As a slice of a map of the file, without a copy; as a copy where there are no maps. For what is below the high watermark.
    Map,
    /// As a copy. For replicas, who read what may yet be cut, and for what is cold.
    Copy,
}

/// Which bytes a read asks for.
#[derive(Clone, Copy, Debug)]
pub struct ReadRequest {
    /// The first offset that is wanted; the batch that it lies in is given whole.
    pub from: Offset,
    /// Only batches that end at or before this: the high watermark, the last stable offset, or [`Offset::MAX`] for all there is.
    pub up_to: Offset,
    /// At most so many bytes. The last batch may be cut by that; the first is not, it is left out instead.
    pub bytes_max: usize,
    /// The first batch is given even where it is larger than `bytes_max`.
    pub at_least_one_batch: bool,
    /// With a copy or without.
    pub access: Access,
}

/// What a read gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Batches one after the other, as they lie on disk; the last may be cut. Empty where there is nothing to be read yet.
    pub bytes: Bytes,
    /// Whatever is in `bytes` lies below this offset.
    pub end_offset: Offset,
}

/// How often a read that fails is tried again because the log's end has moved: whoever goes on appending must not keep it from its error.
const RETRIES_MAX: usize = 8;

/// A handle for reading a log. Cheap to clone; lock-free but for the short locks of a segment's handles.
#[derive(Clone, Debug)]
pub struct LogReader {
    shared: Arc<Shared>,
}

impl LogReader {
    pub(crate) fn new(shared: Arc<Shared>) -> LogReader {
        LogReader { shared }
    }

    /// The first offset that may be read.
    pub fn log_start_offset(&self) -> Offset {
        self.shared.log_start_offset.get()
    }

    /// The offset that the next record gets.
    pub fn log_end_offset(&self) -> Offset {
        self.shared.log_end_offset.get()
    }

    /// All below survives a power cut.
    pub fn durable_offset(&self) -> Offset {
        self.shared.durable_offset.get()
    }

    /// The size of all segments, in bytes.
    pub fn size_in_bytes(&self) -> u64 {
        self.shared.segments.load().iter().map(|segment| segment.published().size).sum()
    }

    /// The log's generation: changes with each truncation and each [`crate::Log::invalidate_flushes`].
    pub fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::SeqCst)
    }

    /// Reads batches of one segment, the one that has `request.from` or the next batch after it. May block for cold data: see
    /// [`LogReader::is_cold`].
    ///
    /// Errors: `OffsetOutOfRange` where `from` is below the log start or above the log's end (not above `up_to`: that gives nothing),
    /// `CorruptBatch`, `Disk`.
    pub fn read(&self, request: ReadRequest) -> Result<Read> {
        self.consistently(|segments, generation| {
            let available = self.available();
            if request.from < available.start || request.from > available.end {
                return Err(Error::OffsetOutOfRange { offset: request.from, available });
            }
            let bound = request.up_to.min(available.end);
            for segment in segments_from(segments, request.from) {
                if let Some(read) = self.read_segment(segment, &request, bound, generation)? {
                    return Ok(read);
                }
            }
            Ok(Read { bytes: Bytes::new(), end_offset: request.from })
        })
    }

    /// Whether reading `bytes` from `from` on may wait for the disk: its segment takes no appends any more and is not known to be in
    /// memory. Such a read belongs on [`ottla_base::Workers`], with [`Access::Copy`].
    pub fn is_cold(&self, from: Offset, bytes: usize) -> bool {
        if !self.available().contains(&from) {
            // There is nothing to wait for, and nothing to reckon with: clients may ask for any number.
            return false;
        }
        let segments = self.shared.segments.load();
        let mut candidates = segments_from(&segments, from).iter();
        let (Some(segment), Some(_younger)) = (candidates.next(), candidates.next()) else {
            return false;
        };
        // Whatever is wrong is told by the read.
        self.is_in_memory(segment, from, bytes).map_or(true, |is_in_memory| !is_in_memory)
    }

    fn is_in_memory(&self, segment: &Arc<Segment>, from: Offset, bytes: usize) -> Result<bool> {
        let environment = &*self.shared.environment;
        let size = segment.published().size;
        let file = segment.file(&*environment.disk, &environment.segment_cache)?;
        let Some(map) = segment.map(&file, size, size)? else {
            return Ok(false);
        };
        let start = segment.floor_position(&*environment.disk, from)?;
        // The batch that is wanted begins somewhere behind the index entry's.
        let end = start.saturating_add((bytes + LOOKUP_CHUNK) as u64);
        Ok(map.is_resident(start..end.min(size)))
    }

    /// The aborted transactions that have records in `offsets`, by the offset of their marker. Markers lie behind what they end, so all
    /// segments from `offsets.start` on are looked at until one says that nothing older is open.
    ///
    /// Source: Kafka `LocalLog.collectAbortedTransactions`.
    pub fn aborted_transactions(&self, offsets: Range<Offset>) -> Result<Vec<AbortedTxn>> {
        self.consistently(|segments, _| {
            let mut found = Vec::new();
            for segment in segments_from(segments, offsets.start) {
                for aborted in segment.aborted(&*self.shared.environment.disk)? {
                    if aborted.last_offset >= offsets.start && aborted.first_offset < offsets.end {
                        found.push(aborted);
                    }
                    if aborted.last_stable_offset >= offsets.end {
                        return Ok(found);
                    }
                }
            }
            Ok(found)
        })
    }

    fn available(&self) -> Range<Offset> {
        self.log_start_offset()..self.log_end_offset()
    }

    /// Runs `read` on the segments, with the generation that was looked at before, until neither a truncation nor a deletion came in
    /// between.
    fn consistently<T>(&self, read: impl Fn(&[Arc<Segment>], u64) -> Result<T>) -> Result<T> {
        let mut retries = 0;
        loop {
            let generation = self.generation();
            // The ends are read before the segments, by whoever reads them for a bound: what was published then is in these segments.
            let end = self.log_end_offset();
            let segments = self.shared.segments.load_full();
            debug_assert!(!segments.is_empty(), "a log has an active segment");
            let result = read(&segments, generation);
            let is_same = self.generation() == generation;
            let were_replaced = || !Arc::ptr_eq(&segments, &self.shared.segments.load_full());
            let is_settled = match &result {
                Ok(_) => is_same,
                // A file that is not there any more, or an end that the segments did not have yet.
                Err(_) => is_same && (retries >= RETRIES_MAX || (!were_replaced() && self.log_end_offset() == end)),
            };
            if is_settled {
                return result;
            }
            retries += 1;
        }
    }

    /// `None` where the segment has nothing from `request.from` on.
    fn read_segment(
        &self,
        segment: &Arc<Segment>,
        request: &ReadRequest,
        bound: Offset,
        generation: u64,
    ) -> Result<Option<Read>> {
        let environment = &*self.shared.environment;
        let disk = &*environment.disk;
        let published = segment.published();
        let nothing = || Ok(Some(Read { bytes: Bytes::new(), end_offset: request.from }));
        if request.from >= published.end_offset {
            return Ok(None);
        }
        if bound <= request.from {
            return nothing();
        }
        let end_offset = bound.min(published.end_offset);
        let file = segment.file(disk, &environment.segment_cache)?;
        let map = match request.access {
            Access::Copy => None,
            Access::Map => self.map(segment, &file, published, end_offset)?,
        };
        // Looked at before it is known whether the read counts: only where no truncation can have begun that does not know of it.
        let mapped = map.as_ref().filter(|_| self.generation() == generation).map(|map| Mapped { map, end_offset });
        let Some(first) = segment.find(disk, &file, mapped, request.from)? else {
            return Ok(None);
        };
        let limit = if bound >= published.end_offset {
            published.size
        } else {
            segment.find(disk, &file, None, bound)?.map_or(published.size, |beyond| beyond.position)
        };
        let first_size = first.header.size_in_bytes();
        if first.end_position() > limit || (first_size > request.bytes_max && !request.at_least_one_batch) {
            return nothing();
        }
        let end = limit.min(first.position + request.bytes_max.max(first_size) as u64);
        let bytes = match map {
            Some(map) => map.slice(first.position..end),
            None => read_range(&*file, first.position..end)?,
        };
        Ok(Some(Read { bytes, end_offset }))
    }

    /// A map of what is published of `segment`, where there are maps, to be looked at and handed out below `end_offset`.
    fn map(
        &self,
        segment: &Segment,
        file: &Arc<dyn File>,
        published: Published,
        end_offset: Offset,
    ) -> Result<Option<Map>> {
        // Announced before anything is looked at or handed out: a truncation that begins from here on sees it, and one that began before
        // has begun a new generation, so that this read is thrown away.
        self.shared.mapped_end.raise_to(end_offset);
        let len_expected = self.shared.segment_bytes.load(Ordering::Relaxed);
        Ok(segment.map(file, published.size, len_expected)?)
    }
}

/// The segments from the one on that may have `offset`.
fn segments_from(segments: &[Arc<Segment>], offset: Offset) -> &[Arc<Segment>] {
    let next = segments.partition_point(|segment| segment.base_offset() <= offset);
    &segments[next.saturating_sub(1)..]
}
