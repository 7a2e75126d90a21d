//! What a producer sends to a partition lies there in the order in which it was sent.

use std::collections::BTreeMap;

use super::{Anomaly, SendStep};
use crate::event::{Key, Offset, Outcome, Process, Send};
use crate::index::Index;

/// Finds nonmonotonic-send, its internal kind and int-send-skip, over all that may have been done.
pub(super) fn find(index: &Index<'_>) -> Vec<Anomaly> {
    let mut found = Vec::new();
    let mut last_sent: BTreeMap<(Process, Key), Offset> = BTreeMap::new();
    for operation in index.operations.iter().filter(|operation| operation.outcome() != Outcome::Fail) {
        let process = operation.process();
        let mut inside: BTreeMap<Key, Offset> = BTreeMap::new();
        for send in operation.action().sends() {
            let Some(to) = place(index, send) else { continue };
            let key = send.key;
            let before = inside.insert(key, to);
            let internal = before.is_some();
            let Some(from) = before.or_else(|| last_sent.get(&(process, key)).copied()) else { continue };
            let step = SendStep { process, key, from, to, event: operation.event().index, internal };
            if to <= from {
                found.push(Anomaly::NonmonotonicSend(step));
            } else if internal && index.partitions[&key].first_between(from, to).is_some() {
                found.push(Anomaly::IntSendSkip(step));
            }
        }
        last_sent.extend(inside.into_iter().map(|(key, offset)| ((process, key), offset)));
    }
    found
}

/// Where a record lies: as its sender was told, or else where it was first read.
fn place(index: &Index<'_>, send: &Send) -> Option<Offset> {
    let first_read =
        || index.partitions[&send.key].offsets.get(&send.value).and_then(|offsets| offsets.first().copied());
    send.offset.or_else(first_read)
}
