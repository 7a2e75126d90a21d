//! Where a partition's log is, with two directories on one simulated disk.

use std::net::{IpAddr, Ipv4Addr};

use ottla_base::testing::{HandClock, HandWorkers};
use ottla_base::{Offset, PartitionIndex, SeededEntropy, TopicName, Uuid};
use ottla_net::transport::{SimNetwork, SimOptions as NetworkOptions};
use ottla_storage::disk::ensure_dir;
use ottla_storage::disk::sim::{SimDisk, SimOptions, SyncFault};
use ottla_storage::{LogConfig, QUORUM_FOLDER};

use super::*;

const TOPIC: TopicId = TopicId(Uuid([1; 16]));
const OTHER: TopicId = TopicId(Uuid([2; 16]));
const NOWHERE: DirectoryId = DirectoryId(Uuid([9; 16]));

fn name(topic: &str) -> TopicPartition {
    TopicPartition::new(TopicName::new(topic).unwrap(), PartitionIndex(0))
}

/// The stores of `/a` and `/b`, and the ids of these.
fn stores(disk: &Arc<SimDisk>) -> (LogStores, [DirectoryId; 2]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let entropy = Arc::new(SeededEntropy::new(5));
    let network = SimNetwork::new(NetworkOptions::default(), entropy.clone());
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
    let settings = ["log.dirs=/a,/b", "metadata.log.dir=/meta"].map(str::to_owned);
    let settings = ottla_settings::load(None, &settings).unwrap().broker;
    let directories = LogDirectories::open(&environment.disk, &settings, &*environment.entropy).unwrap();
    ensure_dir(&**disk, &directories.metadata().path().join(QUORUM_FOLDER)).unwrap();
    directories.adopt_cluster("cluster").unwrap();
    let ids = [directories.data()[0].id(), directories.data()[1].id()];
    (LogStores::new(&directories, &environment, &settings), ids)
}

fn claim(stores: &LogStores, name: &TopicPartition, topic_id: TopicId, assigned: DirectoryId) -> Arc<LogStore> {
    let store = stores.place(name, topic_id, assigned).unwrap();
    store.claim(name, topic_id, &LogConfig::default()).unwrap();
    store.clone()
}

fn fail(store: &LogStore, disk: &SimDisk) {
    disk.fail_next_sync(SyncFault::DropsPages);
    let one = [(name("any"), Offset(1))].into();
    store.directory().write_checkpoint(ottla_storage::Checkpoint::HighWatermark, &one).unwrap_err();
}

#[test]
fn a_new_log_goes_where_it_is_assigned_and_is_found_where_it_lies() {
    let disk = SimDisk::new(SimOptions::default());
    let (stores_before, [a, b]) = stores(&disk);
    assert_eq!(claim(&stores_before, &name("t"), TOPIC, b).directory().id(), b);
    assert_eq!(stores_before.place(&name("t"), TOPIC, a).unwrap().directory().id(), b, "it is there");
    assert_eq!(stores_before.place(&name("t"), OTHER, a).unwrap().directory().id(), a, "this is another");
    drop(stores_before);

    let disk = disk.kill();
    let (after, _) = stores(&disk);
    after.all()[1].recover(&name("t")).unwrap();
    assert_eq!((after.directory_of(&name("t"), TOPIC), after.directory_of(&name("t"), OTHER)), (Some(b), None));
    assert_eq!(after.place(&name("t"), TOPIC, a).unwrap().directory().path(), std::path::Path::new("/b"));
    assert_eq!(after.place(&name("t"), TOPIC, NOWHERE).unwrap().directory().path(), std::path::Path::new("/b"));
}

#[test]
fn no_empty_log_is_created_for_one_whose_directory_is_not_there() {
    let (stores, _) = stores(&SimDisk::new(SimOptions::default()));
    let refused = stores.place(&name("t"), TOPIC, NOWHERE).map(drop);
    assert!(matches!(refused, Err(NoPlace::NotNamed(NOWHERE))));
}

#[test]
fn a_log_that_could_not_be_opened_is_not_created_elsewhere() {
    let disk = SimDisk::new(SimOptions::default());
    let (before, [_, b]) = stores(&disk);
    claim(&before, &name("t"), TOPIC, b);
    drop(before);
    let disk = disk.kill();
    let (after, [a, b]) = stores(&disk);
    disk.fail_next_open();
    after.all()[1].recover(&name("t")).unwrap_err();
    assert_eq!(claim(&after, &name("t"), TOPIC, a).directory().id(), b);
}

#[test]
fn what_is_in_a_failed_directory_is_offline_and_the_rest_is_not() {
    let disk = SimDisk::new(SimOptions::default());
    let (stores, [a, b]) = stores(&disk);
    claim(&stores, &name("lost"), TOPIC, a);
    claim(&stores, &name("kept"), TOPIC, b);
    fail(&stores.all()[0], &disk);
    for assigned in [a, b] {
        assert!(matches!(stores.place(&name("lost"), TOPIC, assigned), Err(NoPlace::Offline { .. })));
        assert_eq!(stores.place(&name("kept"), TOPIC, assigned).unwrap().directory().id(), b);
    }
}

#[test]
fn a_topic_that_was_deleted_while_its_directory_was_offline_does_not_come_back_for_another_of_its_name() {
    let disk = SimDisk::new(SimOptions::default());
    let (before, [a, b]) = stores(&disk);
    claim(&before, &name("t"), TOPIC, a);
    fail(&before.all()[0], &disk);
    assert!(before.move_to_delete(&name("t"), TOPIC).unwrap().is_none(), "its folder cannot be touched");
    assert_eq!(claim(&before, &name("t"), OTHER, b).directory().id(), b);
    drop(before);

    let disk = disk.kill();
    let (after, _) = stores(&disk);
    after.all().iter().for_each(|store| store.recover(&name("t")).unwrap());
    assert_eq!(claim(&after, &name("t"), OTHER, b).directory().path(), std::path::Path::new("/b"));
    after.set_strays_aside();
    let folders = after.all()[0].directory().folders().unwrap();
    assert_eq!((folders.live.len(), folders.stray.len()), (0, 1), "kept for the operator");
}

#[test]
fn a_deleted_partition_goes_from_the_directory_that_it_is_in() {
    let disk = SimDisk::new(SimOptions::default());
    let (stores, [_, b]) = stores(&disk);
    claim(&stores, &name("t"), TOPIC, b);
    assert!(stores.move_to_delete(&name("t"), OTHER).unwrap().is_none());
    let (store, folder) = stores.move_to_delete(&name("t"), TOPIC).unwrap().expect("it is there");
    assert_eq!((store.directory().id(), folder.starts_with("/b")), (b, true));
    assert!(stores.move_to_delete(&name("t"), TOPIC).unwrap().is_none());
}
