//! [`Groups`]: the groups of a shard, and what each record means to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::group::Group;
use crate::group::classic::{ClassicGroup, Context};
use crate::record::Record;

/// The groups of a shard, by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    by_id: BTreeMap<Arc<str>, Group>,
}

impl Groups {
    pub(super) fn get(&self, group_id: &str) -> Option<&Group> {
        self.by_id.get(group_id)
    }

    pub(super) fn get_mut(&mut self, group_id: &str) -> Option<&mut Group> {
        self.by_id.get_mut(group_id)
    }

    pub(super) fn get_key_value(&self, group_id: &str) -> Option<(&Arc<str>, &Group)> {
        self.by_id.get_key_value(group_id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Group)> {
        self.by_id.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// What a record that is in the log means. It cannot fail, and gives the same whether the record was just appended or is loaded.
    pub(super) fn apply(&mut self, record: Record) {
        match record {
            Record::OffsetCommit { group_id, topic_partition, value: Some(offset) } => {
                self.by_id.entry(group_id).or_default().offsets.put(topic_partition, offset);
            }
            Record::OffsetCommit { group_id, topic_partition, value: None } => {
                self.end(group_id, |group| group.offsets.remove(&topic_partition));
            }
            Record::GroupMetadata { group_id, value: Some(metadata) } => {
                let group = self.by_id.entry(group_id).or_default();
                group.classic = ClassicGroup::from_metadata(metadata);
                group.is_recorded = true;
            }
            Record::GroupMetadata { group_id, value: None } => self.end(group_id, |group| {
                group.classic = ClassicGroup::default();
                group.is_recorded = false;
            }),
        }
    }

    /// Takes something from a group, and the group itself if that was the last of it.
    fn end(&mut self, group_id: Arc<str>, take: impl FnOnce(&mut Group)) {
        if let Some(group) = self.by_id.get_mut(&group_id) {
            take(group);
            if group.is_over() {
                self.by_id.remove(&group_id);
            }
        }
    }

    /// Puts the members that an operation has made of a group in the place of those that the records tell of: parked requests,
    /// sessions and a rebalance that is going on are in no record.
    pub(super) fn install(&mut self, group_id: &str, next: ClassicGroup) {
        let group = self.by_id.get_mut(group_id).expect("the group was there, or its record has just been applied");
        if cfg!(debug_assertions) {
            next.check_invariants();
            if next.is_settled() {
                assert!(group.classic.is_settled(), "what settles a group is recorded");
                assert_eq!(group.classic.metadata(), next.metadata(), "the record tells what there is");
            }
        }
        group.classic = next;
    }

    /// All is loaded: the members' sessions begin.
    pub(super) fn on_loaded(&mut self, context: Context<'_>) {
        for group in self.by_id.values_mut() {
            group.classic.on_loaded(context);
        }
    }
}
