//! What is worth knowing about a run and judges nothing: how much was done, how far consumers lagged, what was read
//! more than once.

use std::collections::BTreeMap;

use crate::event::{Action, Key, Offset, Process};
use crate::history::History;
use crate::index::Index;

/// Figures of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measures {
    /// Operations begun.
    pub operations: usize,
    /// Records whose send was acknowledged.
    pub acknowledged: usize,
    /// Records that polls which ended well returned, repetitions included.
    pub polled: usize,
    /// Faults injected.
    pub faults: usize,
    /// The longest time, in nanoseconds, that an acknowledged record had been there when a poll began that still did
    /// not return it, though the consumer stood before it; and who waited.
    pub worst_lag_ns: Option<(u64, Process, Key)>,
    /// How many records one process got more than once, and the most times it got one.
    pub repeated: Repeated,
}

/// What one process consumed more than once: allowed after a rebalance or a seek, and worth counting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repeated {
    /// Pairs of a process and a record.
    pub records: usize,
    /// The most times that any was consumed.
    pub most: usize,
}

impl Measures {
    /// Counts over the whole history.
    pub fn of(history: &History, index: &Index<'_>) -> Self {
        let ok = || index.operations.iter().filter(|operation| operation.is_ok());
        let committed = |operation| move |send: &&_| index.is_committed(operation, send);
        Self {
            operations: index.operations.len(),
            acknowledged: index.operations.iter().map(|op| op.action().sends().filter(committed(op)).count()).sum(),
            polled: ok().map(|operation| operation.action().polled().count()).sum(),
            faults: history.fault_count(),
            worst_lag_ns: worst_lag(index),
            repeated: repeated(index),
        }
    }
}

/// For each key, its acknowledged places with the earliest acknowledgement at or after each of them, so that "since
/// when has there been something to read past here" is one look-up.
fn waiting_since(index: &Index<'_>) -> BTreeMap<Key, BTreeMap<Offset, u64>> {
    let mut acknowledged: BTreeMap<Key, BTreeMap<Offset, u64>> = BTreeMap::new();
    for operation in index.operations.iter().filter(|operation| operation.is_ok()) {
        for send in operation.action().sends() {
            if let Some(offset) = send.offset {
                acknowledged.entry(send.key).or_default().insert(offset, operation.event().time_ns);
            }
        }
    }
    for places in acknowledged.values_mut() {
        let mut earliest = u64::MAX;
        for time_ns in places.values_mut().rev() {
            earliest = earliest.min(*time_ns);
            *time_ns = earliest;
        }
    }
    acknowledged
}

fn worst_lag(index: &Index<'_>) -> Option<(u64, Process, Key)> {
    let waiting = waiting_since(index);
    let mut standing: BTreeMap<Process, BTreeMap<Key, Offset>> = BTreeMap::new();
    let mut worst = None;
    for operation in index.operations.iter().filter(|operation| operation.is_ok()) {
        let process = operation.process();
        let places = standing.entry(process).or_default();
        match operation.action() {
            Action::Assign { keys, seek_to_start } => places.retain(|key, _| !seek_to_start && keys.contains(key)),
            Action::Subscribe { keys } => places.retain(|key, _| keys.contains(key)),
            Action::Poll(_) | Action::Txn(_) => {
                places.extend(operation.action().polled().map(|record| (record.key, record.offset)));
                for (&key, place) in places.iter() {
                    let next = waiting.get(&key).and_then(|waiting| waiting.range(Offset(place.0 + 1)..).next());
                    let lag_ns = next.map_or(0, |(_, since)| operation.invocation().time_ns.saturating_sub(*since));
                    worst = worst.max((lag_ns > 0).then_some((lag_ns, process, key)));
                }
            }
            Action::Send(_) | Action::Crash | Action::Fault(_) => {}
        }
    }
    worst
}

fn repeated(index: &Index<'_>) -> Repeated {
    let mut times: BTreeMap<(Process, Key, Offset), usize> = BTreeMap::new();
    for operation in index.operations.iter().filter(|operation| operation.is_ok()) {
        for record in operation.action().polled() {
            *times.entry((operation.process(), record.key, record.offset)).or_default() += 1;
        }
    }
    let repeated = times.values().copied().filter(|&times| times > 1);
    Repeated { records: repeated.clone().count(), most: repeated.max().unwrap_or_default() }
}
