//! [`LogStore`]: the Raft log over a partition's log, and the vote beside it.
//!
//! Raft index = offset, one batch with one record for each entry. openraft's core owns the one [`LogStore`] and calls it for one thing
//! at a time, so it is the only writer: an append returns when its bytes are in the page cache and its callback comes from the flusher;
//! a vote, a cut and a purge first wait until everything appended before them is durable. So nothing is ever durable out of order.
//! Readers ([`EntryReader`]) read beside it.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend, RaftLogReader};
use ottla_base::{Clock, Lane, LeaderEpoch, Offset, Workers};
use ottla_records::{Batch, BatchBuilder, batches};
use ottla_storage::disk::{self, ensure_dir};
use ottla_storage::flush::{FlushKey, FlushPlan, FlushTicket, Flushable, Flusher, FlusherSeams};
use ottla_storage::{
    Access, Ballast, DirectoryFailure, DirectoryHealth, Log, LogConfig, LogEnvironment, LogReader, Opening,
    ReadRequest, Recovered,
};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use super::encoding::{decode_entry, encode_entry};
use super::job;
use super::quorum_state::{Progress, QuorumFiles, QuorumState};
use super::types::{Entry, LogId, TypeConfig, Vote};
use crate::{Options, Seams, StartError};

/// The folder of the log within the quorum's.
const LOG_FOLDER: &str = "log";
/// Larger than any entry, and small enough that a purge frees room.
const SEGMENT_BYTES: u32 = 32 << 20;
/// How many files of the log are kept open.
const OPEN_SEGMENTS_MAX: usize = 4;
/// How many bytes of entries are read at a time, and at the most for one message to another voter.
const READ_BYTES_MAX: usize = 1 << 20;
/// An entry's value is never compressed.
const RECORD_BYTES_MAX: usize = i32::MAX as usize;

/// The writer. openraft has the one there is.
#[derive(Debug)]
pub(crate) struct LogStore {
    shared: Arc<Shared>,
}

/// Reads entries and the vote, beside the writer.
#[derive(Clone, Debug)]
pub(crate) struct EntryReader {
    shared: Arc<Shared>,
    reader: LogReader,
}

/// The quorum's files, for those who watch over them.
#[derive(Clone, Debug)]
pub(crate) struct LogFiles {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Who waits for the entries below an offset to be durable, by that offset. Taken under `state`'s lock or without it, never the
    /// other way round: a directory that fails tells those who wait whoever holds `state`.
    waiting: Mutex<VecDeque<(Offset, Waiter)>>,
    files: QuorumFiles,
    disk: Arc<dyn disk::Disk>,
    workers: Arc<dyn Workers>,
    clock: Arc<dyn Clock>,
    ballast: Option<Arc<Ballast>>,
    flusher: Flusher,
    key: FlushKey,
    /// Told whenever a sync is asked for.
    syncing: Notify,
}

struct State {
    log: Log,
    quorum: QuorumState,
    committed: Option<LogId>,
    /// The last entry, or the last purged one.
    last: Option<LogId>,
}

enum Waiter {
    Append(IOFlushed<TypeConfig>),
    Barrier(oneshot::Sender<io::Result<()>>),
}

impl Waiter {
    fn tell(self, result: io::Result<()>) {
        match self {
            Waiter::Append(callback) => callback.io_completed(result),
            // It gives up waiting only when the node is aborted.
            Waiter::Barrier(sender) => drop(sender.send(result)),
        }
    }
}

impl LogStore {
    /// Opens the quorum's files, or makes those of a new voter. Blocks; all that is in the log is durable when it returns.
    pub(crate) fn open(options: &Options, seams: &Seams) -> Result<LogStore, StartError> {
        let directory = &options.directory;
        let failed = |reason: String| StartError::Files { directory: directory.clone(), reason };
        let disk = &seams.disk;
        ensure_dir(&**disk, directory).map_err(|error| failed(error.to_string()))?;
        let (files, quorum, hint) = QuorumFiles::open(disk, directory).map_err(|error| failed(error.to_string()))?;
        let health = DirectoryHealth::default();
        let start = start_of(quorum.purged);
        let log = open_log(seams, directory, start, hint.durable_offset);
        let (log, recovered) = log.map_err(|error| failed(error.to_string()))?;
        report(directory, start, &recovered)?;

        let file_system = disk.file_system(directory).map_err(|error| failed(error.to_string()))?;
        let (disk, workers, clock) = (seams.disk.clone(), seams.workers.clone(), seams.clock.clone());
        let flusher_seams =
            FlusherSeams { disk: disk.clone(), file_system, workers: workers.clone(), clock: clock.clone() };
        let flusher = Flusher::new(Lane::QuorumFlush, options.sync_age_max, health, flusher_seams);
        let key = flusher.new_key();
        let state = State { log, last: quorum.purged, quorum, committed: hint.committed };
        let (state, waiting) = (Mutex::new(state), Mutex::default());
        let (ballast, syncing) = (seams.ballast.clone(), Notify::new());
        let shared = Arc::new(Shared { state, waiting, files, disk, workers, clock, ballast, flusher, key, syncing });
        let store = LogStore { shared };
        store.settle().map_err(|error| failed(error.to_string()))?;
        let damaged =
            |error: io::Error| StartError::Damaged { directory: directory.clone(), reason: error.to_string() };
        store.read_through().map_err(damaged)?;
        Ok(store)
    }

    /// After recovery: the log begins no earlier than the purge says, and all of it is durable.
    fn settle(&self) -> io::Result<()> {
        let mut state = self.shared.state.lock();
        let start = start_of(state.quorum.purged);
        if state.log.log_end_offset() < start {
            // A snapshot was installed, and the power went before the log was restarted behind it.
            state.log.truncate_fully_and_start_at(start, self.shared.clock.wall()).map_err(io::Error::other)?;
        }
        self.shared.sync_now(&mut state)
    }

    /// Reads every entry once, which a start does anyway when it applies them: damage is found before this voter says a word. Learns the
    /// last entry.
    fn read_through(&self) -> io::Result<()> {
        let mut state = self.shared.state.lock();
        let reader = state.log.reader();
        let (mut next, end) = (reader.log_start_offset(), reader.log_end_offset());
        while next < end {
            let entries = read_entries(&reader, next, end, READ_BYTES_MAX)?;
            next += entries.len() as i64;
            state.last = entries.last().map(|entry| entry.log_id);
        }
        Ok(())
    }

    pub(crate) fn files(&self) -> LogFiles {
        LogFiles { shared: self.shared.clone() }
    }

    /// Waits until all that was appended is durable.
    async fn barrier(&self) -> io::Result<()> {
        let durable = {
            let state = self.shared.state.lock();
            let end = state.log.log_end_offset();
            if state.log.durable_offset() >= end {
                return Ok(());
            }
            let (sender, durable) = oneshot::channel();
            self.shared.waiting.lock().push_back((end, Waiter::Barrier(sender)));
            durable
        };
        self.shared.request_flush()?;
        durable.await.map_err(|_| io::Error::other("the metadata log's flusher has stopped"))?
    }

    /// Replaces the quorum state, durably, and only then lets it be seen.
    async fn replace_state(&self, change: impl FnOnce(&mut QuorumState)) -> io::Result<()> {
        self.barrier().await?;
        let mut quorum = self.shared.state.lock().quorum.clone();
        change(&mut quorum);
        let (shared, written) = (self.shared.clone(), quorum.clone());
        let write = move || shared.with_room(|| shared.files.write_state(&written));
        job::run(&self.shared.workers, Lane::QuorumFlush, write).await?.map_err(io::Error::other)?;
        self.shared.state.lock().quorum = quorum;
        Ok(())
    }
}

fn open_log(
    seams: &Seams,
    directory: &Path,
    log_start_offset: Offset,
    durable_offset: Offset,
) -> ottla_storage::Result<(Log, Recovered)> {
    let environment = LogEnvironment::new(seams.disk.clone(), seams.scope.entropy().clone(), OPEN_SEGMENTS_MAX);
    let folder = directory.join(LOG_FOLDER);
    ensure_dir(&*seams.disk, &folder)?;
    let opening = Opening {
        config: LogConfig { segment_bytes: SEGMENT_BYTES, delete_old_segments: false, ..LogConfig::default() },
        topic_id: None,
        log_start_offset,
        recovery_point: durable_offset.max(log_start_offset),
        was_clean: false,
        now: seams.clock.wall(),
    };
    Log::open(&environment, &folder, opening)
}

/// Says what recovery found, and refuses a log without entries that it had and that are in no snapshot.
fn report(directory: &Path, start: Offset, recovered: &Recovered) -> Result<(), StartError> {
    if let Some(at) = recovered.rot.filter(|at| *at >= start) {
        return Err(StartError::Damaged { directory: directory.to_owned(), reason: format!("they end at {at}") });
    }
    if let Some(cut) = &recovered.cut {
        let (at, bytes, suspect) = (cut.at, cut.bytes, cut.suspect);
        tracing::warn!(%at, bytes, suspect, "cut what was not durable off the metadata log");
    }
    Ok(())
}

/// The offset of the first entry that is not purged.
fn start_of(purged: Option<LogId>) -> Offset {
    purged.map_or(Offset::ZERO, |purged| offset_of(&purged) + 1)
}

fn offset_of(log_id: &LogId) -> Offset {
    Offset(i64::try_from(log_id.index()).expect("an index that was an offset"))
}

impl Shared {
    /// Asks for what was appended to be made durable.
    fn request_flush(self: &Arc<Self>) -> io::Result<()> {
        self.flusher.request(self.clone()).map_err(io::Error::other)?;
        self.syncing.notify_one();
        Ok(())
    }

    /// Writes what the node cannot go on without: on a full disk the ballast makes room.
    fn with_room<T>(&self, mut write: impl FnMut() -> disk::Result<T>) -> disk::Result<T> {
        match &self.ballast {
            Some(ballast) => ballast.with_room(write),
            None => write(),
        }
    }

    /// Raft asks for a log without holes; where an empty one begins is for its first entry to say.
    fn begin_at(&self, log: &mut Log, first: Offset) -> io::Result<()> {
        let end = log.log_end_offset();
        if first > end && log.log_start_offset() == end {
            log.truncate_fully_and_start_at(first, self.clock.wall()).map_err(io::Error::other)?;
        }
        Ok(())
    }

    fn append(&self, log: &mut Log, batch: Batch) -> ottla_storage::Result<()> {
        let now = self.clock.wall();
        match log.append_replicated(batch.bytes(), now) {
            Err(error) if error.is_no_space() && self.release_ballast()? => {
                log.append_replicated(batch.bytes(), now)?
            }
            appended => appended?,
        };
        Ok(())
    }

    fn release_ballast(&self) -> disk::Result<bool> {
        self.ballast.as_ref().map_or(Ok(false), |ballast| ballast.release())
    }

    /// Syncs in the caller. For start and stop, when nobody else does.
    fn sync_now(&self, state: &mut State) -> io::Result<()> {
        while let Some(FlushPlan { ticket, files, directories }) = state.log.begin_flush() {
            for file in files {
                file.sync_data().map_err(io::Error::other)?;
            }
            for directory in directories {
                self.disk.sync_dir(&directory).map_err(io::Error::other)?;
            }
            state.log.on_flushed(ticket);
        }
        Ok(())
    }

    /// Says how far the log is durable, for the next start; not durably.
    fn write_progress(&self, state: &State) -> io::Result<()> {
        let progress = Progress { committed: state.committed, durable_offset: state.log.durable_offset() };
        self.with_room(|| self.files.write_progress(&progress)).map_err(io::Error::other)
    }
}

impl Flushable for Shared {
    fn key(&self) -> FlushKey {
        self.key
    }

    fn begin_flush(&self) -> Option<FlushPlan> {
        self.state.lock().log.begin_flush()
    }

    fn finish_flush(&self, ticket: FlushTicket) {
        let durable = {
            let mut state = self.state.lock();
            state.log.on_flushed(ticket);
            state.log.durable_offset()
        };
        let told: Vec<_> = {
            let mut waiting = self.waiting.lock();
            let reached = waiting.partition_point(|(end, _)| *end <= durable);
            waiting.drain(..reached).collect()
        };
        told.into_iter().for_each(|(_, waiter)| waiter.tell(Ok(())));
    }

    fn directory_failed(&self, failure: &DirectoryFailure) {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        for (_, waiter) in waiting {
            waiter.tell(Err(io::Error::other(failure.clone())));
        }
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = EntryReader;

    async fn get_log_state(&mut self) -> io::Result<LogState<TypeConfig>> {
        let state = self.shared.state.lock();
        Ok(LogState { last_purged_log_id: state.quorum.purged, last_log_id: state.last })
    }

    async fn get_log_reader(&mut self) -> EntryReader {
        let reader = self.shared.state.lock().log.reader();
        EntryReader { shared: self.shared.clone(), reader }
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        self.replace_state(|quorum| quorum.vote = Some(*vote)).await
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        let mut state = self.shared.state.lock();
        state.committed = committed;
        self.shared.write_progress(&state)
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        Ok(self.shared.state.lock().committed)
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<TypeConfig>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        {
            let mut state = self.shared.state.lock();
            for entry in entries {
                self.shared.begin_at(&mut state.log, offset_of(&entry.log_id))?;
                let batch = encode_batch(&entry, self.shared.clock.wall());
                self.shared
                    .append(&mut state.log, batch)
                    .map_err(|error| io::Error::other(format!("append to the metadata log: {error}")))?;
                state.last = Some(entry.log_id);
            }
            let end = state.log.log_end_offset();
            self.shared.waiting.lock().push_back((end, Waiter::Append(callback)));
        }
        self.shared.request_flush()
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        self.barrier().await?;
        let recovery_point = {
            let mut state = self.shared.state.lock();
            let end = last.map_or(start_of(state.quorum.purged), |last| offset_of(&last) + 1);
            state.log.truncate_to(end, self.shared.clock.wall()).map_err(io::Error::other)?;
            state.last = state.last.min(last.or(state.quorum.purged));
            self.shared.write_progress(&state)?;
            state.log.recovery_point()
        };
        let files = self.shared.files.clone();
        let sync = move || files.sync_progress();
        job::run(&self.shared.workers, Lane::QuorumFlush, sync).await?.map_err(io::Error::other)?;
        self.shared.state.lock().log.on_checkpointed(recovery_point).map_err(io::Error::other)
    }

    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        self.replace_state(|quorum| quorum.purged = quorum.purged.max(Some(upto))).await?;
        let deletion = {
            let mut state = self.shared.state.lock();
            let (start, end, now) =
                (start_of(state.quorum.purged), state.log.log_end_offset(), self.shared.clock.wall());
            state.last = state.last.max(state.quorum.purged);
            if end < start {
                return state.log.truncate_fully_and_start_at(start, now).map_err(io::Error::other);
            }
            state.log.advance_log_start_offset(start, end).map_err(io::Error::other)?;
            state.log.delete_old_segments(end, now).map_err(io::Error::other)?
        };
        let delete = move || deletion.rename().and_then(|()| deletion.remove());
        job::run(&self.shared.workers, Lane::Background, delete).await?.map_err(io::Error::other)
    }
}

impl EntryReader {
    /// What there is of a range: entries may be missing at both of its ends, never in its middle.
    fn read(&self, (start, end): (Offset, Offset), bytes_max: usize) -> io::Result<Vec<Entry>> {
        let (first, log_end) = (self.reader.log_start_offset(), self.reader.log_end_offset());
        read_entries(&self.reader, start.max(first), end.min(log_end), bytes_max)
    }
}

impl RaftLogReader<TypeConfig> for EntryReader {
    async fn try_get_log_entries<R>(&mut self, range: R) -> io::Result<Vec<Entry>>
    where
        R: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        self.read(offsets(&range), usize::MAX)
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(self.shared.state.lock().quorum.vote)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.read(offsets(&(start..end)), READ_BYTES_MAX)
    }
}

fn offsets(range: &impl RangeBounds<u64>) -> (Offset, Offset) {
    let offset = |index: u64| Offset(i64::try_from(index).unwrap_or(i64::MAX));
    let start = match range.start_bound() {
        Bound::Included(start) => offset(*start),
        Bound::Excluded(start) => offset(start.saturating_add(1)),
        Bound::Unbounded => Offset::ZERO,
    };
    let end = match range.end_bound() {
        Bound::Included(end) => offset(end.saturating_add(1)),
        Bound::Excluded(end) => offset(*end),
        Bound::Unbounded => Offset::MAX,
    };
    (start, end)
}

fn encode_batch(entry: &Entry, now: ottla_base::Timestamp) -> Batch {
    let mut value = Vec::new();
    encode_entry(entry, &mut value);
    // For those who look at the log with Kafka's tools; the term itself is in the entry.
    let term = LeaderEpoch(i32::try_from(entry.log_id.committed_leader_id().term).unwrap_or(i32::MAX));
    let mut builder = BatchBuilder::default().position(offset_of(&entry.log_id), term);
    builder.append(now, None, Some(&value));
    builder.build()
}

/// The entries from `start` to before `end`, all of which the log has; ends early, but not before the first, when there are more than
/// `bytes_max` bytes of them.
fn read_entries(reader: &LogReader, start: Offset, end: Offset, bytes_max: usize) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let (mut next, mut bytes) = (start, 0);
    while next < end && bytes < bytes_max {
        let request = ReadRequest {
            from: next,
            up_to: end,
            bytes_max: READ_BYTES_MAX,
            at_least_one_batch: true,
            access: Access::Copy,
        };
        let read = reader.read(request).map_err(io::Error::other)?;
        bytes += read.bytes.len();
        // The last batch may be cut, but not the first.
        for batch in batches(read.bytes).map_while(Result::ok) {
            let entry = decode_batch(&batch)?;
            let expected = next.0 as u64;
            if entry.log_id.index() != expected {
                return Err(io::Error::other(format!(
                    "metadata log: entry {} where {expected} was to come",
                    entry.log_id
                )));
            }
            entries.push(entry);
            next += 1;
        }
        if entries.is_empty() {
            return Err(io::Error::other(format!("metadata log: no entry at {next}")));
        }
    }
    Ok(entries)
}

fn decode_batch(batch: &Batch) -> io::Result<Entry> {
    let index = batch.header().base_offset.0 as u64;
    let invalid = |reason: String| io::Error::other(format!("metadata log, entry {index}: {reason}"));
    if !batch.crc_is_valid() {
        return Err(invalid("checksum mismatch".to_owned()));
    }
    let record = batch.records(RECORD_BYTES_MAX).next().ok_or_else(|| invalid("its batch is empty".to_owned()))?;
    let value = record.map_err(|error| invalid(error.to_string()))?.value.unwrap_or_else(Bytes::new);
    decode_entry(index, &value).map_err(|error| invalid(error.to_string()))
}

impl LogFiles {
    /// Makes everything durable, for a quick start.
    pub(crate) fn close(&self) -> io::Result<()> {
        let mut state = self.shared.state.lock();
        state.log.close().map_err(io::Error::other)?;
        self.shared.write_progress(&state)
    }

    /// Fails the directory when a sync does not come back. Sleeps while none is under way.
    pub(crate) async fn watch_for_overdue_syncs(&self) {
        let Shared { flusher, clock, syncing, .. } = &*self.shared;
        loop {
            syncing.notified().await;
            while let Some(overdue_at) = flusher.overdue_at() {
                ottla_net::timer::sleep(overdue_at - clock.now()).await;
                flusher.check_overdue(clock.now());
            }
        }
    }
}

impl Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("state_file", &self.files).finish_non_exhaustive()
    }
}
