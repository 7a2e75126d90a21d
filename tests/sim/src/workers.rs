//! [`SimWorkers`]: jobs that start, and completions that arrive, at instants that the seed chooses.
//!
//! A job takes effect at one instant and its completion is delivered at a later one. In between lies whatever the rest of the world
//! does: a truncation, another append, a failing disk, a crash. A lane can be held, so that its jobs do not start until it is released.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ottla_base::{Entropy, Job, Lane, Saturated, SeededEntropy, ThreadWorkers, Workers};
use parking_lot::Mutex;
use tokio::task::AbortHandle;

/// The workers of one run of a node; they die with it ([`SimWorkers::crash`]).
#[derive(Clone)]
pub struct SimWorkers {
    shared: Arc<Shared>,
}

struct Shared {
    entropy: SeededEntropy,
    /// The longest wait before a job, and again before its completion.
    delay_max: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    lanes: BTreeMap<Lane, LaneState>,
    tasks: Vec<AbortHandle>,
    crashed: bool,
}

#[derive(Default)]
struct LaneState {
    waiting: VecDeque<Job>,
    running: bool,
    held: bool,
}

impl SimWorkers {
    /// Workers whose delays are whole milliseconds between 0 and `delay_max`, drawn from `entropy`.
    pub fn new(entropy: SeededEntropy, delay_max: Duration) -> SimWorkers {
        SimWorkers { shared: Arc::new(Shared { entropy, delay_max, state: Mutex::default() }) }
    }

    /// Jobs of `lane` that have not started wait until [`SimWorkers::release`].
    pub fn hold(&self, lane: Lane) {
        self.shared.state.lock().lanes.entry(lane).or_default().held = true;
    }

    /// Lets the jobs of `lane` start again.
    pub fn release(&self, lane: Lane) {
        self.shared.state.lock().lanes.entry(lane).or_default().held = false;
        self.shared.start_lane(lane);
    }

    /// Ends the workers as a crash does: what has not run never will, and no completion is delivered any more.
    pub fn crash(&self) {
        let mut state = self.shared.state.lock();
        state.crashed = true;
        state.lanes.clear();
        let tasks = std::mem::take(&mut state.tasks);
        drop(state);
        tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Workers for SimWorkers {
    fn submit(&self, lane: Lane, job: Job) -> Result<(), Saturated> {
        let mut state = self.shared.state.lock();
        if state.crashed {
            return Ok(());
        }
        let waiting = &mut state.lanes.entry(lane).or_default().waiting;
        if waiting.len() >= ThreadWorkers::QUEUE_MAX {
            return Err(Saturated(job));
        }
        waiting.push_back(job);
        drop(state);
        self.shared.start_lane(lane);
        Ok(())
    }
}

impl Shared {
    /// Starts the lane's one runner, where there is something to do and none runs.
    #[expect(clippy::disallowed_methods, reason = "the workers stand for threads outside the node's own tasks")]
    fn start_lane(self: &Arc<Shared>, lane: Lane) {
        let mut state = self.state.lock();
        if state.crashed {
            return;
        }
        let lane_state = state.lanes.entry(lane).or_default();
        if lane_state.running || lane_state.held || lane_state.waiting.is_empty() {
            return;
        }
        lane_state.running = true;
        let task = tokio::spawn(self.clone().run(lane)).abort_handle();
        state.tasks.retain(|task| !task.is_finished());
        state.tasks.push(task);
    }

    async fn run(self: Arc<Shared>, lane: Lane) {
        loop {
            self.delay().await;
            let Some(job) = self.next(lane) else { return };
            let completion = job();
            self.delay().await;
            completion();
        }
    }

    fn next(&self, lane: Lane) -> Option<Job> {
        let mut state = self.state.lock();
        let lane_state = state.lanes.entry(lane).or_default();
        let job = if lane_state.held { None } else { lane_state.waiting.pop_front() };
        lane_state.running = job.is_some();
        job
    }

    #[expect(clippy::disallowed_methods, reason = "this is the seam's simulated half")]
    async fn delay(&self) {
        let delay_ms_max = u64::try_from(self.delay_max.as_millis()).unwrap_or(u64::MAX - 1);
        let delay_ms = self.entropy.below(delay_ms_max + 1);
        // A wait of zero still lets every other task run first.
        match delay_ms {
            0 => tokio::task::yield_now().await,
            _ => tokio::time::sleep(Duration::from_millis(delay_ms)).await,
        }
    }
}

impl fmt::Debug for SimWorkers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimWorkers")
    }
}
