//! [`Flusher`]: makes what is written durable, for all logs of one log directory.
//!
//! Logs that have something to make durable ask for it; while one sync is under way the next set gathers, so that a busy directory
//! syncs back to back and an idle one not at all. How a set is synced is known here alone: one file by fdatasync, more by one syncfs
//! where the file system has one that reports its errors, else one by one. A sync that fails, or that stays out for too long, takes
//! the directory offline for good. The flusher knows no offset: it hands each log its own ticket back.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ottla_base::{Clock, Completion, DurationCounts, DurationHistogram, Instant, Job, Lane, Offset, Workers};
use parking_lot::Mutex;

use crate::directory_health::{DirectoryFailure, DirectoryHealth};
use crate::disk::{self, Disk, File, FileSystem};

/// What a sync was asked for: the log's bytes below `up_to`, as they were in `generation` of the log.
///
/// A truncation, a change of role and a failed directory each begin a new generation; a completion of an old one counts for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlushTicket {
    /// The log's generation when the sync was asked for.
    pub generation: u64,
    /// The log's end at that time: what the sync makes durable lies below it.
    pub up_to: Offset,
}

/// What has to be synced for a ticket to be honoured.
#[derive(Debug)]
pub struct FlushPlan {
    /// What the log gets back when it is done.
    pub ticket: FlushTicket,
    /// The files with bytes or a length that are not durable yet, those of rolled segments included.
    pub files: Vec<Arc<dyn File>>,
    /// The folders with names that are not durable yet, such as a new segment's.
    pub directories: Vec<PathBuf>,
}

/// Tells apart what asks one flusher to be flushed; drawn by [`Flusher::new_key`], and never the same twice in one flusher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlushKey(u64);

/// Something with bytes to make durable. The flusher holds no lock of its own while it calls these, so they may take theirs.
pub trait Flushable: Send + Sync {
    /// Who it is. Takes no lock.
    fn key(&self) -> FlushKey;

    /// What to sync now; `None` where nothing is dirty any more. Called on a worker just before the sync. Where it is called again
    /// before the last plan is finished, that one is void, and the new one covers what it covered.
    fn begin_flush(&self) -> Option<FlushPlan>;

    /// The plan of `ticket` is durable.
    fn finish_flush(&self, ticket: FlushTicket);

    /// The directory is offline: what was asked for will never be durable. Called once for each request that is still open.
    fn directory_failed(&self, failure: &DirectoryFailure);
}

/// The flusher of one log directory. Clones share it.
#[derive(Clone)]
pub struct Flusher {
    shared: Arc<Shared>,
}

struct Shared {
    lane: Lane,
    sync_age_max: Duration,
    disk: Arc<dyn Disk>,
    file_system: Arc<dyn FileSystem>,
    health: DirectoryHealth,
    workers: Arc<dyn Workers>,
    clock: Arc<dyn Clock>,
    sync_times: DurationHistogram,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next_key: u64,
    /// Who waits for the next sync.
    dirty: BTreeMap<FlushKey, Arc<dyn Flushable>>,
    /// The sync under way.
    sync: Option<PendingSync>,
}

/// One sync, from the submission of its job until its completion.
struct PendingSync {
    since: Instant,
    /// Empty until the job starts.
    open: Open,
}

type Open = Vec<(Arc<dyn Flushable>, FlushTicket)>;

/// What a flusher works with.
#[derive(Debug)]
pub struct FlusherSeams {
    /// Where the files lie.
    pub disk: Arc<dyn Disk>,
    /// Their file system, opened before anything was written.
    pub file_system: Arc<dyn FileSystem>,
    /// Runs the syncs.
    pub workers: Arc<dyn Workers>,
    /// Measures how long a sync is out.
    pub clock: Arc<dyn Clock>,
}

impl Flusher {
    /// A flusher that syncs on `lane` and takes the directory offline, by `health`, when a sync fails or is out for `sync_age_max`
    /// (`log.dir.failure.timeout.ms`).
    pub fn new(lane: Lane, sync_age_max: Duration, health: DirectoryHealth, seams: FlusherSeams) -> Flusher {
        let FlusherSeams { disk, file_system, workers, clock } = seams;
        let (sync_times, state) = Default::default();
        let shared =
            Arc::new(Shared { lane, sync_age_max, disk, file_system, health, workers, clock, sync_times, state });
        let weak = Arc::downgrade(&shared);
        shared.health.on_failure(Box::new(move |_| {
            if let Some(shared) = weak.upgrade() {
                shared.tell_if_failed();
            }
        }));
        Flusher { shared }
    }

    /// A key for a new [`Flushable`].
    pub fn new_key(&self) -> FlushKey {
        let mut state = self.shared.state.lock();
        state.next_key += 1;
        FlushKey(state.next_key)
    }

    /// Asks that what `flushable` has written by now be made durable: soon, by a sync that starts after this call. Asking again before
    /// that sync starts changes nothing. May be called under the flushable's own lock.
    ///
    /// Errors: the directory is offline, now and for good.
    pub fn request(&self, flushable: Arc<dyn Flushable>) -> Result<(), DirectoryFailure> {
        let key = flushable.key();
        let mut state = self.shared.state.lock();
        if let Some(failure) = self.shared.health.failure() {
            return Err(failure);
        }
        state.dirty.insert(key, flushable);
        Shared::start_sync(&self.shared, state);
        Ok(())
    }

    /// How long syncs took so far, failed ones among them: of all that is dirty at a time, from the first file to the last.
    pub fn sync_times(&self) -> DurationCounts {
        self.shared.sync_times.counts()
    }

    /// Whether nothing is dirty and no sync is under way.
    pub fn is_idle(&self) -> bool {
        let state = self.shared.state.lock();
        state.dirty.is_empty() && state.sync.is_none()
    }

    /// When the sync under way, if there is one, becomes overdue: call [`Flusher::check_overdue`] then.
    pub fn overdue_at(&self) -> Option<Instant> {
        self.shared.state.lock().sync.as_ref().map(|sync| sync.since + self.shared.sync_age_max)
    }

    /// Takes the directory offline when the sync under way is overdue; its completion, should it ever come, counts for nothing. Where the
    /// directory is offline, whatever the reason, tells those that have not heard of it. Starts what could not be started. Must not be
    /// called under a flushable's lock, and be called about once a second.
    pub fn check_overdue(&self, now: Instant) {
        let is_overdue = self.overdue_at().is_some_and(|deadline| now >= deadline);
        if is_overdue {
            self.shared.health.mark_failed(DirectoryFailure::SyncOverdue(self.shared.sync_age_max));
        }
        self.shared.tell_everyone();
        Shared::start_sync(&self.shared, self.shared.state.lock());
    }
}

impl Shared {
    /// Submits a job where something is dirty and none is under way. The dirty set is taken by the job, not here: what gathers until a
    /// worker is free goes along.
    fn start_sync(shared: &Arc<Shared>, mut state: parking_lot::MutexGuard<'_, State>) {
        if state.dirty.is_empty() || state.sync.is_some() {
            return;
        }
        state.sync = Some(PendingSync { since: shared.clock.now(), open: Vec::new() });
        drop(state);
        let job: Job = Box::new({
            let shared = shared.clone();
            move || shared.run_sync()
        });
        shared.workers.submit(shared.lane, job).expect("a log directory has one sync under way at most");
    }

    /// The job: plans, syncs, and leaves the telling to its completion.
    fn run_sync(self: Arc<Shared>) -> Completion {
        let dirty = std::mem::take(&mut self.state.lock().dirty);
        let mut open = Vec::with_capacity(dirty.len());
        let mut files = Vec::new();
        let mut directories = Vec::new();
        for flushable in dirty.into_values() {
            if let Some(plan) = flushable.begin_flush() {
                files.extend(plan.files);
                directories.extend(plan.directories);
                open.push((flushable, plan.ticket));
            }
        }
        directories.sort();
        directories.dedup();
        if let Err(open) = self.register_open(open) {
            return Box::new(move || self.tell_each_failed(open));
        }
        let began_at = self.clock.now();
        let synced = self.sync(&files, &directories);
        self.sync_times.record(self.clock.now().since(began_at));
        Box::new(move || Shared::finish_sync(&self, synced))
    }

    /// Errors: the directory has failed since the job was submitted; `open` comes back.
    fn register_open(&self, open: Open) -> Result<(), Open> {
        match &mut self.state.lock().sync {
            Some(sync) => sync.open = open,
            None => return Err(open),
        }
        Ok(())
    }

    fn sync(&self, files: &[Arc<dyn File>], directories: &[PathBuf]) -> disk::Result<()> {
        if files.len() + directories.len() > 1 && self.file_system.can_sync() {
            return self.file_system.sync();
        }
        for file in files {
            file.sync_data()?;
        }
        for directory in directories {
            match self.disk.sync_dir(directory) {
                // Moved away with the partition that was deleted: it has no names left to keep.
                Err(error) if error.is_not_found() => {}
                synced => synced?,
            }
        }
        Ok(())
    }

    /// The completion. What was synced counts for nothing where the directory has failed in the meantime.
    fn finish_sync(shared: &Arc<Shared>, synced: disk::Result<()>) {
        match synced {
            Err(error) if error.is_out_of_descriptors() => return shared.put_back(&error),
            Err(error) => shared.health.mark_failed(DirectoryFailure::SyncFailed(error)),
            Ok(()) => {}
        }
        if shared.health.failure().is_some() {
            return shared.tell_everyone();
        }
        let Some(sync) = shared.state.lock().sync.take() else {
            return; // The directory has failed this instant, and whoever found out has told everyone.
        };
        for (flushable, ticket) in sync.open {
            flushable.finish_flush(ticket);
        }
        Shared::start_sync(shared, shared.state.lock());
    }

    /// No sync has failed, one could not be started. What was to be synced waits for the next request, or the periodic check.
    fn put_back(&self, error: &disk::Error) {
        tracing::warn!(%error, "a sync waits for a file descriptor");
        let mut state = self.state.lock();
        let open = state.sync.take().map(|sync| sync.open).unwrap_or_default();
        for (flushable, _) in open {
            state.dirty.entry(flushable.key()).or_insert(flushable);
        }
    }

    /// Where the directory is offline, tells all that have not heard of it, here and elsewhere.
    fn tell_everyone(&self) {
        self.health.tell_listeners();
        self.tell_if_failed();
    }

    /// Where the directory is offline, tells whoever waits here that it is in vain, once. Who asks later is refused.
    fn tell_if_failed(&self) {
        let Some(failure) = self.health.failure() else {
            return;
        };
        let mut state = self.state.lock();
        let dirty = std::mem::take(&mut state.dirty);
        let open = state.sync.take().map(|sync| sync.open).unwrap_or_default();
        drop(state);
        for flushable in dirty.into_values().chain(open.into_iter().map(|(flushable, _)| flushable)) {
            flushable.directory_failed(&failure);
        }
    }

    fn tell_each_failed(&self, open: Open) {
        let failure = self.health.failure().expect("only a failure ends a sync before its completion");
        for (flushable, _) in open {
            flushable.directory_failed(&failure);
        }
    }
}

impl fmt::Debug for Flusher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flusher({:?})", self.shared.lane)
    }
}

#[cfg(test)]
#[path = "flush_test.rs"]
mod tests;
