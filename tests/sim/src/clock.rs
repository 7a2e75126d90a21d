//! [`SimClock`]: a node's clock over tokio's paused time, with a wall clock that may be wrong.

use std::time::Duration;

use ottla_base::{Clock, Instant, Timestamp};
use parking_lot::Mutex;

/// Where every world's wall clock begins: 2026-01-01T00:00:00Z.
const WORLD_BEGINS: Timestamp = Timestamp(1_767_225_600_000);

/// Monotonic time is the runtime's; wall time runs beside it, shifted by a skew that a fault may change.
#[derive(Debug)]
pub struct SimClock {
    origin: tokio::time::Instant,
    skew_ms: Mutex<i64>,
}

impl SimClock {
    /// A clock without skew. Called inside the world's runtime.
    #[expect(clippy::disallowed_methods, reason = "this is the seam's simulated half")]
    #[expect(clippy::new_without_default, reason = "reading the time is no default")]
    pub fn new() -> SimClock {
        SimClock { origin: tokio::time::Instant::now(), skew_ms: Mutex::new(0) }
    }

    /// Sets how far the wall clock is ahead of the world's, in milliseconds; negative is behind.
    pub fn set_skew_ms(&self, skew_ms: i64) {
        *self.skew_ms.lock() = skew_ms;
    }

    /// Simulated time since the world began.
    pub fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }
}

impl Clock for SimClock {
    fn now(&self) -> Instant {
        Instant(self.elapsed())
    }

    fn wall(&self) -> Timestamp {
        let elapsed_ms = i64::try_from(self.elapsed().as_millis()).expect("a world ends before the year 292 million");
        Timestamp(WORLD_BEGINS.0 + elapsed_ms + *self.skew_ms.lock())
    }
}
