//! [`Link`]: one direction between two hosts.

use std::time::Duration;

use crate::timer::Instant;

/// What happens to a direction once the bytes that were still let through have gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is cut, as by [`super::SimNetwork::cut`].
    Cut,
    /// The connections between the two hosts are reset.
    Reset,
}

/// The state of one direction between two hosts; the default is without faults.
#[derive(Debug, Default)]
pub(super) struct Link {
    pub(super) cut: bool,
    pub(super) bytes_per_ms: Option<u64>,
    /// How many bytes still go through, and what happens then.
    breaking: Option<(usize, Then)>,
    /// When the last byte that was sent will have been let through, where the rate is limited.
    busy_until: Option<Instant>,
}

impl Link {
    pub(super) fn break_after(&mut self, bytes: usize, then: Then) {
        self.breaking = Some((bytes, then));
    }

    /// Takes up to `bytes` bytes of a write: how many go through before the direction breaks, and how it then breaks.
    pub(super) fn let_through(&mut self, bytes: usize) -> (usize, Option<Then>) {
        match &mut self.breaking {
            Some((left, _)) if *left > bytes => {
                *left -= bytes;
                (bytes, None)
            }
            Some((left, then)) => {
                let (through, then) = (*left, *then);
                self.breaking = None;
                (through, Some(then))
            }
            None => (bytes, None),
        }
    }

    /// How much longer than the latency `bytes` bytes take, sent at `now`.
    pub(super) fn queueing(&mut self, bytes: usize, now: Instant) -> Duration {
        let Some(rate) = self.bytes_per_ms else { return Duration::ZERO };
        let begin = self.busy_until.map_or(now, |busy_until| busy_until.max(now));
        let end = begin + Duration::from_millis((bytes as u64).div_ceil(rate.max(1)));
        self.busy_until = Some(end);
        end - now
    }
}
