//! [`Onlooker`]: asks for the offsets of every group, is a member of none, and now and then commits where it should not.

use std::net::IpAddr;
use std::time::Duration;

use ottla_base::Entropy;
use ottla_net::timer;

use super::Spot;
use super::coordinator::Coordinator;

/// A client that looks at groups.
pub(crate) struct Onlooker {
    coordinator: Coordinator,
    groups: Vec<String>,
}

impl Onlooker {
    pub(crate) fn new(coordinator: Coordinator, groups: Vec<String>) -> Onlooker {
        Onlooker { coordinator, groups }
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
            let group = self.groups[entropy.below(self.groups.len() as u64) as usize].clone();
            let (asks_for_all, intrudes) = (entropy.one_in(2), entropy.one_in(20));
            let rest = Duration::from_millis(entropy.below(1500));
            self.coordinator.turn_to(&group);
            let is_served =
                self.coordinator.fetch(&spots, asks_for_all).await.is_ok() && self.coordinator.describe().await.is_ok();
            if intrudes {
                // Taken while the group has no members, and refused else.
                let _ = self.coordinator.commit(None, &spots[..1], None).await;
            }
            if was_healed && is_served {
                return;
            }
            timer::sleep(rest).await;
        }
    }
}
