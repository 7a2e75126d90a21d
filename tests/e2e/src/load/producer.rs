//! An idempotent producer of librdkafka.
//!
//! Its operation is a handful of records to all partitions, pipelined; it is over when each has its outcome. The
//! library sends again by itself for as long as it takes, which is what an idempotent producer must be able to do
//! without writing twice. A client that was told anything but "written" is replaced, as the workload of the checker has
//! it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use history::{Action, Key, MicroOp, Offset, Outcome, Process, Send, Value};
use rdkafka::client::ClientContext;
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

use super::Party;
use super::shared::{Shared, number_of};

const RECORDS_PER_OPERATION: u32 = 10;
const POLL: Duration = Duration::from_millis(20);

pub(super) fn run(shared: &Shared, party: &Arc<Party>) {
    while !shared.writing_is_over() {
        let producer = producer(shared, party);
        let process = shared.recorder.process();
        while !shared.writing_is_over() && send_once(shared, &producer, process) == Outcome::Ok {}
    }
}

fn producer(shared: &Shared, party: &Arc<Party>) -> BaseProducer<Outcomes> {
    let mut config = shared.config();
    config.set("enable.idempotence", "true").set("linger.ms", "0").set("retry.backoff.ms", "10");
    // Longer than any restart: giving up is an outcome of its own, and not the one that is looked for.
    config.set("message.timeout.ms", "60000");
    let outcomes = Outcomes { party: Arc::clone(party), fates: Mutex::default() };
    config.create_with_context(outcomes).expect("the configuration is right")
}

fn send_once(shared: &Shared, producer: &BaseProducer<Outcomes>, process: Process) -> Outcome {
    let first = shared.take_numbers(RECORDS_PER_OPERATION);
    let mut sends: Vec<Send> = (0..RECORDS_PER_OPERATION)
        .map(|i| Send { key: Key(i % shared.partitions), value: Value(first + u64::from(i)), offset: None })
        .collect();
    shared.recorder.invoke(process, action_of(&sends));
    for (number, send) in sends.iter().enumerate() {
        enqueue(shared, producer, number, send);
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
    shared.recorder.complete(process, outcome, action_of(&sends));
    outcome
}

fn enqueue(shared: &Shared, producer: &BaseProducer<Outcomes>, number: usize, send: &Send) {
    let (value, padding) = (send.value.0.to_be_bytes(), [0; 92]);
    let payload = [value.as_slice(), &padding].concat();
    let record = BaseRecord::<(), [u8], _>::with_opaque_to(&shared.topic, Box::new(number))
        .partition(number_of(send.key))
        .payload(&payload);
    producer.context().party.note_sent();
    // A producer that met a fatal error takes nothing more: the record was not sent, and the operation ends as unknown.
    if let Err((error, record)) = producer.send(record) {
        eprintln!("producer: {error}");
        producer.context().note(*record.delivery_opaque, Fate::Unknown);
    }
}

/// An operation of `sends`.
pub(super) fn action_of(sends: &[Send]) -> Action {
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
    party: Arc<Party>,
    fates: Mutex<Vec<(usize, Fate)>>,
}

impl Outcomes {
    fn note(&self, number: usize, fate: Fate) {
        self.party.note_outcome(fate != Fate::Unknown);
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
