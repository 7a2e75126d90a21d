//! [`decide`]: has the active controller decide something, and waits until this broker does what was decided.

use std::time::Duration;

use ottla_metadata::Request;
use ottla_net::timer;
use ottla_protocol::ErrorCode;

use crate::Broker;
use crate::error::Failure;

/// Has the active controller decide `request`, and waits until this broker has taken up what was decided: a client that goes on from the
/// answer finds the broker knowing it. Both within `timeout`, where that is not zero; zero means not to wait for anything but the decision.
///
/// A decision that is not taken up in time is answered all the same: it stands. Errors: REQUEST_TIMED_OUT, after which the request may
/// have been carried out, and NOT_CONTROLLER.
pub(crate) async fn decide<R: Request>(broker: &Broker, request: R, timeout: Duration) -> Result<R::Response, Failure> {
    let deadline = timer::now() + timeout;
    let controller = broker.controller();
    let submitted = controller.submit(request);
    let response = match timeout {
        Duration::ZERO => submitted.await?,
        _ => timer::timeout(timeout, submitted).await.map_err(|_| ErrorCode::RequestTimedOut)??,
    };
    let taken_up = broker.published().reaches(controller.image().metadata_offset);
    if timer::timeout(deadline.duration_since(timer::now()), taken_up).await.is_err() && !timeout.is_zero() {
        tracing::warn!(timeout_ms = timeout.as_millis(), "answering before this broker has taken up what was decided");
    }
    Ok(response)
}
