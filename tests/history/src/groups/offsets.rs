//! A committed offset is a register: whoever asks is told what was committed last, until it expires.
//!
//! Every commit writes another number, so it is known which commit each fetch saw, and that decides whether the answers have one order
//! (Gibbons and Korach, *Testing Shared Memories*, 1997). A number's *zone* reaches from the first time at which it surely had been written,
//! which is the end of its commit or of a fetch that saw it, to the last time at which it surely had not been replaced yet, which is when
//! its commit or the last such fetch began. Where those are the other way about, the number need have been there for one moment only,
//! between the two. Two zones may not overlap, and no such moment may lie inside another's zone.
//!
//! Expiry is told from loss by time: an offset is kept for so long after its commit, and after the last sign of a member's life.

use std::collections::{BTreeMap, BTreeSet};

use super::anomaly::GroupAnomaly;
use super::event::{CommitNumber, Generation, Group, GroupAction, GroupOperation};
use crate::event::{Key, Outcome};

/// What is known of one commit.
#[derive(Debug, Clone, Copy)]
struct Commit {
    begun_ns: u64,
    outcome: Outcome,
    ended_ns: u64,
    kept_ns: Option<u64>,
    /// The end of the first fetch that saw it, and the beginning of the last.
    seen: Option<(u64, u64)>,
}

impl Commit {
    /// When it surely had been written; `None` where that was never known.
    fn written_ns(&self) -> Option<u64> {
        let acknowledged = (self.outcome == Outcome::Ok).then_some(self.ended_ns);
        let seen = self.seen.map(|(first, _)| first);
        acknowledged.into_iter().chain(seen).min()
    }

    /// When it surely had not been replaced yet, or not been written.
    fn last_ns(&self) -> u64 {
        self.seen.map_or(self.begun_ns, |(_, last)| last.max(self.begun_ns))
    }

    /// The time up to which it may still be written.
    fn open_ns(&self) -> u64 {
        if self.outcome == Outcome::Info { u64::MAX } else { self.ended_ns }
    }
}

/// One group's offset of one partition.
#[derive(Debug, Default)]
struct Register {
    commits: BTreeMap<CommitNumber, Commit>,
    /// Beginning and end of each fetch that found one.
    found: Vec<(u64, u64, CommitNumber)>,
    /// Beginning and end of each that found none.
    found_none: Vec<(u64, u64)>,
}

/// Finds what cannot be the work of a register, in the operations of one group.
pub(super) fn find(group: Group, operations: &[&GroupOperation]) -> Vec<GroupAnomaly> {
    let mut registers: BTreeMap<Key, Register> = BTreeMap::new();
    for operation in operations {
        let GroupOperation { begun_ns, ended_ns, outcome, .. } = **operation;
        match &operation.action {
            GroupAction::Commit { key, number, kept_ns, .. } => {
                let commit = Commit { begun_ns, outcome, ended_ns, kept_ns: *kept_ns, seen: None };
                registers.entry(*key).or_default().commits.insert(*number, commit);
            }
            GroupAction::Fetch { key, found: Some(number) } => {
                registers.entry(*key).or_default().found.push((begun_ns, ended_ns, *number));
            }
            GroupAction::Fetch { key, found: None } => {
                registers.entry(*key).or_default().found_none.push((begun_ns, ended_ns));
            }
            GroupAction::Join(_)
            | GroupAction::Sync(_)
            | GroupAction::Heartbeat(_)
            | GroupAction::Leave(_)
            | GroupAction::Expelled(_) => {}
        }
    }
    let signs = recorded_signs_of_life(operations);
    registers.into_iter().flat_map(|(key, register)| register.judge(group, key, &signs)).collect()
}

/// Beginning and end of what showed that a group had members, where every coordinator knows that it had them: what a generation that
/// nobody has synced leaves behind may be an empty group, which counts from when it became that.
fn recorded_signs_of_life(operations: &[&GroupOperation]) -> Vec<(u64, u64)> {
    let mut recorded: BTreeMap<Generation, u64> = BTreeMap::new();
    for operation in operations {
        if let GroupAction::Sync(synced) = &operation.action {
            let first = recorded.entry(synced.membership.generation).or_insert(operation.ended_ns);
            *first = operation.ended_ns.min(*first);
        }
    }
    let is_recorded = |operation: &&&GroupOperation| {
        let is_join = matches!(operation.action, GroupAction::Join(_));
        let generation = operation.sign_of_life().filter(|_| !is_join).map(|membership| membership.generation);
        generation.and_then(|generation| recorded.get(&generation)).is_some_and(|first| *first <= operation.ended_ns)
    };
    let signs = operations.iter().filter(is_recorded);
    signs.map(|operation| (operation.begun_ns, operation.ended_ns)).collect()
}

impl Register {
    fn judge(mut self, group: Group, key: Key, signs: &[(u64, u64)]) -> Vec<GroupAnomaly> {
        let mut found = self.take_in_what_was_seen(group, key);
        found.extend(self.gone_back(group, key));
        found.extend(self.lost(group, key, signs));
        found.extend(self.back_from_the_dead(group, key));
        found
    }

    /// Notes for each commit when it was seen. Tells of what was seen and cannot have been committed.
    fn take_in_what_was_seen(&mut self, group: Group, key: Key) -> Vec<GroupAnomaly> {
        let mut uncommitted = Vec::new();
        for (begun_ns, ended_ns, number) in &self.found {
            let commit = self.commits.get_mut(number);
            match commit.filter(|commit| commit.outcome != Outcome::Fail && commit.begun_ns <= *ended_ns) {
                None => {
                    let (number, at_ns) = (*number, *ended_ns);
                    uncommitted.push(GroupAnomaly::UncommittedOffset { group, key, number, at_ns });
                }
                Some(commit) => {
                    let (first, last) = commit.seen.unwrap_or((*ended_ns, *begun_ns));
                    commit.seen = Some((first.min(*ended_ns), last.max(*begun_ns)));
                }
            }
        }
        uncommitted
    }

    /// Zones that overlap. Each stale number is told once.
    fn gone_back(&self, group: Group, key: Key) -> Vec<GroupAnomaly> {
        struct Zone {
            from_ns: u64,
            to_ns: u64,
            is_moment: bool,
            number: CommitNumber,
        }
        let zone = |(number, commit): (&CommitNumber, &Commit)| {
            let (written_ns, last_ns) = (commit.written_ns()?, commit.last_ns());
            let is_moment = written_ns >= last_ns;
            let (from_ns, to_ns) = (written_ns.min(last_ns), written_ns.max(last_ns));
            Some(Zone { from_ns, to_ns, is_moment, number: *number })
        };
        let mut zones: Vec<_> = self.commits.iter().filter_map(zone).collect();
        zones.sort_by_key(|zone| (zone.from_ns, zone.to_ns));
        let mut stale = BTreeMap::new();
        for (i, zone) in zones.iter().enumerate() {
            for other in zones[i + 1..].iter().take_while(|other| other.from_ns < zone.to_ns) {
                let is_inside = zone.from_ns < other.from_ns && other.to_ns < zone.to_ns;
                let overlap = match (zone.is_moment, other.is_moment) {
                    (false, false) => true,
                    (false, true) => is_inside,
                    // It begins before the other, so it is not inside.
                    (true, _) => false,
                };
                if overlap {
                    let (last, first) = if other.to_ns > zone.to_ns { (other, zone) } else { (zone, other) };
                    stale.entry(last.number).or_insert((first.number, last.to_ns));
                }
            }
        }
        let tell = |(stale, (newer, at_ns))| GroupAnomaly::OffsetWentBack { group, key, stale, newer, at_ns };
        stale.into_iter().map(tell).collect()
    }

    /// Fetches that found none, where what was there cannot have expired. Each lost number is told once.
    fn lost(&self, group: Group, key: Key, signs: &[(u64, u64)]) -> Vec<GroupAnomaly> {
        let mut told = BTreeSet::new();
        let mut lost = Vec::new();
        for (begun_ns, ended_ns) in &self.found_none {
            let written =
                self.commits.iter().filter(|(_, commit)| commit.written_ns().is_some_and(|at| at < *begun_ns));
            // Whatever was written last was so no earlier than this one began.
            let Some((number, last)) = written.max_by_key(|(_, commit)| commit.begun_ns) else { continue };
            // Any of those that may have come after it may have been the last, and have expired first.
            let may_be_last = self.commits.values().filter(|commit| commit.open_ns() >= last.begun_ns);
            let may_be_last = may_be_last.filter(|commit| commit.outcome != Outcome::Fail);
            let kept = may_be_last.map(|commit| commit.kept_ns).min().flatten();
            let is_kept = kept.is_some_and(|kept_ns| !has_gap(signs, last.begun_ns, *ended_ns, kept_ns));
            if is_kept && told.insert(*number) {
                lost.push(GroupAnomaly::LostCommit { group, key, number: *number, at_ns: *ended_ns });
            }
        }
        lost
    }

    /// Fetches that found what was surely written before another fetch found none. Each number is told once.
    fn back_from_the_dead(&self, group: Group, key: Key) -> Vec<GroupAnomaly> {
        let mut back = BTreeMap::new();
        for (begun_ns, ended_ns, number) in &self.found {
            let Some(written_ns) = self.commits.get(number).and_then(Commit::written_ns) else { continue };
            let was_gone = |(none_begun, none_ended): &(u64, u64)| written_ns < *none_begun && none_ended < begun_ns;
            if self.found_none.iter().any(was_gone) {
                back.entry(*number).or_insert(*ended_ns);
            }
        }
        let tell = |(number, at_ns)| GroupAnomaly::ExpiredOffsetBack { group, key, number, at_ns };
        back.into_iter().map(tell).collect()
    }
}

/// Whether nothing need have been heard of any member for `gap_ns`, at some time between the two. A sign may have come at any time from
/// its beginning to its end.
fn has_gap(signs: &[(u64, u64)], from_ns: u64, to_ns: u64, gap_ns: u64) -> bool {
    let mut heard_ns = from_ns;
    for (begun_ns, ended_ns) in signs.iter().filter(|(begun, ended)| *ended > from_ns && *begun < to_ns) {
        if ended_ns.min(&to_ns).saturating_sub(heard_ns) >= gap_ns {
            return true;
        }
        heard_ns = heard_ns.max(*begun_ns);
    }
    to_ns - heard_ns >= gap_ns
}
