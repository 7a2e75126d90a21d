//! The entropy seam: every random choice of a node comes through here.

use std::fmt;

use parking_lot::Mutex;

/// Where randomness comes from: the operating system in production, the seed in simulation.
pub trait Entropy: Send + Sync + fmt::Debug {
    /// 64 random bits.
    fn next_u64(&self) -> u64;

    /// Fills `bytes` at random.
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes()[..chunk.len()]);
        }
    }

    /// A number in `0..bound`; `bound` is at least 1. The bias, below 2^-32 for bounds below 2^32, does not matter to jitter.
    fn below(&self, bound: u64) -> u64 {
        assert!(bound > 0, "a draw needs something to draw from");
        self.next_u64() % bound
    }

    /// True once in `n` draws; `n` is at least 1.
    fn one_in(&self, n: u64) -> bool {
        self.below(n) == 0
    }
}

/// The operating system's random numbers.
#[derive(Debug)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    fn next_u64(&self) -> u64 {
        getrandom::u64().expect("the operating system has random numbers once it has booted")
    }
}

/// Numbers that follow from a seed (SplitMix64). Not for secrets.
pub struct SeededEntropy {
    state: Mutex<u64>,
}

impl SeededEntropy {
    /// The sequence of `seed`.
    pub fn new(seed: u64) -> SeededEntropy {
        SeededEntropy { state: Mutex::new(seed) }
    }

    /// A sequence of its own, seeded by this one: drawing more from one does not shift the other.
    pub fn fork(&self) -> SeededEntropy {
        SeededEntropy::new(self.next_u64())
    }
}

impl Entropy for SeededEntropy {
    fn next_u64(&self) -> u64 {
        let mut state = self.state.lock();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl fmt::Debug for SeededEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeededEntropy")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_sequence() {
        let draw = |seed| {
            let entropy = SeededEntropy::new(seed);
            (0..8).map(|_| entropy.next_u64()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn fill_covers_lengths_that_are_no_multiple_of_eight() {
        let mut bytes = [0; 13];
        SeededEntropy::new(3).fill(&mut bytes);
        assert!(bytes[8..].iter().any(|b| *b != 0));
    }
}
