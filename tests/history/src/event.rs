//! One line of a history: what a client began to do, or what it learnt when that ended.
//!
//! The JSON form is the file format, one object a line:
//!
//! ```json
//! {"index":0,"time_ns":10,"process":1,"type":"invoke","f":"send","value":[{"send":{"key":0,"value":7,"offset":null}}]}
//! {"index":1,"time_ns":90,"process":1,"type":"ok","f":"send","value":[{"send":{"key":0,"value":7,"offset":3}}]}
//! {"index":2,"time_ns":95,"process":2,"type":"invoke","f":"poll","value":[{"poll":[]}]}
//! {"index":3,"time_ns":99,"process":2,"type":"ok","f":"poll","value":[{"poll":[{"key":0,"offset":3,"value":7}]}]}
//! {"index":4,"time_ns":99,"process":0,"type":"info","f":"fault","value":"kill -9"}
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

/// A partition under test. The workload numbers its partitions; the checker needs only to tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub u32);

/// What a record carries: unique within its key, and never sent twice, so that a value names one send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Value(pub u64);

/// A record's offset in its partition, as the broker told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(pub i64);

/// A client that does one thing after another. After an operation of unknown outcome it ends, and another takes its
/// place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Process(pub u32);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}", self.0)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "value {}", self.0)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "offset {}", self.0)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {}", self.0)
    }
}

/// Whether a line begins an operation, and if not, how the operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The operation begins.
    Invoke,
    /// It was done, and the broker said so.
    Ok,
    /// It was surely not done, and never will be. Only for errors that prove it: a timeout or a lost connection proves
    /// nothing.
    Fail,
    /// It may have been done, or may be done later.
    Info,
}

/// One record to be written, and its offset once that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Send {
    /// Where it goes.
    pub key: Key,
    /// What it carries.
    pub value: Value,
    /// Where the broker said it lies; `None` until then, and for acks=0.
    pub offset: Option<Offset>,
}

/// One record that a poll returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Where it was read.
    pub key: Key,
    /// At which offset.
    pub offset: Offset,
    /// What it carried.
    pub value: Value,
}

/// One step inside an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MicroOp {
    /// One record sent.
    Send(Send),
    /// What one call of poll returned, in the order in which it was returned.
    Poll(Vec<Record>),
}

/// What an operation does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", content = "value", rename_all = "lowercase")]
pub enum Action {
    /// The process reads exactly these keys from now on.
    Assign {
        /// The whole new set.
        keys: Vec<Key>,
        /// Whether it starts from the beginning of each; else it goes on where it was.
        seek_to_start: bool,
    },
    /// The process joins a group for these keys, and reads those of them that the group gives it.
    Subscribe {
        /// The whole new set.
        keys: Vec<Key>,
    },
    /// Records sent outside of a transaction, in this order: each has its own fate, told by its offset.
    Send(Vec<MicroOp>),
    /// Records read outside of a transaction.
    Poll(Vec<MicroOp>),
    /// A transaction: all of its sends have one fate.
    Txn(Vec<MicroOp>),
    /// The process gives up its clients. Nothing more is heard of it.
    Crash,
    /// Not an operation: a fault was injected, and this is its name.
    Fault(String),
}

impl Action {
    /// The steps of a `Send`, `Poll` or `Txn`; none for the others.
    pub fn micro_ops(&self) -> &[MicroOp] {
        match self {
            Self::Send(micro_ops) | Self::Poll(micro_ops) | Self::Txn(micro_ops) => micro_ops,
            Self::Assign { .. } | Self::Subscribe { .. } | Self::Crash | Self::Fault(_) => &[],
        }
    }

    /// The records sent, in order.
    pub fn sends(&self) -> impl Iterator<Item = &Send> {
        self.micro_ops().iter().filter_map(|micro_op| match micro_op {
            MicroOp::Send(send) => Some(send),
            MicroOp::Poll(_) => None,
        })
    }

    /// The records polled, in order.
    pub fn polled(&self) -> impl Iterator<Item = &Record> {
        self.micro_ops().iter().flat_map(|micro_op| match micro_op {
            MicroOp::Send(_) => [].iter(),
            MicroOp::Poll(records) => records.iter(),
        })
    }
}

/// One line of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The line's number, from 0.
    pub index: u64,
    /// When, in nanoseconds of one clock that does not go back.
    pub time_ns: u64,
    /// Who.
    pub process: Process,
    /// Beginning or end.
    #[serde(rename = "type")]
    pub outcome: Outcome,
    /// What. At the end it carries what was learnt, also where the outcome is not known: an offset or a record that was
    /// seen stays seen.
    #[serde(flatten)]
    pub action: Action,
    /// Keys that a group took away or gave while the operation ran: inside it they may jump.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rebalance_keys: Vec<Key>,
    /// What the client library said; for people only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(action: Action) {
        let event = Event {
            index: 3,
            time_ns: 17,
            process: Process(2),
            outcome: Outcome::Info,
            action,
            rebalance_keys: vec![Key(4)],
            error: Some("timed out".into()),
        };
        let line = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event, "{line}");
    }

    #[test]
    fn every_action_survives_its_json_form() {
        let send = MicroOp::Send(Send { key: Key(1), value: Value(2), offset: None });
        let poll = MicroOp::Poll(vec![Record { key: Key(1), offset: Offset(3), value: Value(2) }]);
        round_trip(Action::Assign { keys: vec![Key(1)], seek_to_start: true });
        round_trip(Action::Subscribe { keys: vec![] });
        round_trip(Action::Send(vec![send.clone()]));
        round_trip(Action::Poll(vec![poll.clone()]));
        round_trip(Action::Txn(vec![send, poll]));
        round_trip(Action::Crash);
        round_trip(Action::Fault("kill -9".into()));
    }

    #[test]
    fn reads_the_line_that_the_module_documents() {
        let line = r#"{"index":3,"time_ns":99,"process":2,"type":"ok","f":"poll",
                       "value":[{"poll":[{"key":0,"offset":3,"value":7}]}]}"#;
        let event: Event = serde_json::from_str(line).unwrap();
        let polled: Vec<_> = event.action.polled().copied().collect();
        assert_eq!(polled, [Record { key: Key(0), offset: Offset(3), value: Value(7) }]);
    }
}
