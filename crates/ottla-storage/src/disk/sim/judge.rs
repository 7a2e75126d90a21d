//! [`Judge`]: lets the power go at every I/O of a scenario, and asks of every disk that may be left whether it keeps what was promised.
//!
//! A *scenario* does I/O on a simulated disk and notes in [`Promises`] what it has promised so far: what it has acknowledged, what it has
//! tried. For each I/O the judge takes what was durable and what was not, makes crash images of many different surviving sets, boots a
//! disk from each, and hands it to the *check* together with what was promised at that moment. The scenario runs once.
//!
//! Images are counted by their contents: two surviving sets that leave the same bytes and names are one.

use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ottla_base::{Entropy, SeededEntropy};
use parking_lot::Mutex;

use super::{CrashPoint, Fate, SimDisk};

/// How thoroughly to judge.
#[derive(Clone, Copy, Debug)]
pub struct Judge {
    /// Chooses the surviving sets where there are too many to try them all.
    pub seed: u64,
    /// How many surviving sets are tried at each crash point; where there are fewer, all of them are.
    pub tries_per_point: usize,
}

/// What a scenario has promised so far. Clones share it.
#[derive(Debug)]
pub struct Promises<P> {
    state: Arc<Mutex<(u64, P)>>,
}

/// What a judge found.
#[derive(Debug, Default)]
pub struct Verdict {
    /// At how many points the power went.
    pub crash_points: usize,
    /// The fingerprints of the images that were checked.
    pub images: BTreeSet<u64>,
    /// How many times an image was checked: once for each state of the promises that it may meet.
    pub checks: usize,
    /// Where a promise was broken, the first few.
    pub violations: Vec<Violation>,
}

/// A broken promise, with what it takes to see it again.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The I/O that did not take place.
    pub io: u64,
    /// What became of the effects before it that were not durable.
    pub fates: Vec<Fate>,
    /// What the check said.
    pub reason: String,
}

/// More violations than these tell nothing new.
const VIOLATIONS_MAX: usize = 8;

impl<P: Clone> Promises<P> {
    fn new(promised: P) -> Promises<P> {
        Promises { state: Arc::new(Mutex::new((0, promised))) }
    }

    /// Changes what is promised, from the next I/O on. `change` must do no I/O.
    pub fn update(&self, change: impl FnOnce(&mut P)) {
        let mut state = self.state.lock();
        state.0 += 1;
        change(&mut state.1);
    }

    /// What is promised now.
    pub fn get(&self) -> P {
        self.state.lock().1.clone()
    }

    /// With a number that changes when the promises do.
    fn versioned(&self) -> (u64, P) {
        self.state.lock().clone()
    }
}

impl<P> Clone for Promises<P> {
    fn clone(&self) -> Promises<P> {
        Promises { state: self.state.clone() }
    }
}

impl Judge {
    /// Runs `scenario` on `disk`, which may hold something already, and `check` on every image that a crash at any of its I/Os, or at
    /// its end, may leave. A check that panics has found a violation too.
    pub fn run<P: Clone + Send + 'static>(
        &self,
        disk: &Arc<SimDisk>,
        promised: P,
        scenario: impl FnOnce(&Arc<SimDisk>, &Promises<P>),
        mut check: impl FnMut(Arc<SimDisk>, &P) -> Result<(), String>,
    ) -> Verdict {
        let promises = Promises::new(promised);
        let points = Arc::new(Mutex::new(Vec::new()));
        disk.on_each_io(Box::new({
            let (points, promises) = (points.clone(), promises.clone());
            move |point| points.lock().push((point, promises.versioned()))
        }));
        scenario(disk, &promises);
        disk.on_each_io(Box::new(|_| ()));
        let mut points = std::mem::take(&mut *points.lock());
        points.push((disk.crash_point(), promises.versioned()));

        let mut verdict = Verdict { crash_points: points.len(), ..Verdict::default() };
        let mut seen = BTreeSet::new();
        for (point, (version, promised)) in points {
            for fates in self.surviving_sets(&point) {
                let image = point.image(&fates);
                let fingerprint = image.fingerprint();
                if !seen.insert((fingerprint, version)) {
                    continue;
                }
                verdict.images.insert(fingerprint);
                verdict.checks += 1;
                let booted = SimDisk::from_image(image, disk.options());
                let checked = catch_unwind(AssertUnwindSafe(|| check(booted, &promised)));
                if let Err(reason) = checked.unwrap_or_else(|_| Err("the check panicked".to_owned())) {
                    verdict.violations.push(Violation { io: point.io(), fates, reason });
                    if verdict.violations.len() == VIOLATIONS_MAX {
                        return verdict;
                    }
                }
            }
        }
        verdict
    }

    /// All surviving sets where they are few; else nothing, everything, and as many others as are wanted, by the seed.
    fn surviving_sets(&self, point: &CrashPoint) -> Vec<Vec<Fate>> {
        let count = point.effect_count();
        let all = 1_usize.checked_shl(count as u32).filter(|all| *all <= self.tries_per_point);
        let mut sets: Vec<Vec<Fate>> = match all {
            Some(all) => (0..all).map(|set| whole_fates(count, |effect| set >> effect & 1 == 1)).collect(),
            None => vec![whole_fates(count, |_| false), whole_fates(count, |_| true)],
        };
        if point.has_pages() || all.is_none() {
            let entropy = SeededEntropy::new(self.seed ^ point.io().wrapping_mul(0x9e37_79b9_7f4a_7c15));
            sets.resize_with(sets.len().max(self.tries_per_point), || point.draw_fates(entropy.next_u64()));
        }
        sets
    }
}

fn whole_fates(count: usize, is_kept: impl Fn(usize) -> bool) -> Vec<Fate> {
    (0..count).map(|effect| if is_kept(effect) { Fate::Kept } else { Fate::Lost }).collect()
}

impl Verdict {
    /// Adds what another run found. An image that both saw counts once.
    pub fn absorb(&mut self, other: Verdict) {
        self.crash_points += other.crash_points;
        self.images.extend(other.images);
        self.checks += other.checks;
        self.violations.extend(other.violations);
    }

    /// Panics with the first violation, or where fewer than `images_min` distinct images were checked.
    pub fn assert_kept(&self, images_min: usize) {
        if let Some(violation) = self.violations.first() {
            panic!("{violation}");
        }
        let images = self.images.len();
        assert!(images >= images_min, "only {images} distinct crash images were checked, {images_min} were wanted");
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "crash before I/O {}: {} (fates {:?})", self.io, self.reason, self.fates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::sim::SimOptions;
    use crate::disk::{Disk, Open};
    use std::io::IoSlice;
    use std::path::Path;

    #[test]
    fn a_few_effects_are_tried_in_all_combinations() {
        let disk = SimDisk::new(SimOptions::default());
        let judge = Judge { seed: 1, tries_per_point: 64 };
        let scenario = |disk: &Arc<SimDisk>, _: &Promises<()>| {
            for name in ["a", "b", "c"] {
                disk.create_dir(Path::new(name)).expect("the name is free");
            }
        };
        let verdict = judge.run(&disk, (), scenario, |_, _| Ok(()));
        assert_eq!(verdict.crash_points, 4);
        assert_eq!(verdict.images.len(), 8, "each of three folders is there or not");
    }

    #[test]
    fn an_image_is_checked_again_when_more_is_promised() {
        let disk = SimDisk::new(SimOptions::default());
        let judge = Judge { seed: 1, tries_per_point: 16 };
        let scenario = |disk: &Arc<SimDisk>, promises: &Promises<bool>| {
            disk.create_dir(Path::new("a")).expect("the name is free");
            promises.update(|is_there| *is_there = true); // A lie: the name is not durable yet.
        };
        let check = |disk: Arc<SimDisk>, is_there: &bool| {
            let found = disk.entry(Path::new("a")).map_err(|error| error.to_string())?;
            if *is_there && found.is_none() { Err("the folder is lost".to_owned()) } else { Ok(()) }
        };
        let verdict = judge.run(&disk, false, scenario, check);
        assert_eq!((verdict.images.len(), verdict.checks), (2, 3));
        assert_eq!(verdict.violations.len(), 1);
    }

    #[test]
    fn one_seed_gives_one_set_of_images() {
        let images = |seed| {
            let disk = SimDisk::new(SimOptions::default());
            let scenario = |disk: &Arc<SimDisk>, _: &Promises<()>| {
                let file = disk.open(Path::new("a"), Open::CreateNew).expect("the name is free");
                for position in 0..12 {
                    file.write_all_at(&[IoSlice::new(&[7; 3000])], position * 3000).expect("there is room");
                }
            };
            Judge { seed, tries_per_point: 20 }.run(&disk, (), scenario, |_, _| Ok(())).images
        };
        assert_eq!(images(5), images(5));
        assert_ne!(images(5), images(6));
    }
}
