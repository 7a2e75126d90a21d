//! Records, written and read.

use std::io::{BufRead as _, BufReader, Write as _};

use e2e::{Target, read};
use rdkafka::Offset;
use serde_json::Value;
use testkit::{Broker, OttlaCli, wait};

fn json_lines(written: &str) -> Vec<Value> {
    written.lines().map(|line| serde_json::from_str(line).expect("JSON on each line")).collect()
}

/// Lines with the numbers of `range`.
fn numbers(range: std::ops::Range<u32>) -> String {
    range.map(|number| format!("{number}\n")).collect()
}

#[test]
fn what_produce_writes_every_client_reads() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = target.create_topic(codec, 1, &[]);
        let arguments = ["produce", &topic, "-k", ":", "-H", "source=shell", "--compression", codec];
        let written = cli.run(&arguments, "alice:1\nbob:größte\nempty:\nlast:line".as_bytes()).expect("written");
        assert_eq!(written, format!("wrote 4 records to {topic}\n"));

        let shown = target.kcat().run_text(&["-C", "-q", "-t", &topic, "-e", "-f", "%k|%s|%h\n"], b"").expect("read");
        assert_eq!(
            shown,
            "alice|1|source=shell\nbob|größte|source=shell\nempty||source=shell\nlast|line|source=shell\n"
        );
        let shown = cli.run(&["consume", &topic, "--exit", "--format", "key-value", "-k", "="], b"").expect("read");
        assert_eq!(shown, "alice=1\nbob=größte\nempty=\nlast=line\n");
    }
}

#[test]
fn what_other_clients_write_consume_shows() {
    let target = Target::start();
    let topic = target.create_topic("others", 1, &[]);
    let kcat = target.kcat();
    kcat.run(&["-P", "-t", &topic, "-K", ":", "-H", "a=1", "-H", "b=2", "-Z"], b"key:value\ngone:\n").expect("written");
    kcat.run(&["-P", "-t", &topic, "-z", "lz4", "-D", ";"], b"\xff\xfe").expect("written");
    let shown = OttlaCli::new(target.bootstrap()).run(&["consume", &topic, "-e", "--json"], b"").expect("read");
    let records = json_lines(&shown);
    assert_eq!(records.len(), 3);
    assert_eq!((&records[0]["key"], &records[0]["value"]), (&"key".into(), &"value".into()));
    let headers = serde_json::json!([{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]);
    assert_eq!(records[0]["headers"], headers);
    assert_eq!((&records[1]["key"], &records[1]["value"]), (&"gone".into(), &Value::Null));
    assert_eq!((&records[2]["key"], &records[2]["value_base64"]), (&Value::Null, &"//4=".into()));
    for (offset, record) in records.iter().enumerate() {
        assert_eq!((&record["topic"], &record["partition"]), (&topic.as_str().into(), &0.into()));
        assert_eq!(record["offset"], offset);
        assert!(record["timestamp"].as_i64().is_some_and(|timestamp| timestamp > 1_600_000_000_000));
    }
}

#[test]
fn keys_go_where_the_java_producer_puts_them() {
    let target = Target::start();
    let topic = target.create_topic("keyed", 7, &[]);
    let lines: String = (0..200).map(|n| format!("key-{n}:ours\n")).collect();
    OttlaCli::new(target.bootstrap()).run(&["produce", &topic, "-k", ":"], lines.as_bytes()).expect("written");
    let theirs = lines.replace(":ours", ":theirs");
    let murmur2 = ["-P", "-t", &topic, "-K", ":", "-X", "topic.partitioner=murmur2_random"];
    target.kcat().run(&murmur2, theirs.as_bytes()).expect("written");

    let shown = OttlaCli::new(target.bootstrap()).run(&["consume", &topic, "-e", "--json"], b"").expect("read");
    let mut placed: Vec<(String, String)> =
        json_lines(&shown).iter().map(|record| (record["key"].to_string(), record["partition"].to_string())).collect();
    assert_eq!(placed.len(), 400);
    placed.sort();
    placed.dedup();
    assert_eq!(placed.len(), 200, "each key has one partition");
}

#[test]
fn reading_begins_and_ends_where_it_is_told_to() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    let topic = target.create_topic("bounds", 2, &[]);
    let kcat = target.kcat();
    kcat.run(&["-P", "-t", &topic, "-p", "0"], numbers(0..10).as_bytes()).expect("written");
    kcat.run(&["-P", "-t", &topic, "-p", "1"], b"other\n").expect("written");
    let read = |arguments: &[&str]| {
        let arguments: Vec<&str> = ["consume", &topic, "-p", "0"].iter().chain(arguments).copied().collect();
        cli.run(&arguments, b"").expect("read")
    };
    assert_eq!(read(&["--exit"]), numbers(0..10));
    assert_eq!(read(&["--exit", "--from", "7"]), numbers(7..10));
    assert_eq!(read(&["--from", "2", "--max-messages", "3"]), numbers(2..5));
    assert_eq!(read(&["--exit", "--from", "end"]), "");
    assert_eq!(read(&["--exit", "--from", "99"]), "");
    assert_eq!(read(&["--exit", "--from", "1h"]), numbers(0..10));
    assert_eq!(read(&["--exit", "--from", "2001-01-01T00:00:00Z", "-n", "1"]), numbers(0..1));
    let refusal = cli.refusal(&["consume", &topic, "-p", "2"], b"").expect("there is none");
    assert_eq!(refusal, format!("ottla: topic {topic} has no partition 2: it has 2, counted from 0\n"));
    assert_eq!(cli.run(&["consume", &topic, "-e"], b"").expect("read").lines().count(), 11);
}

#[test]
fn consume_follows_a_topic_as_it_grows() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    let topic = target.create_topic("growing", 1, &[]);
    let mut following = cli.spawn(&["consume", &topic, "--max-messages", "2"]).expect("it runs");
    let mut shown = BufReader::new(following.stdout()).lines();
    for line in ["first", "second"] {
        cli.run(&["produce", &topic], line.as_bytes()).expect("written");
        assert_eq!(shown.next().expect("a line").expect("read"), line, "it is shown as soon as it is there");
    }
    assert_eq!(following.end().expect("it ends by itself").code, Some(0));
}

/// As `head` does.
#[test]
fn a_reader_that_has_enough_is_no_error() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    let topic = target.create_topic("enough", 1, &[]);
    cli.run(&["produce", &topic], numbers(0..100_000).as_bytes()).expect("written");
    let mut reading = cli.spawn(&["consume", &topic]).expect("it runs");
    let mut first = String::new();
    BufReader::new(reading.stdout()).read_line(&mut first).expect("a line");
    assert_eq!(first, "0\n");
    let ended = reading.end().expect("it ends by itself");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn what_is_not_written_is_told_line_by_line() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    let topic = target.create_topic("small", 1, &[("max.message.bytes", "1000")]);
    let input = format!("{}{}\n{}", numbers(0..500), "x".repeat(2000), numbers(500..503));
    let ended = cli.end(&["produce", &topic], input.as_bytes()).expect("it ends");
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("line 501, for partition 0: "), "{}", ended.stderr);
    assert!(ended.stderr.contains("(MESSAGE_TOO_LARGE)"), "{}", ended.stderr);
    assert!(ended.stderr.ends_with(&format!("1 of 504 records were not written to {topic}\n")), "{}", ended.stderr);
    assert_eq!(cli.run(&["consume", &topic, "-e"], b"").expect("read"), numbers(0..503), "all others, in order");
}

#[test]
fn every_kind_of_acknowledgement_writes() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    let topic = target.create_topic("acks", 1, &[]);
    for arguments in [&["--acks", "all"][..], &["--acks", "1"], &["--acks", "0"], &["--no-idempotence"]] {
        let arguments: Vec<&str> = ["produce", &topic].iter().chain(arguments).copied().collect();
        cli.run(&arguments, b"x\n").expect("written");
    }
    let values: Vec<_> =
        read(target.bootstrap(), &topic, 0, Offset::Beginning, 4).into_iter().map(|sample| sample.value).collect();
    assert_eq!(values, vec![Some(b"x".to_vec()); 4]);
}

#[test]
fn a_broker_that_is_killed_loses_and_doubles_nothing() {
    let mut broker = Broker::start_default().expect("the broker starts");
    let cli = OttlaCli::new(broker.bootstrap());
    cli.run(&["topic", "create", "resumed"], b"").expect("created");
    let mut producing = cli.spawn(&["produce", "resumed"]).expect("it runs");
    let mut input = producing.stdin();
    input.write_all(numbers(0..50_000).as_bytes()).expect("it reads");
    let end = || {
        let described = cli.run(&["topic", "describe", "resumed", "--json"], b"").expect("described");
        let described: Value = serde_json::from_str(&described).expect("JSON");
        described[0]["partitions"][0]["end_offset"].as_u64()
    };
    wait::until("some of it is written", || end().filter(|end| *end > 0));
    broker.kill().expect("it ran until it was killed");
    input.write_all(numbers(50_000..60_000).as_bytes()).expect("it reads on");
    broker.start().expect("it starts again");
    input.write_all(numbers(60_000..70_000).as_bytes()).expect("it reads on");
    drop(input);
    let ended = producing.end().expect("it ends");
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(ended.stdout, "wrote 70000 records to resumed\n");
    assert_eq!(cli.run(&["consume", "resumed", "-e"], b"").expect("read"), numbers(0..70_000));
}
