//! The proofs that there are.

use super::method::Method;

/// One proof.
pub(crate) struct Proof {
    pub(crate) name: &'static str,
    /// What holds in every case, in one sentence.
    pub(crate) shows: &'static str,
    pub(crate) method: Method,
    /// What is counted towards the goal: `cases`, or a name that it prints as `proved: NAME NUMBER`.
    pub(crate) counted: &'static str,
    pub(crate) goal: u64,
    /// Cases of one round.
    pub(crate) round: u64,
}

pub(crate) const PROOFS: &[Proof] = &[
    Proof {
        name: "crash-images",
        shows: "Whatever survives a crash at any I/O of a log's life opens as a log that keeps what was promised.",
        method: Method::Unit {
            package: "ottla-storage",
            test: "log::stories::crashes::every_crash_leaves_a_log_that_keeps_its_promises",
        },
        counted: "images",
        goal: 200_000,
        round: 100,
    },
    Proof {
        name: "crash-images-controller",
        shows: "Whatever survives a crash at any I/O of the metadata log's life has the vote and every entry that was \
                acknowledged, and none that was cut.",
        method: Method::Unit {
            package: "ottla-controller",
            test: "raft::log_store_test::no_crash_loses_an_acknowledged_entry_or_takes_a_vote_back",
        },
        counted: "images",
        goal: 20_000,
        round: 20,
    },
    Proof {
        name: "world",
        shows: "A whole node with crashes, disk faults and retrying producers loses and invents nothing that a client was \
                told.",
        method: Method::Test { package: "sim", file: "world" },
        counted: "cases",
        goal: 2_000,
        round: 100,
    },
    Proof {
        name: "world-groups",
        shows: "Groups whose members stall, leave and die, on a node that crashes, lose no committed offset and no live member, and \
                get over every dead one in time.",
        method: Method::Test { package: "sim", file: "world_groups" },
        counted: "cases",
        goal: 2_000,
        round: 100,
    },
    Proof {
        name: "kill",
        shows: "A process killed under idempotent producers and committing groups, of librdkafka and of Java, serves every record and \
                every committed offset that was acknowledged again, once, in order, within a second; groups go on within their \
                session timeout.",
        method: Method::RealBinary { file: "kill" },
        counted: "kills with groups",
        goal: 200,
        round: 20,
    },
    Proof {
        name: "start",
        shows: "Starts, restarts, memory and wake-ups at rest stay within their limits.",
        method: Method::RealBinary { file: "start" },
        counted: "cases",
        goal: 1,
        round: 1,
    },
    Proof {
        name: "cost",
        shows: "A million small records through librdkafka cost the broker little CPU, and a lone consumer does not wait for its first \
                record.",
        method: Method::RealBinary { file: "cost" },
        counted: "cases",
        goal: 1,
        round: 1,
    },
    Proof {
        name: "scale",
        shows: "A thousand groups of five commit once a second, and a hundred thousand committed offsets are back soon after a start.",
        method: Method::RealBinary { file: "scale" },
        counted: "cases",
        goal: 1,
        round: 1,
    },
    Proof {
        name: "suites",
        shows: "The tests that client libraries carry in their packages pass, but for those that tests/suites/expected lists with a \
                reason; a case is all suites.",
        method: Method::RealBinary { file: "suites" },
        counted: "cases",
        goal: 1,
        round: 1,
    },
    Proof {
        name: "fuzz-batch-validation",
        shows: "Any bytes are validated as a batch or refused, within their memory; a case is one second of fuzzing.",
        method: Method::Fuzz { target: "batch_validation" },
        counted: "cases",
        goal: 600,
        round: 60,
    },
    Proof {
        name: "fuzz-frame",
        shows: "Any bytes from a client are cut into frames and decoded as requests, or refused; a case is one second of \
                fuzzing.",
        method: Method::Fuzz { target: "frame" },
        counted: "cases",
        goal: 600,
        round: 60,
    },
    Proof {
        name: "fuzz-recovery",
        shows: "Whatever damage is done to the files of a log, it opens without a panic and keeps what lies below the damage, or \
                says what is gone; a case is one second of fuzzing.",
        method: Method::Fuzz { target: "recovery" },
        counted: "cases",
        goal: 600,
        round: 60,
    },
];
