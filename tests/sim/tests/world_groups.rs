//! Worlds of groups: members that join, stall, leave and die, and what they commit.

mod seeds;

use sim::Workload;

/// Issue 4, line 2.
#[test]
fn no_seed_loses_a_commit_or_a_member() {
    seeds::hold(Workload::Groups);
}

#[test]
fn a_seed_gives_one_trace() {
    seeds::give_one_trace(Workload::Groups, &[2, 3, 11]);
}
