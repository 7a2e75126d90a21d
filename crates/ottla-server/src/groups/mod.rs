//! The group coordinators of this node: who hosts the shards of `__consumer_offsets`, and how a handler asks one.
//!
//! - `coordinators.rs`: [`Coordinators`], the shards by partition; they come and go with the leadership of their partitions.
//! - `hosted.rs`: one shard under its lock, with its timer and those that wait for it. `writer.rs`: the partition under it.
//! - `asked.rs`: [`Asked`], what a shard has answered, to be told once the high watermark allows it.
//! - `figures.rs`: [`GroupFigures`], what those see who watch the node.
//! - `offsets_topic.rs`: creates `__consumer_offsets` on its first use.

mod asked;
mod coordinators;
mod figures;
mod hosted;
mod offsets_topic;
#[cfg(test)]
mod stories;
mod writer;

pub(crate) use asked::{Asked, answer, answer_each};
pub(crate) use coordinators::partition_of;
pub use coordinators::{CoordinatorSeams, Coordinators};
pub use figures::GroupFigures;
pub(crate) use hosted::Hosted;
pub(crate) use offsets_topic::create_offsets_topic;
