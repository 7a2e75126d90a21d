//! [`Jvm`]: producers and members of a group on Kafka's own library, in one process that lives through all kills.
//!
//! It runs the command `load` of `tests/clients/java`, whose `Load.java` tells what it does as lines of JSON. It asks
//! before it begins an operation, and begins when it is told to: so it had not begun when its beginning was written
//! down, and it has ended when its end is.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, Scope, ScopedJoinHandle};

use history::groups::CommitNumber;
use history::{Key, Offset, Outcome, Process, Record, Send, Value};
use serde_json::Value as Json;
use testkit::{ClientProgram, wait};

use super::producer::action_of;
use super::shared::Shared;
use super::{JAVA_PRODUCERS, MEMBERS_OF_EACH_GROUP, OF_JAVA, Party, SESSION_TIMEOUT_MS, group_name};
use crate::GroupCommit;

/// The process. Dropping it kills it; where a test fails, its complaints are printed first.
#[derive(Debug)]
pub(super) struct Jvm<'scope> {
    child: Child,
    input: Arc<Mutex<ChildStdin>>,
    complaints: File,
    has_written: Arc<AtomicBool>,
    listener: Option<ScopedJoinHandle<'scope, ()>>,
}

impl<'scope> Jvm<'scope> {
    pub(super) fn start(
        shared: &'scope Shared,
        scope: &'scope Scope<'scope, '_>,
        producers: &'scope Party,
        members: &'scope [Arc<Party>],
    ) -> Self {
        let [partitions, session_timeout_ms, producer_count, member_count] =
            [shared.partitions as usize, SESSION_TIMEOUT_MS as usize, JAVA_PRODUCERS, MEMBERS_OF_EACH_GROUP]
                .map(|number| number.to_string());
        let of_topic = ["load", &shared.bootstrap, &shared.topic, &partitions];
        let of_group = [group_name(OF_JAVA), &session_timeout_ms, &producer_count, &member_count];
        let arguments = [of_topic, of_group].concat();
        let complaints = tempfile::tempfile().expect("a file for what the JVM complains of");
        let stderr = complaints.try_clone().expect("a second handle of it");
        let child = ClientProgram::Java.spawn(&arguments, Stdio::piped(), stderr);
        let mut child = child.unwrap_or_else(|error| panic!("start the JVM: {error:#}"));
        let input = Arc::new(Mutex::new(child.stdin.take().expect("it was asked for")));
        let output = child.stdout.take().expect("it was asked for");
        let has_written = Arc::new(AtomicBool::new(false));
        let mut listener = Listener {
            shared,
            producers,
            members,
            has_written: Arc::clone(&has_written),
            answers: Arc::clone(&input),
            processes: BTreeMap::new(),
            commits_begun_ns: BTreeMap::new(),
        };
        let listener = Some(scope.spawn(move || listener.run(output)));
        Self { child, input, complaints, has_written, listener }
    }

    /// Has producers end what they began, and returns once they have.
    pub(super) fn end_writing(&self) {
        say(&self.input, "end writing");
        wait::until("the JVM's producers end", || self.has_written.load(Ordering::Acquire).then_some(()));
    }

    /// Has everybody end, and demands that the JVM ends well.
    pub(super) fn end(mut self) {
        say(&self.input, "end");
        let child = &mut self.child;
        let ended = wait::until("the JVM ends", || child.try_wait().expect("a child can be asked"));
        assert!(ended.success(), "the JVM ended with {ended}");
        self.listener.take().expect("it listens").join().expect("the JVM's lines are understood");
    }
}

impl Drop for Jvm<'_> {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let mut words = String::new();
            let read = self.complaints.rewind().and_then(|()| self.complaints.read_to_string(&mut words));
            eprintln!("--- the JVM's complaints ({read:?})\n{words}---");
        }
    }
}

/// To a JVM that has ended nothing can be said; then its end is what fails the test.
fn say(input: &Mutex<ChildStdin>, line: &str) {
    let mut input = input.lock().expect("nobody panics holding it");
    let _ = writeln!(input, "{line}");
}

/// Writes down what the JVM tells.
struct Listener<'l> {
    shared: &'l Shared,
    producers: &'l Party,
    members: &'l [Arc<Party>],
    has_written: Arc<AtomicBool>,
    answers: Arc<Mutex<ChildStdin>>,
    /// By the number that the JVM gave to a client. Members have the first.
    processes: BTreeMap<u64, Process>,
    commits_begun_ns: BTreeMap<u64, u64>,
}

impl Listener<'_> {
    fn run(&mut self, output: ChildStdout) {
        for line in BufReader::new(output).lines() {
            let line = line.expect("the JVM writes UTF-8");
            let told: Json = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            self.note(&told);
        }
    }

    fn note(&mut self, told: &Json) {
        let event = told["event"].as_str().expect("an event");
        if event == "written" {
            self.has_written.store(true, Ordering::Release);
            return;
        }
        let client = told["client"].as_u64().expect("a client");
        let outcome = if told["error"].is_null() { Outcome::Ok } else { Outcome::Info };
        if outcome == Outcome::Info {
            eprintln!("client {client} of the JVM: {}", told["error"]);
        }
        let recorder = &self.shared.recorder;
        match event {
            "subscribed" => _ = self.processes.insert(client, recorder.subscribe(self.shared.keys().collect())),
            "sending" => {
                let process = *self.processes.entry(client).or_insert_with(|| recorder.process());
                let sends: Vec<_> = rows(&told["sends"]).map(send).collect();
                sends.iter().for_each(|_| self.producers.note_sent());
                recorder.invoke(process, action_of(&sends));
                say(&self.answers, &format!("begin {client}"));
            }
            "sent" => {
                let sends: Vec<_> = rows(&told["sends"]).map(send).collect();
                recorder.complete(self.processes[&client], outcome, action_of(&sends));
                for send in &sends {
                    self.producers.note_outcome(outcome == Outcome::Ok || send.offset.is_some());
                }
            }
            "polled" => {
                let records = rows(&told["records"]).map(record).collect();
                recorder.read_in_group(self.processes[&client], OF_JAVA, records);
            }
            "committing" => {
                self.commits_begun_ns.insert(client, recorder.now_ns());
                say(&self.answers, &format!("begin {client}"));
            }
            "committed" => {
                let commits: Vec<_> = rows(&told["commits"]).map(commit).collect();
                let begun_ns = self.commits_begun_ns[&client];
                recorder.commit(OF_JAVA, begun_ns, outcome, &commits);
                if outcome == Outcome::Ok {
                    let member = usize::try_from(client).expect("few members");
                    self.members[member].note_committed(begun_ns);
                }
            }
            other => panic!("no event: {other}"),
        }
    }
}

/// Each a partition and two numbers more, the last of which may be missing.
fn rows(rows: &Json) -> impl Iterator<Item = (Key, i64, Option<i64>)> {
    rows.as_array().expect("rows").iter().map(|row| {
        let partition = row[0].as_u64().and_then(|number| u32::try_from(number).ok());
        (Key(partition.expect("a partition")), row[1].as_i64().expect("a number"), row[2].as_i64())
    })
}

fn send((key, value, offset): (Key, i64, Option<i64>)) -> Send {
    Send { key, value: Value(value.cast_unsigned()), offset: offset.map(Offset) }
}

fn record((key, offset, value): (Key, i64, Option<i64>)) -> Record {
    Record { key, offset: Offset(offset), value: Value(value.expect("a value").cast_unsigned()) }
}

fn commit((key, offset, number): (Key, i64, Option<i64>)) -> GroupCommit {
    let number = CommitNumber(number.expect("a number").cast_unsigned());
    GroupCommit { key, offset: Offset(offset), number }
}
