//! Kafka's console tools, and the programs with which Kafka's own system tests produce and consume.

use std::collections::BTreeSet;

use e2e::Target;
use serde_json::Value;
use testkit::KafkaTools;

const CONSOLE_PRODUCER: &str = "org.apache.kafka.tools.ConsoleProducer";
const CONSOLE_CONSUMER: &str = "org.apache.kafka.tools.consumer.ConsoleConsumer";
const VERIFIABLE_PRODUCER: &str = "org.apache.kafka.tools.VerifiableProducer";
const VERIFIABLE_CONSUMER: &str = "org.apache.kafka.tools.VerifiableConsumer";

/// The objects that a verifiable program prints under `name`.
fn events(lines: &str, name: &str) -> Vec<Value> {
    let events = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"));
    events.filter(|event| event["name"] == name).collect()
}

#[test]
fn the_console_tools_write_and_read_in_a_group() {
    let target = Target::start();
    let topic = target.create_topic("console", 1, &[]);
    let tools = KafkaTools::get().expect("Kafka's tools");
    // Headers, key, value.
    let lines = "trace:4bf92f35,hop:2\tkäse\tbrot\nempty:\t\t\nlast:one\tkey\tvalue with spaces\n";
    let server = ["--bootstrap-server", target.bootstrap(), "--topic", &topic];
    let parse = ["--reader-property", "parse.key=true", "--reader-property", "parse.headers=true"];
    tools.run_class(CONSOLE_PRODUCER, &[&server[..], &parse].concat(), lines.as_bytes()).expect("it writes");

    let print = ["--formatter-property", "print.key=true", "--formatter-property", "print.headers=true"];
    let group = ["--group", &topic, "--from-beginning", "--max-messages", "3"];
    let read = tools.run_class(CONSOLE_CONSUMER, &[&server[..], &print, &group].concat(), b"").expect("it reads");
    assert_eq!(read, lines);
}

#[test]
fn the_verifiable_consumer_gets_what_the_verifiable_producer_was_told_is_written() {
    const RECORDS: usize = 2_000;
    let target = Target::start();
    let topic = target.create_topic("verifiable", 3, &[]);
    let tools = KafkaTools::get().expect("Kafka's tools");
    let server = ["--bootstrap-server", target.bootstrap(), "--topic", &topic, "--max-messages", "2000"];
    let produced = tools.run_class(VERIFIABLE_PRODUCER, &[&server[..], &["--acks", "-1"]].concat(), b"");
    let produced = events(&produced.expect("it writes"), "producer_send_success");
    let value = |event: &Value| event["value"].as_str().expect("a value").to_owned();
    let written: BTreeSet<String> = produced.iter().map(value).collect();
    assert_eq!((produced.len(), written.len()), (RECORDS, RECORDS), "every record is acknowledged");

    let group = ["--group-id", &topic, "--reset-policy", "earliest", "--verbose"];
    let consumed = tools.run_class(VERIFIABLE_CONSUMER, &[&server[..], &group].concat(), b"").expect("it reads");
    let read: Vec<String> = events(&consumed, "record_data").iter().map(value).collect();
    assert_eq!(read.len(), RECORDS, "each once");
    assert_eq!(read.into_iter().collect::<BTreeSet<_>>(), written);
    let commits = events(&consumed, "offsets_committed");
    assert!(!commits.is_empty() && commits.iter().all(|commit| commit["success"] == true), "{commits:?}");
}
