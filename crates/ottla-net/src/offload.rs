//! [`offload`]: a blocking call on the workers, awaited.

use ottla_base::{Completion, Job, Lane, Saturated, Workers};
use tokio::sync::oneshot;

/// Runs `work` on a worker of `lane` and waits for what it gives. Dropping the future does not stop the work.
///
/// Where the lane's queue is full the caller waits for nothing and does the work itself: late is better than never, and a queue that
/// long says that the workers do no better.
pub async fn offload<R: Send + 'static>(
    workers: &dyn Workers,
    lane: Lane,
    work: impl FnOnce() -> R + Send + 'static,
) -> R {
    let (sender, receiver) = oneshot::channel();
    let job: Job = Box::new(move || {
        let result = work();
        let completion: Completion = Box::new(move || {
            // The receiver is gone where nobody waits any more.
            let _ = sender.send(result);
        });
        completion
    });
    if let Err(Saturated(job)) = workers.submit(lane, job) {
        job()();
    }
    match receiver.await {
        Ok(result) => result,
        // The workers ended without running the job, as they do when a node is killed: so does the task that waits here.
        Err(_) => std::future::pending().await,
    }
}
