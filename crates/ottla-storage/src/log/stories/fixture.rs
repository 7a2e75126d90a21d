//! A log on a simulated disk, and batches to append to it.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use ottla_base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, SeededEntropy, Timestamp};
use ottla_records::{Batch, BatchBuilder, Compression, EndTxnMarker, TransactionResult, Validated, batches};

use crate::disk::sim::{SimDisk, SimOptions};
use crate::disk::{Disk, Open, ensure_dir};
use crate::environment::LogEnvironment;
use crate::flush::FlushPlan;
use crate::{Access, Error, Log, LogConfig, LogReader, Opening, ReadRequest, Recovered};

pub(super) const DIRECTORY: &str = "/data/topic-0";
/// A time in 2024, in milliseconds.
pub(super) const NOW: Timestamp = Timestamp(1_720_000_000_000);
const OPEN_SEGMENTS_MAX: usize = 8;

/// What a log needs around it.
pub(super) struct Fixture {
    pub(super) disk: Arc<SimDisk>,
    pub(super) config: LogConfig,
    environment: Arc<LogEnvironment>,
}

impl Fixture {
    pub(super) fn new() -> Fixture {
        Fixture::with(LogConfig::default())
    }

    pub(super) fn with(config: LogConfig) -> Fixture {
        let disk = SimDisk::new(SimOptions::default());
        ensure_dir(&*disk, Path::new(DIRECTORY)).unwrap();
        Fixture::on(disk, config)
    }

    /// With segments of so many bytes and an index entry for nearly every batch.
    pub(super) fn with_small_segments(segment_bytes: u32) -> Fixture {
        Fixture::with(small_segments(segment_bytes))
    }

    pub(super) fn on(disk: Arc<SimDisk>, config: LogConfig) -> Fixture {
        let environment = environment(disk.clone());
        Fixture { disk, config, environment }
    }

    /// The same machine after the power went, which lost of the unsynced what `seed` says.
    pub(super) fn after_power_cut(&self, seed: u64) -> Fixture {
        Fixture::on(self.disk.crash(seed), self.config.clone())
    }

    /// The same machine after the process was killed.
    pub(super) fn after_kill(&self) -> Fixture {
        Fixture::on(self.disk.kill(), self.config.clone())
    }

    pub(super) fn opening(&self, recovery_point: i64) -> Opening {
        Opening {
            config: self.config.clone(),
            topic_id: None,
            log_start_offset: Offset(0),
            recovery_point: Offset(recovery_point),
            was_clean: false,
            now: NOW,
        }
    }

    pub(super) fn open_with(&self, opening: Opening) -> (Log, Recovered) {
        Log::open(&self.environment, Path::new(DIRECTORY), opening).unwrap()
    }

    /// Creates the log.
    pub(super) fn create(&self) -> Log {
        let (log, recovered) = self.open_with(self.opening(0));
        assert!(recovered.created);
        log
    }

    /// Opens it after an unclean stop.
    pub(super) fn recover(&self, recovery_point: i64) -> (Log, Recovered) {
        self.open_with(self.opening(recovery_point))
    }

    /// Opens it after a clean stop.
    pub(super) fn reopen(&self) -> Log {
        let (log, recovered) = self.open_with(Opening { was_clean: true, ..self.opening(0) });
        assert_eq!(recovered, Recovered::default());
        log
    }

    pub(super) fn path(&self, name: &str) -> std::path::PathBuf {
        Path::new(DIRECTORY).join(name)
    }

    /// The names in the log's folder.
    pub(super) fn names(&self) -> Vec<String> {
        self.disk.list(Path::new(DIRECTORY)).unwrap().into_iter().map(|entry| entry.name).collect()
    }

    pub(super) fn read_file(&self, name: &str) -> Vec<u8> {
        let file = self.disk.open(&self.path(name), Open::Read).unwrap();
        let mut bytes = vec![0; file.len().unwrap() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    }

    /// Makes what the log has written durable, as a flusher does.
    pub(super) fn flush(&self, log: &mut Log) {
        flush(&*self.disk, log);
    }
}

pub(super) fn small_segments(segment_bytes: u32) -> LogConfig {
    LogConfig { segment_bytes, index_interval_bytes: 100, ..LogConfig::default() }
}

pub(super) fn environment(disk: Arc<dyn Disk>) -> Arc<LogEnvironment> {
    LogEnvironment::new(disk, Arc::new(SeededEntropy::new(1)), OPEN_SEGMENTS_MAX)
}

/// Syncs what the log asks for, and tells it.
pub(super) fn flush(disk: &dyn Disk, log: &mut Log) {
    if let Some(plan) = log.begin_flush() {
        sync(disk, &plan);
        log.on_flushed(plan.ticket);
    }
}

pub(super) fn sync(disk: &dyn Disk, plan: &FlushPlan) {
    for file in &plan.files {
        file.sync_data().unwrap();
    }
    for directory in &plan.directories {
        disk.sync_dir(directory).unwrap();
    }
}

/// A batch of records with these values, as a producer without idempotence sends it.
pub(super) fn batch(values: &[&str]) -> Validated {
    validated(filled(BatchBuilder::new(Compression::None), values, NOW))
}

/// A batch of one record with this timestamp.
pub(super) fn batch_at(timestamp: i64, value: &str) -> Validated {
    validated(filled(BatchBuilder::new(Compression::None), &[value], Timestamp(timestamp)))
}

/// A batch of an idempotent producer.
pub(super) fn sequenced(producer_id: i64, epoch: i16, base_sequence: i32, values: &[&str]) -> Validated {
    let builder = BatchBuilder::new(Compression::None);
    let builder = builder.producer(ProducerId(producer_id), ProducerEpoch(epoch), base_sequence);
    validated(filled(builder, values, NOW))
}

/// A batch within a transaction.
pub(super) fn transactional(producer_id: i64, base_sequence: i32, values: &[&str]) -> Validated {
    let builder = BatchBuilder::new(Compression::None);
    let builder = builder.producer(ProducerId(producer_id), ProducerEpoch(0), base_sequence).transactional();
    validated(filled(builder, values, NOW))
}

/// A marker that ends a transaction.
pub(super) fn marker(producer_id: i64, result: TransactionResult) -> Validated {
    let marker = EndTxnMarker { result, coordinator_epoch: 1 };
    validated(marker.to_batch(ProducerId(producer_id), ProducerEpoch(0), NOW))
}

fn filled(mut builder: BatchBuilder, values: &[&str], timestamp: Timestamp) -> Batch {
    for value in values {
        builder.append(timestamp, None, Some(value.as_bytes()));
    }
    builder.build()
}

fn validated(batch: Batch) -> Validated {
    let max_timestamp = batch.header().max_timestamp;
    Validated { batch, max_timestamp, offset_delta_of_max_timestamp: 0, log_append_time: None }
}

/// Appends a batch of these values in leader epoch 0 and returns its base offset.
pub(super) fn append(log: &mut Log, values: &[&str]) -> i64 {
    log.append(&batch(values), LeaderEpoch(0), NOW).unwrap().base_offset.0
}

/// Appends `count` batches of one record each, whose values are their offsets.
pub(super) fn append_numbers(log: &mut Log, count: usize) {
    for _ in 0..count {
        let value = log.log_end_offset().to_string();
        append(log, &[&value]);
    }
}

/// All that is readable, as offsets and values.
pub(super) fn read_all(reader: &LogReader) -> Vec<(i64, String)> {
    let mut records = Vec::new();
    let mut from = reader.log_start_offset();
    while from < reader.log_end_offset() {
        let bytes = read(reader, from.0, i64::MAX).unwrap();
        assert!(!bytes.is_empty(), "there is something at {from}");
        for batch in batches(bytes) {
            let batch = batch.unwrap();
            assert!(batch.crc_is_valid());
            from = batch.header().next_offset();
            for record in batch.records(1 << 20).map(Result::unwrap) {
                let value = record.value.map(|value| String::from_utf8_lossy(&value).into_owned());
                records.push((record.offset.0, value.unwrap_or_default()));
            }
        }
    }
    records.retain(|(offset, _)| *offset >= reader.log_start_offset().0);
    records
}

pub(super) fn read(reader: &LogReader, from: i64, up_to: i64) -> Result<Bytes, Error> {
    let request = ReadRequest {
        from: Offset(from),
        up_to: Offset(up_to),
        bytes_max: 1 << 20,
        at_least_one_batch: true,
        access: Access::Map,
    };
    reader.read(request).map(|read| read.bytes)
}

/// The records that [`append_numbers`] appends.
pub(super) fn numbers(range: std::ops::Range<i64>) -> Vec<(i64, String)> {
    range.map(|n| (n, n.to_string())).collect()
}
