//! [`Segment`]: one `.log` file with its indexes, shared by the log that appends and the readers.
//!
//! How far it is published is one atomic number, so that end offset and size always belong together; its bytes below that never change.
//! It does not know the segments beside it, the log's ends or who may read what. When it rolls is decided in `log/roll.rs`.

use std::io::IoSlice;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ottla_base::{Offset, Timestamp};
use ottla_records::{HEADER_LEN, Header};
use parking_lot::Mutex;

use crate::LogConfig;
use crate::batch_walk::{BatchWalk, Found, LOOKUP_CHUNK};
use crate::disk::{self, Disk, File, Map, Open};
use crate::error::{Error, Result};
use crate::file_names::{self, LOG, OFFSET_INDEX, TIME_INDEX, TXN_INDEX};
use crate::index::sorted::SortedIndex;
use crate::index::txn::{self, AbortedTxn};
use crate::index::{OFFSET_ENTRY_LEN, OffsetEntry, TIME_ENTRY_LEN, TimeEntry};
use crate::segment_cache::SegmentCache;

/// One segment of a log.
#[derive(Debug)]
pub(crate) struct Segment {
    base_offset: Offset,
    directory: Arc<Path>,
    /// The end offset, counted from the base offset, in the upper half; the size in bytes in the lower.
    published: AtomicU64,
    handles: Mutex<Handles>,
    /// Set by every use, cleared by the cache as it looks for what to close.
    recently_used: AtomicBool,
    /// The file has bytes that nothing has synced.
    is_dirty: AtomicBool,
    indexes: Mutex<Indexes>,
}

/// What costs a descriptor or a map, and is closed when others need them more.
#[derive(Debug, Default)]
struct Handles {
    file: Option<Arc<dyn File>>,
    map: Option<Map>,
    /// The cache has this segment in its queue.
    is_queued: bool,
}

/// How far a segment is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Published {
    /// The offset after the last record; what the next segment begins with.
    pub(crate) end_offset: Offset,
    /// In bytes.
    pub(crate) size: u64,
}

/// A map of a segment's file, in which batches below `end_offset` may be looked at: they are published, and no cut takes them away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mapped<'a> {
    pub(crate) map: &'a Map,
    pub(crate) end_offset: Offset,
}

#[derive(Debug)]
struct Indexes {
    offsets: SortedIndex<OFFSET_ENTRY_LEN, OffsetEntry>,
    times: SortedIndex<TIME_ENTRY_LEN, TimeEntry>,
    /// What the `.txnindex` lists; `None` where it is not known yet.
    aborted: Option<Aborted>,
    bytes_since_entry: u64,
    /// The largest timestamp, with the last offset of the batch that has it; `None` where only the time index knows.
    largest: Option<TimeEntry>,
}

/// How many aborted transactions a `.txnindex` lists, and the offset of the last marker.
#[derive(Clone, Copy, Debug, Default)]
struct Aborted {
    count: u32,
    last_offset: Option<Offset>,
}

impl Aborted {
    fn of(entries: &[AbortedTxn]) -> Aborted {
        Aborted { count: entries.len() as u32, last_offset: entries.last().map(|entry| entry.last_offset) }
    }
}

impl Indexes {
    fn empty() -> Indexes {
        Indexes {
            offsets: SortedIndex::empty(),
            times: SortedIndex::empty(),
            aborted: Some(Aborted::default()),
            bytes_since_entry: 0,
            largest: None,
        }
    }
}

impl Segment {
    /// Creates the file of a segment that begins at `base_offset`. A file of that name can only be left from a creation that failed.
    pub(crate) fn create(disk: &dyn Disk, directory: Arc<Path>, base_offset: Offset) -> disk::Result<Segment> {
        let path = file_names::path(&directory, base_offset, LOG);
        let file = disk.open(&path, Open::CreateIfMissing)?;
        file.set_len(0)?;
        for suffix in [OFFSET_INDEX, TIME_INDEX, TXN_INDEX] {
            remove_if_there(disk, &file_names::path(&directory, base_offset, suffix))?;
        }
        let published = Published { end_offset: base_offset, size: 0 };
        Ok(Segment::new(directory, base_offset, published, Indexes::empty()))
    }

    /// The segment in existing files, whose indexes can be trusted as they are.
    pub(crate) fn open(
        disk: &dyn Disk,
        directory: Arc<Path>,
        base_offset: Offset,
        published: Published,
    ) -> disk::Result<Segment> {
        let indexes = Indexes {
            offsets: SortedIndex::on_file(file_len(disk, &file_names::path(&directory, base_offset, OFFSET_INDEX))?),
            times: SortedIndex::on_file(file_len(disk, &file_names::path(&directory, base_offset, TIME_INDEX))?),
            aborted: None,
            bytes_since_entry: 0,
            largest: None,
        };
        Ok(Segment::new(directory, base_offset, published, indexes))
    }

    fn new(directory: Arc<Path>, base_offset: Offset, published: Published, indexes: Indexes) -> Segment {
        let segment = Segment {
            base_offset,
            directory,
            published: AtomicU64::new(0),
            handles: Mutex::default(),
            recently_used: AtomicBool::new(false),
            is_dirty: AtomicBool::new(false),
            indexes: Mutex::new(indexes),
        };
        segment.publish(published);
        segment
    }

    pub(crate) fn base_offset(&self) -> Offset {
        self.base_offset
    }

    pub(crate) fn path(&self, suffix: &str) -> PathBuf {
        file_names::path(&self.directory, self.base_offset, suffix)
    }

    /// How far readers may look.
    pub(crate) fn published(&self) -> Published {
        let packed = self.published.load(Ordering::SeqCst);
        Published { end_offset: self.base_offset + (packed >> 32) as i64, size: packed & u64::from(u32::MAX) }
    }

    /// Lets readers look as far as `published`, or takes it back before a cut.
    pub(crate) fn publish(&self, published: Published) {
        let relative = u64::from(self.relative(published.end_offset).expect("a roll keeps the end in range"));
        assert!(published.size <= u64::from(u32::MAX), "a roll keeps the size in range");
        self.published.store(relative << 32 | published.size, Ordering::SeqCst);
    }

    /// `offset` counted from the base offset, where an index can hold it.
    pub(crate) fn relative(&self, offset: Offset) -> Option<u32> {
        u32::try_from(offset - self.base_offset).ok()
    }

    // ---- handles -------------------------------------------------------------------------------------------------------------

    /// The open file; it is opened where it was not.
    pub(crate) fn file(self: &Arc<Segment>, disk: &dyn Disk, cache: &SegmentCache) -> disk::Result<Arc<dyn File>> {
        self.recently_used.store(true, Ordering::Relaxed);
        let mut handles = self.handles.lock();
        if let Some(file) = &handles.file {
            return Ok(file.clone());
        }
        let file = cache.open(disk, &self.path(LOG))?;
        handles.file = Some(file.clone());
        let is_new = !std::mem::replace(&mut handles.is_queued, true);
        drop(handles);
        if is_new {
            cache.admit(self);
        }
        Ok(file)
    }

    /// The open file; `None` where it is not open.
    pub(crate) fn open_file(&self) -> Option<Arc<dyn File>> {
        self.handles.lock().file.clone()
    }

    /// A map of at least the first `len` bytes; `None` where there are no maps. It is made for `len_expected` bytes.
    pub(crate) fn map(&self, file: &Arc<dyn File>, len: u64, len_expected: u64) -> disk::Result<Option<Map>> {
        let mut handles = self.handles.lock();
        if handles.map.as_ref().is_none_or(|map| map.len() < len) {
            handles.map = file.map(len.max(len_expected))?;
        }
        Ok(handles.map.clone())
    }

    /// Whether nobody used it since it was asked last.
    pub(crate) fn is_idle(&self) -> bool {
        !self.recently_used.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn is_dirty(&self) -> bool {
        self.is_dirty.load(Ordering::SeqCst)
    }

    pub(crate) fn set_dirty(&self, is_dirty: bool) {
        self.is_dirty.store(is_dirty, Ordering::SeqCst);
    }

    /// Gives back descriptor, map and buffers; readers that have them keep them until they are done.
    ///
    /// What is dirty stays so, and the next flush opens the file again. A write that fails meanwhile is not lost on it: Linux tells whoever
    /// opens the file next of an error that nobody has seen (since 4.17), and a syncfs of all that failed since its descriptor was opened.
    pub(crate) fn close_handles(&self) {
        let mut handles = self.handles.lock();
        *handles = Handles::default();
        self.indexes.lock().release_memory();
    }

    // ---- writing -------------------------------------------------------------------------------------------------------------

    /// Writes `slices` behind what is published, and publishes nothing. After an error the file is cut back as far as the disk lets us;
    /// what stays is overwritten by the next append.
    pub(crate) fn write(
        self: &Arc<Segment>,
        disk: &dyn Disk,
        cache: &SegmentCache,
        slices: &[IoSlice<'_>],
    ) -> Result<()> {
        // Known from here on, so that nothing can fail between the write and its publication.
        self.newest_times(disk, &mut self.indexes.lock())?;
        let file = self.file(disk, cache)?;
        let position = self.published().size;
        self.set_dirty(true);
        let written = file.write_all_at(slices, position);
        if written.is_err() {
            // The write's error is the one that counts, and readers and recovery do not look past the published end.
            let _ = file.set_len(position);
        }
        Ok(written?)
    }

    /// Learns that the batch of `header` was written to `position`: notes its timestamp, and its place where an index entry is due.
    ///
    /// Source: Kafka `LogSegment.append`.
    pub(crate) fn index_batch(&self, disk: &dyn Disk, config: &LogConfig, position: u64, header: &Header) {
        let relative_offset = self.relative(header.last_offset()).expect("a roll keeps offsets in range");
        let mut indexes = self.indexes.lock();
        let indexes = &mut *indexes;
        if indexes.largest.is_none_or(|largest| header.max_timestamp.0 > largest.timestamp) {
            indexes.largest = Some(TimeEntry { timestamp: header.max_timestamp.0, relative_offset });
        }
        if indexes.bytes_since_entry > u64::from(config.index_interval_bytes) {
            indexes.offsets.push(OffsetEntry { relative_offset, position: position as u32 });
            indexes.push_largest();
            indexes.bytes_since_entry = 0;
        }
        indexes.bytes_since_entry += header.size_in_bytes() as u64;
        if indexes.offsets.has_full_block() {
            // A full disk must not fail the append for an index's sake: what is in memory stays there and is written later.
            if let Err(error) = self.write_entries(disk, indexes) {
                tracing::debug!(%error, "index entries stay in memory");
            }
        }
    }

    /// Has to be called before [`Segment::index_batch`] where nothing was written before: what that compares with is in memory then.
    pub(crate) fn load_newest_entries(&self, disk: &dyn Disk) -> disk::Result<()> {
        self.newest_times(disk, &mut self.indexes.lock())
    }

    /// Writes all index entries to their files, and returns whether there were any to write. `is_final` adds the largest timestamp: the
    /// segment takes no more batches for now.
    pub(crate) fn write_indexes(&self, disk: &dyn Disk, is_final: bool) -> Result<bool> {
        let mut indexes = self.indexes.lock();
        if is_final {
            self.newest_times(disk, &mut indexes)?;
            indexes.push_largest();
        }
        Ok(self.write_entries(disk, &mut indexes)?)
    }

    fn write_entries(&self, disk: &dyn Disk, indexes: &mut Indexes) -> disk::Result<bool> {
        let has_written = indexes.offsets.write(disk, &self.path(OFFSET_INDEX))?;
        Ok(indexes.times.write(disk, &self.path(TIME_INDEX))? || has_written)
    }

    /// The largest timestamp and the newest entry of the time index are in memory after this.
    fn newest_times(&self, disk: &dyn Disk, indexes: &mut Indexes) -> disk::Result<()> {
        let last = indexes.times.last(disk, || self.path(TIME_INDEX))?;
        indexes.largest = indexes.largest.or(last);
        Ok(())
    }

    /// Lists a transaction that was aborted by a marker in this segment; one that is listed already changes nothing.
    pub(crate) fn index_aborted(&self, disk: &dyn Disk, aborted: AbortedTxn) -> disk::Result<()> {
        let mut indexes = self.indexes.lock();
        let path = self.path(TXN_INDEX);
        let listed = match indexes.aborted {
            Some(listed) => listed,
            None => Aborted::of(&txn::read(disk, &path)?),
        };
        if listed.last_offset.is_none_or(|last_offset| last_offset < aborted.last_offset) {
            txn::append(disk, &path, listed.count, aborted)?;
            indexes.aborted = Some(Aborted { count: listed.count + 1, last_offset: Some(aborted.last_offset) });
        }
        Ok(())
    }

    /// Forgets what the indexes say of `end_offset` and behind, in the files too. Batches from the last entry on have to be indexed anew.
    pub(crate) fn truncate_indexes(&self, disk: &dyn Disk, end_offset: Offset) -> disk::Result<()> {
        let relative_end = end_offset - self.base_offset;
        let mut indexes = self.indexes.lock();
        let indexes = &mut *indexes;
        let (offsets, times) = (self.path(OFFSET_INDEX), self.path(TIME_INDEX));
        let is_below = |entry: &OffsetEntry| i64::from(entry.relative_offset) < relative_end;
        let last = indexes.offsets.truncate(disk, &offsets, is_below)?;
        // Batches behind the last entry are indexed anew, so that what the time index knows of them is not missed.
        let is_known = |entry: &TimeEntry| last.is_some_and(|last| entry.relative_offset <= last.relative_offset);
        indexes.times.truncate(disk, &times, is_known)?;
        indexes.largest = None;
        indexes.bytes_since_entry = 0;
        self.write_entries(disk, indexes)?;
        let path = self.path(TXN_INDEX);
        let aborted = txn::read(disk, &path)?;
        let kept = Aborted::of(&aborted[..aborted.partition_point(|entry| entry.last_offset < end_offset)]);
        txn::truncate(disk, &path, kept.count)?;
        indexes.aborted = Some(kept);
        Ok(())
    }

    /// Makes the content of the index files durable, of those that there are.
    pub(crate) fn sync_indexes(&self, disk: &dyn Disk) -> disk::Result<()> {
        for suffix in [OFFSET_INDEX, TIME_INDEX, TXN_INDEX] {
            match disk.open(&self.path(suffix), Open::Write) {
                Err(error) if error.is_not_found() => {}
                index => index?.sync_data()?,
            }
        }
        Ok(())
    }

    /// Whether one of the indexes has no room for another entry.
    pub(crate) fn is_index_full(&self, config: &LogConfig) -> bool {
        let indexes = self.indexes.lock();
        indexes.offsets.len() >= config.offset_index_entries_max()
            || indexes.times.len() >= config.time_index_entries_max()
    }

    // ---- looking up ----------------------------------------------------------------------------------------------------------

    /// The first batch whose last offset is `offset` or larger, among those that are published; `None` where there is none.
    /// Where `file` is mapped, that saves system calls.
    pub(crate) fn find(
        &self,
        disk: &dyn Disk,
        file: &Arc<dyn File>,
        mapped: Option<Mapped<'_>>,
        offset: Offset,
    ) -> Result<Option<Found>> {
        if let Some(found) = self.find_indexed(disk, file, mapped, offset)? {
            return Ok(Some(found));
        }
        let mut walk = self.walk_before(disk, file, offset, LOOKUP_CHUNK)?;
        loop {
            match walk.next()? {
                None => return Ok(None),
                Some(Ok(found)) if found.header.last_offset() >= offset => return Ok(Some(found)),
                Some(Ok(_)) => {}
                Some(Err(_)) => return Err(Error::CorruptBatch { offset }),
            }
        }
    }

    /// The batch that has `offset`, where an index entry points to that very batch: where batches are large, nearly each has an entry, and
    /// one header is read instead of two and what lies about them. `None` where it has to be looked for.
    fn find_indexed(
        &self,
        disk: &dyn Disk,
        file: &Arc<dyn File>,
        mapped: Option<Mapped<'_>>,
        offset: Offset,
    ) -> disk::Result<Option<Found>> {
        let (relative, path) = (offset - self.base_offset, || self.path(OFFSET_INDEX));
        let around =
            self.indexes.lock().offsets.around(disk, path, |entry| i64::from(entry.relative_offset) <= relative)?;
        let (Some(before), Some(entry)) = around else { return Ok(None) };
        let position = u64::from(entry.position);
        let left = self.published().size.saturating_sub(position);
        if entry.position.saturating_sub(before.position) < 2 * LOOKUP_CHUNK as u32 || left < HEADER_LEN as u64 {
            return Ok(None);
        }
        let last_offset = self.base_offset + i64::from(entry.relative_offset);
        let mut bytes = [0; HEADER_LEN];
        match mapped {
            Some(Mapped { map, end_offset }) if last_offset < end_offset => {
                bytes.copy_from_slice(&map.slice(position..position + HEADER_LEN as u64));
            }
            _ => file.read_exact_at(&mut bytes, position)?,
        }
        Ok(Header::read(&bytes).ok().and_then(|header| {
            let is_it = header.base_offset <= offset && header.last_offset() == last_offset;
            (is_it && header.size_in_bytes() as u64 <= left).then_some(Found { position, header })
        }))
    }

    /// A walk that begins at or before the first batch whose last offset is `offset` or larger, as near as the index tells.
    pub(crate) fn walk_before(
        &self,
        disk: &dyn Disk,
        file: &Arc<dyn File>,
        offset: Offset,
        chunk: usize,
    ) -> Result<BatchWalk> {
        let size = self.published().size;
        let floor = self.floor(disk, offset)?;
        let Some(entry) = floor.filter(|entry| u64::from(entry.position) < size) else {
            return Ok(BatchWalk::new(file.clone(), 0, size, chunk));
        };
        let mut walk = BatchWalk::new(file.clone(), u64::from(entry.position), size, chunk);
        let last_offset = self.base_offset + i64::from(entry.relative_offset);
        match walk.next()? {
            Some(Ok(found)) if found.header.last_offset() == last_offset => {
                walk.back_to(&found);
                Ok(walk)
            }
            _ => {
                tracing::warn!(segment = %self.path(LOG).display(), offset = %last_offset, "index entry points to no batch");
                Ok(BatchWalk::new(file.clone(), 0, size, chunk))
            }
        }
    }

    /// A position at or before that of the batch that has `offset`, without looking at the file itself.
    pub(crate) fn floor_position(&self, disk: &dyn Disk, offset: Offset) -> disk::Result<u64> {
        let position = self.floor(disk, offset)?.map_or(0, |entry| u64::from(entry.position));
        Ok(position.min(self.published().size))
    }

    fn floor(&self, disk: &dyn Disk, offset: Offset) -> disk::Result<Option<OffsetEntry>> {
        let (relative, path) = (offset - self.base_offset, || self.path(OFFSET_INDEX));
        self.indexes.lock().offsets.floor(disk, path, |entry| i64::from(entry.relative_offset) <= relative)
    }

    /// The newest time index entry whose timestamp is at most `timestamp`: no record up to its offset is newer.
    pub(crate) fn time_floor(&self, disk: &dyn Disk, timestamp: Timestamp) -> disk::Result<Option<Offset>> {
        let path = || self.path(TIME_INDEX);
        let floor = self.indexes.lock().times.floor(disk, path, |entry| entry.timestamp <= timestamp.0)?;
        Ok(floor.map(|entry| self.base_offset + i64::from(entry.relative_offset)))
    }

    /// The newest time index entry of a batch that ends before `offset`.
    pub(crate) fn largest_timestamp_before(
        &self,
        disk: &dyn Disk,
        offset: Offset,
    ) -> disk::Result<Option<(Timestamp, Offset)>> {
        let (relative, path) = (offset - self.base_offset, || self.path(TIME_INDEX));
        let floor = self.indexes.lock().times.floor(disk, path, |entry| i64::from(entry.relative_offset) < relative)?;
        Ok(floor.map(|entry| (Timestamp(entry.timestamp), self.base_offset + i64::from(entry.relative_offset))))
    }

    /// The largest timestamp of its records, with the last offset of the batch that has it; `None` where there are no records.
    pub(crate) fn largest_timestamp(&self, disk: &dyn Disk) -> disk::Result<Option<(Timestamp, Offset)>> {
        let mut indexes = self.indexes.lock();
        self.newest_times(disk, &mut indexes)?;
        let largest = indexes.largest;
        Ok(largest.map(|entry| (Timestamp(entry.timestamp), self.base_offset + i64::from(entry.relative_offset))))
    }

    /// The transactions aborted by markers in this segment.
    pub(crate) fn aborted(&self, disk: &dyn Disk) -> disk::Result<Vec<AbortedTxn>> {
        match self.indexes.lock().aborted {
            Some(Aborted { count: 0, .. }) => Ok(Vec::new()),
            _ => txn::read(disk, &self.path(TXN_INDEX)),
        }
    }

    /// The timestamp of the first batch, by which a segment's age is counted; `None` where there is none.
    pub(crate) fn first_timestamp(
        self: &Arc<Segment>,
        disk: &dyn Disk,
        cache: &SegmentCache,
    ) -> Result<Option<Timestamp>> {
        let size = self.published().size;
        let mut walk = BatchWalk::new(self.file(disk, cache)?, 0, size, ottla_records::HEADER_LEN);
        match walk.next()? {
            Some(Ok(found)) => Ok(Some(found.header.max_timestamp).filter(|timestamp| *timestamp >= Timestamp(0))),
            Some(Err(_)) => Err(Error::CorruptBatch { offset: self.base_offset }),
            None => Ok(None),
        }
    }
}

/// What tests ask of a segment.
#[cfg(test)]
impl Segment {
    /// Whether every index entry is true of the batches, and lies where one is due.
    pub(crate) fn check_indexes(self: &Arc<Segment>, environment: &crate::LogEnvironment) -> Result<(), String> {
        let disk = &*environment.disk;
        let told = |error: disk::Error| error.to_string();
        let file = self.file(disk, &environment.segment_cache).map_err(told)?;
        let mut walk = BatchWalk::new(file, 0, self.published().size, LOOKUP_CHUNK);
        let (mut batches, mut largest) = (Vec::new(), Vec::new());
        while let Some(found) = walk.next().map_err(told)? {
            let header = found.map_err(|malformed| malformed.to_string())?.header;
            let relative_offset = self.relative(header.last_offset()).expect("it lies in the segment");
            let position = (walk.position() - header.size_in_bytes() as u64) as u32;
            batches.push(OffsetEntry { relative_offset, position });
            let so_far = largest.last().map_or(i64::MIN, |entry: &TimeEntry| entry.timestamp);
            if header.max_timestamp.0 > so_far {
                largest.push(TimeEntry { timestamp: header.max_timestamp.0, relative_offset });
            }
        }
        let indexes = self.indexes.lock();
        let offsets = indexes.offsets.entries(disk, &self.path(OFFSET_INDEX)).map_err(told)?;
        let times = indexes.times.entries(disk, &self.path(TIME_INDEX)).map_err(told)?;
        if let Some(entry) = offsets.iter().find(|entry| !batches.contains(entry)) {
            return Err(format!("{entry:?} in {} is no batch", self.path(OFFSET_INDEX).display()));
        }
        if let Some(entry) = times.iter().find(|entry| !largest.contains(entry)) {
            return Err(format!("{entry:?} in {} is not the largest timestamp", self.path(TIME_INDEX).display()));
        }
        let ascend = offsets.windows(2).all(|pair| pair[1].position > pair[0].position);
        if ascend { Ok(()) } else { Err(format!("{} does not ascend", self.path(OFFSET_INDEX).display())) }
    }
}

impl Indexes {
    /// Adds the largest timestamp to the time index, where it is news there. The newest entry is known: see `newest_times`.
    fn push_largest(&mut self) {
        let newest = self.times.last_known().map_or(Timestamp::NONE.0, |last| last.timestamp);
        if let Some(largest) = self.largest.filter(|largest| largest.timestamp > newest) {
            self.times.push(largest);
        }
    }

    fn release_memory(&mut self) {
        self.offsets.shrink();
        self.times.shrink();
    }
}

/// The length of the file at `path`; `None` where there is none.
pub(crate) fn file_len(disk: &dyn Disk, path: &Path) -> disk::Result<Option<u64>> {
    Ok(match disk.entry(path)? {
        Some(disk::EntryKind::File { len }) => Some(len),
        _ => None,
    })
}

/// Removes the file at `path`, where there is one.
pub(crate) fn remove_if_there(disk: &dyn Disk, path: &Path) -> disk::Result<()> {
    match disk.remove_file(path) {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}
