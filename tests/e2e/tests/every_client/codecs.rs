//! What each client writes, with each codec, every other reads, byte for byte.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::thread;

use e2e::{Sample, Target, assert_same, kcat_read, kcat_samples, kcat_write, parse_records, record_lines, samples};
use ottla_records::Compression;
use testkit::ClientProgram;

const CODECS: [(&str, Compression); 5] = [
    ("none", Compression::None),
    ("gzip", Compression::Gzip),
    ("snappy", Compression::Snappy),
    ("lz4", Compression::Lz4),
    ("zstd", Compression::Zstd),
];

/// Enough for every edge that fields have, and for a batch that is worth compressing.
const RECORDS: usize = 100;

/// A topic for one codec of one writer.
struct Topic {
    name: String,
    codec_name: &'static str,
    codec: Compression,
}

/// What lies in one topic.
struct Written {
    topic: String,
    records: Vec<Sample>,
}

fn topics(target: &Target, writer: &str) -> Vec<Topic> {
    let topic = |(codec_name, codec)| {
        let name = target.create_topic(&format!("{writer}-{codec_name}"), 1, &[]);
        Topic { name, codec_name, codec }
    };
    CODECS.into_iter().map(topic).collect()
}

/// Has a client program write some records to each topic, and returns them.
fn write_by_program(target: &Target, program: ClientProgram, topics: &[Topic]) -> Vec<Sample> {
    let mut records = samples()[..RECORDS].to_vec();
    if !program.writes_headers_without_value() {
        records.iter_mut().for_each(|record| record.headers.retain(|(_, value)| value.is_some()));
    }
    let codecs: Vec<String> = topics.iter().map(|topic| format!("{}={}", topic.name, topic.codec_name)).collect();
    let mut arguments = vec!["produce", target.bootstrap()];
    arguments.extend(codecs.iter().map(String::as_str));
    program.run(&arguments, record_lines(&records).as_bytes()).expect("it writes");
    records
}

fn write_by_kcat(target: &Target, topics: &[Topic]) -> Vec<Sample> {
    let records = kcat_samples();
    for topic in topics {
        kcat_write(&target.kcat(), &topic.name, 0, &records, &["-z", topic.codec_name, "-X", "linger.ms=20"]);
    }
    records
}

/// Checks what a client has read of each topic. Where the writer left the timestamp to its clock, any will do.
#[track_caller]
fn assert_has_read(reader: &str, read: &BTreeMap<String, Vec<Sample>>, written: &[Written]) {
    for Written { topic, records } in written {
        println!("{reader} reads {topic}");
        let mut read = read.get(topic).cloned().unwrap_or_default();
        for (read, record) in read.iter_mut().zip(records) {
            read.timestamp = read.timestamp.filter(|_| record.timestamp.is_some());
        }
        assert_same(&read, records);
    }
}

fn read_by_program(target: &Target, program: ClientProgram, written: &[Written]) -> BTreeMap<String, Vec<Sample>> {
    let counts: Vec<String> =
        written.iter().map(|Written { topic, records }| format!("{topic}={}", records.len())).collect();
    let mut arguments = vec!["consume", target.bootstrap()];
    arguments.extend(counts.iter().map(String::as_str));
    parse_records(&program.run(&arguments, b"").expect("it reads"))
}

fn read_by_kcat(target: &Target, written: &[Written]) -> BTreeMap<String, Vec<Sample>> {
    let read_topic = |Written { topic, records }: &Written| {
        (topic.clone(), kcat_read(&target.kcat(), topic, 0, "beginning", records.len(), &[]))
    };
    written.iter().map(read_topic).collect()
}

/// Runs `each` for every client program at the same time, with its place among them, and `here` beside them.
fn with_all<T: Send>(each: impl Fn(usize, ClientProgram) -> T + Sync, here: impl FnOnce()) -> Vec<T> {
    thread::scope(|scope| {
        let each = &each;
        let start = |(i, program)| scope.spawn(move || each(i, program));
        let started: Vec<_> = ClientProgram::ALL.into_iter().enumerate().map(start).collect();
        here();
        started.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    })
}

#[test]
fn every_client_reads_what_every_client_writes_with_every_codec() {
    let target = Target::start();
    let of_kcat = topics(&target, "kcat");
    let of_programs = ClientProgram::ALL.map(|program| topics(&target, program.name()));
    let mut records = with_all(|i, program| write_by_program(&target, program, &of_programs[i]), || ());
    records.push(write_by_kcat(&target, &of_kcat));

    let mut written = Vec::new();
    for (topics, records) in of_programs.into_iter().chain([of_kcat]).zip(records) {
        for Topic { name, codec, .. } in topics {
            assert!(target.stored_compression(&name).contains(&codec), "{name} is kept as it came");
            written.push(Written { topic: name, records: records.clone() });
        }
    }

    let read_by_programs = with_all(
        |_, program| read_by_program(&target, program, &written),
        || assert_has_read("kcat", &read_by_kcat(&target, &written), &written),
    );
    for (program, read) in ClientProgram::ALL.into_iter().zip(read_by_programs) {
        assert_has_read(program.name(), &read, &written);
    }
}
