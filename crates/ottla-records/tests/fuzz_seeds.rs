//! Replays the fuzz target's seeds, so that every test run covers them without a fuzzer.

use std::path::Path;

#[expect(unreachable_pub, reason = "the fuzz package exports it")]
#[path = "../../../tests/fuzz/src/batch_validation.rs"]
mod batch_validation;

#[test]
#[expect(clippy::disallowed_methods, reason = "the seeds are the test's own input")]
fn batch_validation_holds_for_every_seed() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/seeds/batch_validation");
    let mut replayed = 0;
    for entry in std::fs::read_dir(seeds).expect("the seeds are checked in") {
        let path = entry.expect("the folder is readable").path();
        let seed = std::fs::read(&path).expect("a seed is a file");
        batch_validation::check(&seed);
        for cut in (0..seed.len().min(400)).step_by(7) {
            batch_validation::check(&seed[..cut]);
        }
        replayed += 1;
    }
    assert!(replayed >= 16, "only {replayed} seeds");
}
