//! Whole nodes in one thread from one seed, with faults.
//!
//! - `node.rs`: a real node over simulated seams. `clock.rs`, `workers.rs`: the halves of the seams that live here.

mod clock;
mod node;
mod workers;

pub use clock::SimClock;
pub use node::{PORT, SimNode};
pub use workers::SimWorkers;
