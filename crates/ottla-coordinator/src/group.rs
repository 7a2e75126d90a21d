//! A group: its members, as the classic protocol keeps them, and its committed offsets.
//!
//! - `classic/`: membership and rebalances, one file per request. Most of it lives in memory only; what a rebalance ends with is recorded.
//! - `offsets/`: committed offsets, all of them recorded.
//!
//! Nothing here appends: an operation changes a copy of the membership, or returns records, and the runtime makes it so once they are
//! written.

pub(crate) mod classic;
pub(crate) mod offsets;

use std::sync::Arc;

use classic::ClassicGroup;
use offsets::Offsets;

use crate::record::Record;

/// One group of a shard. It exists while there is a record of it, or it has members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    /// The members. A group that only commits offsets (a *simple* one) has none and no protocol type.
    pub(crate) classic: ClassicGroup,
    /// Whether there is a record of `classic`, which is then what the last settled state was.
    pub(crate) is_recorded: bool,
    /// The committed offsets.
    pub(crate) offsets: Offsets,
}

impl Group {
    /// Whether nothing is left of it, neither on disk nor of a rebalance that is going on.
    pub(crate) fn is_over(&self) -> bool {
        !self.is_recorded && self.offsets.is_empty() && self.classic.is_empty()
    }

    /// The records that end an empty group: a tombstone for each offset, the group's own last, also where none is recorded: Kafka takes
    /// a group that only committed offsets for one that is there still.
    pub(crate) fn tombstones(&self, group_id: &Arc<str>) -> Vec<Record> {
        let offsets = self.offsets.partitions().map(|topic_partition| Record::OffsetCommit {
            group_id: group_id.clone(),
            topic_partition,
            value: None,
        });
        offsets.chain([Record::GroupMetadata { group_id: group_id.clone(), value: None }]).collect()
    }
}
