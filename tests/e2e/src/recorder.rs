//! [`Recorder`]: a history written by many threads.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use history::groups::Group;
use history::{Action, History, Key, MicroOp, Outcome, Process, Record};
use testkit::wait;

use crate::{Found, GroupCommit, GroupLedger};

/// Stamps events with one clock, in the order in which they come.
#[derive(Debug)]
pub struct Recorder {
    started: Instant,
    state: Mutex<State>,
    groups: Mutex<GroupLedger>,
}

#[derive(Debug, Default)]
struct State {
    history: History,
    processes: u32,
}

impl Default for Recorder {
    fn default() -> Self {
        Self { started: wait::now(), state: Mutex::default(), groups: Mutex::default() }
    }
}

impl Recorder {
    /// A process that has done nothing yet.
    pub fn process(&self) -> Process {
        let mut state = self.state();
        state.processes += 1;
        Process(state.processes)
    }

    /// A process that reads what a group gives it of `keys`.
    pub fn subscribe(&self, keys: Vec<Key>) -> Process {
        let process = self.process();
        self.note_whole(process, Action::Subscribe { keys });
        process
    }

    /// Notes that `process` begins `action`.
    pub fn invoke(&self, process: Process, action: Action) {
        let mut state = self.state();
        state.history.invoke(self.now_ns(), process, action).expect("the workload is well formed");
    }

    /// Notes how what `process` began has ended.
    pub fn complete(&self, process: Process, outcome: Outcome, action: Action) {
        let mut state = self.state();
        state.history.complete(self.now_ns(), process, outcome, action).expect("the workload is well formed");
    }

    /// Notes a fault.
    pub fn fault(&self, name: &str) {
        let mut state = self.state();
        state.history.fault(self.now_ns(), name).expect("the workload is well formed");
    }

    /// Notes what a member of `group` has read with one poll, if anything.
    pub fn read_in_group(&self, process: Process, group: Group, records: Vec<Record>) {
        if !records.is_empty() {
            self.groups().read(group, &records);
            self.note_whole(process, Action::Poll(vec![MicroOp::Poll(records)]));
        }
    }

    /// Notes a request that began at `begun_ns` to commit `commits`, and has ended now.
    pub fn commit(&self, group: Group, begun_ns: u64, outcome: Outcome, commits: &[GroupCommit]) {
        let ended_ns = self.now_ns();
        commits.iter().for_each(|commit| self.groups().commit(group, (begun_ns, ended_ns), outcome, *commit));
    }

    /// Notes what was found committed by a request that began at `begun_ns` and has ended now.
    pub fn found(&self, begun_ns: u64, found: &[Found]) {
        let ended_ns = self.now_ns();
        found.iter().for_each(|found| self.groups().fetch((begun_ns, ended_ns), *found));
    }

    /// What groups did so far.
    pub fn groups(&self) -> MutexGuard<'_, GroupLedger> {
        self.groups.lock().expect("nobody panics holding it")
    }

    /// What was recorded.
    pub fn into_recorded(self) -> (History, GroupLedger) {
        let state = self.state.into_inner().expect("nobody panics holding it");
        (state.history, self.groups.into_inner().expect("nobody panics holding it"))
    }

    /// Nanoseconds since it was made.
    pub fn now_ns(&self) -> u64 {
        u64::try_from(wait::now().duration_since(self.started).as_nanos()).expect("no run lasts for centuries")
    }

    /// Notes an operation of which nothing can be told before it has ended well.
    fn note_whole(&self, process: Process, action: Action) {
        self.invoke(process, action.clone());
        self.complete(process, Outcome::Ok, action);
    }

    /// Held while the clock is read, so that events lie in the order of their times.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics holding it")
    }
}

/// Keeps `history` as a file for `cargo run -p history`, and returns where.
#[expect(clippy::disallowed_methods, reason = "a test leaves what it saw for whoever looks into its failure")]
pub fn keep(history: &History, name: &str) -> io::Result<PathBuf> {
    let path = std::env::temp_dir().join(format!("{name}-{}.jsonl", std::process::id()));
    history.write(io::BufWriter::new(std::fs::File::create(&path)?))?;
    Ok(path)
}
