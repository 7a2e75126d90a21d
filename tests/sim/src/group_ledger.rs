//! [`GroupLedger`]: what became of groups and their offsets in a run, for the judge of groups.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use history::Outcome;
use history::groups::{CommitNumber, Group, GroupAction, GroupAnomaly, GroupHistory, GroupOperation, Member};
use parking_lot::Mutex;

use crate::journal::Journal;

/// What is added to a name to make a member id: a hyphen and a UUID.
const ID_SUFFIX_LEN: usize = 37;

/// What was committed beside an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) metadata: String,
    pub(crate) leader_epoch: i32,
}

/// The one writer of a run's group history. Clones share it.
#[derive(Clone)]
pub(crate) struct GroupLedger {
    journal: Journal,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    history: GroupHistory,
    groups: BTreeMap<String, Group>,
    instances: BTreeMap<String, u32>,
    members: BTreeMap<String, Member>,
    texts: BTreeMap<CommitNumber, Text>,
    /// Commits that have not ended, or never will: when each began.
    open: BTreeMap<CommitNumber, (Duration, Group, GroupAction)>,
    next_number: u64,
}

impl GroupLedger {
    pub(crate) fn new(journal: Journal) -> GroupLedger {
        GroupLedger { journal, state: Arc::default() }
    }

    /// The number of a group.
    pub(crate) fn group(&self, name: &str) -> Group {
        let mut state = self.state.lock();
        let next = Group(state.groups.len() as u32);
        *state.groups.entry(name.to_owned()).or_insert(next)
    }

    /// Makes the name of a static member known, before anybody uses it.
    pub(crate) fn add_instance(&self, instance_id: &str) {
        let mut state = self.state.lock();
        let next = state.instances.len() as u32;
        state.instances.entry(instance_id.to_owned()).or_insert(next);
    }

    /// The number of a member id. Coordinators make a static member's of its name.
    pub(crate) fn member(&self, member_id: &str) -> Member {
        let mut state = self.state.lock();
        let name = member_id.get(..member_id.len().saturating_sub(ID_SUFFIX_LEN));
        let instance = name.and_then(|name| state.instances.get(name)).copied();
        let next = Member { id: state.members.len() as u32, instance };
        *state.members.entry(member_id.to_owned()).or_insert(next)
    }

    /// A number that nothing else has.
    pub(crate) fn number(&self) -> u64 {
        let mut state = self.state.lock();
        state.next_number += 1;
        state.next_number
    }

    /// A commit that was never tried, with what is to be committed beside the offset.
    pub(crate) fn commit(&self, text: Text) -> CommitNumber {
        let number = CommitNumber(self.number());
        self.state.lock().texts.insert(number, text);
        number
    }

    /// What was committed beside an offset, if it is any of ours.
    pub(crate) fn text(&self, number: CommitNumber) -> Option<Text> {
        self.state.lock().texts.get(&number).cloned()
    }

    /// Writes down that a commit begins. One that nobody notes the end of may have been done.
    pub(crate) fn begin(&self, group: Group, number: CommitNumber, commit: GroupAction) {
        let begun = self.journal.elapsed();
        self.state.lock().open.insert(number, (begun, group, commit));
    }

    /// Writes down what `who` asked, since `begun`, and what came of it.
    pub(crate) fn note(&self, who: &str, group: Group, begun: Duration, outcome: Outcome, action: GroupAction) {
        let ended = self.journal.elapsed();
        self.journal.trace(format_args!("{who}, {group}: {action:?} {outcome:?} since {}", begun.as_micros()));
        let mut state = self.state.lock();
        if let GroupAction::Commit { number, .. } = &action {
            state.open.remove(number);
        }
        state.history.push(operation(group, begun, ended, outcome, action));
    }

    /// Everything that no coordinator may show. To be called when all clients have ended.
    pub(crate) fn judge(&self) -> Vec<GroupAnomaly> {
        let mut state = self.state.lock();
        let ended = self.journal.elapsed();
        for (begun, group, commit) in std::mem::take(&mut state.open).into_values() {
            state.history.push(operation(group, begun, ended, Outcome::Info, commit));
        }
        history::groups::check(&state.history)
    }

    /// How many commits were acknowledged, how many offsets were found, and how often a member learnt what it owns.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let state = self.state.lock();
        let count = |is_it: fn(&GroupAction) -> bool| {
            let ok = state.history.operations().iter().filter(|operation| operation.outcome == Outcome::Ok);
            ok.filter(|operation| is_it(&operation.action)).count()
        };
        (
            count(|action| matches!(action, GroupAction::Commit { .. })),
            count(|action| matches!(action, GroupAction::Fetch { found: Some(_), .. })),
            count(|action| matches!(action, GroupAction::Sync(_))),
        )
    }
}

fn operation(group: Group, begun: Duration, ended: Duration, outcome: Outcome, action: GroupAction) -> GroupOperation {
    let ns = |at: Duration| u64::try_from(at.as_nanos()).expect("runs take minutes");
    GroupOperation { group, begun_ns: ns(begun), ended_ns: ns(ended), outcome, action }
}

impl fmt::Debug for GroupLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupLedger")
    }
}
