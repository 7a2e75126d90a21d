//! Who wrote, who read, and what each partition must have held: everything the anomalies are looked up in, built in one
//! pass.
//!
//! Jepsen numbers a partition's versions densely and looks values up in that order. Here records carry their offsets,
//! so order is asked of the offsets themselves: a value that stands at two of them cannot confuse the checks of order.
//! What lies strictly between two offsets is what a client skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::event::{Action, Key, Offset, Outcome, Send, Value};
use crate::history::Operation;

/// Which operation, by its place in [`Index::operations`].
pub type OperationId = usize;

/// One partition as all clients together saw it.
#[derive(Debug, Default)]
pub struct Partition {
    /// Every value seen at an offset: by any poll, whatever became of it, since a poller must never see what may
    /// vanish; and by sends that surely took place and told their offset. More than one value at an offset is an
    /// anomaly.
    pub log: BTreeMap<Offset, BTreeSet<Value>>,
    /// The same, by value. More than one offset is an anomaly.
    pub offsets: BTreeMap<Value, BTreeSet<Offset>>,
    /// Which operation sent each value.
    pub writers: BTreeMap<Value, OperationId>,
    /// Which operations that ended well polled each value.
    pub readers: BTreeMap<Value, Vec<OperationId>>,
    /// Values that surely were written, in a place that consumers have passed, and that nobody got.
    pub lost: BTreeMap<Value, Offset>,
    /// Offsets that hold something that is not lost.
    live: BTreeSet<Offset>,
}

impl Partition {
    /// The first offset strictly between `after` and `before` whose record can be read, if there is one. What is lost
    /// does not count: it is reported as such, and nobody can be blamed for not having read it.
    pub fn first_between(&self, after: Offset, before: Offset) -> Option<Offset> {
        if after >= before {
            return None;
        }
        self.live.range((Bound::Excluded(after), Bound::Excluded(before))).next().copied()
    }

    /// Values in the order of their first offsets. Where several stand at one offset, the smallest counts.
    pub fn version_order(&self) -> Vec<Value> {
        let mut seen = BTreeSet::new();
        self.log.values().filter_map(|values| values.first().copied()).filter(|value| seen.insert(*value)).collect()
    }

    fn place(&mut self, offset: Offset, value: Value) {
        self.log.entry(offset).or_default().insert(value);
        self.offsets.entry(value).or_default().insert(offset);
    }

    /// A value is lost when it was surely written, all its places are at or below the highest first place of a value
    /// that was read, and no operation that ended well polled it.
    fn find_lost(&mut self, committed: &BTreeSet<Value>) {
        let first_offset = |value| self.offsets.get(value).and_then(BTreeSet::first).copied();
        let Some(bound) = self.readers.keys().filter_map(first_offset).max() else { return };
        for value in committed.iter().filter(|value| !self.readers.contains_key(value)) {
            if let Some(last) = self.offsets.get(value).and_then(BTreeSet::last).copied()
                && last <= bound
            {
                self.lost.insert(*value, last);
            }
        }
    }

    fn find_live(&mut self) {
        let holds_more_than_lost = |values: &BTreeSet<Value>| values.iter().any(|value| !self.lost.contains_key(value));
        self.live =
            self.log.iter().filter(|(_, values)| holds_more_than_lost(values)).map(|(offset, _)| *offset).collect();
    }
}

/// All operations of a history and all partitions they touched.
#[derive(Debug)]
pub struct Index<'h> {
    /// In the order in which they began.
    pub operations: Vec<Operation<'h>>,
    /// By key.
    pub partitions: BTreeMap<Key, Partition>,
}

impl<'h> Index<'h> {
    /// Reads `operations` thrice: who wrote and who read; what thereby surely was written; what was lost.
    pub fn new(operations: Vec<Operation<'h>>) -> Self {
        let mut index = Self { operations, partitions: BTreeMap::new() };
        index.note_writers_and_readers();
        let committed = index.note_committed_sends();
        for (key, partition) in &mut index.partitions {
            if let Some(committed) = committed.get(key) {
                partition.find_lost(committed);
            }
            partition.find_live();
        }
        index
    }

    /// Whether `send`, a step of `operation`, surely took place. Outside of a transaction each record has its own fate:
    /// an offset is an acknowledgement. A transaction of unknown outcome took place when any of its records was read.
    pub fn is_committed(&self, operation: &Operation<'_>, send: &Send) -> bool {
        match (operation.outcome(), operation.action()) {
            (Outcome::Ok, _) => true,
            (Outcome::Fail | Outcome::Invoke, _) => false,
            (Outcome::Info, Action::Txn(_)) => operation.action().sends().any(|sibling| self.was_read(sibling)),
            (Outcome::Info, _) => send.offset.is_some(),
        }
    }

    fn was_read(&self, send: &Send) -> bool {
        self.partitions.get(&send.key).is_some_and(|partition| partition.readers.contains_key(&send.value))
    }

    fn note_writers_and_readers(&mut self) {
        for (id, operation) in self.operations.iter().enumerate() {
            for send in operation.action().sends() {
                self.partitions.entry(send.key).or_default().writers.insert(send.value, id);
            }
            for record in operation.action().polled() {
                let partition = self.partitions.entry(record.key).or_default();
                partition.place(record.offset, record.value);
                if operation.is_ok() {
                    partition.readers.entry(record.value).or_default().push(id);
                }
            }
        }
    }

    fn note_committed_sends(&mut self) -> BTreeMap<Key, BTreeSet<Value>> {
        let mut committed: BTreeMap<Key, BTreeSet<Value>> = BTreeMap::new();
        let mut places = Vec::new();
        for operation in &self.operations {
            for send in operation.action().sends().filter(|send| self.is_committed(operation, send)) {
                committed.entry(send.key).or_default().insert(send.value);
                places.extend(send.offset.map(|offset| (send.key, offset, send.value)));
            }
        }
        for (key, offset, value) in places {
            self.partitions.entry(key).or_default().place(offset, value);
        }
        committed
    }
}
