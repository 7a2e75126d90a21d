//! Many seeds: each on a thread of its own with a limit of real time, some at once.

use std::ops::Range;
use std::sync::mpsc;
use std::time::Duration;

use crate::run::{Outcome, Workload, run};

/// The longest that one seed may take, in real time. One that takes longer hangs.
const REAL_TIME_MAX: Duration = Duration::from_secs(120);

/// What came out of many seeds.
#[derive(Debug, Default)]
pub struct Summary {
    /// How many were run.
    pub seeds: u64,
    /// Those in which something was wrong, and what.
    pub failed: Vec<(u64, Vec<String>)>,
    /// Simulated time of all together.
    pub simulated: Duration,
    /// Records acknowledged.
    pub acknowledged: usize,
    /// Records read.
    pub polled: usize,
    /// Commits of offsets acknowledged.
    pub committed: usize,
    /// Faults injected.
    pub faults: usize,
}

impl Summary {
    fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.simulated += outcome.simulated;
        self.acknowledged += outcome.acknowledged;
        self.polled += outcome.polled;
        self.committed += outcome.committed;
        self.faults += outcome.faults;
        if !outcome.violations.is_empty() {
            self.failed.push((outcome.seed, outcome.violations.clone()));
        }
    }
}

/// Runs `seed` on a thread of its own.
///
/// # Panics
/// Where the seed hangs: its thread cannot be ended, so the process must.
pub fn run_guarded(workload: Workload, seed: u64, prints: bool) -> Outcome {
    start(workload, seed, prints)
        .recv_timeout(REAL_TIME_MAX)
        .unwrap_or_else(|_| panic!("seed {seed} hangs, or has panicked"))
}

/// Runs `seeds`, up to `threads` at once, and tells `on_outcome` of each, in the order of the seeds. It may end the run by returning
/// false.
///
/// # Panics
/// As [`run_guarded`].
pub fn run_seeds(
    workload: Workload,
    seeds: Range<u64>,
    threads: usize,
    mut on_outcome: impl FnMut(&Outcome) -> bool,
) -> Summary {
    let mut summary = Summary::default();
    let mut running = std::collections::VecDeque::new();
    let mut waiting = seeds;
    loop {
        while running.len() < threads.max(1)
            && let Some(seed) = waiting.next()
        {
            running.push_back((seed, start(workload, seed, false)));
        }
        let Some((seed, outcome)) = running.pop_front() else { return summary };
        let outcome =
            outcome.recv_timeout(REAL_TIME_MAX).unwrap_or_else(|_| panic!("seed {seed} hangs, or has panicked"));
        summary.add(&outcome);
        if !on_outcome(&outcome) {
            return summary;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "worlds know nothing of each other, and each has one thread")]
fn start(workload: Workload, seed: u64, prints: bool) -> mpsc::Receiver<Outcome> {
    let (sender, outcome) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new().name(format!("seed-{seed}")).stack_size(16 << 20);
    let body = move || {
        // Nobody waits for it any more where the run was ended.
        let _ = sender.send(run(workload, seed, prints));
    };
    thread.spawn(body).expect("the system grants a thread");
    outcome
}

/// The first line in which two traces differ, as both have it.
pub fn first_difference(one: &[String], other: &[String]) -> Option<(usize, String, String)> {
    let line = |trace: &[String], index: usize| trace.get(index).cloned().unwrap_or_else(|| "(the end)".to_owned());
    let index = (0..one.len().max(other.len())).find(|index| one.get(*index) != other.get(*index))?;
    Some((index, line(one, index), line(other, index)))
}
