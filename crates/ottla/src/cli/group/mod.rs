//! `ottla group`: who reads what, how far each group is, and setting that right.

mod committed;
mod delete;
mod delete_offsets;
mod describe;
mod list;
mod members;
mod reset_offsets;
mod selection;

pub(super) use committed::{ByPartition, Identity, commit, fetch};

use ottla_protocol::messages::{GroupId, StrBytes};

/// What to do with consumer groups.
#[derive(Debug, clap::Args)]
pub(super) struct Group {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the groups
    List(list::List),
    /// Show members, their partitions, committed offsets and lag of groups
    Describe(describe::Describe),
    /// Set where a group that has no members goes on
    ResetOffsets(reset_offsets::ResetOffsets),
    /// Delete groups that have no members, with their committed offsets
    Delete(delete::Delete),
    /// Delete what a group has committed for topics that it does not read any more
    DeleteOffsets(delete_offsets::DeleteOffsets),
}

pub(super) fn run(group: Group) -> anyhow::Result<()> {
    match group.action {
        Action::List(list) => list::run(&list),
        Action::Describe(describe) => describe::run(&describe),
        Action::ResetOffsets(reset) => reset_offsets::run(&reset),
        Action::Delete(delete) => delete::run(&delete),
        Action::DeleteOffsets(delete) => delete_offsets::run(&delete),
    }
}

/// A group's name as messages carry it.
pub(super) fn group_id(group: &str) -> GroupId {
    GroupId(StrBytes::from_string(group.to_owned()))
}
