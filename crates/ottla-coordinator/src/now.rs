//! [`Now`]: the two times that a coordinator is told.

use ottla_base::{Clock, Instant, Timestamp};

/// The time of an operation. Deadlines rest on the monotonic one; what is persisted carries the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For sessions and rebalances.
    pub monotonic: Instant,
    /// For commit timestamps and retention.
    pub wall: Timestamp,
}

impl Now {
    /// What `clock` shows.
    pub fn of(clock: &dyn Clock) -> Now {
        Now { monotonic: clock.now(), wall: clock.wall() }
    }
}
