//! One partition's life: append, read, in-sync replicas, high watermark, epochs.
//!
//! - `partition.rs`: [`Partition`], the one lock, and what readers see without it.
//! - `read.rs`: what a consumer may see. `lookup.rs`: finding the offset to read from.
//! - `maintain.rs`: retention, checkpoints and whatever else a partition needs while nobody asks.
//! - `leader.rs`: what a leader decides, without I/O.
//! - `replicas.rs`: [`Replicas`], the partitions that this node has. `traffic.rs`: what goes in and out of them.
//!
//! **Architecture invariant:** replica knows no socket, no wire message and no group, and never calls up. A partition's lock is taken in
//! `partition.rs` only.

mod config;
mod error;
mod leader;
mod lookup;
mod maintain;
mod partition;
mod read;
mod replicas;
mod traffic;

pub use config::PartitionConfig;
pub use error::Error;
pub use leader::{Counts, Leadership, NotEnoughReplicas};
pub use lookup::{FoundOffset, OffsetLookup};
pub use partition::{Appended, Durability, Partition, RequiredAcks};
pub use read::{Isolation, ReadRequest, ReadResult};
pub use replicas::Replicas;
pub use traffic::Traffic;
