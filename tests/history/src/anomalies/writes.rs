//! What surely was written is read by somebody, once everybody has read to the end.

use super::Anomaly;
use crate::index::Index;

/// Finds lost-write and unseen. A lost value is not called unseen as well: *unseen* is left for those that no read has
/// passed, where the consumers may be at fault just as much as the log.
pub(super) fn find(index: &Index<'_>) -> Vec<Anomaly> {
    let mut found = Vec::new();
    for (&key, partition) in &index.partitions {
        for (&value, &offset) in &partition.lost {
            let writer = index.operations[partition.writers[&value]].event().index;
            found.push(Anomaly::LostWrite { key, offset, value, writer });
        }
    }
    for operation in index.operations.iter().filter(|operation| operation.is_ok()) {
        for send in operation.action().sends() {
            let partition = &index.partitions[&send.key];
            if !partition.readers.contains_key(&send.value) && !partition.lost.contains_key(&send.value) {
                found.push(Anomaly::Unseen { key: send.key, value: send.value, writer: operation.event().index });
            }
        }
    }
    found
}
