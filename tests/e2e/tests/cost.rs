//! What librdkafka's records cost a broker: CPU for a million of them produced at linger 5 ms, and consumed in a group; and how soon a
//! lone consumer has its first record, with nothing configured. Figures are printed, and asserted where they are to be proved:
//! `--nocapture` shows them.
//!
//! `KAFKA_BESIDE=ADDRESS:PORT,PID` names an Apache Kafka on this machine, which is measured in the same run.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use e2e::config;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::types::RDKafkaErrorCode;
use testkit::{Broker, ProcessFigures, proof, wait};

const VALUE: [u8; 100] = [b'v'; 100];
/// For a million records.
const PRODUCED: Duration = Duration::from_millis(100);
/// For a million records.
const CONSUMED: Duration = Duration::from_millis(80);
/// From subscribe to the first record.
const FIRST_RECORD: Duration = Duration::from_millis(500);
const ROUNDS: usize = 5;
const POLL: Duration = Duration::from_millis(20);

/// Held by each test: what measures must not run beside others.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Records of one measurement; `/proc` counts CPU time in steps of 10 ms.
fn record_count() -> usize {
    if proof::is_proving() { 5_000_000 } else { 200_000 }
}

/// A broker that is measured.
struct Measured {
    name: &'static str,
    bootstrap: String,
    pid: u32,
    /// Keeps our own alive.
    _broker: Option<Broker>,
}

impl Measured {
    fn all() -> Vec<Measured> {
        let broker = Broker::start_default().expect("the broker starts");
        let (bootstrap, pid) = (broker.bootstrap(), broker.pid());
        let ours = Measured { name: "ottla", bootstrap, pid, _broker: Some(broker) };
        let beside = std::env::var("KAFKA_BESIDE").ok().map(|beside| {
            let (bootstrap, pid) = beside.split_once(',').expect("KAFKA_BESIDE is ADDRESS:PORT,PID");
            let pid = pid.parse().expect("KAFKA_BESIDE has a process id behind the comma");
            Measured { name: "kafka", bootstrap: bootstrap.to_owned(), pid, _broker: None }
        });
        [ours].into_iter().chain(beside).collect()
    }

    /// The broker's CPU time for a million records, where `work` has it handle [`record_count`] of them.
    fn cpu_per_million(&self, work: impl FnOnce()) -> Duration {
        let cpu_time = || ProcessFigures::of(self.pid).expect("the broker runs").cpu_time;
        let before = cpu_time();
        work();
        (cpu_time() - before).mul_f64(1e6 / record_count() as f64)
    }
}

fn produce(bootstrap: &str, topic: &str) {
    let settings = [("linger.ms", "5"), ("queue.buffering.max.messages", "1000000")];
    let producer: BaseProducer = config(bootstrap, &settings).create().expect("a producer");
    for _ in 0..record_count() {
        let mut record = BaseRecord::<(), _>::to(topic).payload(VALUE.as_slice());
        while let Err((error, refused)) = producer.send(record) {
            assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull), "{error}");
            producer.poll(POLL);
            record = refused;
        }
    }
    producer.flush(wait::PATIENCE).expect("every record is acknowledged");
}

/// Reads `count` records in a group of its own, and returns how long the first took.
fn consume(bootstrap: &str, topic: &str, group: &str, count: usize) -> Duration {
    let settings = [("group.id", group), ("auto.offset.reset", "earliest")];
    let consumer: BaseConsumer = config(bootstrap, &settings).create().expect("a consumer");
    let began_at = wait::now();
    consumer.subscribe(&[topic]).expect("it subscribes");
    let mut first = None;
    let mut read = 0;
    while read < count {
        match consumer.poll(POLL) {
            Some(message) => {
                message.expect("a record");
                first.get_or_insert_with(|| wait::now() - began_at);
                read += 1;
            }
            None => assert!(wait::now() - began_at < 10 * wait::PATIENCE, "{read} of {count} records"),
        }
    }
    first.expect("there was a record")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
fn a_million_small_records_cost_little() {
    let _alone = alone();
    let brokers = Measured::all();
    let rounds = if proof::is_proving() { ROUNDS } else { 1 };
    let (mut produced, mut consumed) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        for broker in &brokers {
            let topic = format!("cost-{}-{round}", std::process::id());
            let to_produce = broker.cpu_per_million(|| produce(&broker.bootstrap, &topic));
            let read = || _ = consume(&broker.bootstrap, &topic, &topic, record_count());
            let to_consume = broker.cpu_per_million(read);
            println!("round {round}, {}: produced {to_produce:?}, consumed {to_consume:?} a million", broker.name);
            // The first round warms up.
            if broker.name == "ottla" && round > 0 {
                produced.push(to_produce);
                consumed.push(to_consume);
            }
        }
    }
    let (produced, consumed) = (median(produced), median(consumed));
    println!(
        "medians: produced {produced:?} (limit {PRODUCED:?}), consumed {consumed:?} (limit {CONSUMED:?}) a million"
    );
    if proof::is_proving() {
        assert!(produced <= PRODUCED && consumed <= CONSUMED, "produced {produced:?}, consumed {consumed:?}");
    }
}

#[test]
fn a_lone_consumer_has_its_first_record_at_once() {
    let _alone = alone();
    for broker in Measured::all() {
        let topic = format!("first-{}", std::process::id());
        let producer: BaseProducer = config(&broker.bootstrap, &[]).create().expect("a producer");
        producer.send(BaseRecord::<(), _>::to(&topic).payload(VALUE.as_slice())).expect("it is queued");
        producer.flush(wait::PATIENCE).expect("it is acknowledged");
        let group = |number: usize| format!("{topic}-{number}");
        let first_of_all = consume(&broker.bootstrap, &topic, &group(0), 1);
        let others = (1..=ROUNDS).map(|number| consume(&broker.bootstrap, &topic, &group(number), 1)).collect();
        let others = median(others);
        println!(
            "{}: subscribe to first record: {first_of_all:?} for the first group, {others:?} for others",
            broker.name
        );
        if broker.name == "ottla" && proof::is_proving() {
            assert!(first_of_all < FIRST_RECORD && others < FIRST_RECORD, "{first_of_all:?}, {others:?}");
        }
    }
}
