//! A member of a group, of librdkafka: it reads, and then commits synchronously what it has read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use history::groups::{CommitNumber, Group};
use history::{Key, Offset, Outcome, Process, Record};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::{Offset as Place, TopicPartitionList};

use super::shared::{Shared, number_of, record_of};
use super::{Party, SESSION_TIMEOUT_MS, group_name};
use crate::GroupCommit;

const RECORDS_PER_POLL_MAX: usize = 500;
const POLL: Duration = Duration::from_millis(20);

/// Counts how often partitions were given or taken.
#[derive(Debug, Default)]
struct Rebalances(AtomicU64);

impl ClientContext for Rebalances {}

impl ConsumerContext for Rebalances {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, _: &Rebalance<'_>) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// A client, and what it has read of the partitions that are its own and not committed yet.
struct Member<'l> {
    shared: &'l Shared,
    group: Group,
    party: &'l Party,
    process: Process,
    consumer: BaseConsumer<Rebalances>,
    rebalances_seen: u64,
    uncommitted: BTreeMap<Key, Offset>,
}

pub(super) fn run(shared: &Shared, group: Group, party: &Party) {
    let mut config = shared.config();
    config.set("group.id", group_name(group)).set("enable.auto.commit", "false").set("auto.offset.reset", "earliest");
    config.set("session.timeout.ms", SESSION_TIMEOUT_MS.to_string()).set("heartbeat.interval.ms", "500");
    config.set("fetch.wait.max.ms", "50").set("retry.backoff.ms", "10").set("check.crcs", "true");
    let consumer: BaseConsumer<Rebalances> =
        config.create_with_context(Rebalances::default()).expect("the configuration is right");
    consumer.subscribe(&[&shared.topic]).expect("the subscription is taken");
    let process = shared.recorder.subscribe(shared.keys().collect());
    let mut member =
        Member { shared, group, party, process, consumer, rebalances_seen: 0, uncommitted: BTreeMap::new() };
    while !shared.is_over() {
        member.read();
        member.commit();
    }
}

impl Member<'_> {
    /// Reads whatever has come, up to a limit.
    fn read(&mut self) {
        let mut records = Vec::new();
        let mut patience = POLL;
        while records.len() < RECORDS_PER_POLL_MAX {
            let polled = self.consumer.poll(patience).map(|polled| polled.map(|message| record_of(&message)));
            let rebalances = self.consumer.context().0.load(Ordering::Acquire);
            if rebalances != self.rebalances_seen {
                self.rebalances_seen = rebalances;
                self.note(&mut records);
                // Whoever has those partitions now reads these records again.
                self.uncommitted.clear();
            }
            match polled {
                Some(Ok(record)) => records.push(record),
                // The library tries again by itself; what does not end well ends at the test's deadline.
                Some(Err(error)) => eprintln!("member: {error}"),
                None => break,
            }
            patience = Duration::ZERO;
        }
        self.note(&mut records);
    }

    fn note(&mut self, records: &mut Vec<Record>) {
        for record in records.iter() {
            self.uncommitted.insert(record.key, Offset(record.offset.0 + 1));
        }
        self.shared.recorder.read_in_group(self.process, self.group, std::mem::take(records));
    }

    /// Commits all that is not committed yet. What is not acknowledged is committed again later.
    fn commit(&mut self) {
        if self.uncommitted.is_empty() {
            return;
        }
        let first = self.shared.take_numbers(self.shared.partitions);
        let numbered = (first..).zip(&self.uncommitted);
        let commits: Vec<_> = numbered
            .map(|(number, (&key, &offset))| GroupCommit { key, offset, number: CommitNumber(number) })
            .collect();
        let mut asked = TopicPartitionList::new();
        for commit in &commits {
            let mut element = asked.add_partition(&self.shared.topic, number_of(commit.key));
            element.set_offset(Place::Offset(commit.offset.0)).expect("an offset");
            element.set_metadata(commit.metadata());
        }
        let begun_ns = self.shared.recorder.now_ns();
        let answer = self.consumer.commit(&asked, CommitMode::Sync);
        // An error proves nothing: the library may have asked more than once.
        let outcome = if answer.is_ok() { Outcome::Ok } else { Outcome::Info };
        self.shared.recorder.commit(self.group, begun_ns, outcome, &commits);
        match answer {
            Ok(()) => {
                self.uncommitted.clear();
                self.party.note_committed(begun_ns);
            }
            Err(error) => eprintln!("member: {error}"),
        }
    }
}
