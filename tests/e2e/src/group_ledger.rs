//! [`GroupLedger`]: what groups read and committed, what was found committed, and what no broker may show of it.
//!
//! The checker of [`history::groups`] judges committed offsets as registers, by commits' numbers. Here a commit has its
//! offset too, and members go forward only: so what is found has the offset that was committed under its number, no
//! offset that was acknowledged or found is followed by a lower one, and a group passes by no record.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use history::groups::{CommitNumber, Group, GroupAction, GroupAnomaly, GroupHistory, GroupOperation, check};
use history::{Key, Offset, Outcome, Record};

/// No run is as long, and no broker forgets sooner.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// When an operation had begun and when it had ended, in nanoseconds of the recorder's clock.
pub type Span = (u64, u64);

/// What one group was found to have committed of one partition, if anything.
pub type Found = (Group, Key, Option<(CommitNumber, Offset)>);

/// One offset of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupCommit {
    /// Of which partition.
    pub key: Key,
    /// The offset of the record to go on with.
    pub offset: Offset,
    /// Which commit. No two have one number, also in different groups.
    pub number: CommitNumber,
}

impl GroupCommit {
    /// What is committed with the offset, so that whoever finds it knows the commit.
    pub fn metadata(&self) -> String {
        self.number.to_string()
    }

    /// The number in a commit's metadata, if it is some commit's.
    pub fn number_in(metadata: &str) -> Option<CommitNumber> {
        metadata.strip_prefix("commit ")?.parse().ok().map(CommitNumber)
    }
}

/// Something that no broker may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupFault {
    /// The committed offsets are no registers.
    Anomaly(GroupAnomaly),
    /// An offset was found under the number of a commit of another.
    AnotherOffset {
        /// Whose.
        group: Group,
        /// What was committed.
        commit: GroupCommit,
        /// What was found.
        found: Offset,
    },
    /// An offset was found that is lower than one that was acknowledged or found before.
    WentBack {
        /// Whose.
        group: Group,
        /// Where.
        key: Key,
        /// The higher.
        from: Offset,
        /// The lower.
        to: Offset,
        /// When the lower was found, by the recorder's clock.
        at_ns: u64,
    },
    /// No member has read a record below the committed offset.
    PassedBy {
        /// Whose.
        group: Group,
        /// Where.
        key: Key,
        /// The record's.
        offset: Offset,
    },
}

impl GroupFault {
    /// A short name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Anomaly(anomaly) => anomaly.name(),
            Self::AnotherOffset { .. } => "another-offset",
            Self::WentBack { .. } => "went-back",
            Self::PassedBy { .. } => "passed-by",
        }
    }
}

impl fmt::Display for GroupFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anomaly(anomaly) => anomaly.fmt(f),
            Self::AnotherOffset { group, commit: GroupCommit { key, offset, number }, found } => {
                write!(f, "another-offset: {group}, {key}: {number} was of {offset}, and {found} was found")
            }
            Self::WentBack { group, key, from, to, at_ns } => {
                let at = Duration::from_nanos(*at_ns);
                write!(f, "went-back: {group}, {key}: {to} was found at {at:?}, after {from}")
            }
            Self::PassedBy { group, key, offset } => {
                write!(f, "passed-by: {group}, {key}: no member has read {offset}")
            }
        }
    }
}

/// What is known of one group's offset of one partition.
#[derive(Debug, Default)]
struct Place {
    /// What was acknowledged or found, by when that was known.
    known: Vec<(u64, Offset)>,
    /// What was found, and when.
    found: Vec<(Span, GroupCommit)>,
}

/// All groups of one run.
#[derive(Debug, Default)]
pub struct GroupLedger {
    operations: GroupHistory,
    commits: BTreeMap<CommitNumber, (Offset, Outcome, Span)>,
    places: BTreeMap<(Group, Key), Place>,
    read: BTreeMap<Group, BTreeSet<(Key, Offset)>>,
}

impl GroupLedger {
    /// Notes that a commit was tried.
    pub fn commit(&mut self, group: Group, span: Span, outcome: Outcome, commit: GroupCommit) {
        let GroupCommit { key, offset, number } = commit;
        let before = self.commits.insert(number, (offset, outcome, span));
        assert!(before.is_none(), "{number} is used twice");
        if outcome == Outcome::Ok {
            self.places.entry((group, key)).or_default().known.push((span.1, offset));
        }
        let kept_ns = Some(u64::try_from(KEPT.as_nanos()).expect("a day is not long"));
        self.push(group, span, outcome, GroupAction::Commit { key, number, by: None, kept_ns });
    }

    /// Notes what was found committed.
    pub fn fetch(&mut self, span: Span, (group, key, found): Found) {
        if let Some((number, offset)) = found {
            let place = self.places.entry((group, key)).or_default();
            place.known.push((span.1, offset));
            place.found.push((span, GroupCommit { key, offset, number }));
        }
        self.push(group, span, Outcome::Ok, GroupAction::Fetch { key, found: found.map(|(number, _)| number) });
    }

    /// Notes that a member has read `records`.
    pub fn read(&mut self, group: Group, records: &[Record]) {
        self.read.entry(group).or_default().extend(records.iter().map(|record| (record.key, record.offset)));
    }

    /// What was found last of each partition.
    pub fn committed(&self, group: Group) -> BTreeMap<Key, Offset> {
        let of_group = self.places.iter().filter(|((of, _), _)| *of == group);
        of_group.filter_map(|((_, key), place)| Some((*key, place.found.last()?.1.offset))).collect()
    }

    /// How many commits were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.commits.values().filter(|(_, outcome, _)| *outcome == Outcome::Ok).count()
    }

    /// How many commits were acknowledged before one of these times and found after it: each shows that a restart which
    /// began then kept it.
    pub fn found_across(&self, restarts_ns: &[u64]) -> usize {
        let across = |restart_ns: u64, ((begun_ns, _), commit): &(Span, GroupCommit)| {
            let commit = self.commits.get(&commit.number);
            *begun_ns > restart_ns
                && commit.is_some_and(|(_, outcome, (_, ended))| *outcome == Outcome::Ok && *ended < restart_ns)
        };
        let places = || self.places.values();
        let kept = |restart_ns| places().filter(move |place| place.found.iter().any(|found| across(restart_ns, found)));
        restarts_ns.iter().map(|restart_ns| kept(*restart_ns).count()).sum()
    }

    /// Everything that no broker may show, where `readable` is every record that there is.
    pub fn judge(&self, readable: &BTreeSet<(Key, Offset)>) -> Vec<GroupFault> {
        let mut faults: Vec<_> = check(&self.operations).into_iter().map(GroupFault::Anomaly).collect();
        for ((group, key), place) in &self.places {
            faults.extend(self.other_offsets(*group, place));
            faults.extend(place.first_way_back(*group, *key));
            faults.extend(self.passed_by(*group, *key, place, readable));
        }
        faults
    }

    fn push(&mut self, group: Group, (begun_ns, ended_ns): Span, outcome: Outcome, action: GroupAction) {
        self.operations.push(GroupOperation { group, begun_ns, ended_ns, outcome, action });
    }

    fn other_offsets(&self, group: Group, place: &Place) -> Vec<GroupFault> {
        let mut told = BTreeSet::new();
        let mut faults = Vec::new();
        for (_, found) in &place.found {
            // A number that is nobody's is the checker's to tell.
            let Some((offset, ..)) = self.commits.get(&found.number) else { continue };
            if *offset != found.offset && told.insert(found.number) {
                let commit = GroupCommit { offset: *offset, ..*found };
                faults.push(GroupFault::AnotherOffset { group, commit, found: found.offset });
            }
        }
        faults
    }

    fn passed_by(&self, group: Group, key: Key, place: &Place, readable: &BTreeSet<(Key, Offset)>) -> Vec<GroupFault> {
        let Some(committed) = place.known.iter().map(|(_, offset)| *offset).max() else { return Vec::new() };
        let nothing = BTreeSet::new();
        let read = self.read.get(&group).unwrap_or(&nothing);
        let below = readable.range((key, Offset(0))..(key, committed));
        let passed_by = below.filter(|place| !read.contains(place));
        passed_by.map(|(_, offset)| GroupFault::PassedBy { group, key, offset: *offset }).collect()
    }
}

impl Place {
    /// The first time that something lower was found than was known when the look began.
    fn first_way_back(&self, group: Group, key: Key) -> Option<GroupFault> {
        let (mut known, mut found) = (self.known.clone(), self.found.clone());
        known.sort_by_key(|(at_ns, _)| *at_ns);
        found.sort_by_key(|((begun_ns, _), _)| *begun_ns);
        let mut known = known.into_iter().peekable();
        let mut highest = None;
        for ((begun_ns, at_ns), commit) in found {
            while let Some((_, offset)) = known.next_if(|(known_ns, _)| *known_ns < begun_ns) {
                highest = highest.max(Some(offset));
            }
            let to = commit.offset;
            if let Some(from) = highest.filter(|from| *from > to) {
                return Some(GroupFault::WentBack { group, key, from, to, at_ns });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use history::Value;

    const GROUP: Group = Group(0);
    const KEY: Key = Key(0);

    /// A run whose operations follow one another.
    #[derive(Default)]
    struct Run {
        ledger: GroupLedger,
        readable: BTreeSet<(Key, Offset)>,
        time_ns: u64,
        number: u64,
    }

    impl Run {
        /// A broker that has done all right for a while.
        fn right() -> Self {
            let mut run = Self::default();
            run.find(None);
            for end in [10, 20, 30] {
                run.write_and_read(end - 10..end);
                let number = run.commit(end, Outcome::Ok);
                run.find(Some((number, end)));
            }
            run
        }

        fn span(&mut self) -> Span {
            self.time_ns += 10;
            (self.time_ns, self.time_ns + 5)
        }

        fn write_and_read(&mut self, offsets: std::ops::Range<i64>) {
            let record = |offset| Record { key: KEY, offset: Offset(offset), value: Value(offset.cast_unsigned()) };
            self.readable.extend(offsets.clone().map(|offset| (KEY, Offset(offset))));
            self.ledger.read(GROUP, &offsets.map(record).collect::<Vec<_>>());
        }

        fn commit(&mut self, offset: i64, outcome: Outcome) -> u64 {
            self.number += 1;
            let commit = GroupCommit { key: KEY, offset: Offset(offset), number: CommitNumber(self.number) };
            let span = self.span();
            self.ledger.commit(GROUP, span, outcome, commit);
            self.number
        }

        fn find(&mut self, found: Option<(u64, i64)>) {
            let span = self.span();
            let found = found.map(|(number, offset)| (CommitNumber(number), Offset(offset)));
            self.ledger.fetch(span, (GROUP, KEY, found));
        }

        #[track_caller]
        fn only_finds(&self, names: &[&str]) {
            let faults = self.ledger.judge(&self.readable);
            assert_eq!(faults.iter().map(GroupFault::name).collect::<Vec<_>>(), names, "{faults:#?}");
        }
    }

    #[test]
    fn a_right_broker_is_clean() {
        Run::right().only_finds(&[]);
    }

    #[test]
    fn a_commit_that_nobody_answered_may_be_there_or_not() {
        let mut run = Run::right();
        run.commit(30, Outcome::Info);
        run.find(Some((3, 30)));
        run.find(Some((4, 30)));
        run.only_finds(&[]);
    }

    #[test]
    fn finds_an_acknowledged_commit_that_is_gone_back() {
        let mut run = Run::right();
        run.find(Some((2, 20)));
        run.only_finds(&["offset-went-back", "went-back"]);
    }

    #[test]
    fn finds_a_commit_that_goes_back() {
        let mut run = Run::right();
        let number = run.commit(20, Outcome::Ok);
        run.find(Some((number, 20)));
        run.only_finds(&["went-back"]);
    }

    #[test]
    fn finds_commits_that_are_lost_altogether() {
        let mut run = Run::right();
        run.find(None);
        run.only_finds(&["lost-commit"]);
    }

    #[test]
    fn finds_what_nobody_committed() {
        let mut run = Run::right();
        run.find(Some((u64::MAX, 30)));
        run.only_finds(&["uncommitted-offset"]);
    }

    #[test]
    fn finds_an_offset_that_is_not_its_commits() {
        let mut run = Run::right();
        run.find(Some((3, 31)));
        run.only_finds(&["another-offset"]);
    }

    #[test]
    fn finds_a_record_that_no_member_was_given() {
        let mut run = Run::right();
        run.readable.insert((KEY, Offset(30)));
        run.write_and_read(31..40);
        run.commit(40, Outcome::Ok);
        run.only_finds(&["passed-by"]);
    }

    #[test]
    fn counts_what_survived_a_restart() {
        let mut run = Run::right();
        let restart_ns = run.time_ns + 8;
        assert_eq!(run.ledger.found_across(&[restart_ns]), 0);
        run.find(Some((3, 30)));
        assert_eq!(run.ledger.found_across(&[restart_ns]), 1);
    }

    #[test]
    fn metadata_names_its_commit() {
        let number = CommitNumber(17);
        let commit = GroupCommit { key: KEY, offset: Offset(3), number };
        assert_eq!(GroupCommit::number_in(&commit.metadata()), Some(number));
        assert_eq!(GroupCommit::number_in("read by m"), None);
    }
}
