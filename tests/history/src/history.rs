//! The lines of a history, checked for form as they come and paired into operations.
//!
//! It knows what a well-formed history is and nothing of what a log may do: that is for
//! [`anomalies`](crate::anomalies).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead, Write};

use crate::event::{Action, Event, Key, Outcome, Process, Value};

/// Why a history cannot be judged. The fault is the recorder's, not the broker's.
#[derive(Debug, thiserror::Error)]
pub enum Malformed {
    /// A line could not be read.
    #[error("read line {line}")]
    Read {
        /// Counted from 1.
        line: usize,
        /// Why.
        source: io::Error,
    },
    /// A line is no event.
    #[error("parse line {line}")]
    Parse {
        /// Counted from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// Lines are numbered from 0 without a gap.
    #[error("event {index} stands where event {expected} should")]
    Index {
        /// What it says.
        index: u64,
        /// What it should say.
        expected: u64,
    },
    /// The clock went back.
    #[error("event {index} is earlier than the one before it")]
    Time {
        /// The event.
        index: u64,
    },
    /// A process began something while something of its own was under way.
    #[error("event {index}: process {process:?} has an operation under way")]
    Busy {
        /// The event.
        index: u64,
        /// Who.
        process: Process,
    },
    /// A process ended what it had not begun.
    #[error("event {index}: process {process:?} has begun nothing")]
    Idle {
        /// The event.
        index: u64,
        /// Who.
        process: Process,
    },
    /// The end tells of another operation than the beginning.
    #[error("event {index} ends another operation than event {invoked} began")]
    Mismatch {
        /// The end.
        index: u64,
        /// The beginning.
        invoked: u64,
    },
    /// A value was sent to a key twice: it no longer names one send.
    #[error("event {index} sends {value} to {key} a second time")]
    ValueReused {
        /// The event.
        index: u64,
        /// The partition.
        key: Key,
        /// The value.
        value: Value,
    },
}

/// An operation: its beginning, and its end where one was heard.
#[derive(Debug)]
pub struct Operation<'h> {
    invocation: &'h Event,
    completion: Option<&'h Event>,
}

impl<'h> Operation<'h> {
    /// Who did it.
    pub fn process(&self) -> Process {
        self.invocation.process
    }

    /// How it ended; one that never ended may have been done.
    pub fn outcome(&self) -> Outcome {
        self.completion.map_or(Outcome::Info, |completion| completion.outcome)
    }

    /// What was done, with all that was learnt.
    pub fn action(&self) -> &'h Action {
        &self.completion.unwrap_or(self.invocation).action
    }

    /// The event that tells most about it: its end, or else its beginning.
    pub fn event(&self) -> &'h Event {
        self.completion.unwrap_or(self.invocation)
    }

    /// The event that began it.
    pub fn invocation(&self) -> &'h Event {
        self.invocation
    }

    /// Whether it surely was done.
    pub fn is_ok(&self) -> bool {
        self.outcome() == Outcome::Ok
    }
}

/// Everything that clients did in one run, in order.
#[derive(Debug, Default)]
pub struct History {
    events: Vec<Event>,
    /// Which event each busy process began with.
    under_way: BTreeMap<Process, usize>,
    values_sent: BTreeSet<(Key, Value)>,
}

impl History {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads JSON lines; blank lines are skipped.
    pub fn read(lines: impl BufRead) -> Result<Self, Malformed> {
        let mut history = Self::new();
        for (number, line) in (1..).zip(lines.lines()) {
            let line = line.map_err(|source| Malformed::Read { line: number, source })?;
            if line.trim().is_empty() {
                continue;
            }
            history.push(serde_json::from_str(&line).map_err(|source| Malformed::Parse { line: number, source })?)?;
        }
        Ok(history)
    }

    /// Writes JSON lines that [`read`](Self::read) takes back.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        for event in &self.events {
            serde_json::to_writer(&mut out, event)?;
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// All events, in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Notes that `process` begins `action`.
    pub fn invoke(&mut self, time_ns: u64, process: Process, action: Action) -> Result<(), Malformed> {
        self.push(self.next_event(time_ns, process, Outcome::Invoke, action))
    }

    /// Notes how what `process` began has ended. `action` is the invocation's, with what was learnt filled in.
    pub fn complete(
        &mut self,
        time_ns: u64,
        process: Process,
        outcome: Outcome,
        action: Action,
    ) -> Result<(), Malformed> {
        self.push(self.next_event(time_ns, process, outcome, action))
    }

    /// Notes that the fault `name` was injected.
    pub fn fault(&mut self, time_ns: u64, name: impl Into<String>) -> Result<(), Malformed> {
        self.push(self.next_event(time_ns, Process(0), Outcome::Info, Action::Fault(name.into())))
    }

    /// Appends `event`, if a well-formed history may go on with it.
    pub fn push(&mut self, event: Event) -> Result<(), Malformed> {
        let expected = self.events.len() as u64;
        if event.index != expected {
            return Err(Malformed::Index { index: event.index, expected });
        }
        if self.events.last().is_some_and(|last| last.time_ns > event.time_ns) {
            return Err(Malformed::Time { index: event.index });
        }
        match (&event.action, event.outcome) {
            (Action::Fault(_), _) => {}
            (_, Outcome::Invoke) => self.admit_invocation(&event)?,
            (_, Outcome::Ok | Outcome::Fail | Outcome::Info) => self.admit_completion(&event)?,
        }
        self.events.push(event);
        Ok(())
    }

    /// All operations, in the order in which they began. One that never ended counts as of unknown outcome.
    pub fn operations(&self) -> Vec<Operation<'_>> {
        let mut operations: Vec<Operation<'_>> = Vec::new();
        let mut under_way = BTreeMap::new();
        for event in &self.events {
            match (&event.action, event.outcome) {
                (Action::Fault(_), _) => {}
                (_, Outcome::Invoke) => {
                    under_way.insert(event.process, operations.len());
                    operations.push(Operation { invocation: event, completion: None });
                }
                (_, Outcome::Ok | Outcome::Fail | Outcome::Info) => {
                    let begun = under_way.remove(&event.process).expect("push admits no end without a beginning");
                    operations[begun].completion = Some(event);
                }
            }
        }
        operations
    }

    /// How many faults were injected.
    pub fn fault_count(&self) -> usize {
        self.events.iter().filter(|event| matches!(event.action, Action::Fault(_))).count()
    }

    fn next_event(&self, time_ns: u64, process: Process, outcome: Outcome, action: Action) -> Event {
        let index = self.events.len() as u64;
        Event { index, time_ns, process, outcome, action, rebalance_keys: Vec::new(), error: None }
    }

    fn admit_invocation(&mut self, event: &Event) -> Result<(), Malformed> {
        if self.under_way.contains_key(&event.process) {
            return Err(Malformed::Busy { index: event.index, process: event.process });
        }
        for send in event.action.sends() {
            if !self.values_sent.insert((send.key, send.value)) {
                return Err(Malformed::ValueReused { index: event.index, key: send.key, value: send.value });
            }
        }
        self.under_way.insert(event.process, self.events.len());
        Ok(())
    }

    fn admit_completion(&mut self, event: &Event) -> Result<(), Malformed> {
        let Some(begun) = self.under_way.remove(&event.process) else {
            return Err(Malformed::Idle { index: event.index, process: event.process });
        };
        let invocation = &self.events[begun];
        let same_function = std::mem::discriminant(&invocation.action) == std::mem::discriminant(&event.action);
        let sends = |action: &Action| action.sends().map(|send| (send.key, send.value)).collect::<Vec<_>>();
        if !same_function || sends(&invocation.action) != sends(&event.action) {
            return Err(Malformed::Mismatch { index: event.index, invoked: invocation.index });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{MicroOp, Send};

    fn send(value: u64) -> Action {
        Action::Send(vec![MicroOp::Send(Send { key: Key(0), value: Value(value), offset: None })])
    }

    #[test]
    fn an_operation_without_an_end_is_of_unknown_outcome() {
        let mut history = History::new();
        history.invoke(1, Process(1), send(7)).unwrap();
        let operations = history.operations();
        assert_eq!(operations.len(), 1);
        assert_eq!(operations[0].outcome(), Outcome::Info);
    }

    #[test]
    fn a_process_does_one_thing_at_a_time() {
        let mut history = History::new();
        history.invoke(1, Process(1), send(7)).unwrap();
        assert!(matches!(history.invoke(2, Process(1), send(8)), Err(Malformed::Busy { .. })));
        assert!(matches!(history.complete(2, Process(2), Outcome::Ok, send(7)), Err(Malformed::Idle { .. })));
    }

    #[test]
    fn an_end_must_tell_of_what_was_begun() {
        let mut history = History::new();
        history.invoke(1, Process(1), send(7)).unwrap();
        assert!(matches!(history.complete(2, Process(1), Outcome::Ok, send(8)), Err(Malformed::Mismatch { .. })));
    }

    #[test]
    fn a_value_names_one_send() {
        let mut history = History::new();
        history.invoke(1, Process(1), send(7)).unwrap();
        assert!(matches!(history.invoke(2, Process(2), send(7)), Err(Malformed::ValueReused { .. })));
    }

    #[test]
    fn time_does_not_go_back() {
        let mut history = History::new();
        history.fault(5, "pause").unwrap();
        assert!(matches!(history.fault(4, "pause"), Err(Malformed::Time { index: 1 })));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut history = History::new();
        history.invoke(1, Process(1), send(7)).unwrap();
        history.fault(2, "kill -9").unwrap();
        history.complete(3, Process(1), Outcome::Info, send(7)).unwrap();
        let mut file = Vec::new();
        history.write(&mut file).unwrap();
        assert_eq!(History::read(file.as_slice()).unwrap().events(), history.events());
    }

    #[test]
    fn a_broken_line_is_named() {
        let error = History::read("\n{\"index\":0}\n".as_bytes()).unwrap_err();
        assert!(matches!(error, Malformed::Parse { line: 2, .. }));
    }
}
