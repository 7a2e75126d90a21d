//! Kafka reads our disk: its own log dumper goes over what the broker left after load, and after an unclean restart.
//!
//! The dumper ends well on damaged files too, so its words are read; and that they tell damage is shown on damaged
//! copies.

use std::path::{Path, PathBuf};

use e2e::{Load, Sample, damaged_copy, log_files, produce, samples};
use testkit::{Broker, KafkaTools, Launcher, requests, wait};

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

/// The smallest that Kafka allows, so that there are rolled segments to look at.
const SEGMENT_BYTES: u32 = 1 << 20;

/// Enough batches in a segment that its indexes have something to say.
const SMALL_BATCHES: [(&str, &str); 2] = [("batch.size", "16384"), ("linger.ms", "5")];

/// Where every batch is valid and nothing is left over: how many records there are.
fn judge_logs(tools: &KafkaTools, files: &[PathBuf]) -> Result<u64, String> {
    let words = tools.dump_log(&["--deep-iteration"], files).map_err(|error| format!("{error:#}"))?;
    let batches = words.lines().filter(|line| line.starts_with("baseOffset:"));
    for batch in batches.clone() {
        if !batch.contains("isvalid: true") {
            return Err(batch.to_owned());
        }
    }
    match words.lines().find(|line| line.contains("invalid bytes") || line.contains("Exception")) {
        Some(line) => Err(line.to_owned()),
        None => Ok(batches.map(record_count).sum()),
    }
}

/// `baseOffset: 0 lastOffset: 499 count: 500 ...`
fn record_count(batch: &str) -> u64 {
    let count = batch.split_once(" count: ").and_then(|(_, rest)| rest.split(' ').next());
    count.and_then(|count| count.parse().ok()).expect("a batch has a count")
}

/// Whether the indexes are sane in themselves, and every entry points at what it says.
fn judge_indexes(tools: &KafkaTools, files: &[PathBuf]) -> Result<(), String> {
    let dump = |flag| tools.dump_log(&[flag], files).map_err(|error| format!("{error:#}"));
    let sanity = dump("--index-sanity-check")?;
    let passed = sanity.matches("passed sanity check").count();
    // A segment of a single batch has nothing to index.
    let empty = sanity.matches(" is empty.").count();
    if passed == 0 || passed + empty != files.len() {
        return Err(format!("{passed} of {} passed: {sanity}", files.len()));
    }
    let verified = dump("--verify-index-only")?;
    let is_complaint = |line: &&str| !line.starts_with("Dumping ") && !line.ends_with(" is empty.");
    match verified.lines().find(is_complaint) {
        Some(complaint) => Err(complaint.to_owned()),
        None => Ok(()),
    }
}

/// All of a topic, of which there must be `records`.
fn judge_topic(tools: &KafkaTools, data_dir: &Path, topic: &str, records: u64) {
    let logs = log_files(data_dir, topic, "log");
    assert_eq!(judge_logs(tools, &logs), Ok(records), "{topic}");
    let indexes = [log_files(data_dir, topic, "index"), log_files(data_dir, topic, "timeindex")].concat();
    assert_eq!(indexes.len(), 2 * logs.len(), "each segment has its indexes");
    assert_eq!(judge_indexes(tools, &indexes), Ok(()), "{topic}");
}

fn start() -> Broker {
    Launcher::default().setting("log.segment.bytes", SEGMENT_BYTES).start().expect("the broker starts")
}

fn make_topic(broker: &Broker, topic: &str, partitions: i32) {
    let mut client = broker.client().expect("the broker listens");
    requests::make_topic(&mut client, topic, partitions, &[("retention.ms", "-1")]);
}

/// The samples, and enough that does not compress to fill some segments.
fn many_samples() -> Vec<Sample> {
    let mut random = 1_u64;
    let mut noise = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        random.to_be_bytes()
    };
    let mut all = samples();
    all.extend((0..3_000).map(|i| Sample {
        key: Some(format!("{i}").into_bytes()),
        value: Some((0..128).flat_map(|_| noise()).collect()),
        headers: Vec::new(),
        timestamp: Some(1_700_000_001_000 + i),
    }));
    all
}

#[test]
fn kafka_reads_what_was_written_with_every_codec() {
    let tools = KafkaTools::get().expect("Kafka's tools");
    let mut broker = start();
    let written = many_samples();
    for codec in CODECS {
        make_topic(&broker, codec, 1);
        let settings = [("compression.codec", codec), ("enable.idempotence", "true")];
        let settings = [settings.as_slice(), &SMALL_BATCHES].concat();
        for delivery in produce(&broker.bootstrap(), codec, 0, &settings, &written) {
            delivery.expect("every record is delivered");
        }
    }
    broker.stop().expect("it stops when it is told to");
    for codec in CODECS {
        assert!(log_files(broker.data_dir(), codec, "log").len() > 2, "{codec}: segments were rolled");
        judge_topic(&tools, broker.data_dir(), codec, written.len() as u64);
    }
}

#[test]
fn kafka_reads_what_an_unclean_restart_left() {
    const PARTITIONS: u32 = 3;
    let tools = KafkaTools::get().expect("Kafka's tools");
    let mut broker = start();
    make_topic(&broker, "load", 3);
    let load = Load::new(broker.bootstrap(), "load".into(), PARTITIONS);
    std::thread::scope(|scope| {
        let workers = load.start(scope);
        for _ in 0..3 {
            let enough = load.acknowledged() + 10_000;
            wait::until("some segments are full", || (load.acknowledged() >= enough).then_some(()));
            broker.kill().expect("it ran until it was killed");
            broker.start().expect("it starts again");
        }
        load.stop(workers);
    });
    let acknowledged = load.acknowledged();
    broker.stop().expect("it stops when it is told to");
    judge_topic(&tools, broker.data_dir(), "load", acknowledged);
}

#[test]
fn the_check_bites() {
    let tools = KafkaTools::get().expect("Kafka's tools");
    let mut broker = start();
    make_topic(&broker, "none", 1);
    produce(&broker.bootstrap(), "none", 0, &SMALL_BATCHES, &many_samples());
    broker.stop().expect("it stops when it is told to");
    let first = |extension| log_files(broker.data_dir(), "none", extension).remove(0);
    let copy_with = |file: &Path, damage: &dyn Fn(&mut Vec<u8>)| {
        let folder = tempfile::tempdir().expect("a folder for the copy");
        let copy = damaged_copy(file, folder.path(), damage);
        (folder, [copy])
    };

    let (_folder, untouched) = copy_with(&first("log"), &|_| {});
    assert!(judge_logs(&tools, &untouched).is_ok());
    let (_folder, flipped) = copy_with(&first("log"), &|bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    let complaint = judge_logs(&tools, &flipped).expect_err("a flipped bit");
    assert!(complaint.contains("isvalid: false"), "{complaint}");
    let (_folder, torn) = copy_with(&first("log"), &|bytes| bytes.truncate(bytes.len() - 3));
    let complaint = judge_logs(&tools, &torn).expect_err("a torn end");
    assert!(complaint.contains("invalid bytes"), "{complaint}");

    for extension in ["index", "timeindex"] {
        let (_folder, untouched) = copy_with(&first(extension), &|_| {});
        assert_eq!(judge_indexes(&tools, &untouched), Ok(()));
    }
    let (_folder, displaced) = copy_with(&first("index"), &|bytes| bytes[15] ^= 1);
    assert!(judge_indexes(&tools, &displaced).is_err(), "the second entry points into a batch");
    let (_folder, timeless) = copy_with(&first("timeindex"), &|bytes| {
        let last = bytes.len() - 12;
        bytes[last..last + 8].fill(0);
    });
    assert!(judge_indexes(&tools, &timeless).is_err(), "the last entry has no time");
}
