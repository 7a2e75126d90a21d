//! [`Reader`]: a consumer of librdkafka, in no group, that reads every partition from its start.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use history::{Action, Key, MicroOp, Offset, Outcome, Process};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset as Start, TopicPartitionList};
use testkit::wait;

use super::shared::{Shared, number_of, record_of};

const RECORDS_PER_POLL_MAX: usize = 500;
const POLL: Duration = Duration::from_millis(20);

/// A client, where it stands, and what it has read.
pub(super) struct Reader<'l> {
    shared: &'l Shared,
    consumer: BaseConsumer,
    process: Process,
    positions: BTreeMap<Key, Offset>,
    read: BTreeSet<(Key, Offset)>,
}

/// Reads; a client whose library reported what it does not mend itself is replaced.
pub(super) fn run(shared: &Shared) {
    while !shared.is_over() {
        let mut reader = Reader::new(shared);
        while !shared.is_over() && reader.poll_once().is_ok() {}
    }
}

impl<'l> Reader<'l> {
    /// Notes that a fresh process reads all partitions from the start.
    pub(super) fn new(shared: &'l Shared) -> Self {
        let mut config = shared.config();
        config.set("group.id", "none").set("enable.auto.commit", "false").set("check.crcs", "true");
        // An offset that is gone must be seen, and not passed over.
        config.set("auto.offset.reset", "error").set("fetch.wait.max.ms", "50");
        let consumer: BaseConsumer = config.create().expect("the configuration is right");
        let mut assignment = TopicPartitionList::new();
        for key in shared.keys() {
            assignment.add_partition_offset(&shared.topic, number_of(key), Start::Beginning).expect("the beginning");
        }
        consumer.assign(&assignment).expect("the assignment is taken");
        let process = shared.recorder.process();
        let assign = Action::Assign { keys: shared.keys().collect(), seek_to_start: true };
        shared.recorder.invoke(process, assign.clone());
        shared.recorder.complete(process, Outcome::Ok, assign);
        let positions = shared.keys().map(|key| (key, Offset(0))).collect();
        Self { shared, consumer, process, positions, read: BTreeSet::new() }
    }

    /// The offset that the next record of each partition will have.
    pub(super) fn ends(&self) -> BTreeMap<Key, Offset> {
        let end = |key| {
            let watermarks = self.consumer.fetch_watermarks(&self.shared.topic, number_of(key), wait::PATIENCE);
            Offset(watermarks.expect("watermarks").1)
        };
        self.shared.keys().map(|key| (key, end(key))).collect()
    }

    /// The offset after what was read last of each partition.
    pub(super) fn positions(&self) -> &BTreeMap<Key, Offset> {
        &self.positions
    }

    /// Every record that was read.
    pub(super) fn into_read(self) -> BTreeSet<(Key, Offset)> {
        self.read
    }

    /// One poll of whatever has come. Errors: the library reported one that it does not mend itself.
    pub(super) fn poll_once(&mut self) -> Result<(), ()> {
        self.shared.recorder.invoke(self.process, Action::Poll(Vec::new()));
        let mut records = Vec::new();
        let mut outcome = Outcome::Ok;
        let mut patience = POLL;
        while records.len() < RECORDS_PER_POLL_MAX {
            match self.consumer.poll(patience) {
                Some(Ok(message)) => {
                    let record = record_of(&message);
                    self.positions.insert(record.key, Offset(record.offset.0 + 1));
                    self.read.insert((record.key, record.offset));
                    records.push(record);
                    patience = Duration::ZERO;
                }
                Some(Err(error)) if is_mended_by_the_library(&error) => break,
                Some(Err(error)) => {
                    eprintln!("reader: {error}");
                    outcome = Outcome::Info;
                    break;
                }
                None => break,
            }
        }
        self.shared.recorder.complete(self.process, outcome, Action::Poll(vec![MicroOp::Poll(records)]));
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
