//! Log directories on a simulated disk, and what does not go together.

use ottla_base::{BrokerEpoch, SeededEntropy};
use ottla_settings::load;
use ottla_storage::disk::sim::{SimDisk, SimOptions};
use ottla_storage::disk::{Entry, Open, atomic_write, ensure_dir, read_file};
use ottla_storage::{CLEAN_SHUTDOWN_FILE, CleanShutdown, META_PROPERTIES_FILE};

use super::*;

const MARK: CleanShutdown = CleanShutdown { broker_epoch: Some(BrokerEpoch(5)) };

fn disk() -> Arc<SimDisk> {
    SimDisk::new(SimOptions::default())
}

fn try_open(disk: &Arc<SimDisk>, settings: &[&str]) -> anyhow::Result<LogDirectories> {
    let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
    let settings = load(None, &settings).unwrap().broker;
    let entropy = SeededEntropy::new(disk.io_count());
    let disk: Arc<dyn Disk> = disk.clone();
    LogDirectories::open(&disk, &settings, &entropy)
}

fn open(disk: &Arc<SimDisk>, log_dirs: &str) -> LogDirectories {
    try_open(disk, &[&format!("log.dirs={log_dirs}")]).unwrap()
}

fn refusal(disk: &Arc<SimDisk>, settings: &[&str]) -> String {
    try_open(disk, settings).unwrap_err().to_string()
}

/// A run that founded its cluster, with its metadata log in the first of `log_dirs`, and stopped in order.
fn run(disk: &Arc<SimDisk>, log_dirs: &str) -> Vec<DirectoryId> {
    let directories = open(disk, log_dirs);
    ensure_dir(&**disk, &directories.metadata().path().join(QUORUM_FOLDER)).unwrap();
    directories.adopt_cluster("cluster").unwrap();
    directories.data().iter().for_each(|directory| directory.mark_clean_shutdown(MARK).unwrap());
    directories.online()
}

fn put_partition(disk: &Arc<SimDisk>, folder: &str, topic_id: &str) {
    ensure_dir(&**disk, Path::new(folder)).unwrap();
    let text = format!("version: 0\ntopic_id: {topic_id}\n");
    atomic_write(&**disk, &Path::new(folder).join("partition.metadata"), text.as_bytes()).unwrap();
}

fn entries(disk: &Arc<SimDisk>, directory: &str) -> Vec<Entry> {
    disk.list(Path::new(directory)).unwrap()
}

#[test]
fn every_directory_has_its_identity_and_all_count_the_same_starts() {
    let disk = disk();
    let ids = run(&disk, "/a,/b");
    assert_ne!(ids[0], ids[1]);
    run(&disk, "/a,/b");

    let directories = open(&disk, "/a,/b,/c");
    assert_eq!((&directories.online()[..2], directories.online().len()), (&ids[..], 3));
    assert_eq!(directories.start_counter(), 3);
    assert!(directories.data().iter().all(|directory| directory.start_counter() == 3), "the new one counts on");
    assert_eq!(directories.metadata().id(), ids[0]);
    assert!(directories.was_clean(), "a new directory has nothing that could be unclean");
}

#[test]
fn a_new_directory_of_a_known_cluster_keeps_its_id_over_a_crash() {
    let disk = disk();
    run(&disk, "/a");
    let ids = open(&disk, "/a,/b").online();
    assert_eq!(open(&disk.crash(3), "/a,/b").online(), ids);
}

#[test]
fn one_unclean_stop_makes_the_run_an_unclean_one() {
    let disk = disk();
    run(&disk, "/a,/b");
    disk.remove_file(&Path::new("/b").join(CLEAN_SHUTDOWN_FILE)).unwrap();
    let directories = open(&disk, "/a,/b");
    assert!(!directories.was_clean());
    assert_eq!(directories.data()[0].clean_shutdown(), Some(MARK), "its logs were closed all the same");
    drop(directories);

    run(&disk, "/a,/b");
    let of_another_stop = CleanShutdown { broker_epoch: Some(BrokerEpoch(9)) };
    atomic_write(&*disk, &Path::new("/b").join(CLEAN_SHUTDOWN_FILE), &of_another_stop.encode()).unwrap();
    assert!(!open(&disk, "/a,/b").was_clean());
}

#[test]
fn a_metadata_directory_of_its_own_is_locked_and_holds_no_partitions() {
    let disk = disk();
    let directories = try_open(&disk, &["log.dirs=/a,/b", "metadata.log.dir=/meta"]).unwrap();
    assert_eq!((directories.data().len(), directories.all().count(), directories.online().len()), (2, 3, 2));
    assert_eq!(directories.metadata().path(), Path::new("/meta"));
    assert!(refusal(&disk, &["log.dirs=/meta"]).contains("/meta cannot be locked"));
    directories.adopt_cluster("cluster").unwrap();
    assert!(disk.entry(&Path::new("/meta").join(META_PROPERTIES_FILE)).unwrap().is_some());
}

#[test]
fn a_partition_that_lies_twice_is_refused_with_both_paths_and_nothing_changes() {
    let disk = disk();
    run(&disk, "/a,/b");
    for folder in ["/a/t-0", "/b/t-0", "/b/t-1"] {
        put_partition(&disk, folder, "AQAAAAAAAAAAAAAAAAAAAg");
    }
    let before = (entries(&disk, "/a"), entries(&disk, "/b"));
    let told = refusal(&disk, &["log.dirs=/a,/b"]);
    assert!(told.starts_with("partition t-0 lies in more than one log directory: /a/t-0 and /b/t-0. Only"), "{told}");
    assert_eq!((entries(&disk, "/a"), entries(&disk, "/b")), before);

    disk.rename(Path::new("/b/t-0"), Path::new("/b/t-7")).unwrap();
    let directories = open(&disk, "/a,/b");
    assert!(directories.was_clean(), "the refused start has not taken the marks away");
    assert_eq!(directories.start_counter(), 2);
}

#[test]
fn partitions_of_two_topics_that_had_one_name_are_no_copies() {
    let disk = disk();
    run(&disk, "/a,/b,/c");
    put_partition(&disk, "/a/t-0", "AQAAAAAAAAAAAAAAAAAAAg");
    put_partition(&disk, "/b/t-0", "AgAAAAAAAAAAAAAAAAAAAg");
    drop(open(&disk, "/a,/b,/c"));
    ensure_dir(&*disk, Path::new("/c/t-0")).unwrap();
    let told = refusal(&disk, &["log.dirs=/a,/b,/c"]);
    assert!(told.contains("/a/t-0 and /b/t-0 and /c/t-0"), "it does not say which topic it is of: {told}");
}

#[test]
fn a_directory_that_was_copied_is_refused() {
    let disk = disk();
    run(&disk, "/a");
    ensure_dir(&*disk, Path::new("/b")).unwrap();
    for name in [".start_counter", META_PROPERTIES_FILE] {
        let bytes = read_file(&*disk, &Path::new("/a").join(name), 1 << 10).unwrap().unwrap();
        atomic_write(&*disk, &Path::new("/b").join(name), &bytes).unwrap();
    }
    assert!(refusal(&disk, &["log.dirs=/a,/b"]).contains("/a and /b have one id"));
}

#[test]
fn a_directory_is_named_once() {
    assert_eq!(refusal(&disk(), &["log.dirs=/a,/b,/a/"]), "log.dirs names /a/ twice");
}

#[test]
fn directories_of_two_clusters_do_not_go_together() {
    let disk = disk();
    run(&disk, "/a");
    let other = open(&disk, "/b");
    other.adopt_cluster("other").unwrap();
    drop(other);
    let told = refusal(&disk, &["log.dirs=/a,/b"]);
    assert_eq!(told, "log directory /a belongs to cluster cluster, and /b to cluster other");
}

#[test]
fn no_second_cluster_is_founded_where_the_metadata_log_is_not() {
    let disk = disk();
    run(&disk, "/a,/b");
    for elsewhere in ["log.dirs=/b,/a", "log.dirs=/c,/a"] {
        let told = refusal(&disk, &[elsewhere]);
        assert!(told.ends_with("but in /a: set metadata.log.dir=/a"), "{told}");
    }
    assert!(refusal(&disk, &["log.dirs=/b"]).contains("there is no metadata log in /b"));
    let directories = try_open(&disk, &["log.dirs=/b,/a", "metadata.log.dir=/a"]).unwrap();
    assert_eq!(directories.metadata().path(), Path::new("/a"));
}

#[test]
fn one_that_cannot_be_read_stops_the_start_and_is_named() {
    let disk = disk();
    run(&disk, "/a");
    disk.open(Path::new("/file"), Open::CreateNew).unwrap();
    let told = refusal(&disk, &["log.dirs=/a,/file"]);
    assert!(told.contains("/file"), "{told}");
    assert!(open(&disk, "/a").was_clean(), "the other is as it was");
}
