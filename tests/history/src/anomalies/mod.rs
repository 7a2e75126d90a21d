//! Every anomaly that is looked for, and whether a broker may show it. Each family has its file.
//!
//! | name | what was seen | file |
//! |---|---|---|
//! | inconsistent-offsets | two values at one offset | [`offsets`] |
//! | duplicate | one value at two offsets | [`offsets`] |
//! | phantom | a value that nobody sent | [`reads`] |
//! | G1a | a value whose send had surely failed | [`reads`] |
//! | precommitted-read | a value that the same operation sent | [`reads`] |
//! | lost-write | a written value that consumers passed by, and nobody got | [`writes`] |
//! | unseen | a written value beyond all that was ever read, also at the end | [`writes`] |
//! | poll-skip, nonmonotonic-poll | a consumer's next poll leaves out records, or goes back | [`polls`] |
//! | int-poll-skip, int-nonmonotonic-poll | the same inside one operation | [`polls`] |
//! | nonmonotonic-send, int-nonmonotonic-send | a later send at a lower offset | [`sends`] |
//! | int-send-skip | somebody else's record between two sends of one operation | [`sends`] |
//! | G0, G1c | operations that each must come before the other | [`cycles`] |
//!
//! No claim is made about anti-dependencies (G2), as the jepsen workload makes none either.

pub mod cycles;
pub mod offsets;
pub mod polls;
pub mod reads;
pub mod sends;
pub mod writes;

use std::fmt;

use crate::event::{Key, Offset, Process, Value};
use crate::index::Index;

/// One thing that was seen and needs explaining. Events are named by their index in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anomaly {
    /// Two clients were told different values for one offset.
    InconsistentOffsets {
        /// Where.
        key: Key,
        /// Where.
        offset: Offset,
        /// What.
        values: Vec<Value>,
    },
    /// One send lies in the log more than once. Never under an idempotent producer.
    Duplicate {
        /// Where.
        key: Key,
        /// What.
        value: Value,
        /// Everywhere it was seen.
        offsets: Vec<Offset>,
    },
    /// A poll returned what nobody sent.
    Phantom {
        /// Where.
        key: Key,
        /// At which offset.
        offset: Offset,
        /// What.
        value: Value,
        /// The poll's event.
        reader: u64,
    },
    /// A poll returned a value whose send, or transaction, surely had failed.
    AbortedRead {
        /// Where.
        key: Key,
        /// What.
        value: Value,
        /// The failed operation's event.
        writer: u64,
        /// The poll's event.
        reader: u64,
    },
    /// An operation polled a value that it sent itself, so before it was committed.
    PrecommittedRead {
        /// Where.
        key: Key,
        /// What.
        value: Value,
        /// The operation's event.
        event: u64,
    },
    /// A value that surely was written is not there, though consumers have read past its place.
    LostWrite {
        /// Where.
        key: Key,
        /// Its highest place.
        offset: Offset,
        /// What.
        value: Value,
        /// The writer's event.
        writer: u64,
    },
    /// A value that surely was written was never read, and nothing behind it either: the final drain did not reach it.
    Unseen {
        /// Where.
        key: Key,
        /// What.
        value: Value,
        /// The writer's event.
        writer: u64,
    },
    /// Between two reads, records were left out that can be read.
    PollSkip(ReadStep),
    /// A read began at or before the place where the one before it had ended.
    NonmonotonicPoll(ReadStep),
    /// A later send got a lower offset, or the same, than an earlier send of the same process.
    NonmonotonicSend(SendStep),
    /// Between two sends of one operation lies somebody else's record. Always allowed: producers interleave.
    IntSendSkip(SendStep),
    /// Operations each of which overwrote another's version before being overwritten. Always allowed: writes are not
    /// isolated.
    G0 {
        /// The operations' events, in a circle.
        cycle: Vec<String>,
    },
    /// Operations each of which saw, or came after, another.
    G1c {
        /// Whether the circle needs the order of versions, and is therefore allowed.
        by_version_order: bool,
        /// The operations' events, in a circle.
        cycle: Vec<String>,
    },
}

/// Two reads of one process, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadStep {
    /// Who read.
    pub process: Process,
    /// Where.
    pub key: Key,
    /// The place read first.
    pub from: Offset,
    /// The place read next.
    pub to: Offset,
    /// The event of the later read.
    pub event: u64,
    /// Whether both were in one operation.
    pub internal: bool,
    /// Whether a group may have moved the process meanwhile.
    pub subscribed: bool,
}

/// Two sends of one process, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendStep {
    /// Who sent.
    pub process: Process,
    /// Where.
    pub key: Key,
    /// The place of the earlier.
    pub from: Offset,
    /// The place of the later.
    pub to: Offset,
    /// The event of the later.
    pub event: u64,
    /// Whether both were in one operation.
    pub internal: bool,
}

impl Anomaly {
    /// Everything odd in the history, family by family.
    pub fn find_all(index: &Index<'_>) -> Vec<Self> {
        let mut found = offsets::find(index);
        found.extend(reads::find(index));
        found.extend(writes::find(index));
        found.extend(polls::find(index));
        found.extend(sends::find(index));
        found.extend(cycles::find(index));
        found
    }

    /// The name that the literature and the table above use.
    pub fn name(&self) -> &'static str {
        match self {
            Self::InconsistentOffsets { .. } => "inconsistent-offsets",
            Self::Duplicate { .. } => "duplicate",
            Self::Phantom { .. } => "phantom",
            Self::AbortedRead { .. } => "G1a",
            Self::PrecommittedRead { .. } => "precommitted-read",
            Self::LostWrite { .. } => "lost-write",
            Self::Unseen { .. } => "unseen",
            Self::PollSkip(ReadStep { internal: false, .. }) => "poll-skip",
            Self::PollSkip(ReadStep { internal: true, .. }) => "int-poll-skip",
            Self::NonmonotonicPoll(ReadStep { internal: false, .. }) => "nonmonotonic-poll",
            Self::NonmonotonicPoll(ReadStep { internal: true, .. }) => "int-nonmonotonic-poll",
            Self::NonmonotonicSend(SendStep { internal: false, .. }) => "nonmonotonic-send",
            Self::NonmonotonicSend(SendStep { internal: true, .. }) => "int-nonmonotonic-send",
            Self::IntSendSkip(_) => "int-send-skip",
            Self::G0 { .. } => "G0",
            Self::G1c { .. } => "G1c",
        }
    }

    /// Whether Kafka's own promises let it happen, so that it is worth a note and no more.
    pub fn is_allowed(&self) -> bool {
        match self {
            Self::PollSkip(step) | Self::NonmonotonicPoll(step) => step.subscribed && !step.internal,
            Self::IntSendSkip(_) | Self::G0 { .. } => true,
            Self::G1c { by_version_order, .. } => *by_version_order,
            Self::InconsistentOffsets { .. }
            | Self::Duplicate { .. }
            | Self::Phantom { .. }
            | Self::AbortedRead { .. }
            | Self::PrecommittedRead { .. }
            | Self::LostWrite { .. }
            | Self::Unseen { .. }
            | Self::NonmonotonicSend(_) => false,
        }
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.name())?;
        match self {
            Self::InconsistentOffsets { key, offset, values } => write!(f, "{key}, {offset} holds {values:?}"),
            Self::Duplicate { key, value, offsets } => write!(f, "{key}, {value} stands at {offsets:?}"),
            Self::Phantom { key, offset, value, reader } => {
                write!(f, "{key}, {offset}: event {reader} polled {value}, which nobody sent")
            }
            Self::AbortedRead { key, value, writer, reader } => {
                write!(f, "{key}: event {reader} polled {value}, which event {writer} failed to send")
            }
            Self::PrecommittedRead { key, value, event } => write!(f, "{key}: event {event} polled its own {value}"),
            Self::LostWrite { key, offset, value, writer } => {
                write!(f, "{key}, {offset}: {value}, written by event {writer}, was passed by and never read")
            }
            Self::Unseen { key, value, writer } => {
                write!(f, "{key}: {value}, written by event {writer}, was never read")
            }
            Self::PollSkip(step) | Self::NonmonotonicPoll(step) => {
                let ReadStep { process, key, from, to, event, .. } = step;
                write!(f, "{process}, {key}: read from {from} to {to} at event {event}")
            }
            Self::NonmonotonicSend(step) | Self::IntSendSkip(step) => {
                let SendStep { process, key, from, to, event, .. } = step;
                write!(f, "{process}, {key}: sent to {from}, then to {to} at event {event}")
            }
            Self::G0 { cycle } | Self::G1c { cycle, .. } => write!(f, "{}", cycle.join(", ")),
        }
    }
}
