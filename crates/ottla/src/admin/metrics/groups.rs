//! Groups: how many there are, and how far they are behind.

use std::collections::BTreeMap;

use ottla_base::{Offset, TopicPartition};
use ottla_server::GroupFigures;

use super::SERIES_MAX;
use super::exposition::{Exposition, Kind};
use crate::admin::Observed;

/// Kafka's names of a group's states.
const STATES: [&str; 5] = ["Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"];

pub(super) fn write(text: &mut Exposition, node: &Observed) {
    let groups = node.coordinators.figures();
    let high_watermark = |partition: &TopicPartition| {
        let partition = node.replicas.get(partition.topic.as_str(), partition.partition)?;
        partition.leader_epoch().is_ok().then(|| partition.high_watermark())
    };
    write_states(text, &groups);
    write_lags(text, &lags(&groups, high_watermark));
}

fn write_states(text: &mut Exposition, groups: &[GroupFigures]) {
    let mut family = text.family("ottla_groups", Kind::Gauge, "Groups that this node coordinates, by state.");
    for state in STATES {
        family.sample(&[("state", state)], groups.iter().filter(|group| group.state == state).count());
    }
}

/// How far each group is behind in each topic: from what it has committed to the high watermark, in the partitions that this node leads.
fn lags(
    groups: &[GroupFigures],
    high_watermark: impl Fn(&TopicPartition) -> Option<Offset>,
) -> BTreeMap<(&str, &str), u64> {
    let mut lags = BTreeMap::new();
    for group in groups {
        for (partition, committed) in &group.committed {
            if let Some(high_watermark) = high_watermark(partition) {
                // A group may have committed what only it has seen of the log's end, or anything at all.
                let behind = u64::try_from(high_watermark.0.saturating_sub(committed.0)).unwrap_or(0);
                *lags.entry((group.group_id.as_str(), partition.topic.as_str())).or_default() += behind;
            }
        }
    }
    lags
}

fn write_lags(text: &mut Exposition, lags: &BTreeMap<(&str, &str), u64>) {
    let help = "Records between what a group has committed and the high watermark, over the partitions of a topic that it has committed in; \
                for the first 1000 groups and topics by name.";
    let mut family = text.family("ottla_group_lag_records", Kind::Gauge, help);
    for ((group, topic), lag) in lags.iter().take(SERIES_MAX) {
        family.sample(&[("group", group), ("topic", topic)], lag);
    }
}

#[cfg(test)]
mod tests {
    use ottla_base::{PartitionIndex, TopicName};

    use super::*;

    fn partition(topic: &str, index: i32) -> TopicPartition {
        TopicPartition::new(TopicName::new(topic).unwrap(), PartitionIndex(index))
    }

    #[test]
    fn lag_is_of_what_was_committed_in_partitions_that_are_led_here() {
        let committed = [("a", 0, 10), ("a", 1, 25), ("a", 2, 7), ("b", 0, 3)];
        let committed = committed.map(|(topic, index, offset)| (partition(topic, index), Offset(offset)));
        let group = GroupFigures { group_id: "g".to_owned(), state: "Stable", committed: committed.to_vec() };
        // Of a's partitions one is behind, one ahead, and one not led here.
        let high_watermark = |asked: &TopicPartition| (asked.partition.0 < 2).then_some(Offset(20));
        let groups = [group];
        let lags: Vec<_> = lags(&groups, high_watermark).into_iter().collect();
        assert_eq!(lags, [(("g", "a"), 10), (("g", "b"), 17)]);
    }
}
