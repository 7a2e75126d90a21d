//! Several log directories: partitions spread over them, are found again, and outlive the failure of another directory. And a folder that
//! is not ours stays as it is.
#![expect(clippy::disallowed_methods, reason = "a test works on the files of the process under test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use ottla_base::Offset;
use ottla_protocol::ErrorCode;
use ottla_records::{Compression, batches};
use tempfile::TempDir;
use testkit::{Broker, Client, Launcher, requests, wait};

const PARTITIONS: i32 = 4;

/// Two log directories, called `a` and `b`.
struct Directories(TempDir);

impl Directories {
    fn new() -> Directories {
        Directories(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn launcher(&self) -> Launcher {
        let both = format!("{},{}", self.path("a").display(), self.path("b").display());
        Launcher::default().setting("log.dirs", both)
    }

    /// The partitions of `topic` in the directory called `name`.
    fn partitions(&self, name: &str, topic: &str) -> Vec<i32> {
        let entries = fs::read_dir(self.path(name)).expect("the directory is there");
        let names = entries.map(|entry| entry.expect("it is readable").file_name().into_string().expect("a name"));
        let mut partitions: Vec<i32> =
            names.filter_map(|name| name.strip_prefix(topic)?.strip_prefix('-')?.parse().ok()).collect();
        partitions.sort_unstable();
        partitions
    }
}

/// Writes one record with acks=all; its offset, or the error.
fn write(client: &mut Client, topic: &str, partition: i32, value: &str) -> Result<i64, ErrorCode> {
    let records = requests::batch(Compression::None, [value.as_bytes()]);
    let request = requests::produce(topic, partition, records, -1);
    let response = client.call(requests::PRODUCE_VERSION, &request).expect("Produce is answered");
    let partition = &response.responses[0].partition_responses[0];
    match ErrorCode::from_code(partition.error_code).expect("one of Kafka's codes") {
        ErrorCode::None => Ok(partition.base_offset),
        code => Err(code),
    }
}

fn read_all(client: &mut Client, topic: &str, partition: i32) -> Vec<Bytes> {
    let request = requests::fetch(topic, partition, Offset(0), 1 << 20, 0);
    let response = client.call(requests::FETCH_VERSION, &request).expect("Fetch is answered");
    let partition = &response.responses[0].partitions[0];
    assert_eq!(partition.error_code, 0);
    let found = batches(partition.records.clone().unwrap_or_default()).map(|batch| batch.expect("a whole batch"));
    let values = |batch: ottla_records::Batch| {
        let records = batch.records(1 << 20).map(|record| record.expect("a record").value.expect("a value"));
        records.collect::<Vec<_>>()
    };
    found.flat_map(values).collect()
}

fn connect(broker: &Broker, topic: &str, partitions: i32) -> Client {
    let mut client = broker.client().expect("the broker listens");
    requests::wait_for_leaders(&mut client, topic, partitions);
    client
}

fn refused(broker: &mut Broker) -> String {
    broker.spawn().expect("it runs");
    wait::until("it gives up", || (!broker.is_running()).then_some(()));
    broker.stderr()
}

#[test]
fn partitions_are_spread_found_again_and_refused_where_they_lie_twice() {
    let directories = Directories::new();
    let mut broker = directories.launcher().start().expect("the broker starts");
    let mut client = broker.client().expect("the broker listens");
    requests::make_topic(&mut client, "spread", PARTITIONS, &[]);
    for partition in 0..PARTITIONS {
        assert_eq!(write(&mut client, "spread", partition, &format!("to {partition}")), Ok(0));
    }
    let placed = [directories.partitions("a", "spread"), directories.partitions("b", "spread")];
    assert_eq!(
        placed,
        [vec![0, 2], vec![1, 3]],
        "the emptiest takes the next, the first of the setting where all are alike"
    );

    broker.stop().expect("it stops");
    for name in ["a", "b"] {
        assert!(directories.path(name).join(".kafka_cleanshutdown").exists(), "{name} was closed");
    }
    broker.start().expect("it starts again");
    let mut client = connect(&broker, "spread", PARTITIONS);
    for partition in 0..PARTITIONS {
        assert_eq!(read_all(&mut client, "spread", partition), [format!("to {partition}")]);
    }
    assert_eq!([directories.partitions("a", "spread"), directories.partitions("b", "spread")], placed);

    broker.stop().expect("it stops");
    let (original, copy) = (directories.path("a/spread-2"), directories.path("b/spread-2"));
    fs::create_dir(&copy).expect("there is none");
    for file in fs::read_dir(&original).expect("it is there") {
        let file = file.expect("it is readable");
        fs::copy(file.path(), copy.join(file.file_name())).expect("there is room");
    }
    let before = contents(directories.0.path());
    let told = refused(&mut broker);
    let expected = format!(
        "ottla: partition spread-2 lies in more than one log directory: {} and {}.",
        original.display(),
        copy.display()
    );
    assert!(told.contains(&expected), "{told}");
    assert_eq!(names_and_bytes(&contents(directories.0.path())), names_and_bytes(&before), "nothing was lost");

    fs::remove_dir_all(&copy).expect("it can go");
    let mut broker = directories.launcher().start().expect("the broker starts");
    let mut client = connect(&broker, "spread", PARTITIONS);
    assert_eq!(read_all(&mut client, "spread", 2), ["to 2"]);
    broker.stop().expect("it stops");
}

#[test]
fn a_directory_that_fails_takes_only_its_own_partitions_offline() {
    let directories = Directories::new();
    let mut broker = directories.launcher().start().expect("the broker starts");
    let mut client = broker.client().expect("the broker listens");
    requests::make_topic(&mut client, "spread", 2, &[]);
    assert_eq!(write(&mut client, "spread", 0, "kept"), Ok(0));
    assert_eq!(write(&mut client, "spread", 1, "away for a while"), Ok(0));

    let (b, gone) = (directories.path("b"), directories.path("gone"));
    fs::rename(&b, &gone).expect("a disk can be pulled");
    let mut acknowledged = 1;
    let refusal = wait::until("its partition is refused", || {
        let written = write(&mut client, "spread", 1, "away for a while");
        acknowledged += usize::from(written.is_ok());
        written.err()
    });
    assert_eq!(refusal, ErrorCode::KafkaStorageError);
    assert_eq!(write(&mut client, "spread", 0, "kept"), Ok(1), "the other goes on");
    assert!(broker.is_running());
    let told = broker.stderr();
    assert!(told.contains("the log directory is offline") && told.contains(&b.display().to_string()), "{told}");

    let mut attempt = 0;
    wait::until("new partitions go where they can be", || {
        attempt += 1;
        let topic = format!("new{attempt}");
        let created = client.call(requests::CREATE_TOPICS_VERSION, &requests::create_topic(&topic, 2, &[])).ok()?;
        (created.topics[0].error_code == 0 && directories.partitions("a", &topic) == [0, 1]).then_some(())
    });
    assert!(!b.exists(), "nobody has made it anew");

    broker.stop().expect("it stops");
    fs::rename(&gone, &b).expect("the disk comes back");
    broker.start().expect("it starts again");
    let mut client = connect(&broker, "spread", 2);
    assert_eq!(read_all(&mut client, "spread", 0), ["kept", "kept"]);
    let read = read_all(&mut client, "spread", 1);
    assert!(read.len() >= acknowledged, "{} of {acknowledged} acknowledged records are there", read.len());
    assert!(read.iter().all(|value| value == "away for a while"));
    assert!(write(&mut client, "spread", 1, "again").is_ok());
}

#[test]
fn a_directory_that_is_gone_at_the_start_is_not_replaced_by_an_empty_one() {
    let directories = Directories::new();
    let mut broker = directories.launcher().start().expect("the broker starts");
    let mut client = broker.client().expect("the broker listens");
    requests::make_topic(&mut client, "spread", 2, &[]);
    for partition in [0, 1] {
        assert_eq!(write(&mut client, "spread", partition, "kept"), Ok(0));
    }
    broker.stop().expect("it stops");
    let (b, gone) = (directories.path("b"), directories.path("gone"));
    fs::rename(&b, &gone).expect("a disk can be pulled");
    broker.start().expect("it starts on a new, empty one");
    let mut client = broker.client().expect("the broker listens");
    assert_eq!(read_all(&mut client, "spread", 0), ["kept"]);
    write(&mut client, "spread", 1, "in vain").expect_err("its data is elsewhere");
    assert_eq!(directories.partitions("b", "spread"), Vec::<i32>::new());

    broker.stop().expect("it stops");
    fs::remove_dir_all(&b).expect("it can go");
    fs::rename(&gone, &b).expect("the disk comes back");
    broker.start().expect("it starts again");
    let mut client = connect(&broker, "spread", 2);
    assert_eq!(read_all(&mut client, "spread", 1), ["kept"]);
}

#[test]
fn a_directory_can_be_emptied_by_hand_and_retired() {
    let directories = Directories::new();
    let mut broker = directories.launcher().start().expect("the broker starts");
    let mut client = broker.client().expect("the broker listens");
    requests::make_topic(&mut client, "spread", PARTITIONS, &[]);
    for partition in 0..PARTITIONS {
        assert_eq!(write(&mut client, "spread", partition, "kept"), Ok(0));
    }
    broker.stop().expect("it stops");
    for partition in directories.partitions("b", "spread") {
        let folder = format!("spread-{partition}");
        fs::rename(directories.path("b").join(&folder), directories.path("a").join(&folder)).expect("it is moved");
    }
    let only_a = || Launcher::default().setting("log.dirs", directories.path("a").display()).start();
    let mut broker = only_a().expect("the broker starts");
    let mut client = connect(&broker, "spread", PARTITIONS);
    for partition in 0..PARTITIONS {
        assert_eq!(read_all(&mut client, "spread", partition), ["kept"]);
        assert_eq!(write(&mut client, "spread", partition, "more"), Ok(1));
    }
    broker.kill().expect("it ran until it was killed");
    let broker = only_a().expect("the broker starts again");
    let mut client = connect(&broker, "spread", PARTITIONS);
    for partition in 0..PARTITIONS {
        assert_eq!(read_all(&mut client, "spread", partition), ["kept", "more"]);
    }
}

#[test]
fn a_node_whose_only_data_disk_was_replaced_goes_on_with_its_metadata() {
    let directories = Directories::new();
    let launcher = Launcher::default()
        .setting("log.dirs", directories.path("a").display())
        .setting("metadata.log.dir", directories.path("metadata").display());
    let mut broker = launcher.start().expect("the broker starts");
    let mut client = broker.client().expect("the broker listens");
    requests::make_topic(&mut client, "lost", 1, &[]);
    assert_eq!(write(&mut client, "lost", 0, "lost"), Ok(0));
    broker.kill().expect("it ran until it was killed");
    fs::remove_dir_all(directories.path("a")).expect("a disk can be lost");

    broker.start().expect("it starts on a new one");
    let mut client = broker.client().expect("the broker listens");
    write(&mut client, "lost", 0, "in vain").expect_err("its data is gone, and nobody has said that it may be");
    requests::make_topic(&mut client, "new", 1, &[]);
    assert_eq!(write(&mut client, "new", 0, "new"), Ok(0));
    let deleted = client.call(requests::DELETE_TOPICS_VERSION, &requests::delete_topic("lost")).expect("an answer");
    assert_eq!(deleted.responses[0].error_code, 0, "the operator can say so");
    requests::make_topic(&mut client, "lost", 1, &[]);
    assert_eq!(write(&mut client, "lost", 0, "found"), Ok(0));
}

/// Everything below `folder`, by its path: what it holds, and when it was last changed.
fn contents(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    let modified = |path: &Path| fs::metadata(path).and_then(|entry| entry.modified()).expect("it is there");
    found.insert(folder.to_owned(), (Vec::new(), modified(folder)));
    for entry in fs::read_dir(folder).expect("it is a folder") {
        let path = entry.expect("it is readable").path();
        if path.is_dir() {
            found.append(&mut contents(&path));
        } else {
            found.insert(path.clone(), (fs::read(&path).expect("it is a file"), modified(&path)));
        }
    }
    found
}

/// But not the locks, which say who looked last.
fn names_and_bytes(contents: &BTreeMap<PathBuf, (Vec<u8>, SystemTime)>) -> Vec<(&Path, &[u8])> {
    let files = contents.iter().map(|(path, (bytes, _))| (path.as_path(), bytes.as_slice()));
    files.filter(|(path, _)| !path.ends_with(".lock")).collect()
}

#[test]
fn a_data_folder_of_kafkas_stays_byte_for_byte_as_it_is() {
    let directories = Directories::new();
    let kafkas = directories.path("a");
    let files = [
        (
            "meta.properties",
            "#\n#Tue Nov 24 07:56:22 UTC 2026\ncluster.id=MkU3OEVBNTcwNTJENDM2Qg\nversion=1\ndirectory.id=0R8nMDbJRPKMmDXbbtfJYg\nnode.id=1\n",
        ),
        (".kafka_cleanshutdown", r#"{"version":0,"brokerEpoch":17}"#),
        (".lock", ""),
        ("cleaner-offset-checkpoint", "0\n0\n"),
        ("orders-0/partition.metadata", "version: 0\ntopic_id: AQAAAAAAAAAAAAAAAAAAAg"),
        ("orders-0/00000000000000000000.log", ""),
        (
            "__cluster_metadata-0/quorum-state",
            r#"{"leaderId":1,"leaderEpoch":1,"votedId":1,"appliedOffset":0,"data_version":0}"#,
        ),
    ];
    for (name, content) in files {
        let path = kafkas.join(name);
        fs::create_dir_all(path.parent().expect("it has one")).expect("there is room");
        fs::write(path, content).expect("there is room");
    }
    let before = contents(&kafkas);
    let mut broker = Launcher::default().data_dir(&kafkas).spawn().expect("it runs");
    wait::until("it gives up", || (!broker.is_running()).then_some(()));
    let told = broker.stderr();
    let expected = format!("ottla: {} is a data folder of Apache Kafka's: it holds meta.properties", kafkas.display());
    assert!(told.contains(&expected), "{told}");
    assert_eq!(contents(&kafkas), before);
}
