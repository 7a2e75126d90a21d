//! [`Committer`]: assigns its partitions to itself, and keeps its offsets in a group without members.

use std::net::IpAddr;
use std::time::Duration;

use ottla_base::Entropy;
use ottla_net::timer;

use super::Spot;
use super::coordinator::Coordinator;

/// A client that commits without being a member.
pub(crate) struct Committer {
    coordinator: Coordinator,
    /// What it asks for, whatever the settings say.
    retention: Option<Duration>,
}

impl Committer {
    pub(crate) fn new(coordinator: Coordinator, retention: Option<Duration>) -> Committer {
        Committer { coordinator, retention }
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.coordinator.around.connection.address()
    }

    pub(crate) async fn run(mut self) {
        let around = &self.coordinator.around;
        let spots: Vec<_> =
            around.partitions().into_iter().map(|partition| Spot::shared(&around.topics, partition)).collect();
        loop {
            let was_healed = self.coordinator.around.is_healed();
            let entropy = &self.coordinator.around.entropy;
            let spot = spots[entropy.below(spots.len() as u64) as usize].clone();
            // Now and then for longer than what it asked to have kept is kept.
            let rest_ms = if entropy.one_in(10) { 15_000 } else { 1000 };
            let rest = Duration::from_millis(entropy.below(rest_ms));
            let is_committed = self.coordinator.commit(None, &[spot], self.retention).await.is_ok();
            let is_found = self.coordinator.fetch(&spots, self.retention.is_some()).await.is_ok();
            if was_healed && is_committed && is_found {
                return;
            }
            timer::sleep(rest).await;
        }
    }
}
