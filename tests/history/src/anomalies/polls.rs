//! A consumer moves forward through a partition, record by record.

use std::collections::BTreeMap;

use super::{Anomaly, ReadStep};
use crate::event::{Action, Key, Offset, Outcome, Process};
use crate::history::Operation;
use crate::index::Index;

/// Where one process stands.
#[derive(Debug, Default)]
struct Reader {
    /// The last place of each key that an operation which ended well has polled. A poll that ended otherwise is sought
    /// back.
    last: BTreeMap<Key, Offset>,
    subscribed: bool,
}

impl Reader {
    /// Takes up a new set of keys: places in keys that are not in it are forgotten, and all of them where it starts
    /// afresh.
    fn assign(&mut self, keys: &[Key], subscribed: bool, afresh: bool) {
        self.last.retain(|key, _| !afresh && keys.contains(key));
        self.subscribed = subscribed;
    }
}

/// Finds poll-skip, nonmonotonic-poll and their internal kinds.
pub(super) fn find(index: &Index<'_>) -> Vec<Anomaly> {
    let mut found = Vec::new();
    let mut readers: BTreeMap<Process, Reader> = BTreeMap::new();
    for operation in &index.operations {
        let reader = readers.entry(operation.process()).or_default();
        match (operation.action(), operation.outcome()) {
            (Action::Assign { keys, seek_to_start }, Outcome::Ok | Outcome::Info) => {
                reader.assign(keys, false, *seek_to_start);
            }
            (Action::Subscribe { keys }, Outcome::Ok | Outcome::Info) => reader.assign(keys, true, false),
            (Action::Poll(_) | Action::Txn(_), _) => walk(index, operation, reader, &mut found),
            (Action::Assign { .. } | Action::Subscribe { .. }, Outcome::Fail | Outcome::Invoke)
            | (Action::Send(_) | Action::Crash | Action::Fault(_), _) => {}
        }
    }
    found
}

/// Follows one operation's records. Steps inside it are judged whatever its outcome; the step into it only if it ended
/// well.
fn walk(index: &Index<'_>, operation: &Operation<'_>, reader: &mut Reader, found: &mut Vec<Anomaly>) {
    let event = operation.event();
    let mut inside: BTreeMap<Key, Offset> = BTreeMap::new();
    for record in operation.action().polled() {
        let key = record.key;
        let before = inside.insert(key, record.offset);
        let internal = before.is_some();
        let waived = if internal { event.rebalance_keys.contains(&key) } else { !operation.is_ok() };
        let Some(from) = before.or_else(|| reader.last.get(&key).copied()).filter(|_| !waived) else { continue };
        let to = record.offset;
        let process = operation.process();
        let step = ReadStep { process, key, from, to, event: event.index, internal, subscribed: reader.subscribed };
        if to <= from {
            found.push(Anomaly::NonmonotonicPoll(step));
        } else if index.partitions[&key].first_between(from, to).is_some() {
            found.push(Anomaly::PollSkip(step));
        }
    }
    if operation.is_ok() {
        reader.last.extend(inside);
    }
}
