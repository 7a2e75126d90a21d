//! Replays the fuzz target's seeds, so that every test run covers them without a fuzzer, and as many drawn inputs as there is time for.

use std::path::Path;

use ottla_base::{Entropy, SeededEntropy};

#[expect(unreachable_pub, reason = "the fuzz package exports it")]
#[path = "../../../tests/fuzz/src/recovery.rs"]
mod recovery;

#[test]
#[expect(clippy::disallowed_methods, reason = "the seeds are the test's own input")]
fn recovery_holds_for_every_seed() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/seeds/recovery");
    let mut replayed = 0;
    for entry in std::fs::read_dir(seeds).expect("the seeds are checked in") {
        let path = entry.expect("the folder is readable").path();
        recovery::check(&std::fs::read(&path).expect("a seed is a file"));
        replayed += 1;
    }
    assert!(replayed >= 16, "only {replayed} seeds");
}

#[test]
fn recovery_holds_for_drawn_damage() {
    for seed in 0..3000 {
        let entropy = SeededEntropy::new(seed);
        let mut input = vec![entropy.next_u64() as u8];
        for _ in 0..=entropy.below(3) {
            let len = entropy.below(24) as u8;
            let position = entropy.below(1500) as u16;
            input.extend([entropy.next_u64() as u8, entropy.next_u64() as u8]);
            input.extend(position.to_be_bytes());
            input.push(len);
            input.extend((0..len).map(|_| if entropy.one_in(2) { 0 } else { entropy.next_u64() as u8 }));
        }
        println!("seed {seed}: {input:?}");
        recovery::check(&input);
    }
}
