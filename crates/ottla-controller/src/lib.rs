//! The metadata quorum: openraft behind one handle.
//!
//! - `handle.rs`: what everyone else sees: submit a request, watch the image. `options.rs`: what the quorum is told at start.
//! - `start.rs`: opens the files, starts Raft, founds a new cluster.
//! - `propose.rs`: decides requests in batches, one proposal in flight. `upkeep.rs`: snapshots, the tick, the end.
//! - `peers.rs`: the seam to other voters. `raft/`: the adapter to openraft: entries as bytes, log store, state machine, network.
//!
//! **Architecture invariant:** the controller reaches brokers only through the image. It holds no decision of its own (those are
//! `ottla_metadata`'s), and nothing of openraft is written to disk as it is.

#[cfg(test)]
mod controller_test;
mod error;
mod handle;
mod options;
#[cfg(test)]
mod os_disk_test;
mod peers;
mod propose;
#[cfg(test)]
mod quorum_test;
mod raft;
mod start;
#[cfg(test)]
mod testing;
mod upkeep;

pub use error::{Error, Failure, StartError};
pub use handle::Handle;
pub use options::{Options, Seams};
pub use peers::{Call, CallError, NoPeers, Peers, Reply, Replying, Target};
