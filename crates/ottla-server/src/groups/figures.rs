//! [`GroupFigures`]: a group as those see it who watch the node.

use std::time::Duration;

use ottla_base::{Offset, TopicPartition};
use ottla_coordinator::Shard;

use super::Coordinators;
use super::writer::ReplicaWriter;

/// How long a shard is waited for. Whoever has it is quicker, unless the disk is not; then its groups are left out.
const LOOK_MAX: Duration = Duration::from_millis(1);

/// A group that this node coordinates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupFigures {
    /// Its id.
    pub group_id: String,
    /// Its state, as Kafka names it.
    pub state: &'static str,
    /// What it has committed. Not every replica need have it yet.
    pub committed: Vec<(TopicPartition, Offset)>,
}

impl Coordinators {
    /// The groups that this node coordinates, by shard and id. It waits for no disk: where a shard's log is stuck in one, its groups are
    /// not among them, nor are those of shards that are still loading.
    pub fn figures(&self) -> Vec<GroupFigures> {
        self.all().iter().filter_map(|hosted| hosted.look(LOOK_MAX, figures_of)).flatten().collect()
    }
}

fn figures_of(shard: &Shard<ReplicaWriter>) -> Vec<GroupFigures> {
    let figures = |listed: ottla_coordinator::ListedGroup| {
        let committed = shard.fetch_offsets(&listed.group_id, None).response.into_iter();
        GroupFigures {
            state: listed.state.as_str(),
            committed: committed.filter_map(|(partition, offset)| Some((partition, offset?.offset))).collect(),
            group_id: listed.group_id.to_string(),
        }
    };
    shard.list_groups().response.into_iter().map(figures).collect()
}
