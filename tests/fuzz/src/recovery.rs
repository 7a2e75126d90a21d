//! Any damage to the files of a log: opening it never panics, and keeps every record below the damage or says that it is gone.
//!
//! The input is a list of changes to the files of a sound log, its segments, indexes, producer snapshots and checkpoints alike.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ottla_base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, SeededEntropy, Timestamp};
use ottla_records::{Batch, BatchBuilder, Compression, Validated, batches};
use ottla_storage::disk::sim::{SimDisk, SimOptions};
use ottla_storage::disk::{Disk, Open, ensure_dir, read_file};
use ottla_storage::{Access, Log, LogConfig, LogEnvironment, Opening, ReadRequest, Recovered};

const DIRECTORY: &str = "/data/topic-0";
const NOW: Timestamp = Timestamp(1_720_000_000_000);
const BATCHES: i64 = 24;
/// So many of them are known to be durable where the log was not closed.
const DURABLE: i64 = 14;
const FILE_LEN_MAX: u64 = 1 << 20;
/// Names that a folder may have and this one does not.
const NEW_NAMES: [&str; 6] = [
    "truncation-checkpoint",
    "00000000000000000003.log",
    "00000000000000000024.log",
    "00000000000000000007.snapshot",
    "00000000000000000020.cut",
    "00000000000000000000.log.deleted",
];

/// Checks the changes that `data` makes: a byte for how the log was left, then for each change its kind, file, place and bytes.
pub fn check(data: &[u8]) {
    let Some((how, changes)) = data.split_first() else { return };
    let (is_closed, was_clean) = (how & 1 == 1, how & 2 == 2);
    let disk = sound_log(is_closed);
    let original = read_batches(&*disk);
    let recovery_point = if is_closed { BATCHES } else { DURABLE };
    let disk = disk.kill();
    let damaged_from = damage(&*disk, changes);
    // Whatever it says, it says that less is known to be durable.
    let is_void = files(&*disk).iter().any(|path| path.ends_with(NEW_NAMES[0]));
    let known_durable = if is_void { 0 } else { recovery_point };

    // Without a marker of a clean stop, or with one that was there already.
    let opening = opening(recovery_point, was_clean && is_closed);
    let Ok((mut log, recovered)) = Log::open(&environment(&disk), Path::new(DIRECTORY), opening) else { return };
    check_kept(&log, &recovered, &original, damaged_from, known_durable);
    look_up(&log);
    if recovered.rot.is_some() || log.append(&batch(99, "more"), LeaderEpoch(9), NOW).is_err() {
        return;
    }
    let end = log.log_end_offset();
    if log.close().is_ok() {
        log.on_checkpointed(log.recovery_point()).expect("the disk is sound");
        let (log, recovered) = Log::open(&environment(&disk), Path::new(DIRECTORY), self::opening(end.0, false))
            .expect("a log that was opened and closed");
        // Damage that the first start did not look at may be found now.
        assert!(log.log_end_offset() == end || recovered.rot.is_some(), "it ended at {end}: {recovered:?}");
    }
}

/// Nothing is lost below the damage, and nothing that was durable without a word.
fn check_kept(log: &Log, recovered: &Recovered, original: &[Bytes], damaged_from: i64, known_durable: i64) {
    let end = log.log_end_offset().0;
    let sound = damaged_from.min(original.len() as i64);
    assert!(end >= sound || recovered.rot.is_some(), "it ends at {end}, damaged from {damaged_from}: {recovered:?}");
    let is_told = recovered.rot.is_some() || recovered.cut.is_some() || recovered.created;
    assert!(end >= known_durable || is_told, "{known_durable} were durable, it ends at {end} without a word");
    if damaged_from > 0 {
        assert_eq!(log.log_start_offset(), Offset(0));
    }
    for offset in 0..sound.min(end) {
        let read = read(log, offset).expect("what is sound is readable");
        assert!(read.starts_with(&original[offset as usize]), "{offset} is another, damaged from {damaged_from}");
    }
}

/// What lies behind the damage gives records or errors.
fn look_up(log: &Log) {
    for offset in log.log_start_offset().0..log.log_end_offset().0.min(BATCHES + 8) {
        let _ = read(log, offset);
    }
    for timestamp in [0, NOW.0, NOW.0 + BATCHES] {
        let _ = log.reader().offset_for_timestamp(Timestamp(timestamp), Offset::MAX);
    }
    let _ = log.reader().aborted_transactions(Offset(0)..Offset::MAX);
    let _ = log.end_offset_for_epoch(LeaderEpoch(1));
}

fn read(log: &Log, from: i64) -> ottla_storage::Result<Bytes> {
    let (from, up_to) = (Offset(from), Offset::MAX);
    let request = ReadRequest { from, up_to, bytes_max: 4096, at_least_one_batch: true, access: Access::Copy };
    Ok(log.reader().read(request)?.bytes)
}

/// Three segments with their indexes, snapshots and epochs: one batch with one record for each offset.
fn sound_log(is_closed: bool) -> Arc<SimDisk> {
    let disk = SimDisk::new(SimOptions::default());
    ensure_dir(&*disk, Path::new(DIRECTORY)).expect("an empty disk");
    let (mut log, _) =
        Log::open(&environment(&disk), Path::new(DIRECTORY), opening(0, false)).expect("an empty folder");
    for n in 0..BATCHES {
        if n % 9 == 8 {
            log.roll(NOW).expect("there is room");
        }
        log.append(&batch(n, "value"), LeaderEpoch((n / 5) as i32), NOW).expect("there is room");
    }
    if is_closed {
        log.close().expect("the disk is sound");
    }
    disk
}

fn batch(n: i64, value: &str) -> Validated {
    let builder = BatchBuilder::new(Compression::None);
    let mut builder = match n % 3 {
        0 => builder,
        producer => builder.producer(ProducerId(producer), ProducerEpoch(0), (n / 3) as i32),
    };
    builder.append(Timestamp(NOW.0 + n), None, Some(format!("{value} {n}").as_bytes()));
    let batch: Batch = builder.build();
    let max_timestamp = batch.header().max_timestamp;
    Validated { batch, max_timestamp, offset_delta_of_max_timestamp: 0, log_append_time: None }
}

fn environment(disk: &Arc<SimDisk>) -> Arc<LogEnvironment> {
    LogEnvironment::new(disk.clone(), Arc::new(SeededEntropy::new(1)), 8)
}

fn opening(recovery_point: i64, was_clean: bool) -> Opening {
    Opening {
        config: LogConfig { index_interval_bytes: 100, ..LogConfig::default() },
        topic_id: None,
        log_start_offset: Offset(0),
        recovery_point: Offset(recovery_point),
        was_clean,
        now: NOW,
    }
}

/// The files of the log, by name.
fn files(disk: &dyn Disk) -> Vec<PathBuf> {
    let entries = disk.list(Path::new(DIRECTORY)).expect("the folder is there");
    entries.into_iter().map(|entry| Path::new(DIRECTORY).join(entry.name)).collect()
}

fn contents(disk: &dyn Disk, path: &Path) -> Vec<u8> {
    read_file(disk, path, FILE_LEN_MAX).expect("a small file").unwrap_or_default()
}

/// All batches, by offset.
fn read_batches(disk: &dyn Disk) -> Vec<Bytes> {
    let segments = files(disk).into_iter().filter(|path| path.extension().is_some_and(|suffix| suffix == "log"));
    let bytes: Vec<Bytes> = segments.map(|path| contents(disk, &path).into()).collect();
    bytes.into_iter().flat_map(batches).map(|batch| batch.expect("a sound log").bytes()).collect()
}

/// Makes the changes, and returns the first offset whose record may be gone: [`i64::MAX`] where all can still be there.
fn damage(disk: &dyn Disk, mut changes: &[u8]) -> i64 {
    let mut damaged_from = i64::MAX;
    while let [kind, file, high, low, len, rest @ ..] = changes {
        let (bytes, rest) = rest.split_at(usize::from(*len).min(rest.len()));
        changes = rest;
        let names = files(disk);
        let path = match kind % 6 {
            5 => Path::new(DIRECTORY).join(NEW_NAMES[usize::from(*file) % NEW_NAMES.len()]),
            _ => names[usize::from(*file) % names.len()].clone(),
        };
        let before = contents(disk, &path);
        let position = usize::from(u16::from_be_bytes([*high, *low])) % (before.len() + 1);
        damaged_from = damaged_from.min(first_offset_touched(&path, &before, position, kind % 6));
        if kind % 6 == 4 {
            disk.remove_file(&path).expect("it is there");
            if names.len() == 1 {
                break;
            }
            continue;
        }
        let after = match kind % 6 {
            0 => [&before[..position], bytes, before.get(position + bytes.len()..).unwrap_or_default()].concat(),
            1 => before[..position].to_vec(),
            2 => [&before[..position], bytes, &before[position..]].concat(),
            _ => bytes.to_vec(),
        };
        let file = disk.open(&path, Open::CreateIfMissing).expect("there is room");
        file.set_len(0).expect("there is room");
        file.write_all_at(&[std::io::IoSlice::new(&after)], 0).expect("there is room");
    }
    damaged_from
}

/// The first offset that a change can have reached which begins at `position` of the file, or takes the whole of it.
fn first_offset_touched(path: &Path, before: &[u8], position: usize, kind: u8) -> i64 {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(base_offset) = name.strip_suffix(".log").and_then(|digits| digits.parse().ok()) else {
        return i64::MAX;
    };
    if kind > 2 {
        return base_offset;
    }
    let mut run = batches(Bytes::copy_from_slice(before));
    let mut whole = base_offset;
    while run.next().is_some_and(|batch| batch.is_ok()) && run.position() <= position {
        whole += 1;
    }
    whole
}
