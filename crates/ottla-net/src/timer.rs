//! Waiting. The only callers of tokio's timers, so that a simulation that pauses tokio's clock owns every wait there is.
//!
//! Waits are rounded up to whole milliseconds. A deadline of `ottla_base::Clock` becomes a wait by `deadline - clock.now()`.

use std::future::Future;
use std::time::Duration;

pub use tokio::time::Instant;
pub use tokio::time::error::Elapsed;

/// The runtime's time, which is what waits are measured in. For how long something took; what time it *is* comes from a `Clock`.
#[expect(clippy::disallowed_methods, reason = "this is the seam")]
pub fn now() -> Instant {
    Instant::now()
}

/// Waits for `span`.
#[expect(clippy::disallowed_methods, reason = "this is the seam")]
pub fn sleep(span: Duration) -> tokio::time::Sleep {
    tokio::time::sleep(span)
}

/// Waits until `deadline`; not at all where it has passed.
#[expect(clippy::disallowed_methods, reason = "this is the seam")]
pub fn sleep_until(deadline: Instant) -> tokio::time::Sleep {
    tokio::time::sleep_until(deadline)
}

/// Waits for `future`, for `span` at the most; then drops it. A future that is ready at once wins over a span of zero.
#[expect(clippy::disallowed_methods, reason = "this is the seam")]
pub async fn timeout<F: Future>(span: Duration, future: F) -> Result<F::Output, Elapsed> {
    tokio::time::timeout(span, future).await
}
