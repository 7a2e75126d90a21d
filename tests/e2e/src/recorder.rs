//! [`Recorder`]: a history written by many threads.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use history::{Action, History, Outcome, Process};
use testkit::wait;

/// Stamps events with one clock, in the order in which they come.
#[derive(Debug)]
pub struct Recorder {
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    history: History,
    processes: u32,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { started: wait::now(), state: Mutex::default() }
    }
}

impl Recorder {
    /// A process that has done nothing yet.
    pub fn process(&self) -> Process {
        let mut state = self.state();
        state.processes += 1;
        Process(state.processes)
    }

    /// Notes that `process` begins `action`.
    pub fn invoke(&self, process: Process, action: Action) {
        let mut state = self.state();
        state.history.invoke(self.time_ns(), process, action).expect("the workload is well formed");
    }

    /// Notes how what `process` began has ended.
    pub fn complete(&self, process: Process, outcome: Outcome, action: Action) {
        let mut state = self.state();
        state.history.complete(self.time_ns(), process, outcome, action).expect("the workload is well formed");
    }

    /// Notes a fault.
    pub fn fault(&self, name: &str) {
        let mut state = self.state();
        state.history.fault(self.time_ns(), name).expect("the workload is well formed");
    }

    /// What was recorded.
    pub fn into_history(self) -> History {
        self.state.into_inner().expect("nobody panics holding it").history
    }

    /// Held while the clock is read, so that events lie in the order of their times.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics holding it")
    }

    fn time_ns(&self) -> u64 {
        u64::try_from(wait::now().duration_since(self.started).as_nanos()).expect("no run lasts for centuries")
    }
}

/// Keeps `history` as a file for `cargo run -p history`, and returns where.
#[expect(clippy::disallowed_methods, reason = "a test leaves what it saw for whoever looks into its failure")]
pub fn keep(history: &History, name: &str) -> io::Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("{name}-{}.jsonl", std::process::id()));
    history.write(io::BufWriter::new(std::fs::File::create(&path)?))?;
    Ok(path)
}
