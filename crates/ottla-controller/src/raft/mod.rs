//! The adapter to openraft. Nothing outside of this folder and `start.rs` names it.

mod encoding;
mod job;
pub(crate) mod log_store;
#[cfg(test)]
mod log_store_test;
pub(crate) mod network;
mod quorum_state;
mod runtime;
pub(crate) mod snapshot;
pub(crate) mod state_machine;
pub(crate) mod types;
