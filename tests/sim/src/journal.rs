//! [`Journal`]: what happened in a run, in order: the trace, and what the judges need.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;
use std::time::Duration;

use history::{Key, Process, Value};
use ottla_net::timer::{self, Instant};
use parking_lot::Mutex;

use crate::options::{Promise, TopicPlan};

/// A partition of one of the topics that exist throughout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartitionId {
    /// The topic's place in [`crate::Options::topics`].
    pub topic: usize,
    /// The partition's number.
    pub partition: i32,
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// A record that a producer sends, and its offset once it is acknowledged.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Where to.
    pub partition: PartitionId,
    /// The same, for the history.
    pub key: Key,
    /// What it carries.
    pub value: Value,
    /// Where it lies, as the broker said.
    pub offset: Option<i64>,
}

/// A record that a consumer got.
#[derive(Clone, Copy, Debug)]
pub struct Polled {
    /// Where from.
    pub partition: PartitionId,
    /// The same, for the history, as of when it was asked for.
    pub key: Key,
    /// Where it lay.
    pub offset: i64,
    /// What it carried.
    pub value: Value,
}

/// One thing that happened to a client or was done to a node.
#[derive(Clone, Debug)]
pub enum Event {
    /// A producer begins to send.
    SendBegun {
        /// What, in order.
        sent: Vec<Sent>,
    },
    /// It has ended.
    SendEnded {
        /// What, with the offsets that it was told.
        sent: Vec<Sent>,
        /// What it asked for, as on the wire.
        acks: i16,
        /// When it began. What was told since may have been true at any time since, since an answer may be late.
        begun: Duration,
    },
    /// A consumer starts anew, at any place in these.
    Assigned {
        /// All that it reads from now on.
        keys: Vec<Key>,
    },
    /// A consumer asks.
    PollBegun,
    /// It has asked.
    PollEnded {
        /// What it was given; `None` where there was no answer.
        polled: Option<Vec<Polled>>,
        /// When it asked.
        begun: Duration,
    },
    /// A fault was injected.
    Fault(String),
}

/// An event, when, and whose.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Since the run began.
    pub at: Duration,
    /// Who; 0 for a fault.
    pub process: Process,
    /// What.
    pub event: Event,
}

/// Everything that was written down in one run.
#[derive(Debug, Default)]
pub struct Record {
    /// What clients saw.
    pub entries: Vec<Entry>,
    /// When the power went.
    pub power_cuts: Vec<Duration>,
    /// How often a node was started.
    pub starts: usize,
    /// What was found wrong while it happened.
    pub violations: Vec<String>,
    /// One line for each event.
    pub trace: Vec<String>,
    /// Who sent each value, and where to.
    pub writers: BTreeMap<Value, (PartitionId, Key)>,
    keys: BTreeMap<(PartitionId, usize), Key>,
    next_value: u64,
    next_process: u32,
}

impl Record {
    /// What the history calls a cached `partition` after the last power cut up to `until`.
    pub(crate) fn last_key(&self, partition: PartitionId, until: Duration) -> Option<Key> {
        let era = self.power_cuts.iter().filter(|cut| **cut <= until).count();
        self.keys.get(&(partition, era)).copied()
    }
}

/// The one writer of a [`Record`]. Clones share it.
#[derive(Clone)]
pub struct Journal {
    begin: Instant,
    promises: Arc<[Promise]>,
    prints: bool,
    record: Arc<Mutex<Record>>,
}

impl Journal {
    /// An empty one for a run over `topics`. With `prints`, the trace is printed as it comes.
    pub fn new(topics: &[TopicPlan], prints: bool) -> Journal {
        let promises = topics.iter().map(|topic| topic.promise).collect();
        let record = Record { next_process: 1, ..Record::default() };
        Journal { begin: timer::now(), promises, prints, record: Arc::new(Mutex::new(record)) }
    }

    /// Simulated time since the run began.
    pub fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    /// Writes a line into the trace.
    pub fn trace(&self, line: fmt::Arguments<'_>) {
        let line = format!("{:>12} {line}", self.elapsed().as_micros());
        if self.prints {
            println!("{line}");
        }
        self.record.lock().trace.push(line);
    }

    /// Writes down that something is wrong.
    pub fn violation(&self, what: fmt::Arguments<'_>) {
        self.trace(format_args!("VIOLATION: {what}"));
        self.record.lock().violations.push(format!("at {:?}: {what}", self.elapsed()));
    }

    /// Writes down an event, in the trace too.
    pub fn event(&self, process: Process, event: Event) {
        self.trace(format_args!("{process} {event}"));
        let entry = Entry { at: self.elapsed(), process, event };
        self.record.lock().entries.push(entry);
    }

    /// Writes down a fault.
    pub fn fault(&self, name: fmt::Arguments<'_>) {
        self.event(Process(0), Event::Fault(name.to_string()));
    }

    /// Writes down that the power went.
    pub fn power_cut(&self) {
        let at = self.elapsed();
        self.record.lock().power_cuts.push(at);
    }

    /// Writes down that a node is being started.
    pub fn start(&self) {
        self.trace(format_args!("the node is started"));
        self.record.lock().starts += 1;
    }

    /// How often a node was started.
    pub fn start_count(&self) -> usize {
        self.record.lock().starts
    }

    /// How often the power went.
    pub fn power_cut_count(&self) -> usize {
        self.record.lock().power_cuts.len()
    }

    /// What the clients of `partition` may rely on.
    pub fn promise(&self, partition: PartitionId) -> Promise {
        self.promises[partition.topic]
    }

    /// What the history calls `partition` at this time. Where a power cut may lose what was there, each time between two of them has a
    /// name of its own.
    pub fn key(&self, partition: PartitionId) -> Key {
        let mut record = self.record.lock();
        let era = if self.promise(partition) == Promise::Cached { record.power_cuts.len() } else { 0 };
        let next = Key(record.keys.len() as u32);
        *record.keys.entry((partition, era)).or_insert(next)
    }

    /// A value that was never sent, to be sent to `partition`.
    pub fn new_value(&self, partition: PartitionId) -> Value {
        let key = self.key(partition);
        let mut record = self.record.lock();
        let value = Value(record.next_value);
        record.next_value += 1;
        record.writers.insert(value, (partition, key));
        value
    }

    /// A number that no record of the other topics carries.
    pub fn new_number(&self) -> u64 {
        let mut record = self.record.lock();
        record.next_value += 1;
        record.next_value - 1
    }

    /// A process that has done nothing yet.
    pub fn new_process(&self) -> Process {
        let mut record = self.record.lock();
        record.next_process += 1;
        Process(record.next_process - 1)
    }

    /// Looks at what was written down.
    pub fn with_record<R>(&self, look: impl FnOnce(&Record) -> R) -> R {
        look(&self.record.lock())
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Journal")
    }
}

/// A number that differs where two traces differ.
pub fn trace_hash(trace: &[String]) -> u64 {
    // Its keys are fixed, unlike those of a map's default.
    let mut hasher = DefaultHasher::new();
    trace.iter().for_each(|line| {
        hasher.write(line.as_bytes());
        hasher.write_u8(b'\n');
    });
    hasher.finish()
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sent_runs = |f: &mut fmt::Formatter<'_>, sent: &[Sent]| {
            write_runs(f, sent.iter().map(|sent| (sent.partition, sent.value, sent.offset)))
        };
        match self {
            Event::SendBegun { sent } => f.write_str("sends").and_then(|()| sent_runs(f, sent)),
            Event::SendEnded { sent, acks, .. } => {
                write!(f, "has sent (acks={acks})").and_then(|()| sent_runs(f, sent))
            }
            Event::Assigned { keys } => write!(f, "starts at any place of {keys:?}"),
            Event::PollBegun => f.write_str("polls"),
            Event::PollEnded { polled: None, .. } => f.write_str("has polled in vain"),
            Event::PollEnded { polled: Some(polled), .. } => {
                f.write_str("has polled")?;
                write_runs(f, polled.iter().map(|polled| (polled.partition, polled.value, Some(polled.offset))))
            }
            Event::Fault(name) => write!(f, "fault: {name}"),
        }
    }
}

/// Writes what follows on one another as one: where, the first value, the first offset and how many.
fn write_runs(
    f: &mut fmt::Formatter<'_>,
    records: impl Iterator<Item = (PartitionId, Value, Option<i64>)>,
) -> fmt::Result {
    let mut records = records.peekable();
    while let Some((partition, first, offset)) = records.next() {
        let mut count = 1;
        let continues = |next: &(PartitionId, Value, Option<i64>), count: u64| {
            *next == (partition, Value(first.0 + count), offset.map(|offset| offset + count as i64))
        };
        while records.next_if(|next| continues(next, count)).is_some() {
            count += 1;
        }
        write!(f, " {partition}:{}", first.0)?;
        if let Some(offset) = offset {
            write!(f, "@{offset}")?;
        }
        if count > 1 {
            write!(f, "x{count}")?;
        }
    }
    Ok(())
}
