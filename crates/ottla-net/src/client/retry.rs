//! [`Retry`]: how long something is tried again, and how often.

use std::time::Duration;

use crate::timer::{self, Instant};

/// The first pause; each later one is twice as long, up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(50);

/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Pauses that grow, until a deadline.
#[derive(Debug)]
pub struct Retry {
    deadline: Instant,
    pause: Duration,
}

impl Retry {
    /// Tries for `span` from now on.
    pub fn within(span: Duration) -> Retry {
        Retry { deadline: timer::now() + span, pause: PAUSE_MIN }
    }

    /// Waits until it is time to try again; false, at once, where the deadline comes before that.
    pub async fn pause(&mut self) -> bool {
        let next = timer::now() + self.pause;
        if next > self.deadline {
            return false;
        }
        self.pause = (2 * self.pause).min(PAUSE_MAX);
        timer::sleep_until(next).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_grow_to_a_second_and_end_with_the_deadline() {
        let begin = timer::now();
        let mut retry = Retry::within(Duration::from_secs(5));
        let mut tries = Vec::new();
        while retry.pause().await {
            tries.push(begin.elapsed().as_millis());
        }
        assert_eq!(tries, [50, 150, 350, 750, 1550, 2550, 3550, 4550]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_time_nothing_is_tried_again() {
        assert!(!Retry::within(Duration::ZERO).pause().await);
    }
}
