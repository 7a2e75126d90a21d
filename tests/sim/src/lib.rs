//! Whole nodes in one thread from one seed, with faults.
//!
//! - `world.rs`: the nodes, the network and the clients' hosts. `node.rs`: a real node over simulated seams, with a power button.
//!   `clock.rs`, `workers.rs`: the halves of the seams that live here.
//! - `options.rs`: what a seed decides beforehand. `client/`: those who use the nodes. `nemesis.rs`: trouble.
//! - `group_options.rs`, `group_run.rs`, `group_finale.rs`, `group_ledger.rs`: the same for groups: what a seed decides, who uses them, what
//!   they must be able to do once the trouble is over, and what happened.
//! - `journal.rs`: what happened. `invariants/`: what must hold. `verdict.rs`: the history, for the checker of `tests/history`.
//! - `run.rs`: one seed from beginning to end. `seeds.rs`: many, each with a limit of real time.
//!
//! To see what happened in a seed: `cargo run -p sim -- --seed N --trace`, with `--groups` for a world of groups.

mod client;
mod clock;
mod group_finale;
mod group_ledger;
mod group_options;
mod group_run;
mod invariants;
mod journal;
mod nemesis;
mod node;
mod options;
mod run;
mod seeds;
mod verdict;
mod workers;
mod world;

pub use client::group::messages::Versions;
pub use client::{BatchView, Connection, View};
pub use clock::SimClock;
pub use group_options::{GroupPlan, GroupsPlan, MemberPlan};
pub use invariants::Held;
pub use journal::{Entry, Event, Journal, PartitionId, Polled, Record, Sent, trace_hash};
pub use nemesis::Fault;
pub use node::{NodeOptions, PORT, SimNode};
pub use options::{Options, ProducerPlan, Promise, TopicPlan};
pub use run::{Outcome, Workload, hear_panics, run};
pub use seeds::{Summary, first_difference, run_guarded, run_seeds};
pub use workers::SimWorkers;
pub use world::{World, simulate};
