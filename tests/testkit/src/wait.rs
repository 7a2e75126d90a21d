//! Waiting for a condition, with a deadline. Nothing else in the tests sleeps.

use std::thread;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(2);

/// Long enough for anything that is expected to happen, on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Now, by a clock that does not go back.
#[expect(clippy::disallowed_methods, reason = "this is where the tests read the clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// Asks `condition` until it gives something, for `limit` at the most; `None` when the time is over. It is asked at
/// least once.
#[expect(clippy::disallowed_methods, reason = "this is where the tests wait")]
pub fn for_up_to<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = now() + limit;
    loop {
        if let Some(found) = condition() {
            return Some(found);
        }
        if now() >= deadline {
            return None;
        }
        thread::sleep(INTERVAL);
    }
}

/// Asks `condition` until it gives something. Panics, naming `what` was waited for, after [`PATIENCE`].
#[track_caller]
pub fn until<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    match for_up_to(PATIENCE, condition) {
        Some(found) => found,
        None => panic!("{what}: not within {PATIENCE:?}"),
    }
}

/// Watches `condition` for the whole of `span`, which is a measurement and not a guess at how long something takes:
/// what a process does at rest can only be seen by letting it rest. Returns early, with what was found, if the
/// condition gives something.
pub fn observe<T>(span: Duration, condition: impl FnMut() -> Option<T>) -> Option<T> {
    for_up_to(span, condition)
}
