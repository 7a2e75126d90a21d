//! The history checker: what clients saw, judged.
//!
//! A *history* is the list of everything that clients tried and of what they were told: one line when an operation
//! begins and one when it ends. The checker reads it once, rebuilds what each partition's log must have held, and
//! reports every way in which no honest log could have given those answers. The simulation pushes events in process;
//! tests against a real broker write the same events as JSON lines. It follows the workload `jepsen.tests.kafka`, with
//! the differences that each file names.
//!
//! - [`event`]: one line of a history.
//! - [`history`]: the lines, paired into operations.
//! - [`index`]: who wrote, who read, and what each partition held.
//! - [`anomalies`]: one file per family of anomalies; the table of all of them is [`Anomaly`].
//! - [`measures`]: what is reported but judges nothing.
//! - [`report`]: the verdict.
//! - [`groups`]: the same for consumer groups and their committed offsets, which have a history of their own.
//!
//! **Architecture invariant:** the checker depends on no crate of the broker, so that no mistake of the broker's can
//! hide in it.

pub mod anomalies;
pub mod event;
mod graph;
pub mod groups;
pub mod history;
pub mod index;
pub mod measures;
pub mod report;

pub use anomalies::Anomaly;
pub use event::{Action, Event, Key, MicroOp, Offset, Outcome, Process, Record, Send, Value};
pub use history::{History, Malformed};
pub use report::{Report, Shortfall, check};
