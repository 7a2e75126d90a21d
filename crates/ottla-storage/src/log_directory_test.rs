//! A log directory on the simulated disk, from its first start to its crash images.

use ottla_base::{BrokerEpoch, PartitionIndex, SeededEntropy, TopicName};

use super::*;
use crate::disk::sim::judge::{Judge, Promises};
use crate::disk::sim::{SimDisk, SimOptions, SyncFault};
use crate::disk::{Open, ensure_dir};

const PATH: &str = "/var/ottla/data";

fn options() -> LogDirectoryOptions {
    LogDirectoryOptions { path: PATH.into(), node_id: BrokerId(1), ballast_bytes: 64 << 10 }
}

fn try_open(
    disk: &Arc<SimDisk>,
    options: LogDirectoryOptions,
    cluster_id: Option<&str>,
) -> Result<LogDirectory, OpenError> {
    LogDirectory::open(disk.clone(), options, cluster_id, &SeededEntropy::new(1))
}

fn refusal(disk: &Arc<SimDisk>) -> OpenError {
    try_open(disk, options(), Some("cluster")).expect_err("it is not to be opened")
}

fn open(disk: &Arc<SimDisk>) -> LogDirectory {
    try_open(disk, options(), Some("cluster")).expect("nothing is wrong with it")
}

fn put(disk: &SimDisk, name: &str, content: &str) {
    ensure_dir(disk, Path::new(PATH)).expect("the disk works");
    atomic_write(disk, &Path::new(PATH).join(name), content.as_bytes()).expect("the disk works");
}

fn partition(topic: &str, index: i32) -> TopicPartition {
    TopicPartition::new(TopicName::new(topic).expect("a legal name"), PartitionIndex(index))
}

#[test]
fn a_new_directory_gets_an_identity_that_outlives_crashes() {
    let disk = SimDisk::new(SimOptions::default());
    let first = open(&disk);
    assert_eq!(
        (first.start_counter(), first.clean_shutdown(), first.cluster_id()),
        (1, None, Some("cluster".to_owned()))
    );

    let disk = disk.crash(7);
    let second = open(&disk);
    assert_eq!((second.id(), second.start_counter(), second.clean_shutdown()), (first.id(), 2, None));
}

#[test]
fn the_cluster_of_a_new_directory_may_come_later() {
    let disk = SimDisk::new(SimOptions::default());
    let directory = try_open(&disk, options(), None).expect("it is new");
    assert_eq!(directory.cluster_id(), None);
    directory.adopt_cluster("abc").expect("it has none yet");
    directory.adopt_cluster("abc").expect("it is the same");
    assert!(matches!(directory.adopt_cluster("xyz"), Err(OpenError::OtherCluster { .. })));

    let disk = disk.crash(1);
    let again = try_open(&disk, options(), None).expect("nothing is wrong with it");
    assert_eq!((again.cluster_id(), again.id()), (Some("abc".to_owned()), directory.id()));
}

#[test]
fn a_directory_of_somebody_else_is_refused_and_says_whose_it_is() {
    let disk = SimDisk::new(SimOptions::default());
    drop(open(&disk));
    let refusal = |options, cluster_id| {
        try_open(&disk, options, Some(cluster_id)).expect_err("it is somebody else's").to_string()
    };
    assert_eq!(
        refusal(LogDirectoryOptions { node_id: BrokerId(2), ..options() }, "cluster"),
        "log directory /var/ottla/data belongs to node 1, this is node 2"
    );
    assert_eq!(
        refusal(options(), "other"),
        "log directory /var/ottla/data belongs to cluster cluster, this is cluster other"
    );
}

#[test]
fn a_directory_in_use_is_refused() {
    let disk = SimDisk::new(SimOptions::default());
    let directory = open(&disk);
    assert!(matches!(refusal(&disk), OpenError::Locked { cause: LockError::Held { .. }, .. }));
    drop(directory);
    open(&disk);
}

#[test]
fn partitions_without_an_owner_are_not_adopted() {
    let disk = SimDisk::new(SimOptions::default());
    ensure_dir(&*disk, &Path::new(PATH).join("orders-0")).expect("the disk works");
    let before = files(&disk);
    assert!(matches!(refusal(&disk), OpenError::Anonymous { .. }));
    assert_eq!(files(&disk), before);
}

#[test]
fn damaged_files_are_named_in_the_error() {
    let message = |name, content| {
        let disk = SimDisk::new(SimOptions::default());
        put(&disk, name, content);
        refusal(&disk).to_string()
    };
    assert_eq!(
        message(META_PROPERTIES_FILE, "version=1\n"),
        "read /var/ottla/data/meta.properties: cluster.id is missing"
    );
    assert_eq!(message(START_COUNTER_FILE, "x\n"), "read /var/ottla/data/.start_counter: \"x\\n\" is no number");

    let disk = SimDisk::new(SimOptions::default());
    put(&disk, "recovery-point-offset-checkpoint", "0\n2\norders 0 5\n");
    let error = open(&disk).read_checkpoint(Checkpoint::RecoveryPoint).expect_err("a line is missing");
    assert_eq!(
        error.to_string(),
        "read /var/ottla/data/recovery-point-offset-checkpoint: it announces 2 entries and holds 1"
    );
}

/// The names of all files, with what they hold.
fn files(disk: &Arc<SimDisk>) -> Vec<(String, Option<Vec<u8>>)> {
    let entries = disk.list(Path::new(PATH)).expect("the disk works").into_iter();
    let content = |name: &str| disk::read_file(&**disk, &Path::new(PATH).join(name), SMALL_FILE_LEN_MAX);
    entries.map(|entry| (entry.name.clone(), (!entry.is_dir).then(|| content(&entry.name).unwrap().unwrap()))).collect()
}

#[test]
fn kafkas_directory_is_refused_and_stays_as_it_is() {
    let disk = SimDisk::new(SimOptions::default());
    put(&disk, META_PROPERTIES_FILE, "#\nversion=1\nnode.id=1\ncluster.id=MkU3OEVBNTcwNTJENDM2Qg\n");
    put(&disk, CLEAN_SHUTDOWN_FILE, r#"{"version":0,"brokerEpoch":17}"#);
    put(&disk, ".lock", "");
    put(&disk, "left.tmp", "of a file that was being replaced");
    for folder in ["orders-0", "orders-1", "__cluster_metadata-0"] {
        ensure_dir(&*disk, &Path::new(PATH).join(folder)).expect("the disk works");
    }
    let (before, ios) = (files(&disk), disk.io_count());
    let told = refusal(&disk).to_string();
    let found = "/var/ottla/data is a data folder of Apache Kafka's: it holds meta.properties \
        (node 1 of cluster MkU3OEVBNTcwNTJENDM2Qg), 2 partitions and no .start_counter. Nothing in it was touched.";
    assert!(told.starts_with(found), "{told}");
    assert_eq!((files(&disk), disk.io_count()), (before, ios), "not even a sync");
}

#[test]
fn properties_without_an_id_get_one() {
    let disk = SimDisk::new(SimOptions::default());
    put(&disk, START_COUNTER_FILE, "1\n");
    put(&disk, META_PROPERTIES_FILE, "#\nversion=1\nnode.id=1\ncluster.id=cluster\n");
    let id = open(&disk).id();
    assert_eq!(open(&disk.crash(3)).id(), id);
}

#[test]
fn all_directories_of_a_node_count_alike() {
    let disk = SimDisk::new(SimOptions::default());
    let mut directory = open(&disk);
    directory.raise_start_counter(7).expect("the disk works");
    directory.raise_start_counter(3).expect("the disk works");
    assert_eq!(directory.start_counter(), 7);
    assert_eq!(open(&disk.crash(1)).start_counter(), 8);
}

#[test]
fn a_locked_directory_is_as_the_last_run_left_it() {
    let disk = SimDisk::new(SimOptions::default());
    let mark = CleanShutdown { broker_epoch: None };
    let first = open(&disk);
    first.mark_clean_shutdown(mark).expect("the disk works");
    let (id, before) = (first.id(), files(&disk));
    drop(first);
    let locked = LockedDirectory::lock(disk.clone(), options()).expect("nothing is wrong with it");
    assert_eq!((locked.cluster_id(), locked.id()), (Some("cluster"), Some(id)));
    assert!(matches!(refusal(&disk), OpenError::Locked { .. }));
    assert_eq!(files(&disk), before);
    let opened = locked.open(None, &SeededEntropy::new(1)).expect("nothing is wrong with it");
    assert_eq!((opened.clean_shutdown(), opened.start_counter()), (Some(mark), 2));
}

#[test]
fn a_clean_shutdown_is_seen_once() {
    let disk = SimDisk::new(SimOptions::default());
    let mark = CleanShutdown { broker_epoch: Some(BrokerEpoch(9)) };
    open(&disk).mark_clean_shutdown(mark).expect("the disk works");
    let disk = disk.crash(1);
    let second = open(&disk);
    assert_eq!(second.clean_shutdown(), Some(mark));
    let disk = disk.crash(1);
    assert_eq!(open(&disk).clean_shutdown(), None, "the second run did not stop cleanly");
}

#[test]
fn checkpoints_read_back_after_a_crash() {
    let disk = SimDisk::new(SimOptions::default());
    let directory = open(&disk);
    let offsets = BTreeMap::from([(partition("orders", 0), Offset(5)), (partition("orders", 1), Offset(0))]);
    assert_eq!(directory.read_checkpoint(Checkpoint::HighWatermark), Ok(BTreeMap::new()));
    directory.write_checkpoint(Checkpoint::HighWatermark, &offsets).expect("the disk works");
    let disk = disk.crash(1);
    let directory = open(&disk);
    assert_eq!(directory.read_checkpoint(Checkpoint::HighWatermark), Ok(offsets));
    assert_eq!(directory.read_checkpoint(Checkpoint::LogStartOffset), Ok(BTreeMap::new()));
}

#[test]
fn folders_are_told_apart_and_moved_aside() {
    let disk = SimDisk::new(SimOptions::default());
    let (directory, entropy) = (open(&disk), SeededEntropy::new(5));
    for name in ["b-1", "a-10", "a-2", "lost+found"] {
        ensure_dir(&*disk, &directory.path().join(name)).expect("the disk works");
    }
    let deleted = directory.move_to_delete(&partition("a", 2), &entropy).expect("it is there");
    let stray = directory.move_to_stray(&partition("b", 1), &entropy).expect("it is there");
    assert!(directory.move_to_delete(&partition("a", 2), &entropy).expect_err("it is gone").is_not_found());

    let directory = open(&disk.crash(1));
    let expected = PartitionFolders {
        live: vec![partition("a", 10)],
        to_delete: vec![deleted],
        stray: vec![stray],
        unknown: vec![directory.path().join("lost+found")],
    };
    assert_eq!(directory.folders(), Ok(expected));
    assert_eq!(directory.partition_path(&partition("a", 10)), directory.path().join("a-10"));
}

#[test]
fn a_full_disk_still_takes_checkpoints() {
    let disk = SimDisk::new(SimOptions { capacity: Some(2 << 20), ..SimOptions::default() });
    let directory = open(&disk);
    let filler = disk.open(&directory.path().join("filler"), Open::CreateNew).expect("names take no room");
    while filler.write_all_at(&[std::io::IoSlice::new(&[1; 4096])], filler.len().expect("the disk works")).is_ok() {}
    let offsets = BTreeMap::from([(partition("orders", 0), Offset(5))]);
    directory.write_checkpoint(Checkpoint::RecoveryPoint, &offsets).expect("the ballast makes room");
    directory.mark_clean_shutdown(CleanShutdown { broker_epoch: None }).expect("there is room left");
    assert!(!directory.ballast().is_held());

    let disk = disk.crash(1);
    let directory = open(&disk);
    assert_eq!(directory.read_checkpoint(Checkpoint::RecoveryPoint), Ok(offsets));
}

#[test]
fn a_failed_sync_takes_the_directory_offline_and_it_never_looks_clean() {
    let disk = SimDisk::new(SimOptions::default());
    let directory = open(&disk);
    disk.fail_next_sync(SyncFault::DropsPages);
    let failed = directory.write_checkpoint(Checkpoint::HighWatermark, &BTreeMap::new());
    let failure = directory.health().failure().expect("it is offline");
    assert_eq!(failed, Err(ReplaceError::Offline(failure.clone())));
    let mark = CleanShutdown { broker_epoch: None };
    assert_eq!(directory.mark_clean_shutdown(mark), Err(ReplaceError::Offline(failure)));
    assert_eq!(open(&disk.kill()).clean_shutdown(), None);
}

/// What the starts so far have promised.
#[derive(Clone, Default)]
struct Promised {
    id: Option<DirectoryId>,
    start_counter: u64,
    /// The checkpoint that was written last, and the one that was being written.
    checkpoint: Option<i64>,
    checkpoint_tried: Option<i64>,
    stopped_cleanly: bool,
    may_have_stopped_cleanly: bool,
}

#[test]
fn every_crash_image_of_a_directorys_life_keeps_its_promises() {
    let disk = SimDisk::new(SimOptions::default());
    let judge = Judge { seed: 11, tries_per_point: 64 };
    let verdict = judge.run(&disk, Promised::default(), two_lives, |disk, promised| check_promises(&disk, promised));
    verdict.assert_kept(60);
}

fn two_lives(disk: &Arc<SimDisk>, promises: &Promises<Promised>) {
    for life in 0..2 {
        promises.update(|p| p.may_have_stopped_cleanly |= p.stopped_cleanly);
        let directory = {
            promises.update(|p| p.stopped_cleanly = false);
            open(disk)
        };
        promises.update(|p| {
            p.may_have_stopped_cleanly = false;
            p.id = Some(directory.id());
            p.start_counter = directory.start_counter();
        });
        for offset in life * 10..life * 10 + 3 {
            promises.update(|p| p.checkpoint_tried = Some(offset));
            let offsets = BTreeMap::from([(partition("orders", 0), Offset(offset))]);
            directory.write_checkpoint(Checkpoint::RecoveryPoint, &offsets).expect("no fault is set");
            promises.update(|p| p.checkpoint = Some(offset));
        }
        promises.update(|p| p.may_have_stopped_cleanly = true);
        directory.mark_clean_shutdown(CleanShutdown { broker_epoch: None }).expect("no fault is set");
        promises.update(|p| p.stopped_cleanly = true);
    }
}

fn check_promises(disk: &Arc<SimDisk>, promised: &Promised) -> Result<(), String> {
    let directory = try_open(disk, options(), Some("cluster")).map_err(|error| error.to_string())?;
    if promised.id.is_some_and(|id| id != directory.id()) {
        return Err(format!("the id has changed to {}", directory.id()));
    }
    if directory.start_counter() <= promised.start_counter {
        return Err(format!("start {} is counted as {}", promised.start_counter + 1, directory.start_counter()));
    }
    let offsets = directory.read_checkpoint(Checkpoint::RecoveryPoint).map_err(|error| error.to_string())?;
    let found = offsets.values().next().map(|offset| offset.0);
    if found != promised.checkpoint && found != promised.checkpoint_tried {
        return Err(format!("the checkpoint holds {found:?}, promised was {:?}", promised.checkpoint));
    }
    match directory.clean_shutdown() {
        Some(_) if !promised.may_have_stopped_cleanly && !promised.stopped_cleanly => {
            Err("a crash looks like a stop".to_owned())
        }
        None if promised.stopped_cleanly => Err("a stop looks like a crash".to_owned()),
        _ => Ok(()),
    }
}
