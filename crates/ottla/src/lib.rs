//! The one binary: composition, tasks and the command line.
//!
//! - `node.rs`: [`Node`], a node's life from start to stop, over the seams of an [`Environment`].
//! - `log_directories.rs`: opens all log directories, or none. `directory_failures.rs`: what becomes of the node when one fails.
//! - `log_stores.rs`: in which directory a partition's log is. `log_store.rs`: the logs of one. `recover.rs`: opens what they hold.
//!   `checkpoints.rs`: what is written down about them.
//! - `publish.rs`: turns new metadata into partitions that are led.
//! - `quorum_of_one.rs`: what settings for several nodes mean to one. `promote.rs`: makes acks durable again where they were cached.
//! - `tasks.rs`: what a node does while nobody asks: checkpoints, retention, overdue syncs.
//! - `data_threads.rs`: the threads that serve connections.
//! - `admin/`: `/metrics` and `/healthz`. `cli/`: the command line.
//!
//! **Architecture invariant:** ottla composes everything and decides nothing. Nothing is global, so that any number of nodes run in one
//! process.

mod admin;
mod checkpoints;
pub mod cli;
mod data_threads;
mod directory_failures;
mod limits;
mod listen;
mod log_directories;
mod log_store;
mod log_stores;
mod logging;
mod node;
mod partition_config;
mod promote;
mod publish;
mod quorum_of_one;
mod recover;
mod removals;
mod tasks;

pub use node::{Environment, Node};
