//! The one binary: composition, tasks and the command line.
//!
//! - `node.rs`: [`Node`], a node's life from start to stop, over the seams of an [`Environment`].
//! - `recover.rs`: opens what the log directory holds. `checkpoints.rs`: what is written down about it. `publish.rs`: turns new metadata into partitions that are led.
//! - `promote.rs`: makes acks durable again where they were cached.
//! - `tasks.rs`: what a node does while nobody asks: checkpoints, retention, overdue syncs.
//! - `data_threads.rs`: the threads that serve connections.
//! - `cli/`: the command line.
//!
//! **Architecture invariant:** ottla composes everything and decides nothing. Nothing is global, so that any number of nodes run in one
//! process.

mod checkpoints;
pub mod cli;
mod data_threads;
mod limits;
mod listen;
mod log_store;
mod logging;
mod node;
mod partition_config;
mod promote;
mod publish;
mod recover;
mod removals;
mod tasks;

pub use node::{Environment, Node};
