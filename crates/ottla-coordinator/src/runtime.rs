//! What runs the groups: one [`Shard`] for each partition of `__consumer_offsets` that this node leads.
//!
//! An operation *decides* on what there is, *appends* its records as one batch, and *applies* them once they are appended; a failed
//! append applies nothing. A shard that is loaded applies the same records in the same way.

mod deadlines;
mod groups;
mod load;
mod members;
mod offsets;
mod outcome;
mod partition_for;
#[cfg(test)]
mod replay;
mod shard;
mod writer;

pub use load::{LoadError, Loaded, Skipped};
pub use offsets::Each;
pub(crate) use outcome::Completions;
pub use outcome::{Answer, Completed, Completion, Ticket};
pub use partition_for::partition_for;
pub use shard::Shard;
pub use writer::{PartitionWriter, ReadError};
