//! The clients of a world: each a task with a host of its own, from the beginning of the trouble until it was served once after its end.

mod admin;
mod connection;
mod consumer;
pub(crate) mod drain;
pub(crate) mod group;
pub(crate) mod messages;
mod producer;
mod reading;
mod rowdy;
pub(crate) mod topics;
mod value;

use std::sync::Arc;

use ottla_base::SeededEntropy;
use tokio::sync::watch;

pub use connection::Connection;
pub use reading::{BatchView, View};

pub(crate) use admin::Admin;
pub(crate) use consumer::Consumer;
pub(crate) use producer::Producer;
pub(crate) use rowdy::Rowdy;

use crate::SimClock;
use crate::invariants::Watch;
use crate::journal::Journal;
use crate::options::TopicPlan;
use crate::world::World;

/// Whether faults come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// They do.
    Trouble,
    /// They have ended: a client that is served once from here on is content, and ends.
    Healed,
}

/// What every client has.
pub(crate) struct Surroundings {
    pub(crate) name: String,
    pub(crate) connection: Connection,
    pub(crate) topics: Arc<[TopicPlan]>,
    pub(crate) journal: Journal,
    /// The world's, which no fault touches.
    pub(crate) clock: Arc<SimClock>,
    pub(crate) watch: Watch,
    pub(crate) phase: watch::Receiver<Phase>,
    pub(crate) entropy: SeededEntropy,
}

impl Surroundings {
    /// Those of a client with a host of its own, not connected.
    pub(crate) fn new(world: &mut World, name: String, watch: &Watch, phase: watch::Receiver<Phase>) -> Surroundings {
        Surroundings {
            name,
            connection: world.client(),
            topics: Arc::from(world.options.topics.clone()),
            journal: world.journal.clone(),
            clock: world.clock.clone(),
            watch: watch.clone(),
            phase,
            entropy: world.entropy.fork(),
        }
    }

    pub(crate) fn is_healed(&self) -> bool {
        *self.phase.borrow() == Phase::Healed
    }

    /// Every partition of every topic.
    pub(crate) fn partitions(&self) -> Vec<crate::journal::PartitionId> {
        let of_topic = |(topic, plan): (usize, &TopicPlan)| {
            (0..plan.partitions).map(move |partition| crate::journal::PartitionId { topic, partition })
        };
        self.topics.iter().enumerate().flat_map(of_topic).collect()
    }

    pub(crate) fn topic_of(&self, partition: crate::journal::PartitionId) -> &str {
        &self.topics[partition.topic].name
    }
}
