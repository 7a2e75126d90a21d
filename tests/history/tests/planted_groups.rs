//! The judge of groups is judged: into the clean history of a right coordinator each anomaly is planted once, and the checker must report
//! that one and no other.

mod coordinated;

use coordinated::{GROUP, KEPT_NS, KEYS, PATIENCE_NS, Run};
use history::Outcome;
use history::groups::{Generation, GroupAction, GroupAnomaly, GroupOperation, check};
use proptest::prelude::*;

const SEEDS: std::ops::Range<u64> = 0..20;

/// Bends one run for each seed, lets it go on after, and demands that `name` is all that is found.
fn only_finds(name: &str, plant: impl Fn(&mut Run)) {
    for seed in SEEDS {
        let found = found_after(seed, &plant);
        let names: Vec<_> = found.iter().map(GroupAnomaly::name).collect();
        assert_eq!(names, [name], "seed {seed}: {found:#?}");
        assert!(found[0].to_string().starts_with(name));
    }
}

/// Does the same, and demands that nothing is found.
fn finds_nothing(plant: impl Fn(&mut Run)) {
    for seed in SEEDS {
        assert_eq!(found_after(seed, &plant), [], "seed {seed}");
    }
}

fn found_after(seed: u64, plant: impl Fn(&mut Run)) -> Vec<GroupAnomaly> {
    let mut run = Run::new(seed);
    plant(&mut run);
    run.go_on();
    check(&run.history)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_right_coordinator_is_clean(seed: u64) {
        prop_assert_eq!(found_after(seed, |_| {}), []);
    }
}

#[test]
fn finds_an_offset_that_nobody_committed() {
    only_finds("uncommitted-offset", |run| {
        let number = Some(run.number());
        run.perform(Outcome::Ok, GroupAction::Fetch { key: KEYS[0], found: number });
    });
}

#[test]
fn finds_an_offset_whose_commit_was_refused() {
    only_finds("uncommitted-offset", |run| {
        let number = Some(run.commit_in_vain(KEYS[0], Outcome::Fail));
        run.settle();
        run.perform(Outcome::Ok, GroupAction::Fetch { key: KEYS[0], found: number });
    });
}

#[test]
fn finds_an_offset_that_is_fetched_before_it_is_committed() {
    only_finds("uncommitted-offset", |run| {
        let number = run.number();
        run.perform(Outcome::Ok, GroupAction::Fetch { key: KEYS[0], found: Some(number) });
        run.settle();
        let by = Some(run.membership(run.members[0]));
        run.perform(Outcome::Ok, GroupAction::Commit { key: KEYS[0], number, by, kept_ns: Some(KEPT_NS) });
        run.put(KEYS[0], number);
    });
}

#[test]
fn finds_an_acknowledged_commit_that_is_forgotten() {
    only_finds("offset-went-back", |run| {
        let before = run.commit(KEYS[0], Outcome::Ok);
        run.settle();
        run.commit_in_vain(KEYS[0], Outcome::Ok);
        run.settle();
        assert_eq!(run.current(KEYS[0]), Some(before));
        run.fetch(KEYS[0]);
    });
}

#[test]
fn finds_an_unsure_commit_that_was_seen_and_is_forgotten() {
    only_finds("offset-went-back", |run| {
        let before = run.commit(KEYS[0], Outcome::Ok);
        run.settle();
        run.commit(KEYS[0], Outcome::Info);
        run.fetch(KEYS[0]);
        run.settle();
        run.put(KEYS[0], before);
        run.fetch(KEYS[0]);
    });
}

#[test]
fn an_unsure_commit_may_come_true_late_or_never() {
    finds_nothing(|run| {
        let late = run.commit_in_vain(KEYS[0], Outcome::Info);
        run.commit_in_vain(KEYS[1], Outcome::Info);
        run.settle();
        run.commit(KEYS[0], Outcome::Ok);
        run.settle();
        run.fetch(KEYS[0]);
        run.settle();
        run.put(KEYS[0], late);
        run.fetch(KEYS[0]);
        run.settle();
    });
}

#[test]
fn finds_the_first_commit_lost() {
    only_finds("lost-commit", |run| {
        run.expire();
        run.commit_in_vain(KEYS[0], Outcome::Ok);
        run.settle();
        run.fetch(KEYS[0]);
    });
}

#[test]
fn finds_an_offset_that_expires_while_members_are_heard() {
    only_finds("lost-commit", |run| {
        run.commit(KEYS[0], Outcome::Ok);
        let member = run.members[1];
        for _ in 0..5 {
            run.pass(KEPT_NS / 4);
            run.perform(Outcome::Ok, GroupAction::Heartbeat(run.membership(member)));
        }
        run.settle();
        run.forget(KEYS[0]);
        run.fetch(KEYS[0]);
    });
}

#[test]
fn finds_an_offset_that_expires_before_its_time() {
    only_finds("lost-commit", |run| {
        run.expire();
        run.commit_in_vain(KEYS[0], Outcome::Ok);
        run.pass(KEPT_NS / 2);
        run.fetch(KEYS[0]);
    });
}

#[test]
fn an_offset_that_nobody_promised_to_keep_may_be_gone() {
    finds_nothing(|run| {
        let number = run.number();
        run.expire();
        run.perform(Outcome::Ok, GroupAction::Commit { key: KEYS[0], number, by: None, kept_ns: None });
        run.settle();
        run.fetch(KEYS[0]);
    });
}

#[test]
fn finds_an_expired_offset_that_is_back() {
    only_finds("expired-offset-back", |run| {
        let number = run.commit(KEYS[0], Outcome::Ok);
        run.expire();
        run.put(KEYS[0], number);
        run.fetch(KEYS[0]);
        run.settle();
    });
}

#[test]
fn finds_a_commit_in_a_generation_that_is_over() {
    only_finds("stale-generation", |run| {
        let (gone, old) = (run.members[2], run.generation);
        let rest = [run.members[0], run.members[1]];
        run.settle();
        run.rebalance(&rest);
        run.settle();
        let (number, new) = (run.number(), run.generation);
        run.generation = old;
        let by = Some(run.membership(gone));
        run.perform(Outcome::Ok, GroupAction::Commit { key: KEYS[2], number, by, kept_ns: Some(KEPT_NS) });
        run.put(KEYS[2], number);
        run.generation = new;
        let next = [rest[0], rest[1], run.member(None)];
        run.rebalance(&next);
    });
}

#[test]
fn finds_a_static_member_that_is_heard_after_its_successor() {
    only_finds("fenced-member", |run| {
        let old = run.members[1];
        run.settle();
        let new = run.member(old.instance);
        run.members[1] = new;
        run.join(new, run.members[0], 0);
        run.sync(new, None, Vec::new());
        run.settle();
        run.perform(Outcome::Ok, GroupAction::Heartbeat(run.membership(old)));
        run.settle();
    });
}

#[test]
fn finds_two_leaders_of_one_generation() {
    only_finds("disagreement", |run| {
        run.join(run.members[2], run.members[2], 0);
        run.join(run.members[1], run.members[0], 0);
    });
}

#[test]
fn finds_two_protocols_in_one_generation() {
    only_finds("disagreement", |run| {
        run.join(run.members[2], run.members[0], 1);
        run.join(run.members[1], run.members[0], 0);
    });
}

#[test]
fn finds_two_assignments_of_one_generation() {
    only_finds("disagreement", |run| {
        let other = Some(u64::MAX);
        run.sync(run.members[0], other, Vec::new());
    });
}

#[test]
fn finds_two_owners_of_one_partition() {
    only_finds("two-owners", |run| run.sync(run.members[1], None, vec![KEYS[0]]));
}

#[test]
fn finds_a_member_that_is_put_out_though_it_was_heard() {
    only_finds("expelled", |run| {
        let member = run.members[0];
        run.perform(Outcome::Ok, GroupAction::Heartbeat(run.membership(member)));
        run.pass(PATIENCE_NS / 2);
        run.perform(Outcome::Ok, GroupAction::Expelled(member));
    });
}

#[test]
fn a_generation_that_nobody_has_synced_may_be_given_again_after_a_restart() {
    finds_nothing(|run| {
        run.generation = Generation(run.generation.0 + 1);
        run.join(run.members[1], run.members[1], 1);
        run.settle();
        run.generation = Generation(run.generation.0 - 1);
        run.restart();
        run.settle();
        let members = run.members.clone();
        run.rebalance(&members);
    });
}

#[test]
#[should_panic(expected = "an operation begins before it ends")]
fn an_operation_that_ends_before_it_begins_is_refused() {
    let mut run = Run::new(1);
    let action = GroupAction::Heartbeat(run.membership(run.members[0]));
    let (begun_ns, ended_ns) = (run.now_ns(), run.now_ns() - 1);
    run.history.push(GroupOperation { group: GROUP, begun_ns, ended_ns, outcome: Outcome::Ok, action });
}
