//! Every I/O of a log's life is a crash point, and whatever a crash leaves must open as a log that keeps what was promised.
//!
//! A *life* is a course of steps that a seed chooses: appends of all kinds, flushes, checkpoints, rolls, snapshots, truncations,
//! deletions, restarts. After each crash the log must be a prefix of what was appended, with all that was durable, nothing that had
//! been cut or deleted, and producers, epochs and indexes as a replay of that prefix gives them.
//!
//! `PROVE_CASES=FIRST..END` chooses the lives to judge (`cargo xtask prove crash-images`).

use std::collections::BTreeMap;
use std::io::IoSlice;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ottla_base::{Entropy, LeaderEpoch, Offset, SeededEntropy};
use ottla_records::{EndTxnMarker, Header, TransactionResult, Validated};

use super::fixture::*;
use crate::disk::sim::judge::{Judge, Promises, Verdict};
use crate::disk::sim::{CarelessDisk, SimDisk, SimOptions, SyncCall};
use crate::disk::{self, Disk, Open, atomic_write, ensure_dir};
use crate::epochs::LeaderEpochs;
use crate::index::txn::AbortedTxn;
use crate::producers::Producers;
use crate::{Log, LogConfig, Opening};

const RECOVERY_POINT: &str = "/data/recovery-point";
const LOG_START: &str = "/data/log-start";
const STEPS: u64 = 24;
const TRIES_PER_POINT: usize = 12;

/// A batch that was appended, or is about to be.
#[derive(Clone, Debug)]
struct Appended {
    header: Header,
    marker: Option<EndTxnMarker>,
    value: String,
}

/// What a log has promised to whoever comes after a crash.
#[derive(Clone, Debug, Default)]
struct Promised {
    /// All batches from offset 0 on, deleted ones too.
    batches: Vec<Appended>,
    /// All below survives.
    durable: i64,
    /// A truncation to this offset is under way: what lies behind may be there or not.
    cutting_to: Option<i64>,
    /// The log start is at least this.
    log_start_min: i64,
    /// And at most this.
    log_start_max: i64,
    /// The log is dropped and begins anew, empty, at this offset: it may be found empty, or with some of what it had.
    restarting_at: Option<i64>,
    /// What is under way.
    step: Step,
}

/// What a life does, for the count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    #[default]
    Create,
    Append,
    AppendReplicated,
    Flush,
    Checkpoint,
    Roll,
    Snapshot,
    Truncate,
    StartAnew,
    Retention,
    Restart,
}

const STEPS_OF_ALL_KINDS: usize = Step::Restart as usize + 1;

/// Which mistake is made on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    None,
    /// No folder is ever synced.
    NoDirectorySync,
    /// No file is ever synced.
    NoFileSync,
    /// The checkpoint says that all is durable.
    EarlyRecoveryPoint,
    /// Recovery leaves the indexes as they are, whether what they say was synced or not.
    IndexTrustedTooFar,
}

struct Life {
    disk: Arc<dyn Disk>,
    log: Log,
    entropy: SeededEntropy,
    promises: Promises<Promised>,
    mistake: Mistake,
    sequences: [i32; 3],
    /// Producer 2's.
    in_transaction: bool,
    epoch: i32,
    /// How many batches there were.
    appended: u64,
}

fn config() -> LogConfig {
    LogConfig { retention_ms: None, ..small_segments(1200) }
}

impl Life {
    fn begin(sim: &Arc<SimDisk>, promises: &Promises<Promised>, seed: u64, mistake: Mistake) -> Life {
        let disk: Arc<dyn Disk> = match mistake {
            Mistake::NoDirectorySync => CarelessDisk::new(sim.clone(), |call, _| call == SyncCall::Folder),
            Mistake::NoFileSync => CarelessDisk::new(sim.clone(), |call, _| call == SyncCall::File),
            _ => sim.clone(),
        };
        let log = open(&disk).unwrap().0;
        let (entropy, promises) = (SeededEntropy::new(seed), promises.clone());
        let (sequences, in_transaction) = ([0; 3], false);
        Life { disk, log, entropy, promises, mistake, sequences, in_transaction, epoch: 0, appended: 0 }
    }

    fn step(&mut self) {
        match self.entropy.below(44) {
            0..9 => self.run(Step::Append, Life::append_plain),
            9..17 => self.run(Step::Append, Life::append_sequenced),
            17..21 => self.run(Step::Append, Life::append_transactional),
            21..23 => self.run(Step::AppendReplicated, Life::append_replicated),
            23..29 => self.run(Step::Flush, Life::flush),
            29..31 => self.run(Step::Checkpoint, Life::checkpoint),
            31..33 => self.run(Step::Roll, |life| life.log.roll(NOW).unwrap()),
            33..35 => self.run(Step::Snapshot, |life| life.log.take_snapshot().unwrap()),
            35..38 => self.run(Step::Truncate, Life::truncate),
            38..41 => self.run(Step::Retention, Life::delete),
            41 => self.run(Step::StartAnew, Life::start_anew),
            _ => self.run(Step::Restart, Life::restart),
        }
        if self.entropy.one_in(8) {
            self.epoch += 1;
        }
    }

    fn run(&mut self, step: Step, action: impl FnOnce(&mut Life)) {
        self.promises.update(|promised| promised.step = step);
        action(self);
    }

    fn append(&mut self, batch: &Validated, marker: Option<EndTxnMarker>) {
        let base_offset = self.log.log_end_offset();
        let leader_epoch = LeaderEpoch(self.epoch);
        let header = Header { base_offset, leader_epoch, ..*batch.batch.header() };
        self.promise(batch, header, marker);
        let done = self.log.append(batch, leader_epoch, NOW).unwrap();
        assert_eq!((done.base_offset, done.duplicate), (base_offset, false));
    }

    fn promise(&self, batch: &Validated, header: Header, marker: Option<EndTxnMarker>) {
        let record = batch.batch.records(1 << 20).next().unwrap().unwrap();
        let appended = Appended { header, marker, value: String::from_utf8_lossy(&record.value.unwrap()).into_owned() };
        self.promises.update(|promised| promised.batches.push(appended));
    }

    /// In no order, so that index entries about the largest one so far are few and matter.
    fn timestamp(&self) -> i64 {
        NOW.0 - 50 + self.entropy.below(100) as i64
    }

    /// No two batches of a life have the same: one that was cut cannot be taken for its successor.
    fn value(&mut self) -> String {
        self.appended += 1;
        "v".repeat(self.entropy.below(300) as usize) + &self.appended.to_string()
    }

    /// A batch that a leader has given its offset and epoch.
    fn append_replicated(&mut self) {
        let value = self.value();
        let batch = batch_at(self.timestamp(), &value);
        let (base_offset, leader_epoch) = (self.log.log_end_offset(), LeaderEpoch(self.epoch));
        let header = Header { base_offset, leader_epoch, ..*batch.batch.header() };
        self.promise(&batch, header, None);
        let patched = batch.batch.patched_header(base_offset, leader_epoch);
        let bytes = [&patched[..], batch.batch.payload()].concat();
        self.log.append_replicated(bytes.into(), NOW).unwrap().expect("it is a whole batch");
    }

    /// Drops everything and continues at another offset, as a follower does whose leader's log begins above its end.
    fn start_anew(&mut self) {
        let offset = self.log.log_end_offset().0 + self.entropy.below(4) as i64;
        self.promises.update(|promised| {
            (promised.durable, promised.restarting_at) = (0, Some(offset));
            promised.log_start_max = promised.log_start_max.max(offset);
        });
        self.log.truncate_fully_and_start_at(Offset(offset), NOW).unwrap();
        self.promises.update(|promised| {
            (promised.durable, promised.restarting_at) = (offset, None);
            promised.log_start_min = offset;
            promised.batches.clear();
        });
        (self.sequences, self.in_transaction) = ([0; 3], false);
    }

    fn append_plain(&mut self) {
        let value = self.value();
        self.append(&batch_at(self.timestamp(), &value), None);
    }

    fn append_sequenced(&mut self) {
        let producer = self.entropy.below(2) as usize;
        let value = self.value();
        let batch = sequenced(producer as i64, 0, self.sequences[producer], &[&value]);
        self.append(&batch, None);
        self.sequences[producer] += 1;
    }

    fn append_transactional(&mut self) {
        if std::mem::replace(&mut self.in_transaction, false) {
            let result = if self.entropy.one_in(2) { TransactionResult::Abort } else { TransactionResult::Commit };
            let mark = EndTxnMarker { result, coordinator_epoch: 1 };
            return self.append(&marker(2, result), Some(mark));
        }
        let value = self.value();
        self.append(&transactional(2, self.sequences[2], &[&value]), None);
        self.sequences[2] += 1;
        self.in_transaction = true;
    }

    fn flush(&mut self) {
        let Some(plan) = self.log.begin_flush() else {
            return;
        };
        // What is appended while a sync is out is not covered by it.
        if self.entropy.one_in(3) {
            self.append_plain();
        }
        sync(&*self.disk, &plan);
        self.log.on_flushed(plan.ticket);
        self.promise_durable();
    }

    fn promise_durable(&self) {
        let durable = self.log.durable_offset().0;
        self.promises.update(|promised| promised.durable = promised.durable.max(durable));
    }

    fn checkpoint(&mut self) {
        let recovery_point = self.log.recovery_point();
        let offset = match self.mistake {
            Mistake::EarlyRecoveryPoint => self.log.log_end_offset(),
            _ => recovery_point.offset,
        };
        atomic_write(&*self.disk, Path::new(RECOVERY_POINT), offset.to_string().as_bytes()).unwrap();
        self.log.on_checkpointed(recovery_point).unwrap();
    }

    fn truncate(&mut self) {
        let (start, end) = (self.log.log_start_offset().0, self.log.log_end_offset().0);
        let offset = start + self.entropy.below((end - start) as u64 + 1) as i64;
        self.promises.update(|promised| {
            promised.cutting_to = Some(offset);
            promised.durable = promised.durable.min(offset);
        });
        self.log.truncate_to(Offset(offset), NOW).unwrap();
        self.promises.update(|promised| {
            promised.cutting_to = None;
            promised.batches.retain(|batch| batch.header.base_offset.0 < offset);
        });
        self.promise_durable();
        // Producers begin anew where the log now stands.
        let batches = self.promises.get().batches;
        let last = |producer: i64| {
            let mut own = batches.iter().rev().filter(|batch| batch.header.producer_id.0 == producer);
            own.find(|batch| batch.marker.is_none()).map_or(0, |batch| batch.header.last_sequence() + 1)
        };
        self.sequences = [last(0), last(1), last(2)];
        let newest = batches.iter().rev().find(|batch| batch.header.producer_id.0 == 2);
        self.in_transaction = newest.is_some_and(|batch| batch.marker.is_none());
    }

    fn delete(&mut self) {
        let (start, durable) = (self.log.log_start_offset().0, self.log.durable_offset().0);
        if self.entropy.one_in(2) && durable > start {
            let offset = start + self.entropy.below((durable - start) as u64 + 1) as i64;
            self.promises.update(|promised| promised.log_start_max = promised.log_start_max.max(offset));
            self.log.advance_log_start_offset(Offset(offset), Offset(durable)).unwrap();
            atomic_write(&*self.disk, Path::new(LOG_START), offset.to_string().as_bytes()).unwrap();
            self.promises.update(|promised| promised.log_start_min = promised.log_start_min.max(offset));
        } else {
            self.log.set_config(LogConfig { retention_bytes: Some(self.entropy.below(3000)), ..config() });
        }
        let deletion = self.log.delete_old_segments(Offset(durable), NOW).unwrap();
        let log_start = self.log.log_start_offset().0;
        self.promises.update(|promised| promised.log_start_max = promised.log_start_max.max(log_start));
        deletion.rename().unwrap();
        self.promises.update(|promised| promised.log_start_min = promised.log_start_min.max(log_start));
        deletion.remove().unwrap();
    }

    /// A clean stop, or the process is killed.
    fn restart(&mut self) {
        let is_clean = self.entropy.one_in(2);
        if is_clean {
            self.log.close().unwrap();
            self.promise_durable();
            self.checkpoint();
        }
        let opening = Opening { was_clean: is_clean, ..opening(&self.disk).unwrap() };
        let environment = environment(self.disk.clone());
        let (log, recovered) = Log::open(&environment, Path::new(DIRECTORY), opening).unwrap();
        assert_eq!((recovered.cut, recovered.rot), (None, None), "the machine goes on");
        assert_eq!(log.log_end_offset(), self.log.log_end_offset());
        self.log = log;
    }
}

fn opening(disk: &Arc<dyn Disk>) -> Result<Opening, String> {
    let read = |path: &str| {
        let bytes = disk::read_file(&**disk, Path::new(path), 100).map_err(|error| error.to_string())?;
        let text = String::from_utf8(bytes.unwrap_or_else(|| b"0".to_vec())).map_err(|error| error.to_string())?;
        text.parse().map(Offset).map_err(|error| format!("{path}: {error}"))
    };
    Ok(Opening {
        config: config(),
        topic_id: None,
        log_start_offset: read(LOG_START)?,
        recovery_point: read(RECOVERY_POINT)?,
        was_clean: false,
        now: NOW,
    })
}

/// Opens what a crash has left; where there is rot in it, tells from which offset on.
fn open(disk: &Arc<dyn Disk>) -> Result<(Log, Option<Offset>), String> {
    let (log, recovered) = Log::open(&environment(disk.clone()), Path::new(DIRECTORY), opening(disk)?)
        .map_err(|error| error.to_string())?;
    Ok((log, recovered.rot))
}

/// Opens what a crash has left as a recovery would that leaves the indexes alone: it puts back what they held before.
fn open_with_untouched_indexes(disk: &Arc<dyn Disk>) -> Result<(Log, Option<Offset>), String> {
    let indexes = index_files(&**disk);
    let (mut log, rot) = open(disk)?;
    log.close().map_err(|error| error.to_string())?;
    for (path, bytes) in indexes.iter().filter(|(path, _)| disk.entry(path).is_ok_and(|entry| entry.is_some())) {
        let file = disk.open(path, Open::Write).unwrap();
        file.set_len(0).unwrap();
        file.write_all_at(&[IoSlice::new(bytes)], 0).unwrap();
    }
    let opening = Opening { was_clean: true, ..opening(disk)? };
    let (log, _) =
        Log::open(&environment(disk.clone()), Path::new(DIRECTORY), opening).map_err(|error| error.to_string())?;
    Ok((log, rot))
}

fn index_files(disk: &dyn Disk) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = disk.list(Path::new(DIRECTORY)).unwrap_or_default();
    let indexes = entries.into_iter().filter(|entry| entry.name.ends_with("index"));
    let paths = indexes.map(|entry| Path::new(DIRECTORY).join(entry.name));
    paths.map(|path| (path.clone(), disk::read_file(disk, &path, 1 << 20).unwrap().unwrap())).collect()
}

/// Whether what a crash has left keeps the promises.
fn check(image: Arc<SimDisk>, promised: &Promised, mistake: Mistake) -> Result<(), String> {
    let disk: Arc<dyn Disk> = image.clone();
    let (mut log, rot) = match mistake {
        Mistake::IndexTrustedTooFar => open_with_untouched_indexes(&disk)?,
        _ => open(&disk)?,
    };
    match rot {
        None => {}
        // Half of its files are gone, names in no order. The replica is told, and drops the rest.
        Some(at) if promised.restarting_at.is_some() => {
            log.truncate_to(at, NOW).map_err(|error| error.to_string())?;
        }
        Some(at) => return Err(format!("rot at {at}, and the disk has kept what was durable")),
    }
    check_content(&mut log, promised)?;
    let records = read_all(&log.reader());

    // It goes on from here, and the next crash loses nothing that was flushed.
    log.append(&batch(&["after"]), LeaderEpoch(1000), NOW).map_err(|error| error.to_string())?;
    flush(&*disk, &mut log);
    let end = log.log_end_offset();
    let again: Arc<dyn Disk> = image.crash(1);
    let (log, rot) = open(&again)?;
    if rot.is_some() || log.log_end_offset() != end || read_all(&log.reader())[..records.len()] != records {
        return Err("the second crash lost what was flushed".to_owned());
    }
    Ok(())
}

fn check_content(log: &mut Log, promised: &Promised) -> Result<(), String> {
    let (start, end) = (log.log_start_offset().0, log.log_end_offset().0);
    if promised.restarting_at.is_some_and(|offset| start == end && start <= offset) {
        return log.check_indexes();
    }
    let survived: Vec<&Appended> = promised.batches.iter().filter(|batch| batch.header.base_offset.0 < end).collect();
    let expected_end = survived.last().map_or(0, |last| last.header.next_offset().0).max(start);
    if end != expected_end || end < promised.durable {
        return Err(format!("it ends at {end}, {} were durable", promised.durable));
    }
    let log_start_min = promised.log_start_min.min(promised.cutting_to.unwrap_or(i64::MAX));
    if start < log_start_min || start > promised.log_start_max.max(log_start_min) {
        return Err(format!("it begins at {start}, not {}..={}", promised.log_start_min, promised.log_start_max));
    }
    let expected = survived.iter().filter(|batch| batch.header.base_offset.0 >= start);
    let found = read_all(&log.reader());
    if !expected
        .map(|batch| (batch.header.base_offset.0, batch.value.as_str()))
        .eq(found.iter().map(|(offset, value)| (*offset, value.as_str())))
    {
        return Err("the records are others".to_owned());
    }
    // In the midst of dropping everything, what tells of older batches may be gone before the batches are.
    if promised.restarting_at.is_none() {
        check_replay(log, &survived)?;
    }
    log.check_indexes()
}

/// Producers, epochs and aborted transactions are those of a replay.
fn check_replay(log: &mut Log, survived: &[&Appended]) -> Result<(), String> {
    let (mut producers, mut epochs) = (Producers::default(), LeaderEpochs::default());
    let mut aborted: Vec<AbortedTxn> = Vec::new();
    for Appended { header, marker, .. } in survived {
        aborted.extend(marker.and_then(|marker| producers.would_abort(header, &marker)));
        producers.on_appended(header, *marker);
        epochs.assign(header.leader_epoch, header.base_offset);
    }
    producers.last_stable_offset(Offset::MAX);
    log.producers.last_stable_offset(Offset::MAX);
    if producers != log.producers {
        return Err(format!("producers are {:?}, not {producers:?}", log.producers));
    }
    epochs.truncate_from_start(log.log_start_offset());
    // An empty log has no batch to tell the epoch by, and nothing that could differ from another replica's.
    let is_empty = log.log_start_offset() == log.log_end_offset() && log.epochs == LeaderEpochs::default();
    if epochs != log.epochs && !is_empty {
        return Err(format!("epochs are {:?}, not {epochs:?}", log.epochs));
    }
    let segments_start = log.segments()[0].base_offset();
    aborted.retain(|aborted| aborted.last_offset >= segments_start);
    let found = log.reader().aborted_transactions(segments_start..Offset::MAX).map_err(|error| error.to_string())?;
    if found != aborted { Err(format!("aborted are {found:?}, not {aborted:?}")) } else { Ok(()) }
}

/// What was judged: the verdict, and how many checks there were in the middle of each kind of step.
#[derive(Default)]
struct Judged {
    verdict: Verdict,
    checks: BTreeMap<Step, usize>,
}

/// Judges lives until so many distinct images have been seen, or a promise is broken.
fn judge(lives: impl Iterator<Item = u64>, images: usize, mistake: Mistake) -> Judged {
    let mut judged = Judged::default();
    for seed in lives {
        if judged.verdict.images.len() >= images || !judged.verdict.violations.is_empty() {
            break;
        }
        let disk = SimDisk::new(SimOptions { seed, ..SimOptions::default() });
        ensure_dir(&*disk, Path::new(DIRECTORY)).unwrap();
        let scenario = |disk: &Arc<SimDisk>, promises: &Promises<Promised>| {
            let mut life = Life::begin(disk, promises, seed, mistake);
            for _ in 0..STEPS {
                life.step();
            }
        };
        let judge = Judge { seed, tries_per_point: TRIES_PER_POINT };
        let check = |image, promised: &Promised| {
            *judged.checks.entry(promised.step).or_default() += 1;
            check(image, promised, mistake)
        };
        let verdict = judge.run(&disk, Promised::default(), scenario, check);
        if let Some(violation) = verdict.violations.first() {
            println!("life {seed}: {violation}");
        }
        judged.verdict.absorb(verdict);
    }
    judged
}

/// The lives that `PROVE_CASES` chooses.
fn lives_to_prove() -> Option<Range<u64>> {
    let text = std::env::var("PROVE_CASES").ok()?;
    let range = text.split_once("..").and_then(|(first, end)| Some(first.parse().ok()?..end.parse().ok()?));
    Some(range.expect("PROVE_CASES is FIRST..END"))
}

#[test]
fn every_crash_leaves_a_log_that_keeps_its_promises() {
    let lives_to_prove = lives_to_prove();
    let Judged { verdict, checks } = match lives_to_prove.clone() {
        Some(lives) => judge(lives, usize::MAX, Mistake::None),
        None => judge(1.., IMAGES_FOR_EVERY_DAY, Mistake::None),
    };
    println!("proved: images {}", verdict.images.len());
    println!("proved: crash points {}", verdict.crash_points);
    println!("checks within each kind of step: {checks:?}");
    verdict.assert_kept(if lives_to_prove.is_some() { 1 } else { IMAGES_FOR_EVERY_DAY });
    assert!(lives_to_prove.is_some() || checks.len() == STEPS_OF_ALL_KINDS, "a kind of step was never interrupted");
}

/// Each broke a promise once: a snapshot that was rewritten at the same offset, a segment that came back from a deletion without its
/// transaction index.
#[test]
fn lives_that_once_broke_a_promise_keep_them() {
    judge([281, 301].into_iter(), usize::MAX, Mistake::None).verdict.assert_kept(1);
}

/// With those of the controller's log, 20,000.
const IMAGES_FOR_EVERY_DAY: usize = 17_000;

/// How many images each mistake may live through.
const IMAGES_TO_FIND_A_MISTAKE: usize = 20_000;

fn assert_found(mistake: Mistake) {
    let Judged { verdict, .. } = judge(1.., IMAGES_TO_FIND_A_MISTAKE, mistake);
    println!("{mistake:?}: found by image {}", verdict.images.len());
    assert!(!verdict.violations.is_empty(), "{mistake:?} was not found");
}

#[test]
fn a_directory_that_is_not_synced_is_found() {
    assert_found(Mistake::NoDirectorySync);
}

#[test]
fn a_file_that_is_not_synced_is_found() {
    assert_found(Mistake::NoFileSync);
}

#[test]
fn a_recovery_point_that_is_written_early_is_found() {
    assert_found(Mistake::EarlyRecoveryPoint);
}

#[test]
fn an_index_that_is_trusted_past_its_sync_is_found() {
    assert_found(Mistake::IndexTrustedTooFar);
}

/// The mistake must be found for what it is, not for the way in which it is made.
#[test]
fn an_index_that_is_whole_may_be_trusted() {
    for seed in 1..=20 {
        let disk = SimDisk::new(SimOptions { seed, ..SimOptions::default() });
        ensure_dir(&*disk, Path::new(DIRECTORY)).unwrap();
        let judge = Judge { seed, tries_per_point: 1 };
        let mut last = None;
        let scenario = |disk: &Arc<SimDisk>, promises: &Promises<Promised>| {
            let mut life = Life::begin(disk, promises, seed, Mistake::None);
            (0..STEPS).for_each(|_| life.step());
            last = Some(promises.get());
        };
        let verdict = judge.run(&disk, Promised::default(), scenario, |_, _| Ok(()));
        assert!(verdict.crash_points > 0);
        check(disk.kill(), &last.expect("the scenario ran"), Mistake::IndexTrustedTooFar).unwrap();
    }
}
