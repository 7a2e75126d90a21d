//! What the tests of both workloads share: seeds, each a whole world. A sample of them in `cargo test`, as many as asked for in a proof
//! (`PROVE_CASES`).

use sim::{Outcome, Summary, Workload, first_difference, hear_panics, run_guarded, run_seeds};

/// As many as a machine with two cores runs in a minute, optimised.
const SEEDS: u64 = 100;

const THREADS: usize = 2;

fn complain(flag: &str, outcome: &Outcome) {
    if !outcome.violations.is_empty() {
        println!("seed {} (cargo run -p sim -- {flag}--seed {0} --trace):", outcome.seed);
        outcome.violations.iter().take(10).for_each(|violation| println!("  {violation}"));
    }
}

/// Runs all seeds. One in which nothing was done, or no fault was injected, is a violation of its own.
pub(crate) fn hold(workload: Workload) {
    hear_panics();
    let flag = match workload {
        Workload::Records => "",
        Workload::Groups => "--groups ",
    };
    let summary = run_seeds(workload, testkit::proof::cases(SEEDS), THREADS, |outcome| {
        complain(flag, outcome);
        true
    });
    let Summary { seeds, failed, simulated, acknowledged, polled, committed, faults } = summary;
    println!(
        "{seeds} seeds, {simulated:?} simulated: {acknowledged} records acknowledged, {polled} read, {faults} faults"
    );
    println!("proved: seeds {seeds}");
    println!("proved: simulated-seconds {}", simulated.as_secs());
    println!("proved: faults {faults}");
    if workload == Workload::Groups {
        println!("proved: commits {committed}");
    }
    assert!(failed.is_empty(), "violations in {} of {seeds} seeds", failed.len());
}

/// Runs each of `seeds` twice: enough to hear of a leak of real time, threads or hash order.
pub(crate) fn give_one_trace(workload: Workload, seeds: &[u64]) {
    for seed in seeds {
        let (one, other) = (run_guarded(workload, *seed, false), run_guarded(workload, *seed, false));
        if let Some((line, one, other)) = first_difference(&one.trace, &other.trace) {
            panic!("seed {seed} differs at line {line}:\n{one}\n{other}");
        }
        assert_eq!(one.trace_hash, other.trace_hash, "seed {seed}");
    }
}
