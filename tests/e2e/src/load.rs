//! [`Load`]: idempotent producers and consumers of librdkafka that write down all they do.
//!
//! A producer's operation is a handful of records to all partitions, pipelined; it is over when each has its outcome.
//! The library sends again by itself for as long as it takes, which is what an idempotent producer must be able to do
//! without writing twice. A client that was told anything but "written" is replaced, as the workload of the checker has
//! it.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::Duration;

use history::{Action, Key, MicroOp, Offset, Outcome, Process, Record, Send, Value};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::{Offset as Start, TopicPartitionList};
use testkit::wait;

use crate::{Recorder, config};

const PRODUCERS: usize = 3;
const CONSUMERS: usize = 2;
const RECORDS_PER_OPERATION: u32 = 10;
const RECORDS_PER_POLL_MAX: usize = 500;
const POLL: Duration = Duration::from_millis(20);

/// A client that has lost its broker finds it again soon: the broker is away for a moment only.
const RECONNECT: [(&str, &str); 2] = [("reconnect.backoff.ms", "10"), ("reconnect.backoff.max.ms", "50")];

/// One topic under load.
#[derive(Debug)]
pub struct Load {
    bootstrap: String,
    topic: String,
    partitions: u32,
    recorder: Recorder,
    stopping: AtomicBool,
    next_value: AtomicU64,
    progress: Arc<Progress>,
}

/// What the one who injects faults goes by.
#[derive(Debug, Default)]
struct Progress {
    acknowledged: AtomicU64,
    in_flight: AtomicI64,
}

/// The threads of a load, by what they do.
#[derive(Debug)]
pub struct Workers<'scope> {
    producers: Vec<ScopedJoinHandle<'scope, ()>>,
    consumers: Vec<ScopedJoinHandle<'scope, ()>>,
}

impl Load {
    /// For a topic that is there and has `partitions`.
    pub fn new(bootstrap: String, topic: String, partitions: u32) -> Self {
        Self {
            bootstrap,
            topic,
            partitions,
            recorder: Recorder::default(),
            stopping: AtomicBool::new(false),
            next_value: AtomicU64::new(0),
            progress: Arc::default(),
        }
    }

    /// Records that were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.progress.acknowledged.load(Ordering::Acquire)
    }

    /// Records that were handed to a producer and have no outcome yet.
    pub fn in_flight(&self) -> i64 {
        self.progress.in_flight.load(Ordering::Acquire)
    }

    /// Where faults are noted.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Sets everybody to work.
    pub fn start<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) -> Workers<'scope> {
        Workers {
            producers: (0..PRODUCERS).map(|_| scope.spawn(|| self.run_producer())).collect(),
            consumers: (0..CONSUMERS).map(|_| scope.spawn(|| self.run_consumer())).collect(),
        }
    }

    /// Lets everybody end what they began.
    pub fn stop(&self, workers: Workers<'_>) {
        self.stopping.store(true, Ordering::Release);
        for worker in workers.producers.into_iter().chain(workers.consumers) {
            worker.join().expect("a client ends well");
        }
    }

    /// Has a fresh consumer read every partition from its start to its end, and gives up what was recorded.
    pub fn drain(self) -> history::History {
        let consumer = self.consumer();
        let process = self.assign();
        let ends: Vec<i64> = (0..self.partitions).map(|partition| self.end(&consumer, partition)).collect();
        let mut positions = vec![0; ends.len()];
        wait::until("the end of each partition is reached", || {
            self.poll_once(&consumer, process, &mut positions).expect("nothing is wrong any more");
            positions.iter().zip(&ends).all(|(position, end)| position >= end).then_some(())
        });
        self.recorder.into_history()
    }

    fn end(&self, consumer: &BaseConsumer, partition: u32) -> i64 {
        let partition = i32::try_from(partition).expect("few partitions");
        consumer.fetch_watermarks(&self.topic, partition, wait::PATIENCE).expect("watermarks").1
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    fn run_producer(&self) {
        while !self.is_stopping() {
            let producer = self.producer();
            let process = self.recorder.process();
            while !self.is_stopping() && self.send_once(&producer, process) == Outcome::Ok {}
        }
    }

    fn producer(&self) -> BaseProducer<Outcomes> {
        let mut config = config(&self.bootstrap, &RECONNECT);
        config.set("enable.idempotence", "true").set("linger.ms", "0").set("retry.backoff.ms", "10");
        // Longer than any restart: giving up is an outcome of its own, and not the one that is looked for.
        config.set("message.timeout.ms", "60000");
        let outcomes = Outcomes { progress: Arc::clone(&self.progress), fates: Mutex::default() };
        config.create_with_context(outcomes).expect("the configuration is right")
    }

    fn send_once(&self, producer: &BaseProducer<Outcomes>, process: Process) -> Outcome {
        let first = self.next_value.fetch_add(u64::from(RECORDS_PER_OPERATION), Ordering::Relaxed);
        let mut sends: Vec<Send> = (0..RECORDS_PER_OPERATION)
            .map(|i| Send { key: Key(i % self.partitions), value: Value(first + u64::from(i)), offset: None })
            .collect();
        self.recorder.invoke(process, action_of(&sends));
        for (number, send) in sends.iter().enumerate() {
            self.enqueue(producer, number, send);
        }
        while producer.context().outcomes_known() < sends.len() {
            producer.poll(POLL);
        }
        let mut outcome = Outcome::Ok;
        for (number, fate) in producer.context().take() {
            match fate {
                Fate::Written(offset) => sends[number].offset = offset,
                Fate::Unknown => outcome = Outcome::Info,
            }
        }
        self.recorder.complete(process, outcome, action_of(&sends));
        outcome
    }

    fn enqueue(&self, producer: &BaseProducer<Outcomes>, number: usize, send: &Send) {
        let (value, padding) = (send.value.0.to_be_bytes(), [0; 92]);
        let payload = [value.as_slice(), &padding].concat();
        let record = BaseRecord::<(), [u8], _>::with_opaque_to(&self.topic, Box::new(number))
            .partition(i32::try_from(send.key.0).expect("few partitions"))
            .payload(&payload);
        self.progress.in_flight.fetch_add(1, Ordering::AcqRel);
        // A producer that met a fatal error takes nothing more: the record was not sent, and the operation ends as
        // unknown.
        if let Err((error, record)) = producer.send(record) {
            eprintln!("producer: {error}");
            producer.context().note(*record.delivery_opaque, Fate::Unknown);
        }
    }

    fn run_consumer(&self) {
        while !self.is_stopping() {
            let consumer = self.consumer();
            let process = self.assign();
            let mut positions = vec![0; self.partitions as usize];
            while !self.is_stopping() && self.poll_once(&consumer, process, &mut positions).is_ok() {}
        }
    }

    fn consumer(&self) -> BaseConsumer {
        let mut config = config(&self.bootstrap, &RECONNECT);
        config.set("group.id", "none").set("enable.auto.commit", "false").set("check.crcs", "true");
        // An offset that is gone must be seen, and not passed over.
        config.set("auto.offset.reset", "error").set("fetch.wait.max.ms", "50");
        let consumer: BaseConsumer = config.create().expect("the configuration is right");
        let mut assignment = TopicPartitionList::new();
        for partition in 0..i32::try_from(self.partitions).expect("few partitions") {
            assignment.add_partition_offset(&self.topic, partition, Start::Beginning).expect("the beginning");
        }
        consumer.assign(&assignment).expect("the assignment is taken");
        consumer
    }

    /// Notes that a fresh process reads all partitions from the start.
    fn assign(&self) -> Process {
        let process = self.recorder.process();
        let assign = Action::Assign { keys: (0..self.partitions).map(Key).collect(), seek_to_start: true };
        self.recorder.invoke(process, assign.clone());
        self.recorder.complete(process, Outcome::Ok, assign);
        process
    }

    /// One poll of whatever has come. Errors: the library reported one that it does not mend itself.
    fn poll_once(&self, consumer: &BaseConsumer, process: Process, positions: &mut [i64]) -> Result<(), ()> {
        self.recorder.invoke(process, Action::Poll(Vec::new()));
        let mut records = Vec::new();
        let mut outcome = Outcome::Ok;
        let mut patience = POLL;
        while records.len() < RECORDS_PER_POLL_MAX {
            match consumer.poll(patience) {
                Some(Ok(message)) => {
                    let partition = u32::try_from(message.partition()).expect("a partition");
                    positions[partition as usize] = message.offset() + 1;
                    let value = message.payload().and_then(|payload| payload.first_chunk()).expect("a value");
                    let (offset, value) = (Offset(message.offset()), Value(u64::from_be_bytes(*value)));
                    records.push(Record { key: Key(partition), offset, value });
                    patience = Duration::ZERO;
                }
                Some(Err(error)) if is_mended_by_the_library(&error) => break,
                Some(Err(error)) => {
                    eprintln!("consumer: {error}");
                    outcome = Outcome::Info;
                    break;
                }
                None => break,
            }
        }
        self.recorder.complete(process, outcome, Action::Poll(vec![MicroOp::Poll(records)]));
        if outcome == Outcome::Ok { Ok(()) } else { Err(()) }
    }
}

/// A broker that is away, or that coordinates no groups.
fn is_mended_by_the_library(error: &rdkafka::error::KafkaError) -> bool {
    use rdkafka::types::RDKafkaErrorCode as Code;
    let mended = [
        Code::BrokerTransportFailure,
        Code::AllBrokersDown,
        Code::Resolve,
        Code::OperationTimedOut,
        Code::UnsupportedFeature,
        Code::CoordinatorNotAvailable,
    ];
    error.rdkafka_error_code().is_some_and(|code| mended.contains(&code))
}

fn action_of(sends: &[Send]) -> Action {
    Action::Send(sends.iter().copied().map(MicroOp::Send).collect())
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// An idempotent producer that is told "duplicate" knows that it is written, and may not know where.
    Written(Option<Offset>),
    Unknown,
}

/// What became of the records of one operation, by their numbers in it.
#[derive(Debug)]
struct Outcomes {
    progress: Arc<Progress>,
    fates: Mutex<Vec<(usize, Fate)>>,
}

impl Outcomes {
    fn note(&self, number: usize, fate: Fate) {
        self.progress.in_flight.fetch_sub(1, Ordering::AcqRel);
        if fate != Fate::Unknown {
            self.progress.acknowledged.fetch_add(1, Ordering::AcqRel);
        }
        self.fates.lock().expect("nobody panics holding it").push((number, fate));
    }

    fn outcomes_known(&self) -> usize {
        self.fates.lock().expect("nobody panics holding it").len()
    }

    fn take(&self) -> Vec<(usize, Fate)> {
        std::mem::take(&mut *self.fates.lock().expect("nobody panics holding it"))
    }
}

impl ClientContext for Outcomes {}

impl ProducerContext for Outcomes {
    type DeliveryOpaque = Box<usize>;

    fn delivery(&self, result: &DeliveryResult<'_>, number: Box<usize>) {
        match result {
            Ok(message) => {
                self.note(*number, Fate::Written(Some(message.offset()).filter(|&offset| offset >= 0).map(Offset)));
            }
            Err((error, _)) => {
                eprintln!("producer: {error}");
                self.note(*number, Fate::Unknown);
            }
        }
    }
}
