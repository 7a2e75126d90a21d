//! [`Forgetter`]: commits offsets of a topic, deletes the topic, and looks that the offsets go with it.

use std::net::IpAddr;
use std::time::Duration;

use ottla_base::Entropy;
use ottla_net::timer;

use super::Spot;
use super::coordinator::Coordinator;
use crate::client::topics;

/// How long the offsets of a deleted topic may still be seen, or nobody be there to ask: longer than any fault lasts.
const GONE_WITHIN: Duration = Duration::from_secs(60);

/// A client whose topics come and go, and whose offsets must go with them.
pub(crate) struct Forgetter {
    coordinator: Coordinator,
    /// The topic's name. It is another after a commit of unknown fate, which may still arrive, and where an offset may be left.
    topic: String,
    life: u32,
}

impl Forgetter {
    pub(crate) fn new(coordinator: Coordinator) -> Forgetter {
        let topic = format!("{}-0", coordinator.around.name);
        Forgetter { coordinator, topic, life: 0 }
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.coordinator.around.connection.address()
    }

    pub(crate) async fn run(mut self) {
        loop {
            let was_healed = self.coordinator.around.is_healed();
            self.one_life().await;
            if was_healed {
                return;
            }
            timer::sleep(Duration::from_millis(self.coordinator.around.entropy.below(3000))).await;
        }
    }

    async fn one_life(&mut self) {
        self.life += 1;
        let spot = [Spot::passing(&self.topic, self.life)];
        let around = &mut self.coordinator.around;
        topics::create(&mut around.connection, &around.journal, &self.topic, 1, &[]).await;
        // A new topic of an old name has no offset.
        while self.coordinator.fetch(&spot, false).await.is_err() {
            self.coordinator.back_off().await;
        }
        let mut is_sure = true;
        for _ in 0..1 + self.coordinator.around.entropy.below(3) {
            is_sure &= self.coordinator.commit(None, &spot, None).await.is_ok();
            let _ = self.coordinator.fetch(&spot, false).await;
        }
        let around = &mut self.coordinator.around;
        let starts = around.journal.start_count();
        topics::delete(&mut around.connection, &around.journal, &self.topic).await;
        around.journal.trace(format_args!("{} is deleted", self.topic));
        let is_gone = self.wait_until_gone(&spot, starts).await;
        if !is_sure || !is_gone {
            self.topic = format!("{}-{}", self.coordinator.around.name, self.life);
        }
    }

    /// Returns whether they are. Where the node ends before it has taken them out they stay until they expire, as with Kafka's: from
    /// `starts` on it must not have.
    async fn wait_until_gone(&mut self, spot: &[Spot], starts: usize) -> bool {
        let begin = timer::now();
        while !matches!(self.coordinator.fetch(spot, true).await.as_deref(), Ok([None])) {
            let journal = &self.coordinator.around.journal;
            if journal.start_count() != starts {
                return false;
            }
            if begin.elapsed() > GONE_WITHIN {
                journal.violation(format_args!("offsets of {} are still there after its deletion", self.topic));
                return false;
            }
            self.coordinator.back_off().await;
        }
        true
    }
}
