//! Blocking work from async code: a job on the workers seam, awaited.

use std::io;
use std::sync::Arc;

use ottla_base::{Job, Lane, Workers};
use tokio::sync::oneshot;

/// Runs `work` on `lane` and waits for what it gives. Once this is polled, `work` runs to its end even when the future is dropped.
pub(crate) async fn run<T: Send + 'static>(
    workers: &Arc<dyn Workers>,
    lane: Lane,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let (sender, result) = oneshot::channel();
    let job: Job = Box::new(move || {
        let result = work();
        // Nobody waits any more when the node was aborted meanwhile.
        Box::new(move || drop(sender.send(result)))
    });
    workers.submit(lane, job).map_err(|_| io::Error::other("the workers' queue is full"))?;
    result.await.map_err(|_| io::Error::other("the workers have stopped"))
}
