//! An offset names one record, and a record has one offset.

use super::Anomaly;
use crate::index::Index;

/// Finds inconsistent-offsets and duplicate.
pub(super) fn find(index: &Index<'_>) -> Vec<Anomaly> {
    let mut found = Vec::new();
    for (&key, partition) in &index.partitions {
        for (&offset, values) in partition.log.iter().filter(|(_, values)| values.len() > 1) {
            found.push(Anomaly::InconsistentOffsets { key, offset, values: values.iter().copied().collect() });
        }
        for (&value, offsets) in partition.offsets.iter().filter(|(_, offsets)| offsets.len() > 1) {
            found.push(Anomaly::Duplicate { key, value, offsets: offsets.iter().copied().collect() });
        }
    }
    found
}
