//! [`DurationHistogram`]: how long something takes, counted by those that do it and read by those that watch.

use std::ops::AddAssign;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const BOUND_COUNT: usize = 18;

/// What separates the buckets, ascending: a duration is counted in the first bucket whose bound it does not exceed, and beyond the last
/// bound in one that has none. From what a small request takes to what a client waits for.
pub const BUCKET_BOUNDS: [Duration; BOUND_COUNT] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_micros(1_000),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_millis(1_000),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
];

/// Counts durations in buckets. Any number of threads may record at a time; none waits for another.
#[derive(Debug, Default)]
pub struct DurationHistogram {
    counts: [AtomicU64; BOUND_COUNT + 1],
    sum_micros: AtomicU64,
}

/// What a [`DurationHistogram`] has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DurationCounts {
    /// How many durations fell into each bucket: one for each of [`BUCKET_BOUNDS`], and one for what is longer.
    pub counts: [u64; BOUND_COUNT + 1],
    /// Their sum, of durations rounded to microseconds.
    pub sum: Duration,
}

impl DurationHistogram {
    /// Counts one duration.
    pub fn record(&self, duration: Duration) {
        let bucket = BUCKET_BOUNDS.partition_point(|bound| *bound < duration);
        // Not cut off: a million of half a microsecond are half a second.
        let micros = u64::try_from(duration.saturating_add(Duration::from_nanos(500)).as_micros()).unwrap_or(u64::MAX);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// What was counted so far. While others record, a duration may be in one of the two fields and not yet in the other.
    pub fn counts(&self) -> DurationCounts {
        DurationCounts {
            counts: std::array::from_fn(|bucket| self.counts[bucket].load(Ordering::Relaxed)),
            sum: Duration::from_micros(self.sum_micros.load(Ordering::Relaxed)),
        }
    }
}

impl DurationCounts {
    /// How many there were in all.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl AddAssign for DurationCounts {
    fn add_assign(&mut self, other: DurationCounts) {
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count += more);
        self.sum += other.sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_where_its_bound_is_the_first_that_it_does_not_exceed() {
        let histogram = DurationHistogram::default();
        for micros in [0, 50, 51, 30_000_000, 30_000_001] {
            histogram.record(Duration::from_micros(micros));
        }
        let DurationCounts { counts, sum } = histogram.counts();
        assert_eq!((counts[0], counts[1]), (2, 1));
        assert_eq!((counts[BOUND_COUNT - 1], counts[BOUND_COUNT]), (1, 1));
        assert_eq!(histogram.counts().total(), 5);
        assert_eq!(sum, Duration::from_micros(60_000_102));
    }

    #[test]
    fn bounds_ascend() {
        assert!(BUCKET_BOUNDS.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn counts_of_several_histograms_add_up() {
        let record = |millis| {
            let histogram = DurationHistogram::default();
            histogram.record(Duration::from_millis(millis));
            histogram.counts()
        };
        let mut both = record(1);
        both += record(1);
        assert_eq!((both.total(), both.counts[4], both.sum), (2, 2, Duration::from_millis(2)));
    }
}
