//! Seams that a test turns by hand. Behind the feature `testing`, which only tests ask for.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use parking_lot::Mutex;

use crate::{Clock, Completion, Instant, Job, Lane, Saturated, Timestamp, Workers};

/// Workers cranked by hand: each job, and each completion, happens when the test says so.
#[derive(Default)]
pub struct HandWorkers {
    jobs: Mutex<VecDeque<Job>>,
    completions: Mutex<VecDeque<Completion>>,
}

impl HandWorkers {
    /// Runs the job that has waited longest; its completion waits from now on.
    pub fn run_job(&self) {
        let job = self.jobs.lock().pop_front().expect("a job waits");
        let completion = job();
        self.completions.lock().push_back(completion);
    }

    /// Delivers the completion that has waited longest.
    pub fn complete(&self) {
        let completion = self.completions.lock().pop_front().expect("a completion waits");
        completion();
    }

    /// Runs and completes until nothing waits.
    pub fn run_all(&self) {
        while self.jobs_waiting() > 0 {
            self.run_job();
            self.complete();
        }
    }

    /// How many jobs wait.
    pub fn jobs_waiting(&self) -> usize {
        self.jobs.lock().len()
    }

    /// How many completions wait.
    pub fn completions_waiting(&self) -> usize {
        self.completions.lock().len()
    }
}

impl Workers for HandWorkers {
    fn submit(&self, _: Lane, job: Job) -> Result<(), Saturated> {
        self.jobs.lock().push_back(job);
        Ok(())
    }
}

impl fmt::Debug for HandWorkers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandWorkers")
    }
}

/// Runs each job, and its completion, in the call.
#[derive(Debug)]
pub struct InlineWorkers;

impl Workers for InlineWorkers {
    fn submit(&self, _: Lane, job: Job) -> Result<(), Saturated> {
        job()();
        Ok(())
    }
}

/// A clock set by hand. Its wall clock begins at 0 and runs beside the monotonic one.
#[derive(Debug, Default)]
pub struct HandClock {
    now: Mutex<Instant>,
}

impl HandClock {
    /// Sets it to a time since its start, which is not before the present one.
    pub fn set(&self, since_start: Duration) {
        *self.now.lock() = Instant(since_start);
    }

    /// Moves the time forward.
    pub fn advance(&self, span: Duration) {
        let mut now = self.now.lock();
        *now = *now + span;
    }
}

impl Clock for HandClock {
    fn now(&self) -> Instant {
        *self.now.lock()
    }

    fn wall(&self) -> Timestamp {
        let millis = self.now.lock().0.as_millis();
        Timestamp(i64::try_from(millis).expect("a test ends before that"))
    }
}
