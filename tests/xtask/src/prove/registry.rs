//! The proofs that there are.

/// One proof.
pub(crate) struct Proof {
    pub(crate) name: &'static str,
    /// What holds in every case, in one sentence.
    pub(crate) shows: &'static str,
    /// The arguments of `cargo` that run it.
    pub(crate) cargo: &'static [&'static str],
    pub(crate) needs_release_binary: bool,
    /// What is counted towards the goal: `cases`, or a name that it prints as `proved: NAME NUMBER`.
    pub(crate) counted: &'static str,
    pub(crate) goal: u64,
    /// Cases of one round.
    pub(crate) round: u64,
}

pub(crate) const PROOFS: &[Proof] = &[
    Proof {
        name: "crash-images",
        shows: "Whatever survives a crash at any I/O of a log or of the controller recovers to a valid prefix with all synced bytes.",
        cargo: &["test", "--profile", "checked", "--package", "sim", "--test", "crash_images", "--", "--nocapture"],
        needs_release_binary: false,
        counted: "images",
        goal: 200_000,
        round: 100,
    },
    Proof {
        name: "world",
        shows: "A whole node with crashes, disk faults and retrying producers loses and invents nothing that a client was told.",
        cargo: &["test", "--profile", "checked", "--package", "sim", "--test", "world", "--", "--nocapture"],
        needs_release_binary: false,
        counted: "cases",
        goal: 2_000,
        round: 100,
    },
    Proof {
        name: "kill",
        shows: "A process killed under idempotent load serves every acknowledged record again, once, in order.",
        cargo: &["test", "--profile", "checked", "--package", "e2e", "--test", "kill", "--", "--nocapture"],
        needs_release_binary: true,
        counted: "cases",
        goal: 200,
        round: 20,
    },
];
