//! Nobody may read what is not there: what nobody sent, what surely failed, what its own sender has not committed yet.

use std::collections::BTreeSet;

use super::Anomaly;
use crate::event::Outcome;
use crate::index::Index;

/// Finds phantom, G1a and precommitted-read, each once for a value.
pub(super) fn find(index: &Index<'_>) -> Vec<Anomaly> {
    let mut found = Vec::new();
    let mut blamed = BTreeSet::new();
    for (id, operation) in index.operations.iter().enumerate() {
        let reader = operation.event().index;
        for record in operation.action().polled() {
            let (key, offset, value) = (record.key, record.offset, record.value);
            let anomaly = match index.partitions[&key].writers.get(&value) {
                None => Anomaly::Phantom { key, offset, value, reader },
                Some(&writer) if writer == id => Anomaly::PrecommittedRead { key, value, event: reader },
                Some(&writer) if operation.is_ok() && index.operations[writer].outcome() == Outcome::Fail => {
                    Anomaly::AbortedRead { key, value, writer: index.operations[writer].event().index, reader }
                }
                Some(_) => continue,
            };
            if blamed.insert((key, value)) {
                found.push(anomaly);
            }
        }
    }
    found
}
