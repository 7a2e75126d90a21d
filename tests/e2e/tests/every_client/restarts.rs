//! What a group has committed, with its metadata, is there after the broker was stopped, and after it was killed.

use std::collections::BTreeMap;

use e2e::{Group, Sample, consumer, produce};
use rdkafka::consumer::Consumer as _;
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;
use testkit::{Broker, ClientProgram, requests, wait};

const PARTITIONS: i32 = 3;
const RECORDS: i64 = 4;

fn write(broker: &Broker, topic: &str) {
    let record = Sample { key: None, value: Some(b"work".to_vec()), headers: Vec::new(), timestamp: None };
    let records = vec![record; usize::try_from(RECORDS).expect("not negative")];
    for partition in 0..PARTITIONS {
        for delivery in produce(&broker.bootstrap(), topic, partition, &[], &records) {
            delivery.expect("every record is delivered");
        }
    }
}

/// An offset with its metadata, for each partition.
type Commits = BTreeMap<i32, (i64, Option<String>)>;

/// Committed by `member` after so many rounds of writing.
fn commits(program: ClientProgram, rounds: i64, member: &str) -> Commits {
    let metadata = program.has_metadata().then(|| format!("read by {member}"));
    (0..PARTITIONS).map(|partition| (partition, (rounds * RECORDS, metadata.clone()))).collect()
}

/// What the client itself finds.
fn found_by_program(program: ClientProgram, broker: &Broker, group: &str, topic: &str) -> Commits {
    let partitions = PARTITIONS.to_string();
    let lines = program.run(&["committed", &broker.bootstrap(), group, topic, &partitions], b"").expect("it looks");
    let parse = |line: &str| {
        let found: Value = serde_json::from_str(line).expect("a line of JSON");
        let partition = found["partition"].as_i64().and_then(|number| i32::try_from(number).ok());
        let offset = found["offset"].as_i64().expect("an offset");
        (partition.expect("a partition"), (offset, found["metadata"].as_str().map(str::to_owned)))
    };
    lines.lines().map(parse).collect()
}

/// What another client finds, which shows no metadata as an empty one. confluent-kafka commits the zero that ends a
/// string in C along with it.
fn found_by_rdkafka(broker: &Broker, group: &str, topic: &str) -> Commits {
    let consumer = consumer(&broker.bootstrap(), topic, 0, Offset::Beginning, &[("group.id", group)]);
    let mut asked = TopicPartitionList::new();
    asked.add_partition_range(topic, 0, PARTITIONS - 1);
    let found = consumer.committed_offsets(asked, wait::PATIENCE).expect("committed offsets");
    let commit = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        let offset = element.offset().to_raw().expect("an offset");
        let metadata = element.metadata().trim_end_matches('\0');
        (element.partition(), (offset, Some(metadata.to_owned()).filter(|metadata| !metadata.is_empty())))
    };
    found.elements().iter().map(commit).collect()
}

#[track_caller]
fn assert_finds(program: ClientProgram, broker: &Broker, group: &Group, topic: &str, expected: &Commits) {
    assert_eq!(found_by_rdkafka(broker, group.name(), topic), *expected);
    assert_eq!(found_by_program(program, broker, group.name(), topic), *expected);
}

fn ends(rounds: i64) -> BTreeMap<i32, i64> {
    (0..PARTITIONS).map(|partition| (partition, rounds * RECORDS)).collect()
}

fn committed_offsets_survive_every_restart(program: ClientProgram) {
    let mut broker = Broker::start_default().expect("the broker starts");
    let topic = "orders";
    requests::make_topic(&mut broker.client().expect("it listens"), topic, PARTITIONS, &[]);
    write(&broker, topic);
    let mut group = Group::new(program, &broker.bootstrap(), "billing", topic);
    group.join("first");
    group.wait_until_committed(&ends(1));
    group.leave("first");

    broker.stop().expect("it stops");
    broker.start().expect("it starts again");
    assert_finds(program, &broker, &group, topic, &commits(program, 1, "first"));

    // The next goes on where the last has left off.
    write(&broker, topic);
    group.join("second");
    group.wait_until_committed(&ends(2));
    assert_eq!(i64::try_from(group.read().len()), Ok(2 * RECORDS * i64::from(PARTITIONS)), "no record is read again");
    broker.kill().expect("it is killed");
    group.crash("second");
    broker.start().expect("it starts again");
    assert_finds(program, &broker, &group, topic, &commits(program, 2, "second"));
}

with_every_client!(committed_offsets_survive_every_restart);
