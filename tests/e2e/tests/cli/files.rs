//! The files of a log, looked into without a broker.

use std::path::PathBuf;

use e2e::{damaged_copy, log_files};
use serde_json::Value;
use testkit::{Broker, KafkaTools, OttlaCli};

const RECORDS: u64 = 30_000;

/// A stopped broker that has a topic of one partition with [`RECORDS`] records in several batches.
fn stopped_broker() -> Broker {
    let mut broker = Broker::start_default().expect("the broker starts");
    let cli = OttlaCli::new(broker.bootstrap());
    cli.run(&["topic", "create", "dumped", "--config", "index.interval.bytes=1024"], b"").expect("created");
    let lines: String = (0..RECORDS).map(|n| format!("key-{n}:value-{n}\n")).collect();
    cli.run(&["produce", "dumped", "-k", ":", "-z", "zstd"], lines.as_bytes()).expect("written");
    cli.run(&["produce", "dumped", "-H", "last=yes"], b"\xff\n").expect("written");
    broker.stop().expect("it stops");
    broker
}

fn file(broker: &Broker, extension: &str) -> PathBuf {
    log_files(broker.data_dir(), "dumped", extension).pop().expect("there is one")
}

fn dump(file: &std::path::Path, arguments: &[&str]) -> String {
    let file = file.to_str().expect("UTF-8");
    let arguments: Vec<&str> = ["log", "dump", file].iter().chain(arguments).copied().collect();
    OttlaCli::offline().run(&arguments, b"").expect("the file is whole")
}

#[test]
fn a_segment_shows_the_batches_that_kafkas_own_dumper_shows() {
    let broker = stopped_broker();
    let log = file(&broker, "log");
    let batches: Vec<Value> =
        dump(&log, &["--batches", "--json"]).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let theirs = KafkaTools::get().expect("got with Maven").dump_log(&[], &[log]).expect("it dumps");
    let theirs: Vec<&str> = theirs.lines().filter(|line| line.starts_with("baseOffset:")).collect();
    assert_eq!(batches.len(), theirs.len());
    for (ours, theirs) in batches.iter().zip(theirs) {
        for (name, field) in [
            ("baseOffset", "base_offset"),
            ("lastOffset", "last_offset"),
            ("count", "records"),
            ("position", "position"),
            ("size", "size"),
            ("crc", "crc"),
        ] {
            assert!(theirs.contains(&format!("{name}: {}", ours[field])), "{name}: {ours} and {theirs}");
        }
    }
}

#[test]
fn records_are_shown_with_all_that_they_have() {
    let broker = stopped_broker();
    let shown = dump(&file(&broker, "log"), &[]);
    let records: Vec<&str> = shown.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(records.len() as u64, RECORDS + 1);
    assert!(records[7].starts_with("  7 timestamp "), "{}", records[7]);
    assert!(records[7].ends_with(r#" key "key-7" value "value-7""#), "{}", records[7]);
    assert!(records[RECORDS as usize].ends_with(r#" key null value "\xff" header "last" "yes""#));
}

#[test]
fn damage_is_found_where_it_begins() {
    let broker = stopped_broker();
    let log = file(&broker, "log");
    let batches = dump(&log, &["--batches", "--json"]);
    let last: Value = serde_json::from_str(batches.lines().last().expect("a batch")).expect("JSON");
    let position = last["position"].as_u64().expect("a number");
    assert!(position > 0, "there are several batches");

    let at = position as usize;
    let flipped = |bytes: &mut Vec<u8>| bytes[at + 70] ^= 1;
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(at + 65);
    let zeros = |bytes: &mut Vec<u8>| bytes[at..].fill(0);
    let damaged = |damage: &dyn Fn(&mut Vec<u8>)| {
        let folder = tempfile::tempdir().expect("a folder");
        let copy = damaged_copy(&log, folder.path(), damage);
        OttlaCli::offline().end(&["log", "dump", copy.to_str().expect("UTF-8"), "--batches"], b"").expect("it ends")
    };
    for (what, ended) in [("a flipped bit", damaged(&flipped)), ("a cut", damaged(&cut)), ("zeros", damaged(&zeros))] {
        assert_eq!(ended.code, Some(1), "{what}");
        let told = format!("damage begins at byte {position}: ");
        assert!(ended.stderr.contains(&told), "{what}: {}", ended.stderr);
        assert_eq!(ended.stdout.lines().count(), batches.lines().count() - 1, "{what}: what stands before is shown");
    }
}

#[test]
fn indexes_are_listed_and_judged() {
    let broker = stopped_broker();
    let offsets = file(&broker, "index");
    let shown = dump(&offsets, &[]);
    assert!(shown.lines().next().is_some_and(|line| line.starts_with("offset ")), "{shown}");
    assert!(shown.trim_end().lines().last().is_some_and(|line| line.contains(" entries")), "{shown}");
    let times = dump(&file(&broker, "timeindex"), &["--json"]);
    let first: Value = serde_json::from_str(times.lines().next().expect("an entry")).expect("JSON");
    assert!(first["timestamp"].as_i64().is_some_and(|timestamp| timestamp > 1_600_000_000_000), "{first}");

    let snapshot = file(&broker, "snapshot");
    let producers: Vec<Value> =
        dump(&snapshot, &["--json"]).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(producers.last().expect("a producer")["last_offset"], RECORDS);
    assert!(dump(&snapshot, &[]).contains(&format!(" to {RECORDS} timestamp ")));

    let folder = tempfile::tempdir().expect("a folder");
    let flipped = damaged_copy(&snapshot, folder.path(), |bytes| bytes[20] ^= 1);
    let refusal =
        OttlaCli::offline().refusal(&["log", "dump", flipped.to_str().expect("UTF-8")], b"").expect("damaged");
    assert!(refusal.contains("damage begins at byte 0: it was not written whole"), "{refusal}");
    // It still ascends: only the log beside it tells.
    let astray = damaged_copy(&offsets, folder.path(), |bytes| bytes[7] ^= 1);
    let refusal = OttlaCli::offline().refusal(&["log", "dump", astray.to_str().expect("UTF-8")], b"").expect("damaged");
    assert!(refusal.contains("damage begins at byte 0: an entry whose position"), "{refusal}");
}

#[test]
fn a_file_that_is_none_of_a_log_is_refused() {
    let refusal = OttlaCli::offline().refusal(&["log", "dump", "Cargo.toml"], b"").expect("it is no log");
    assert!(
        refusal.starts_with("ottla: Cargo.toml is no .log, .index, .timeindex, .txnindex or .snapshot file"),
        "{refusal}"
    );
}
