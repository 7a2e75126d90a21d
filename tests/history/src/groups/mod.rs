//! Consumer groups judged: what members, committers and onlookers were told of a group's generations and of its committed offsets.
//!
//! Unlike records, which have places in a log, a committed offset is a register: one value for each group and partition, overwritten by
//! each commit, empty again when it expires. So a group's history is a list of operations with a beginning and an end, and the question
//! is whether one register, or one coordinator, can have given all of those answers.
//!
//! - [`event`]: the operations.
//! - [`anomaly`]: everything that is looked for; the table of all of them.
//! - [`offsets`]: committed offsets as registers that expire.
//! - [`members`]: generations, and who is in them.
//!
//! It is the recorder's to see to it that no commit's number is used twice, and that no group is deleted and made anew under one name:
//! generations begin again then.

pub mod anomaly;
pub mod event;
pub mod members;
pub mod offsets;

pub use anomaly::GroupAnomaly;
pub use event::{
    CommitNumber, Generation, Group, GroupAction, GroupHistory, GroupOperation, Joined, Member, Membership, Synced,
};

/// Judges `history`. Sorts it, and takes time in proportion to it after that.
pub fn check(history: &GroupHistory) -> Vec<GroupAnomaly> {
    let mut found = Vec::new();
    for (group, operations) in history.by_group() {
        found.extend(offsets::find(group, &operations));
        found.extend(members::find(group, &operations));
    }
    found
}
