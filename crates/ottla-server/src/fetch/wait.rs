//! The long poll: a Fetch waits for the partitions that it asks for, and looks at those that move.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use ottla_net::timer;

use super::{Fetching, Given};

impl Fetching {
    /// Waits until there is enough, some partition has news, or `wait_max` is over. No part is cold before or after.
    pub(crate) async fn wait(&mut self, wait_max: Duration) {
        let deadline = timer::now() + wait_max;
        let mut waits: FuturesUnordered<_> = (0..self.parts.len()).filter_map(|index| self.wait_for(index)).collect();
        while !self.is_done() {
            let moved = timer::timeout(deadline.duration_since(timer::now()), async {
                match waits.next().await {
                    Some(index) => index,
                    // No partition can move: there is nothing but the time to wait for.
                    None => std::future::pending().await,
                }
            });
            // Running out of time is how most long polls end.
            let Ok(index) = moved.await else { return };
            self.look_at(index);
            self.read_cold_parts().await;
            waits.extend(self.wait_for(index));
        }
    }

    /// Waits for the partition to have something past what it gave; `None` where it cannot. What moves before the wait is first polled
    /// ends it at once.
    fn wait_for(&self, index: usize) -> Option<impl Future<Output = usize> + use<>> {
        let part = &self.parts[index];
        let asked = part.asked.as_ref()?;
        let seen = match &part.given {
            Given::Read(read) => read.high_watermark,
            Given::Failed(_) | Given::Cold => asked.from,
        };
        let wait = asked.partition.wait_for_high_watermark(seen + 1);
        Some(async move {
            wait.await;
            index
        })
    }
}
