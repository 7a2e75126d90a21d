//! The flusher with workers cranked by hand: each job, and each completion, happens when the test says so.

use std::path::Path;

use ottla_base::testing::{HandClock, HandWorkers};
use ottla_base::{Entropy, SeededEntropy};

use super::*;
use crate::disk::sim::judge::{Judge, Promises};
use crate::disk::sim::{Fate, SimDisk, SimOptions, SyncFault};
use crate::disk::{Open, ensure_dir, read_file};

const TIMEOUT: Duration = Duration::from_secs(30);

/// How long a sync of the whole file system takes.
const SYNC_TIME: Duration = Duration::from_millis(3);

/// Counts the syncs that reach the file system.
#[derive(Debug)]
struct CountingFileSystem {
    inner: Arc<dyn FileSystem>,
    clock: Arc<HandClock>,
    syncs: Mutex<usize>,
}

impl FileSystem for CountingFileSystem {
    fn can_sync(&self) -> bool {
        self.inner.can_sync()
    }

    fn sync(&self) -> disk::Result<()> {
        *self.syncs.lock() += 1;
        self.clock.advance(SYNC_TIME);
        self.inner.sync()
    }

    fn space(&self) -> disk::Result<disk::Space> {
        self.inner.space()
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    Durable(FlushTicket),
    Failed(DirectoryFailure),
}

/// A log with one file, which appends a byte for each offset.
struct TestLog {
    key: FlushKey,
    name: &'static str,
    file: Arc<dyn File>,
    state: Mutex<TestLogState>,
}

#[derive(Default)]
struct TestLogState {
    generation: u64,
    end: i64,
    new_folders: Vec<PathBuf>,
    told: Vec<Told>,
}

impl TestLog {
    fn append(&self, end: i64) {
        let mut state = self.state.lock();
        for position in state.end..end {
            self.file.write_all_at(&[std::io::IoSlice::new(b"x")], position as u64).expect("there is room");
        }
        state.end = end;
    }

    fn told(&self) -> Vec<Told> {
        std::mem::take(&mut self.state.lock().told)
    }
}

impl Flushable for TestLog {
    fn key(&self) -> FlushKey {
        self.key
    }

    fn begin_flush(&self) -> Option<FlushPlan> {
        let mut state = self.state.lock();
        let ticket = FlushTicket { generation: state.generation, up_to: Offset(state.end) };
        let directories = std::mem::take(&mut state.new_folders);
        (state.end > 0).then(|| FlushPlan { ticket, files: vec![self.file.clone()], directories })
    }

    fn finish_flush(&self, ticket: FlushTicket) {
        self.state.lock().told.push(Told::Durable(ticket));
    }

    fn directory_failed(&self, failure: &DirectoryFailure) {
        self.state.lock().told.push(Told::Failed(failure.clone()));
    }
}

struct Bench {
    disk: Arc<SimDisk>,
    file_system: Arc<CountingFileSystem>,
    workers: Arc<HandWorkers>,
    clock: Arc<HandClock>,
    health: DirectoryHealth,
    flusher: Flusher,
}

fn bench(options: SimOptions) -> Bench {
    let disk = SimDisk::new(options);
    ensure_dir(&*disk, Path::new("/data")).expect("an empty disk");
    let inner = disk.file_system(Path::new("/data")).expect("the folder exists");
    let (workers, clock, health) =
        (Arc::<HandWorkers>::default(), Arc::<HandClock>::default(), DirectoryHealth::default());
    let file_system = Arc::new(CountingFileSystem { inner, clock: clock.clone(), syncs: Mutex::new(0) });
    let seams = FlusherSeams {
        disk: disk.clone(),
        file_system: file_system.clone(),
        workers: workers.clone(),
        clock: clock.clone(),
    };
    let flusher = Flusher::new(Lane::Flush, TIMEOUT, health.clone(), seams);
    Bench { disk, file_system, workers, clock, health, flusher }
}

impl Bench {
    fn log(&self, name: &'static str) -> Arc<TestLog> {
        let log = self.log_in_new_file(name);
        log.state.lock().new_folders.clear();
        self.disk.sync_dir(Path::new("/data")).expect("no fault is set");
        log
    }

    /// A log whose file has a name that is not durable.
    fn log_in_new_file(&self, name: &'static str) -> Arc<TestLog> {
        let file = self.disk.open(Path::new(name), Open::CreateNew).expect("the name is free");
        let state = Mutex::new(TestLogState { new_folders: vec!["/data".into()], ..TestLogState::default() });
        Arc::new(TestLog { key: self.flusher.new_key(), name, file, state })
    }

    fn request(&self, log: &Arc<TestLog>) {
        self.flusher.request(log.clone()).expect("the directory is in service");
    }

    /// Runs everything that is left to run.
    fn crank(&self) {
        while self.workers.jobs_waiting() > 0 {
            self.workers.run_job();
            self.workers.complete();
        }
    }

    fn set_time(&self, since_start: Duration) {
        self.clock.set(since_start);
    }

    /// The length that a power cut now would leave at the least.
    fn durable_len(&self, log: &TestLog) -> usize {
        let image = self.disk.crash_point().image_of(Fate::Lost);
        let booted = SimDisk::from_image(image, SimOptions::default());
        read_file(&*booted, Path::new(log.name), 1 << 20).expect("no fault is set").expect("its name is durable").len()
    }
}

fn durable(generation: u64, up_to: i64) -> Told {
    Told::Durable(FlushTicket { generation, up_to: Offset(up_to) })
}

#[test]
fn what_is_asked_for_is_durable_when_the_log_hears_of_it() {
    let bench = bench(SimOptions::default());
    let log = bench.log("/data/a");
    log.append(3);
    bench.request(&log);
    bench.request(&log);
    assert_eq!((bench.workers.jobs_waiting(), bench.durable_len(&log)), (1, 0));

    bench.workers.run_job();
    assert_eq!(log.told(), [], "the job does not tell");
    bench.workers.complete();
    assert_eq!((log.told(), bench.durable_len(&log)), (vec![durable(0, 3)], 3));
    assert!(bench.flusher.is_idle());
}

#[test]
fn the_next_set_gathers_while_one_sync_runs() {
    let bench = bench(SimOptions::default());
    let (a, b) = (bench.log("/data/a"), bench.log("/data/b"));
    a.append(1);
    bench.request(&a);
    bench.workers.run_job();
    a.append(2);
    b.append(5);
    bench.request(&a);
    bench.request(&b);
    assert_eq!(bench.workers.jobs_waiting(), 0, "one sync is under way at most");

    bench.workers.complete();
    assert_eq!((a.told(), b.told()), (vec![durable(0, 1)], vec![]));
    bench.workers.run_job();
    bench.workers.complete();
    assert_eq!((a.told(), b.told()), (vec![durable(0, 2)], vec![durable(0, 5)]));
    assert!(bench.flusher.is_idle());
}

#[test]
fn a_syncs_time_is_counted_once_however_many_logs_it_is_for() {
    let bench = bench(SimOptions::default());
    for log in [bench.log("/data/a"), bench.log("/data/b")] {
        log.append(1);
        bench.request(&log);
    }
    bench.crank();
    let times = bench.flusher.sync_times();
    assert_eq!((times.total(), times.sum), (1, SYNC_TIME));
}

#[test]
fn what_is_written_until_the_job_starts_goes_along() {
    let bench = bench(SimOptions::default());
    let (a, b) = (bench.log("/data/a"), bench.log("/data/b"));
    a.append(1);
    bench.request(&a);
    a.append(4);
    b.append(2);
    bench.request(&b);
    bench.workers.run_job();
    bench.workers.complete();
    assert_eq!((a.told(), b.told()), (vec![durable(0, 4)], vec![durable(0, 2)]));
}

#[test]
fn an_old_generations_completion_carries_its_own_ticket() {
    let bench = bench(SimOptions::default());
    let log = bench.log("/data/a");
    log.append(7);
    bench.request(&log);
    bench.workers.run_job();
    log.state.lock().generation += 1;
    log.append(9);
    bench.request(&log);
    bench.workers.complete();
    assert_eq!(log.told(), [durable(0, 7)], "the log can tell that it counts for nothing");
    bench.workers.run_job();
    bench.workers.complete();
    assert_eq!(log.told(), [durable(1, 9)]);
}

#[test]
fn one_file_is_synced_by_itself_and_more_by_one_syncfs() {
    let bench = bench(SimOptions::default());
    let logs = [bench.log("/data/a"), bench.log("/data/b"), bench.log("/data/c")];
    for (dirty, syncs_of_the_file_system) in [(1, 0), (2, 1), (3, 2), (1, 2)] {
        for log in &logs[..dirty] {
            log.append(1);
            bench.request(log);
        }
        bench.workers.run_job();
        bench.workers.complete();
        assert_eq!(*bench.file_system.syncs.lock(), syncs_of_the_file_system, "{dirty} dirty files");
        assert!(logs[..dirty].iter().all(|log| log.told() == [durable(0, 1)] && bench.durable_len(log) == 1));
    }
}

#[test]
fn without_syncfs_each_file_and_folder_is_synced() {
    let bench = bench(SimOptions { has_syncfs: false, ..SimOptions::default() });
    let (a, b) = (bench.log("/data/a"), bench.log("/data/b"));
    bench.disk.open(Path::new("/data/new"), Open::CreateNew).expect("the name is free");
    a.state.lock().new_folders.push("/data".into());
    for log in [&a, &b] {
        log.append(1);
        bench.request(log);
    }
    bench.workers.run_job();
    bench.workers.complete();
    assert_eq!(*bench.file_system.syncs.lock(), 0);
    assert_eq!((bench.durable_len(&a), bench.durable_len(&b)), (1, 1));
    assert_eq!(bench.disk.crash_point().effect_count(), 0, "the new name is durable too");
}

#[test]
fn what_is_clean_by_then_is_not_synced() {
    let bench = bench(SimOptions::default());
    let log = bench.log("/data/a");
    bench.request(&log);
    bench.workers.run_job();
    bench.workers.complete();
    assert_eq!(log.told(), []);
    assert!(bench.flusher.is_idle());
}

#[test]
fn a_failed_sync_is_final_and_told_to_all_that_wait() {
    for fault in [SyncFault::DropsPages, SyncFault::KeepsPages] {
        let bench = bench(SimOptions::default());
        let (synced, waits, late) = (bench.log("/data/a"), bench.log("/data/b"), bench.log("/data/c"));
        synced.append(1);
        bench.request(&synced);
        bench.disk.fail_next_sync(fault);
        bench.workers.run_job();
        waits.append(1);
        bench.request(&waits);
        bench.workers.complete();

        let failure = bench.health.failure().expect("the directory is offline");
        assert!(matches!(failure, DirectoryFailure::SyncFailed(_)));
        assert_eq!(
            (synced.told(), waits.told()),
            (vec![Told::Failed(failure.clone())], vec![Told::Failed(failure.clone())])
        );
        assert_eq!(bench.flusher.request(late), Err(failure), "no sync is tried again");
        bench.crank();
        assert_eq!((synced.told(), waits.told()), (vec![], vec![]), "each is told once");
    }
}

#[test]
fn a_sync_that_is_overdue_has_failed_whatever_comes_of_it() {
    let bench = bench(SimOptions::default());
    let (log, waits) = (bench.log("/data/a"), bench.log("/data/b"));
    bench.set_time(Duration::from_secs(100));
    log.append(1);
    bench.request(&log);
    assert_eq!(bench.flusher.overdue_at(), Some(Instant(Duration::from_secs(130))));
    bench.workers.run_job();
    waits.append(1);
    bench.request(&waits);

    bench.flusher.check_overdue(Instant(Duration::from_millis(129_999)));
    assert_eq!((bench.health.failure(), log.told()), (None, vec![]));
    bench.flusher.check_overdue(Instant(Duration::from_secs(130)));
    let failure = DirectoryFailure::SyncOverdue(TIMEOUT);
    assert_eq!((log.told(), waits.told()), (vec![Told::Failed(failure.clone())], vec![Told::Failed(failure)]));

    bench.workers.complete();
    assert_eq!(log.told(), [], "it came too late");
    bench.crank();
    assert_eq!((log.told(), waits.told()), (vec![], vec![]), "each is told once");
}

#[test]
fn a_sync_that_finds_no_descriptor_is_tried_again() {
    let bench = bench(SimOptions { has_syncfs: false, ..SimOptions::default() });
    let log = bench.log_in_new_file("/data/a");
    log.append(1);
    bench.request(&log);
    bench.disk.fail_next_open();
    bench.workers.run_job();
    bench.workers.complete();
    assert_eq!((bench.health.failure(), log.told(), bench.workers.jobs_waiting()), (None, vec![], 0));

    log.state.lock().new_folders.push("/data".into());
    bench.flusher.check_overdue(Instant(Duration::ZERO));
    bench.crank();
    assert_eq!((log.told(), bench.durable_len(&log)), (vec![durable(0, 1)], 1));
}

#[test]
fn a_directory_that_fails_elsewhere_ends_every_wait() {
    let bench = bench(SimOptions::default());
    let (in_job, waits) = (bench.log("/data/a"), bench.log("/data/b"));
    in_job.append(1);
    bench.request(&in_job);
    let error = disk::Error::new("read", Path::new("/data/a"), disk::Cause::UnexpectedEnd);
    // Whoever finds out may hold the log's lock.
    let guard = in_job.state.lock();
    bench.health.mark_failed(DirectoryFailure::Disk(error.clone()));
    drop(guard);
    assert_eq!(bench.flusher.request(waits), Err(DirectoryFailure::Disk(error.clone())));
    bench.flusher.check_overdue(Instant(Duration::ZERO));
    assert_eq!(in_job.told(), [Told::Failed(DirectoryFailure::Disk(error))]);
    bench.crank();
    assert_eq!(in_job.told(), [], "each is told once");
}

/// What a job has taken from the dirty set is told of a failure that falls between its taking and its sync.
#[test]
fn a_failure_while_the_job_plans_is_told() {
    struct Saboteur(Arc<TestLog>, DirectoryHealth);
    impl Flushable for Saboteur {
        fn key(&self) -> FlushKey {
            self.0.key
        }

        fn begin_flush(&self) -> Option<FlushPlan> {
            self.1.fail(DirectoryFailure::SyncOverdue(TIMEOUT));
            self.0.begin_flush()
        }

        fn finish_flush(&self, ticket: FlushTicket) {
            self.0.finish_flush(ticket);
        }

        fn directory_failed(&self, failure: &DirectoryFailure) {
            self.0.directory_failed(failure);
        }
    }

    let bench = bench(SimOptions::default());
    let log = bench.log("/data/a");
    log.append(1);
    bench.flusher.request(Arc::new(Saboteur(log.clone(), bench.health.clone()))).expect("still in service");
    bench.crank();
    assert_eq!(log.told(), [Told::Failed(DirectoryFailure::SyncOverdue(TIMEOUT))]);
}

/// Logs that are written, asked for, synced and told in an order that the seed chooses: whatever was told to be durable is in every
/// image that a crash may leave.
#[test]
fn every_crash_image_holds_what_was_told_to_be_durable() {
    for (seed, has_syncfs) in [(1, true), (2, false)] {
        let bench = bench(SimOptions { has_syncfs, ..SimOptions::default() });
        let scenario = |_: &Arc<SimDisk>, promises: &Promises<BTreeMap<&'static str, i64>>| {
            let entropy = SeededEntropy::new(seed);
            let logs = ["/data/a", "/data/b", "/data/c"].map(|name| bench.log_in_new_file(name));
            for _ in 0..300 {
                let log = &logs[entropy.below(3) as usize];
                match entropy.below(3) {
                    0 => {
                        let end = log.state.lock().end;
                        log.append(end + 1);
                        bench.request(log);
                    }
                    1 if bench.workers.jobs_waiting() > 0 => bench.workers.run_job(),
                    _ if bench.workers.completions_waiting() > 0 => bench.workers.complete(),
                    _ => {}
                }
                for log in &logs {
                    for told in log.told() {
                        let Told::Durable(ticket) = told else { panic!("no fault is set: {told:?}") };
                        promises.update(|durable| {
                            durable.insert(log.name, ticket.up_to.0);
                        });
                    }
                }
            }
        };
        let check = |disk: Arc<SimDisk>, durable: &BTreeMap<&'static str, i64>| {
            for (name, up_to) in durable {
                let found =
                    read_file(&*disk, Path::new(name), 1 << 20).map_err(|error| error.to_string())?.unwrap_or_default();
                let survived = found.iter().take_while(|byte| **byte == b'x').count();
                if (survived as i64) < *up_to {
                    return Err(format!("{survived} bytes of {name} survived, {up_to} were durable"));
                }
            }
            Ok(())
        };
        let judge = Judge { seed, tries_per_point: 32 };
        judge.run(&bench.disk, BTreeMap::new(), scenario, check).assert_kept(150);
    }
}
