//! A log store over a simulated disk, and what becomes of names that are used twice.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use ottla_base::testing::{HandClock, HandWorkers};
use ottla_base::{BrokerId, LeaderEpoch, PartitionIndex, SeededEntropy, Timestamp, TopicName, Uuid};
use ottla_net::transport::{SimNetwork, SimOptions as NetworkOptions};
use ottla_records::{BatchBuilder, Compression, Rules, validate};
use ottla_storage::LogDirectoryOptions;
use ottla_storage::disk::sim::{SimDisk, SimOptions};
use ottla_storage::disk::{Disk, Open};

use super::*;

const OLD: TopicId = TopicId(Uuid([1; 16]));
const NEW: TopicId = TopicId(Uuid([2; 16]));
const NOW: Timestamp = Timestamp(1_720_000_000_000);

fn name() -> TopicPartition {
    TopicPartition::new(TopicName::new("t").unwrap(), PartitionIndex(0))
}

fn store(disk: &Arc<SimDisk>) -> LogStore {
    store_with_ballast(disk, 0)
}

fn store_with_ballast(disk: &Arc<SimDisk>, ballast_bytes: u64) -> LogStore {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let entropy = Arc::new(SeededEntropy::new(5));
    let network = SimNetwork::new(NetworkOptions::default(), entropy.clone());
    let options = LogDirectoryOptions { path: PathBuf::from("/data"), node_id: BrokerId(1), ballast_bytes };
    let directory = LogDirectory::open(disk.clone(), options, Some("cluster"), &*entropy).unwrap();
    let environment = Environment {
        clock: Arc::new(HandClock::default()),
        entropy,
        workers: Arc::new(HandWorkers::default()),
        disk: disk.clone(),
        open_files_max: 100,
        transport: Arc::new(network.host("node", IpAddr::V4(Ipv4Addr::LOCALHOST))),
        data: Arc::new([runtime.handle().clone()]),
        control: runtime.handle().clone(),
    };
    let settings = ottla_settings::load(None, &[]).unwrap().broker;
    let logs = LogEnvironment::new(disk.clone(), environment.entropy.clone(), 50);
    LogStore::new(Arc::new(directory), logs, &environment, &settings)
}

fn append(log: &mut Log, count: usize) {
    append_only(log, count);
    log.close().unwrap();
}

fn append_only(log: &mut Log, count: usize) {
    for _ in 0..count {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.append(NOW, None, Some(b"value"));
        let validated = validate(builder.build().bytes(), &Rules::default(), NOW).unwrap();
        log.append(&validated, LeaderEpoch(0), NOW).unwrap();
    }
}

fn claim(store: &LogStore, topic_id: TopicId) -> RecoveredLog {
    store.claim(&name(), topic_id, &LogConfig::default()).unwrap()
}

fn write_down(store: &LogStore, checkpoint: Checkpoint, offset: i64) {
    store.checkpoints().replace(checkpoint, || [(name(), Offset(offset))].into()).unwrap();
}

/// A topic with 100 records, of which the first 80 were deleted, as everything that is written down says.
fn old_topic(disk: &Arc<SimDisk>) -> LogStore {
    let store = store(disk);
    append(&mut claim(&store, OLD).log, 100);
    write_down(&store, Checkpoint::RecoveryPoint, 100);
    write_down(&store, Checkpoint::HighWatermark, 100);
    write_down(&store, Checkpoint::LogStartOffset, 80);
    store
}

#[test]
fn a_topic_that_is_created_again_loses_nothing_to_what_was_written_down_about_the_old_one() {
    let disk = SimDisk::new(SimOptions::default());
    let before = old_topic(&disk);
    before.move_to_delete(&name(), OLD).unwrap().expect("there is a folder");
    append(&mut claim(&before, NEW).log, 60);

    let disk = disk.crash(1);
    let after = store(&disk);
    after.recover(&name()).unwrap();
    let RecoveredLog { log, recovered } = claim(&after, NEW);
    assert_eq!((recovered.rot, recovered.cut), (None, None));
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (Offset(0), Offset(60)));
    assert_eq!(after.checkpoints().get(Checkpoint::HighWatermark, &name()), Offset(0));
}

#[test]
fn a_topic_that_is_created_again_after_a_restart_begins_at_zero() {
    let disk = SimDisk::new(SimOptions::default());
    drop(old_topic(&disk));
    let store = store(&disk.kill());
    store.recover(&name()).unwrap();
    let moved_aside = claim(&store, NEW).log;
    assert_eq!(moved_aside.log_start_offset(), Offset(0));
    assert_eq!(moved_aside.log_end_offset(), Offset(0));
}

#[test]
fn a_log_that_cannot_be_opened_keeps_its_entries_and_the_next_start_recovers() {
    let disk = SimDisk::new(SimOptions::default());
    drop(old_topic(&disk));
    let disk = disk.kill();
    let metadata = disk.open(&PathBuf::from("/data/t-0/partition.metadata"), Open::Write).unwrap();
    metadata.write_all_at(&[std::io::IoSlice::new(b"?")], 0).unwrap();

    let store = store(&disk);
    assert!(store.recover(&name()).is_err());
    assert!(store.claim(&name(), OLD, &LogConfig::default()).is_err(), "nothing is put in its place");
    assert!(!store.checkpoints().replace(Checkpoint::LogStartOffset, Default::default).unwrap());
    assert_eq!(store.checkpoints().get(Checkpoint::LogStartOffset, &name()), Offset(80));
    assert!(store.check_all_are_whole(&Replicas::new()).is_err());
}

#[test]
fn a_log_that_could_not_be_opened_at_the_start_is_opened_when_it_is_claimed() {
    let disk = SimDisk::new(SimOptions::default());
    drop(old_topic(&disk));
    let disk = disk.kill();
    let store = store(&disk);
    disk.fail_next_open();
    assert!(store.recover(&name()).is_err());
    let log = claim(&store, OLD).log;
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (Offset(80), Offset(100)));
    assert!(store.check_all_are_whole(&Replicas::new()).is_ok());
}

#[test]
fn a_partition_that_could_not_be_created_can_be_created_later() {
    let disk = SimDisk::new(SimOptions::default());
    let store = store(&disk);
    disk.set_capacity(Some(0));
    assert!(store.claim(&name(), NEW, &LogConfig::default()).is_err());
    disk.set_capacity(None);
    append(&mut claim(&store, NEW).log, 1);
}

#[test]
fn only_the_folder_of_the_deleted_topic_goes() {
    let disk = SimDisk::new(SimOptions::default());
    let store = old_topic(&disk);
    assert_eq!(store.move_to_delete(&name(), NEW).unwrap(), None);
    assert!(store.move_to_delete(&name(), OLD).unwrap().is_some());
    assert_eq!(store.move_to_delete(&name(), OLD).unwrap(), None);
}

#[test]
fn a_killed_node_recovers_its_logs_on_a_full_disk() {
    const BALLAST: u64 = 64 << 10;
    for pages_left in 0..6 {
        let disk = SimDisk::new(SimOptions { capacity: Some(4 << 20), ..SimOptions::default() });
        let before = store_with_ballast(&disk, BALLAST);
        let config = LogConfig { segment_bytes: 20_000, index_interval_bytes: 100, ..LogConfig::default() };
        append_only(&mut before.claim(&name(), NEW, &config).unwrap().log, 1_500);
        let space = before.directory().file_system().space().unwrap();
        drop(before);

        let disk = disk.kill();
        disk.set_capacity(Some(space.total - space.free + (pages_left << 12)));
        let after = store_with_ballast(&disk, BALLAST);
        after.recover(&name()).unwrap();
        assert_eq!(claim(&after, NEW).log.log_end_offset(), Offset(1_500), "{pages_left} pages were left");
    }
}
