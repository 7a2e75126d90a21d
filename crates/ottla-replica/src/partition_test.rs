//! A partition over a simulated disk, with workers cranked by hand.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ottla_base::testing::{HandClock, HandWorkers};
use ottla_base::{BrokerId, Lane, ProducerEpoch, ProducerId, SeededEntropy, TopicName, Uuid};
use ottla_records::{BatchBuilder, Compression};
use ottla_storage::disk::sim::{SimDisk, SimOptions, SyncFault};
use ottla_storage::disk::{Disk, ensure_dir};
use ottla_storage::{Access, FlusherSeams, LogConfig, LogEnvironment, Opening};

use super::*;
use crate::{FoundOffset, Isolation, OffsetLookup, ReadRequest};

struct Bench {
    disk: Arc<SimDisk>,
    workers: Arc<HandWorkers>,
    partition: Arc<Partition>,
}

const NOW: Timestamp = Timestamp(1_000);

fn bench(counts: Counts) -> Bench {
    bench_on(SimDisk::new(SimOptions::default()), counts)
}

fn bench_on(disk: Arc<SimDisk>, counts: Counts) -> Bench {
    let workers = Arc::new(HandWorkers::default());
    let clock = Arc::new(HandClock::default());
    let health = DirectoryHealth::default();
    let folder = PathBuf::from("/data/t-0");
    ensure_dir(&*disk, &folder).unwrap();
    let seams = FlusherSeams {
        disk: disk.clone(),
        file_system: disk.file_system(Path::new("/data")).unwrap(),
        workers: workers.clone(),
        clock,
    };
    let flusher = Flusher::new(Lane::Flush, Duration::from_secs(30), health.clone(), seams);
    let environment = LogEnvironment::new(disk.clone(), Arc::new(SeededEntropy::new(1)), 16);
    let topic_id = TopicId(Uuid([7; 16]));
    let opening = Opening {
        config: LogConfig::default(),
        topic_id: Some(topic_id),
        log_start_offset: Offset::ZERO,
        recovery_point: Offset::ZERO,
        was_clean: false,
        now: NOW,
    };
    let (log, _) = Log::open(&environment, &folder, opening).unwrap();
    let name = TopicPartition::new(TopicName::new("t").unwrap(), ottla_base::PartitionIndex(0));
    let config = PartitionConfig {
        rules: Rules::default(),
        log: LogConfig::default(),
        write_caching: false,
        min_in_sync_replicas: 1,
    };
    let partition = Partition::new(name, topic_id, log, config, Offset::ZERO, Durability { flusher, health });
    partition.lead(leadership(1, counts));
    workers.run_all();
    Bench { disk, workers, partition }
}

/// Every batch begins a segment, and nothing is too young to be deleted.
fn fleeting() -> PartitionConfig {
    PartitionConfig {
        rules: Rules::default(),
        log: LogConfig { segment_bytes: 100, retention_ms: Some(0), ..LogConfig::default() },
        write_caching: false,
        min_in_sync_replicas: 1,
    }
}

fn leadership(epoch: i32, counts: Counts) -> Leadership {
    Leadership { leader_epoch: LeaderEpoch(epoch), isr: vec![BrokerId(1)], replication_factor: 1, counts }
}

fn batch(base_sequence: i32) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None).producer(ProducerId(9), ProducerEpoch(0), base_sequence);
    builder.append(NOW, None, Some(b"value"));
    builder.build().bytes()
}

impl Bench {
    fn append(&self, base_sequence: i32) -> Result<Appended, Error> {
        self.partition.append(batch(base_sequence), RequiredAcks::InSyncReplicas, true, NOW)
    }

    fn find(&self, lookup: OffsetLookup) -> Result<Option<FoundOffset>, Error> {
        self.partition.find_offset(lookup, Isolation::ReadUncommitted, None)
    }

    fn read_all(&self) -> Result<Bytes, Error> {
        let request = ReadRequest {
            from: Offset::ZERO,
            bytes_max: usize::MAX,
            at_least_one_batch: true,
            isolation: Isolation::ReadUncommitted,
            leader_epoch: None,
            last_fetched_epoch: None,
            access: Access::Map,
        };
        self.partition.read(&request).map(|read| read.records)
    }
}

#[test]
fn nothing_is_acknowledged_or_seen_before_it_is_durable() {
    let bench = bench(Counts::Durable);
    let appended = bench.append(0).unwrap();
    assert!(!bench.partition.is_acknowledged(&appended).unwrap());
    assert!(bench.read_all().unwrap().is_empty());

    bench.workers.run_job();
    assert!(!bench.partition.is_acknowledged(&appended).unwrap(), "synced, but nobody was told");
    bench.workers.complete();
    assert!(bench.partition.is_acknowledged(&appended).unwrap());
    assert!(!bench.read_all().unwrap().is_empty());
}

#[test]
fn cached_acks_ask_for_no_sync() {
    let bench = bench(Counts::Appended);
    let appended = bench.append(0).unwrap();
    assert!(bench.partition.is_acknowledged(&appended).unwrap());
    assert_eq!(bench.workers.jobs_waiting(), 0);
}

#[test]
fn a_repeated_batch_waits_for_the_end_of_the_original() {
    let bench = bench(Counts::Durable);
    let original = bench.append(0).unwrap();
    bench.append(1).unwrap();
    let again = bench.append(0).unwrap();
    assert_eq!((again.base_offset, again.end_offset), (original.base_offset, original.end_offset));
    assert_eq!(bench.partition.log().log_end_offset(), Offset(2));
}

#[test]
fn what_goes_in_and_out_is_counted_and_outlives_the_partition() {
    let bench = bench(Counts::Appended);
    let replicas = crate::Replicas::new();
    replicas.insert(bench.partition.clone());
    for base_sequence in [0, 1, 0] {
        bench.append(base_sequence).unwrap();
    }
    let read = bench.read_all().unwrap();
    bench.partition.count_read(&read);
    bench.partition.count_read(&[]);

    let bytes = 2 * batch(0).len() as u64;
    let traffic = Traffic { appended_bytes: bytes, appended_records: 2, read_bytes: bytes, read_records: 2 };
    assert_eq!(bench.partition.traffic(), traffic, "what was repeated was not appended again");
    assert_eq!(replicas.traffic(), traffic);
    replicas.remove(bench.partition.topic_partition());
    assert_eq!(replicas.traffic(), traffic);
}

#[test]
fn what_was_appended_in_an_earlier_epoch_is_not_acknowledged_in_a_later_one() {
    let bench = bench(Counts::Durable);
    let appended = bench.append(0).unwrap();
    bench.partition.lead(leadership(2, Counts::Durable));
    bench.workers.run_all();
    assert!(matches!(bench.partition.is_acknowledged(&appended), Err(Error::NotLeader)));
    assert_eq!(bench.partition.high_watermark(), Offset(1), "the record itself stays");
}

#[test]
fn a_sync_of_an_earlier_epoch_counts_for_nothing() {
    let bench = bench(Counts::Durable);
    bench.append(0).unwrap();
    bench.workers.run_job();
    bench.partition.lead(leadership(2, Counts::Durable));
    bench.workers.complete();
    assert_eq!(bench.partition.high_watermark(), Offset(0));
    bench.workers.run_all();
    assert_eq!(bench.partition.high_watermark(), Offset(1));
}

#[test]
fn a_failed_sync_takes_the_partition_offline_for_good() {
    let bench = bench(Counts::Durable);
    let appended = bench.append(0).unwrap();
    bench.disk.fail_next_sync(SyncFault::DropsPages);
    bench.workers.run_all();
    assert!(matches!(bench.partition.is_acknowledged(&appended), Err(Error::DirectoryOffline(_))));
    assert!(matches!(bench.append(1), Err(Error::DirectoryOffline(_))));
    bench.partition.lead(leadership(2, Counts::Durable));
    assert!(matches!(bench.append(1), Err(Error::DirectoryOffline(_))), "no leadership brings it back");
}

#[test]
fn a_reader_is_fenced_by_the_epoch_that_it_knows() {
    let bench = bench(Counts::Durable);
    let check = |epoch| bench.partition.check_leader_epoch(Some(LeaderEpoch(epoch)));
    assert!(matches!(check(0), Err(Error::FencedLeaderEpoch { .. })));
    assert!(check(1).is_ok());
    assert!(matches!(check(2), Err(Error::UnknownLeaderEpoch { .. })));
}

#[test]
fn a_deleted_partition_refuses_everything() {
    let bench = bench(Counts::Durable);
    bench.append(0).unwrap();
    bench.partition.delete();
    assert!(matches!(bench.append(1), Err(Error::Deleted)));
    assert!(matches!(bench.read_all(), Err(Error::Deleted)));
}

#[test]
fn an_offset_past_the_end_is_out_of_range_and_one_past_the_high_watermark_is_not() {
    let bench = bench(Counts::Durable);
    bench.append(0).unwrap();
    let read = |from| {
        let request = ReadRequest {
            from: Offset(from),
            bytes_max: 100,
            at_least_one_batch: true,
            isolation: Isolation::ReadCommitted,
            leader_epoch: None,
            last_fetched_epoch: None,
            access: Access::Map,
        };
        bench.partition.read(&request)
    };
    assert!(read(1).unwrap().records.is_empty());
    assert!(matches!(read(2), Err(Error::Log(ottla_storage::Error::OffsetOutOfRange { .. }))));
}

#[test]
fn cached_acks_may_become_durable_once_all_that_was_acknowledged_is_on_disk() {
    let bench = bench(Counts::Appended);
    bench.append(0).unwrap();
    assert!(!bench.partition.may_become_durable());
    bench.workers.run_all();
    assert!(bench.partition.may_become_durable());
    bench.partition.lead(leadership(1, Counts::Durable));
    assert!(!bench.partition.may_become_durable(), "they are");
}

#[test]
fn lookups_end_where_the_reader_may_see() {
    let bench = bench(Counts::Durable);
    bench.append(0).unwrap();
    let latest = |offset, epoch| {
        Some(FoundOffset { offset: Offset(offset), timestamp: Timestamp::NONE, leader_epoch: Some(LeaderEpoch(epoch)) })
    };
    assert_eq!(bench.find(OffsetLookup::Latest).unwrap(), latest(0, 1));
    assert_eq!(bench.find(OffsetLookup::AtOrAfter(NOW)).unwrap(), None);
    assert_eq!(bench.find(OffsetLookup::MaxTimestamp).unwrap(), None);

    bench.workers.run_all();
    let first = FoundOffset { offset: Offset(0), timestamp: NOW, leader_epoch: Some(LeaderEpoch(1)) };
    assert_eq!(bench.find(OffsetLookup::Latest).unwrap(), latest(1, 1));
    assert_eq!(bench.find(OffsetLookup::Earliest).unwrap(), latest(0, 1));
    assert_eq!(bench.find(OffsetLookup::AtOrAfter(NOW)).unwrap(), Some(first));
    assert_eq!(bench.find(OffsetLookup::MaxTimestamp).unwrap(), Some(first));
    assert_eq!(bench.find(OffsetLookup::AtOrAfter(Timestamp(NOW.0 + 1))).unwrap(), None);
}

#[test]
fn a_new_leader_sends_no_reader_back_behind_its_predecessor() {
    let bench = bench(Counts::Durable);
    bench.append(0).unwrap();
    bench.partition.lead(leadership(2, Counts::Durable));
    let is_unavailable = |lookup| matches!(bench.find(lookup), Err(Error::OffsetNotAvailable { .. }));
    assert!(is_unavailable(OffsetLookup::Latest));
    assert!(is_unavailable(OffsetLookup::AtOrAfter(NOW)));
    assert!(bench.find(OffsetLookup::Earliest).is_ok());

    bench.workers.run_all();
    let latest = bench.find(OffsetLookup::Latest).unwrap().unwrap();
    assert_eq!((latest.offset, latest.leader_epoch), (Offset(1), Some(LeaderEpoch(2))));
    let ended = |epoch| bench.partition.end_offset_for_epoch(LeaderEpoch(epoch), None).unwrap();
    assert_eq!(ended(1), Some((LeaderEpoch(1), Offset(1))));
    assert_eq!(ended(2), Some((LeaderEpoch(2), Offset(1))));
    assert_eq!(ended(3), None);
}

#[test]
fn a_sync_that_finds_its_partition_deleted_takes_nothing_offline() {
    let bench = bench_on(SimDisk::new(SimOptions { has_syncfs: false, ..SimOptions::default() }), Counts::Durable);
    bench.partition.reconfigure(fleeting());
    bench.append(0).unwrap();
    bench.append(1).unwrap();
    bench.partition.delete();
    bench.disk.rename(Path::new("/data/t-0"), Path::new("/data/t-0.delete")).unwrap();
    bench.workers.run_all();
    assert_eq!(bench.partition.durability.health.failure(), None);
}

#[test]
fn retention_leaves_alone_what_comes_after_a_deleted_partition() {
    let bench = bench(Counts::Durable);
    bench.partition.reconfigure(fleeting());
    bench.append(0).unwrap();
    bench.append(1).unwrap();
    bench.workers.run_all();
    bench.partition.delete();
    // A topic of the same name may have its files there now.
    let names = || bench.disk.list(Path::new("/data/t-0")).unwrap();
    let before = names();
    assert!(matches!(bench.partition.retain(Timestamp(NOW.0 + 1_000)), Err(Error::Deleted)));
    assert_eq!(names(), before);
}

#[test]
fn an_append_that_finds_no_file_descriptor_takes_nothing_offline() {
    let bench = bench(Counts::Durable);
    bench.partition.reconfigure(fleeting());
    bench.append(0).unwrap();
    bench.disk.fail_next_open();
    assert!(matches!(bench.append(1), Err(Error::Log(_))));
    assert_eq!(bench.partition.durability.health.failure(), None);
    assert_eq!(bench.append(1).unwrap().base_offset, Offset(1));
}

#[test]
fn a_transaction_that_nobody_has_begun_is_refused_and_holds_nobody_up() {
    let bench = bench(Counts::Durable);
    let mut builder = BatchBuilder::new(Compression::None).producer(ProducerId(9), ProducerEpoch(0), 0).transactional();
    builder.append(NOW, None, Some(b"value"));
    let appended = bench.partition.append(builder.build().bytes(), RequiredAcks::Leader, true, NOW);
    assert!(matches!(appended, Err(Error::NoTransaction { producer_id: ProducerId(9) })));
    bench.append(0).unwrap();
    bench.workers.run_all();
    assert_eq!(bench.partition.last_stable_offset(), Offset(1));
}
