//! [`LeaderEpochs`]: at which offset each leader's epoch began (KIP-101), and the file `leader-epoch-checkpoint`.
//!
//! Source: Kafka `LeaderEpochFileCache`, `LeaderEpochCheckpointFile`. File format, version 0, text: a line with the version, a line
//! with the count, and for each epoch a line `epoch start-offset`, ascending in both.
//!
//! Every batch carries its leader's epoch, so what the file lacks at its end is rebuilt from the batches' headers; the file is written
//! before a producer snapshot of the same offset, which says from where on that is done.

use std::fmt::Write;

use ottla_base::{LeaderEpoch, Offset};

const VERSION: &str = "0";

/// The epochs of one log, oldest first; both numbers ascend strictly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeaderEpochs {
    entries: Vec<EpochStart>,
}

/// An epoch and the offset of the first record that its leader appended, or would have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EpochStart {
    pub(crate) epoch: LeaderEpoch,
    pub(crate) start_offset: Offset,
}

impl LeaderEpochs {
    /// The newest epoch.
    pub(crate) fn latest(&self) -> Option<LeaderEpoch> {
        self.entries.last().map(|entry| entry.epoch)
    }

    /// Notes that `epoch` begins at `start_offset`, and returns whether that is news. An epoch that is not newer than the newest changes
    /// nothing; one that appended nothing before a newer one came is forgotten.
    pub(crate) fn assign(&mut self, epoch: LeaderEpoch, start_offset: Offset) -> bool {
        if epoch < LeaderEpoch(0) || self.latest().is_some_and(|latest| latest >= epoch) {
            return false;
        }
        while self.entries.last().is_some_and(|last| last.start_offset >= start_offset) {
            self.entries.pop();
        }
        self.entries.push(EpochStart { epoch, start_offset });
        true
    }

    /// The largest epoch that is at most `epoch`, and the offset at which it ends: where the next one begins, or the log's end.
    ///
    /// `None` where `epoch` is newer than all, or there is none. An epoch older than all gives itself and where the oldest begins.
    pub(crate) fn end_offset_for(&self, epoch: LeaderEpoch, log_end_offset: Offset) -> Option<(LeaderEpoch, Offset)> {
        let latest = self.latest()?;
        if epoch >= latest {
            return (epoch == latest).then_some((epoch, log_end_offset));
        }
        let next = self.entries.partition_point(|entry| entry.epoch <= epoch);
        let floor = next.checked_sub(1).map_or(epoch, |at| self.entries[at].epoch);
        Some((floor, self.entries[next].start_offset))
    }

    /// The epoch of the record at `offset`, if it is known.
    pub(crate) fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        let next = self.entries.partition_point(|entry| entry.start_offset <= offset);
        next.checked_sub(1).map(|at| self.entries[at].epoch)
    }

    /// Forgets what begins at `end_offset` or later, and returns whether that was anything.
    pub(crate) fn truncate_from_end(&mut self, end_offset: Offset) -> bool {
        let kept = self.entries.partition_point(|entry| entry.start_offset < end_offset);
        let is_cut = kept < self.entries.len();
        self.entries.truncate(kept);
        is_cut
    }

    /// Forgets what ended before `start_offset`; the epoch in which that offset lies begins there now. Returns whether that is news.
    pub(crate) fn truncate_from_start(&mut self, start_offset: Offset) -> bool {
        let begun = self.entries.partition_point(|entry| entry.start_offset <= start_offset);
        let Some(current) = begun.checked_sub(1) else {
            return false;
        };
        if current == 0 && self.entries[0].start_offset == start_offset {
            return false;
        }
        self.entries.drain(..current);
        self.entries[0].start_offset = start_offset;
        true
    }

    /// The file's text.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("{VERSION}\n{}\n", self.entries.len());
        for EpochStart { epoch, start_offset } in &self.entries {
            writeln!(text, "{epoch} {start_offset}").expect("a string takes all that is written to it");
        }
        text
    }

    /// Reads the file's text. Errors: what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<LeaderEpochs, String> {
        let mut lines = text.lines();
        match lines.next() {
            Some(VERSION) => {}
            version => return Err(format!("version {version:?} is not known")),
        }
        let count = lines.next().and_then(|line| line.parse::<usize>().ok()).ok_or("the count is missing")?;
        let mut epochs = LeaderEpochs::default();
        for line in lines {
            let entry = parse_line(line).ok_or_else(|| format!("{line:?} is no epoch and start offset"))?;
            let ascends =
                epochs.entries.last().is_none_or(|l| entry.epoch > l.epoch && entry.start_offset > l.start_offset);
            if !ascends {
                return Err(format!("{line:?} does not ascend"));
            }
            epochs.entries.push(entry);
        }
        match epochs.entries.len() {
            found if found == count => Ok(epochs),
            found => Err(format!("it has {found} entries, not the {count} that it says")),
        }
    }
}

fn parse_line(line: &str) -> Option<EpochStart> {
    let (epoch, start_offset) = line.split_once(' ')?;
    let (epoch, start_offset) = (epoch.parse().ok()?, start_offset.parse().ok()?);
    Some(EpochStart { epoch: LeaderEpoch(epoch), start_offset: Offset(start_offset) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn epochs(entries: &[(i32, i64)]) -> LeaderEpochs {
        let mut epochs = LeaderEpochs::default();
        for (epoch, start_offset) in entries {
            assert!(epochs.assign(LeaderEpoch(*epoch), Offset(*start_offset)));
        }
        epochs
    }

    #[test]
    fn an_epoch_ends_where_the_next_begins() {
        let epochs = epochs(&[(2, 10), (4, 20), (7, 35)]);
        let check = |asked, expected: Option<(i32, i64)>| {
            let expected = expected.map(|(epoch, offset)| (LeaderEpoch(epoch), Offset(offset)));
            assert_eq!(epochs.end_offset_for(LeaderEpoch(asked), Offset(50)), expected, "{asked}");
        };
        check(1, Some((1, 10)));
        check(2, Some((2, 20)));
        check(3, Some((2, 20)));
        check(4, Some((4, 35)));
        check(7, Some((7, 50)));
        check(8, None);
    }

    #[test]
    fn an_epoch_without_records_makes_way_for_the_next() {
        let epochs = epochs(&[(1, 0), (2, 5), (3, 5)]);
        assert_eq!(epochs.to_text(), "0\n2\n1 0\n3 5\n");
        assert_eq!(epochs.epoch_at(Offset(4)), Some(LeaderEpoch(1)));
        assert_eq!(epochs.epoch_at(Offset(5)), Some(LeaderEpoch(3)));
    }

    #[test]
    fn an_old_epoch_changes_nothing() {
        let mut epochs = epochs(&[(5, 3)]);
        assert!(!epochs.assign(LeaderEpoch(5), Offset(9)));
        assert!(!epochs.assign(LeaderEpoch(4), Offset(9)));
        assert!(!epochs.assign(LeaderEpoch::NONE, Offset(9)));
    }

    #[test]
    fn truncation_works_from_both_ends() {
        let mut epochs = epochs(&[(1, 0), (2, 10), (3, 20)]);
        assert!(epochs.truncate_from_end(Offset(20)));
        assert!(!epochs.truncate_from_end(Offset(20)));
        assert!(epochs.truncate_from_start(Offset(15)));
        assert!(!epochs.truncate_from_start(Offset(15)));
        assert_eq!(epochs.to_text(), "0\n1\n2 15\n");
    }

    #[test]
    fn damaged_files_are_refused() {
        for text in ["", "1\n0\n", "0\n", "0\n1\n", "0\n1\n3\n", "0\n2\n1 5\n1 6\n", "0\n2\n1 5\n2 5\n", "0\n1\nx 5\n"]
        {
            assert!(LeaderEpochs::parse(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn the_file_reads_back(steps in prop::collection::vec((1..5_i32, 1..100_i64), 0..20)) {
            let mut written = LeaderEpochs::default();
            let (mut epoch, mut offset) = (0, 0);
            for (epochs_on, records) in steps {
                written.assign(LeaderEpoch(epoch), Offset(offset));
                (epoch, offset) = (epoch + epochs_on, offset + records);
            }
            prop_assert_eq!(LeaderEpochs::parse(&written.to_text()), Ok(written));
        }
    }
}
