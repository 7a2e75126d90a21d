//! Worlds of records: producers, consumers, topics.

mod seeds;

use sim::Workload;

/// Issue 3, line 3.
#[test]
fn no_seed_loses_or_invents_anything() {
    seeds::hold(Workload::Records);
}

#[test]
fn a_seed_gives_one_trace() {
    seeds::give_one_trace(Workload::Records, &[1, 7, 14, 40]);
}
