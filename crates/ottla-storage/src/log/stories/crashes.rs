//! Every I/O of a log's life is a crash point, and whatever a crash leaves must open as a log that keeps what was promised.
//!
//! A *life* is a course of steps that a seed chooses: appends of all kinds, flushes, checkpoints, rolls, snapshots, truncations,
//! deletions, restarts. After each crash the log must be a prefix of what was appended, with all that was durable, nothing that had
//! been cut or deleted, and producers, epochs and indexes as a replay of that prefix gives them.
//!
//! `PROVE_CASES=FIRST..END` chooses the lives to judge (`cargo xtask prove crash-images`).

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ottla_base::{Entropy, LeaderEpoch, Offset, SeededEntropy};
use ottla_records::{EndTxnMarker, Header, TransactionResult, Validated};

use super::fixture::*;
use crate::disk::sim::judge::{Judge, Promises, Verdict};
use crate::disk::sim::{SimDisk, SimOptions};
use crate::disk::{self, Disk, Entry, EntryKind, File, FileSystem, Lock, LockError, Open, atomic_write, ensure_dir};
use crate::environment::PlantedBug;
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
}

/// Which mistake a life makes on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    None,
    /// No folder is ever synced.
    NoDirectorySync,
    /// The checkpoint says that all is durable.
    EarlyRecoveryPoint,
    /// Recovery believes index entries that were never synced.
    IndexTrustedTooFar,
}

struct Life {
    disk: Arc<dyn Disk>,
    log: Log,
    entropy: SeededEntropy,
    promises: Promises<Promised>,
    mistake: Mistake,
    sequences: [i32; 3],
    in_transaction: [bool; 3],
    epoch: i32,
}

fn config() -> LogConfig {
    LogConfig { retention_ms: None, ..small_segments(1200) }
}

impl Life {
    fn begin(sim: &Arc<SimDisk>, promises: &Promises<Promised>, seed: u64, mistake: Mistake) -> Life {
        let disk: Arc<dyn Disk> = match mistake {
            Mistake::NoDirectorySync => Arc::new(NoDirectorySync(sim.clone())),
            _ => sim.clone(),
        };
        let log = open(&disk, Mistake::None).unwrap();
        let (entropy, promises) = (SeededEntropy::new(seed), promises.clone());
        Life { disk, log, entropy, promises, mistake, sequences: [0; 3], in_transaction: [false; 3], epoch: 0 }
    }

    fn step(&mut self) {
        match self.entropy.below(20) {
            0..5 => self.append_plain(),
            5..9 => self.append_sequenced(),
            9..11 => self.append_transactional(),
            11..14 => self.flush(),
            14 => self.checkpoint(),
            15 => self.log.roll(NOW).unwrap(),
            16 => self.log.take_snapshot().unwrap(),
            17 => self.truncate(),
            18 => self.delete(),
            _ => self.restart(),
        }
        if self.entropy.one_in(8) {
            self.epoch += 1;
        }
    }

    fn append(&mut self, batch: &Validated, marker: Option<EndTxnMarker>) {
        let base_offset = self.log.log_end_offset();
        let leader_epoch = LeaderEpoch(self.epoch);
        let header = Header { base_offset, leader_epoch, ..*batch.batch.header() };
        let record = batch.batch.records(1 << 20).next().unwrap().unwrap();
        let appended = Appended { header, marker, value: String::from_utf8_lossy(&record.value.unwrap()).into_owned() };
        self.promises.update(|promised| promised.batches.push(appended));
        let done = self.log.append(batch, leader_epoch, NOW).unwrap();
        assert_eq!((done.base_offset, done.duplicate), (base_offset, false));
    }

    fn value(&self) -> String {
        "v".repeat(self.entropy.below(300) as usize) + &self.log.log_end_offset().to_string()
    }

    fn append_plain(&mut self) {
        let value = self.value();
        self.append(&batch(&[&value]), None);
    }

    fn append_sequenced(&mut self) {
        let producer = self.entropy.below(2) as usize;
        let value = self.value();
        let batch = sequenced(producer as i64, 0, self.sequences[producer], &[&value]);
        self.append(&batch, None);
        self.sequences[producer] += 1;
    }

    fn append_transactional(&mut self) {
        if std::mem::replace(&mut self.in_transaction[2], false) {
            let result = if self.entropy.one_in(2) { TransactionResult::Abort } else { TransactionResult::Commit };
            let mark = EndTxnMarker { result, coordinator_epoch: 1 };
            return self.append(&marker(2, result), Some(mark));
        }
        let value = self.value();
        self.append(&transactional(2, self.sequences[2], &[&value]), None);
        self.sequences[2] += 1;
        self.in_transaction[2] = true;
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
        self.in_transaction[2] = newest.is_some_and(|batch| batch.marker.is_none());
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
        let environment = environment(self.disk.clone(), None);
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

/// Opens what a crash has left.
fn open(disk: &Arc<dyn Disk>, mistake: Mistake) -> Result<Log, String> {
    let planted = (mistake == Mistake::IndexTrustedTooFar).then_some(PlantedBug::IndexTrustedTooFar);
    let environment = environment(disk.clone(), planted);
    let (log, recovered) =
        Log::open(&environment, Path::new(DIRECTORY), opening(disk)?).map_err(|error| error.to_string())?;
    match recovered.rot {
        None => Ok(log),
        Some(at) => Err(format!("rot at {at} where nothing was durable")),
    }
}

/// Whether what a crash has left keeps the promises.
fn check(image: Arc<SimDisk>, promised: &Promised, mistake: Mistake) -> Result<(), String> {
    let disk: Arc<dyn Disk> = image.clone();
    let mut log = open(&disk, mistake)?;
    check_content(&mut log, promised)?;
    let records = read_all(&log.reader());

    // It goes on from here, and the next crash loses nothing that was flushed.
    log.append(&batch(&["after"]), LeaderEpoch(1000), NOW).map_err(|error| error.to_string())?;
    flush(&*disk, &mut log);
    let end = log.log_end_offset();
    let again: Arc<dyn Disk> = image.crash(1);
    let log = open(&again, mistake)?;
    if log.log_end_offset() != end || read_all(&log.reader())[..records.len()] != records {
        return Err("the second crash lost what was flushed".to_owned());
    }
    Ok(())
}

fn check_content(log: &mut Log, promised: &Promised) -> Result<(), String> {
    let (start, end) = (log.log_start_offset().0, log.log_end_offset().0);
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
    check_replay(log, &survived)?;
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
    if epochs != log.epochs {
        return Err(format!("epochs are {:?}, not {epochs:?}", log.epochs));
    }
    let segments_start = log.segments()[0].base_offset();
    aborted.retain(|aborted| aborted.last_offset >= segments_start);
    let found = log.reader().aborted_transactions(segments_start..Offset::MAX).map_err(|error| error.to_string())?;
    if found != aborted { Err(format!("aborted are {found:?}, not {aborted:?}")) } else { Ok(()) }
}

/// Judges lives until so many distinct images have been seen, or a promise is broken.
fn judge(lives: impl Iterator<Item = u64>, images: usize, mistake: Mistake) -> Verdict {
    let mut verdict = Verdict::default();
    for seed in lives {
        if verdict.images.len() >= images || !verdict.violations.is_empty() {
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
        let check = |image, promised: &Promised| check(image, promised, mistake);
        verdict.absorb(judge.run(&disk, Promised::default(), scenario, check));
        if let Some(violation) = verdict.violations.first() {
            println!("life {seed}: {violation}");
        }
    }
    verdict
}

/// The lives that `PROVE_CASES` chooses.
fn lives_to_prove() -> Option<Range<u64>> {
    let text = std::env::var("PROVE_CASES").ok()?;
    let range = text.split_once("..").and_then(|(first, end)| Some(first.parse().ok()?..end.parse().ok()?));
    Some(range.expect("PROVE_CASES is FIRST..END"))
}

#[test]
fn every_crash_leaves_a_log_that_keeps_its_promises() {
    let Some(lives) = lives_to_prove() else {
        return judge(1.., IMAGES_FOR_EVERY_DAY, Mistake::None).assert_kept(IMAGES_FOR_EVERY_DAY);
    };
    let verdict = judge(lives, usize::MAX, Mistake::None);
    println!("proved: images {}", verdict.images.len());
    verdict.assert_kept(1);
}

const IMAGES_FOR_EVERY_DAY: usize = 3_000;

/// How many images each mistake may live through.
const IMAGES_TO_FIND_A_MISTAKE: usize = 20_000;

#[test]
fn a_directory_that_is_not_synced_is_found() {
    assert!(!judge(1.., IMAGES_TO_FIND_A_MISTAKE, Mistake::NoDirectorySync).violations.is_empty());
}

#[test]
fn a_recovery_point_that_is_written_early_is_found() {
    assert!(!judge(1.., IMAGES_TO_FIND_A_MISTAKE, Mistake::EarlyRecoveryPoint).violations.is_empty());
}

#[test]
fn an_index_that_is_trusted_past_its_sync_is_found() {
    assert!(!judge(1.., IMAGES_TO_FIND_A_MISTAKE, Mistake::IndexTrustedTooFar).violations.is_empty());
}

/// A disk that forgets to sync folders.
#[derive(Debug)]
struct NoDirectorySync(Arc<SimDisk>);

impl Disk for NoDirectorySync {
    fn open(&self, path: &Path, how: Open) -> disk::Result<Arc<dyn File>> {
        self.0.open(path, how)
    }

    fn create_dir(&self, path: &Path) -> disk::Result<()> {
        self.0.create_dir(path)
    }

    fn list(&self, directory: &Path) -> disk::Result<Vec<Entry>> {
        self.0.list(directory)
    }

    fn entry(&self, path: &Path) -> disk::Result<Option<EntryKind>> {
        self.0.entry(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> disk::Result<()> {
        self.0.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> disk::Result<()> {
        self.0.remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> disk::Result<()> {
        self.0.remove_dir(path)
    }

    fn sync_dir(&self, _directory: &Path) -> disk::Result<()> {
        Ok(())
    }

    fn lock(&self, path: &Path) -> Result<Box<dyn Lock>, LockError> {
        self.0.lock(path)
    }

    fn file_system(&self, directory: &Path) -> disk::Result<Arc<dyn FileSystem>> {
        self.0.file_system(directory)
    }
}
