//! Replays the fuzz target's seeds, so that every test run covers them without a fuzzer.

use std::path::Path;

#[expect(unreachable_pub, reason = "the fuzz package exports it")]
#[path = "../../../tests/fuzz/src/frame.rs"]
mod frame;

/// As in the broker: it takes the reservation that a forged array length makes.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[test]
#[expect(clippy::disallowed_methods, reason = "the seeds are the test's own input")]
fn frames_hold_for_every_seed() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/seeds/frame");
    let mut replayed = 0;
    for entry in std::fs::read_dir(seeds).expect("the seeds are checked in") {
        let path = entry.expect("the folder is readable").path();
        let seed = std::fs::read(&path).expect("a seed is a file");
        frame::check(&seed);
        for at in 0..seed.len().min(400) {
            frame::check(&seed[..at]);
            let mut damaged = seed.clone();
            damaged[at] ^= 0xff;
            frame::check(&damaged);
        }
        replayed += 1;
    }
    assert!(replayed >= 24, "only {replayed} seeds");
}
