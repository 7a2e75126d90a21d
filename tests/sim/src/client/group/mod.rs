//! The clients of groups: members, whoever commits without being one, and whoever only looks.
//!
//! - `messages.rs`: what they send. `coordinator.rs`: asking once, and writing down what came of it.
//! - `member.rs`: joins, syncs, lives, stalls, leaves, dies. `committer.rs`: commits for a group without members.
//! - `onlooker.rs`: asks for everybody's offsets. `forgetter.rs`: deletes topics, with which their offsets go.

mod committer;
mod coordinator;
mod forgetter;
mod member;
pub(crate) mod messages;
mod onlooker;

pub(crate) use committer::Committer;
pub(crate) use coordinator::Coordinator;
pub(crate) use forgetter::Forgetter;
pub(crate) use member::{Conduct, Member, Place};
pub(crate) use onlooker::Onlooker;

use history::Key;

use crate::journal::PartitionId;
use crate::options::TopicPlan;

/// The history's numbers of partitions that all clients know end here.
const SHARED_KEYS: u32 = 1 << 16;

/// A partition that offsets are committed for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spot {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    /// What the history calls it.
    pub(crate) key: Key,
}

impl Spot {
    /// A partition of a topic that exists throughout.
    pub(crate) fn shared(topics: &[TopicPlan], partition: PartitionId) -> Spot {
        let PartitionId { topic, partition } = partition;
        Spot { topic: topics[topic].name.clone(), partition, key: Key(topic as u32 * 1000 + partition as u32) }
    }

    /// The first partition of the `life`th topic of this name.
    pub(crate) fn passing(topic: &str, life: u32) -> Spot {
        Spot { topic: topic.to_owned(), partition: 0, key: Key(SHARED_KEYS + life) }
    }
}
