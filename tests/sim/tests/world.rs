//! Seeds, each a whole world: a sample of those in `cargo test`, as many as asked for in a proof (`PROVE_CASES`).

use sim::{Outcome, Summary, first_difference, hear_panics, run_guarded, run_seeds};

/// As many as a machine with two cores runs in three minutes, optimised.
const SEEDS: u64 = 100;

/// Seeds that are run twice: enough to hear of a leak of real time, threads or hash order.
const TWICE: [u64; 4] = [1, 7, 14, 40];

const THREADS: usize = 2;

fn complain(outcome: &Outcome) {
    if !outcome.violations.is_empty() {
        println!("seed {} (cargo run -p sim -- --seed {0} --trace):", outcome.seed);
        outcome.violations.iter().take(10).for_each(|violation| println!("  {violation}"));
    }
}

/// Issue 3, line 3. A run in which nothing was acknowledged or read, or no fault was injected, is a violation of its own.
#[test]
fn no_seed_loses_or_invents_anything() {
    hear_panics();
    let summary = run_seeds(testkit::proof::cases(SEEDS), THREADS, |outcome| {
        complain(outcome);
        true
    });
    let Summary { seeds, failed, simulated, acknowledged, polled, faults } = summary;
    println!(
        "{seeds} seeds, {simulated:?} simulated: {acknowledged} records acknowledged, {polled} read, {faults} faults"
    );
    println!("proved: seeds {seeds}");
    println!("proved: simulated-seconds {}", simulated.as_secs());
    println!("proved: faults {faults}");
    assert!(failed.is_empty(), "violations in {} of {seeds} seeds", failed.len());
}

#[test]
fn a_seed_gives_one_trace() {
    for seed in TWICE {
        let (one, other) = (run_guarded(seed, false), run_guarded(seed, false));
        if let Some((line, one, other)) = first_difference(&one.trace, &other.trace) {
            panic!("seed {seed} differs at line {line}:\n{one}\n{other}");
        }
        assert_eq!(one.trace_hash, other.trace_hash, "seed {seed}");
    }
}
