//! Generations replace one another, and everybody in one is told the same of it.
//!
//! What a member was told with its SyncGroup was recorded first, so that every later coordinator knows it: from then on an older generation
//! is over for good, and so is the id that a static member had before. What a JoinGroup said may be forgotten by the next coordinator.

use std::collections::{BTreeMap, BTreeSet};

use super::anomaly::GroupAnomaly;
use super::event::{Generation, Group, GroupAction, GroupOperation, Joined, Member, Membership, Synced};
use crate::event::{Key, Outcome};

/// A SyncGroup that was answered.
#[derive(Debug)]
struct Sync<'h> {
    begun_ns: u64,
    ended_ns: u64,
    synced: &'h Synced,
}

/// Finds what no coordinator may show, in the operations of one group.
pub(super) fn find(group: Group, operations: &[&GroupOperation]) -> Vec<GroupAnomaly> {
    let syncs: Vec<_> = operations
        .iter()
        .filter_map(|operation| match &operation.action {
            GroupAction::Sync(synced) => {
                Some(Sync { begun_ns: operation.begun_ns, ended_ns: operation.ended_ns, synced })
            }
            GroupAction::Commit { .. }
            | GroupAction::Fetch { .. }
            | GroupAction::Join(_)
            | GroupAction::Heartbeat(_)
            | GroupAction::Leave(_)
            | GroupAction::Expelled(_) => None,
        })
        .collect();
    let mut found = disagreements(group, operations, &syncs);
    found.extend(two_owners(group, &syncs));
    found.extend(replaced(group, operations, &syncs));
    found.extend(expelled(group, operations));
    found
}

/// Members of one generation that were told different things. Each thing is told once of each generation.
fn disagreements(group: Group, operations: &[&GroupOperation], syncs: &[Sync<'_>]) -> Vec<GroupAnomaly> {
    let (mut found, mut told) = (Vec::new(), BTreeSet::new());
    let mut tell = |generation, of, member| {
        if told.insert((generation, of)) {
            found.push(GroupAnomaly::Disagreement { group, generation, of, member });
        }
    };
    let mut joins: BTreeMap<(u32, Generation), &Joined> = BTreeMap::new();
    for operation in operations {
        let GroupAction::Join(joined) = &operation.action else { continue };
        let Some(life) = joined.life else { continue };
        let Membership { member, generation } = joined.membership;
        let first = joins.entry((life, generation)).or_insert(joined);
        if !first.leader.has_place_of(joined.leader) {
            tell(generation, "leader", member);
        }
        if first.protocol != joined.protocol {
            tell(generation, "protocol", member);
        }
    }
    let mut assignments: BTreeMap<Generation, u64> = BTreeMap::new();
    for Sync { synced, .. } in syncs {
        let Membership { member, generation } = synced.membership;
        let Some(assignment) = synced.assignment else { continue };
        if *assignments.entry(generation).or_insert(assignment) != assignment {
            tell(generation, "assignment", member);
        }
    }
    found
}

/// Partitions that were given to two. Each pair of owners is told once.
fn two_owners(group: Group, syncs: &[Sync<'_>]) -> Vec<GroupAnomaly> {
    let mut owners: BTreeMap<(Generation, Key), Member> = BTreeMap::new();
    let mut told = BTreeSet::new();
    let mut found = Vec::new();
    for Sync { synced, .. } in syncs {
        let Membership { member, generation } = synced.membership;
        for key in &synced.keys {
            let owner = *owners.entry((generation, *key)).or_insert(member);
            if !owner.has_place_of(member) && told.insert((generation, owner, member)) {
                found.push(GroupAnomaly::TwoOwners { group, generation, key: *key, owners: [owner, member] });
            }
        }
    }
    found
}

/// Members that were heard in a generation, or under an id, that had been replaced. Each is told once.
fn replaced(group: Group, operations: &[&GroupOperation], syncs: &[Sync<'_>]) -> Vec<GroupAnomaly> {
    // When each member knew that it was one: what is later is of the same life of the group.
    let mut known: BTreeMap<(Member, Generation), u64> = BTreeMap::new();
    for operation in operations {
        if let GroupAction::Join(Joined { membership, .. }) | GroupAction::Sync(Synced { membership, .. }) =
            &operation.action
        {
            let at = known.entry((membership.member, membership.generation)).or_insert(operation.ended_ns);
            *at = operation.ended_ns.min(*at);
        }
    }
    let mut told = BTreeSet::new();
    let mut found = Vec::new();
    for operation in operations {
        let Some(membership) = operation.sign_of_life() else { continue };
        let Membership { member, generation } = membership;
        let Some(known_ns) = known.get(&(member, generation)) else { continue };
        let at_ns = operation.ended_ns;
        let since = syncs.iter().filter(|sync| sync.begun_ns > *known_ns && sync.ended_ns < operation.begun_ns);
        for Sync { synced, .. } in since {
            let other = synced.membership;
            // A join is no news of an old generation: it is about the one that it names.
            let is_stale = other.generation > generation && !matches!(operation.action, GroupAction::Join(_));
            let is_fenced = other.member != member && other.member.has_place_of(member);
            if (is_stale || is_fenced) && told.insert((member, generation)) {
                found.push(match is_fenced {
                    true => GroupAnomaly::FencedMember { group, member, successor: other.member, at_ns },
                    false => GroupAnomaly::StaleGeneration { group, membership, later: other.generation, at_ns },
                });
            }
        }
    }
    found
}

/// Members that were put out though they had been heard. Only one that has synced is judged: it is in every coordinator's records.
fn expelled(group: Group, operations: &[&GroupOperation]) -> Vec<GroupAnomaly> {
    let mut patience: BTreeMap<Member, u64> = BTreeMap::new();
    let mut heard: BTreeMap<Member, Vec<(u64, u64)>> = BTreeMap::new();
    let mut left: BTreeMap<Member, u64> = BTreeMap::new();
    let mut found = Vec::new();
    for operation in operations {
        match &operation.action {
            GroupAction::Leave(member) => {
                left.entry(*member).or_insert(operation.begun_ns);
            }
            GroupAction::Sync(synced) => {
                patience.insert(synced.membership.member, synced.patience_ns);
            }
            GroupAction::Commit { .. }
            | GroupAction::Fetch { .. }
            | GroupAction::Join(_)
            | GroupAction::Heartbeat(_)
            | GroupAction::Expelled(_) => {}
        }
        // The session of one that joins begins when the last has joined.
        if let Some(membership) = operation.sign_of_life().filter(|_| !matches!(operation.action, GroupAction::Join(_)))
        {
            heard.entry(membership.member).or_default().push((operation.begun_ns, operation.ended_ns));
        }
    }
    for operation in operations {
        let GroupAction::Expelled(member) = operation.action else { continue };
        let has_left = left.get(&member).is_some_and(|left_ns| *left_ns <= operation.ended_ns);
        let Some(patience_ns) = patience.get(&member).filter(|_| !has_left) else { continue };
        let signs = heard.get(&member).into_iter().flatten();
        let last = signs.filter(|(_, ended_ns)| *ended_ns <= operation.begun_ns).map(|(begun_ns, _)| *begun_ns).max();
        if last.is_some_and(|last_ns| operation.ended_ns - last_ns < *patience_ns) {
            found.push(GroupAnomaly::Expelled { group, member, at_ns: operation.ended_ns });
        }
    }
    debug_assert!(operations.iter().all(|operation| operation.outcome != Outcome::Invoke));
    found
}
