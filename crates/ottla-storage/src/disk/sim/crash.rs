//! [`CrashPoint`]: a disk at the moment when the power goes, and [`Image`]: what the next start finds.

use ottla_base::{Entropy, SeededEntropy};

use super::effect::{Effect, Fate};
use super::tree::{Node, Tree};

/// What is durable, and what is not yet, at one point in time.
#[derive(Clone, Debug)]
pub struct CrashPoint {
    pub(super) io: u64,
    pub(super) durable: Tree,
    pub(super) effects: Vec<Effect>,
}

/// The contents of a disk after a crash.
#[derive(Clone, Debug)]
pub struct Image {
    pub(super) tree: Tree,
}

impl CrashPoint {
    /// The number of the I/O that did not take place.
    pub fn io(&self) -> u64 {
        self.io
    }

    /// How many effects are not durable; each has a fate of its own. Those of one file or folder follow one another in their order.
    pub fn effect_count(&self) -> usize {
        self.effects.len()
    }

    pub(super) fn has_pages(&self) -> bool {
        self.effects.iter().any(Effect::is_page)
    }

    /// What is found when each effect has had its fate. Panics unless there is one for each.
    pub fn image(&self, fates: &[Fate]) -> Image {
        assert_eq!(fates.len(), self.effects.len(), "every effect has one fate");
        let mut tree = self.durable.clone();
        for (effect, fate) in self.effects.iter().zip(fates) {
            effect.apply(&mut tree, *fate);
        }
        tree.forget_unreachable();
        let files: Vec<_> =
            tree.nodes.iter().filter(|(_, node)| matches!(node, Node::File(_))).map(|(file, _)| *file).collect();
        for file in files {
            let contents = tree.contents(file).expect("it is a file of this tree");
            if contents.has_bytes_past_end() {
                tree.contents_mut(file).expect("it is a file of this tree").forget_past_end();
            }
        }
        Image { tree }
    }

    /// What is found when all effects have the same fate: [`Fate::Lost`] leaves what was synced and no more.
    pub fn image_of(&self, fate: Fate) -> Image {
        self.image(&vec![fate; self.effects.len()])
    }

    /// Fates for all effects, by a seed: nothing is lost, everything is, what came after some point is, a single one is or is not, or
    /// each is decided by itself; now and then pages are torn.
    pub fn draw_fates(&self, seed: u64) -> Vec<Fate> {
        let entropy = SeededEntropy::new(seed);
        let count = self.effects.len();
        if count == 0 {
            return Vec::new();
        }
        let kind = entropy.below(10);
        let chosen = entropy.below(count as u64) as usize;
        let lost_one_in = 1 + entropy.below(8);
        let tears = entropy.one_in(2);
        let fate = |index: usize, effect: &Effect| {
            let is_kept = match kind {
                0 => true,
                1 => false,
                2 => index < chosen,
                3 => index >= chosen,
                4 => index == chosen,
                5 => index != chosen,
                6 => entropy.one_in(lost_one_in),
                _ => !entropy.one_in(lost_one_in + 1),
            };
            match is_kept {
                true if tears && effect.is_page() && entropy.one_in(2) => Fate::Torn(entropy.next_u64() as u8),
                true => Fate::Kept,
                false => Fate::Lost,
            }
        };
        self.effects.iter().enumerate().map(|(index, effect)| fate(index, effect)).collect()
    }
}

impl Image {
    /// A hash of all names and bytes: images with equal ones are counted once.
    pub fn fingerprint(&self) -> u64 {
        self.tree.fingerprint()
    }
}
