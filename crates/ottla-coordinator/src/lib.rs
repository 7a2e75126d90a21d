//! Consumer groups and their committed offsets: a state machine over one partition of `__consumer_offsets`.
//!
//! - `runtime/`: [`Shard`], what the broker calls: one method for each request. It decides, appends through [`PartitionWriter`], and
//!   applies; it loads itself by applying what the log holds.
//! - `group/classic/`: members and rebalances. `group/offsets/`: committed offsets and their retention.
//! - `record/`: the records, in Kafka's schemas.
//!
//! ```text
//!   request ──► [ the caller's lock:  decide ──► append ──► apply ]  ──►  wait for the high watermark  ──►  answer
//!                                                                  └──►  parked joins and syncs: completions by ticket
//! ```
//!
//! **Architecture invariant:** the coordinator knows no Kafka message and no replica, reads no clock and waits for nothing. What is
//! recorded is what a fresh shard gets from the records: live state and replay never differ in it.

mod config;
mod error;
mod group;
mod now;
mod record;
mod runtime;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod testing;

pub use config::Config;
pub use error::{AppendError, Error};
pub use group::classic::{
    DescribedGroup, DescribedMember, GroupState, Heartbeat, JoinGroup, JoinedGroup, JoinedMember, LeaveGroup,
    LeavingMember, ListedGroup, Protocol, SyncGroup, SyncedGroup,
};
pub use group::offsets::{CommitOffsets, DeleteOffsets, OffsetToCommit};
pub use now::Now;
pub use record::{CommittedOffset, Encoded, GroupMetadata, MemberMetadata, Record, Unreadable};
pub use runtime::{
    Answer, Completed, Completion, Each, LoadError, Loaded, PartitionWriter, ReadError, Shard, Skipped, Ticket,
    partition_for,
};
