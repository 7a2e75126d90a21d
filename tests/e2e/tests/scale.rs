//! Many groups: what a broker takes for a thousand of them that commit once a second, and how soon it has their offsets again.
//! Figures are printed, and asserted where they are to be proved: `--nocapture` shows them.

#[path = "scale/member.rs"]
mod member;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use member::Member;
use testkit::{Broker, Launcher, ProcessFigures, proof, requests, wait};

const TOPIC: &str = "many";
const MEMBERS: usize = 5;
const SECOND: Duration = Duration::from_secs(1);

const OFFSETS: i32 = 100_000;
const OFFSETS_PER_GROUP: i32 = 100;
const START_WITH_OFFSETS: Duration = Duration::from_secs(2);

/// Held by each test: what measures must not run beside others.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Groups, and for how many seconds they commit.
fn size() -> (usize, u32) {
    if proof::is_proving() { (1_000, 30) } else { (50, 3) }
}

fn broker_with_topic(partitions: i32) -> Broker {
    let broker = Launcher::default().start().expect("the broker starts");
    let mut client = broker.client().expect("the broker listens");
    requests::make_topic(&mut client, TOPIC, partitions, &[]);
    broker
}

/// Groups of five, stable, each member with a connection of its own.
fn groups(broker: &Broker, count: usize) -> Vec<Vec<Member>> {
    member::find_coordinator(&mut broker.client().expect("the broker listens"), "group-0");
    let member = |group: &str, partition: usize| {
        let client = broker.client().expect("the broker listens");
        Member::new(client, group, i32::try_from(partition).expect("a few partitions"))
    };
    let group = |number: usize| {
        let name = format!("group-{number}");
        (0..MEMBERS).map(|partition| member(&name, partition)).collect()
    };
    let mut groups: Vec<Vec<Member>> = (0..count).map(group).collect();
    member::settle(&mut groups);
    groups
}

#[test]
fn groups_of_five_commit_once_a_second() {
    let _alone = alone();
    let (count, seconds) = size();
    let broker = broker_with_topic(i32::try_from(MEMBERS).expect("a few"));
    let before = ProcessFigures::of(broker.pid()).expect("the broker runs");
    let mut groups = groups(&broker, count);
    let joined = ProcessFigures::of(broker.pid()).expect("the broker runs");
    let began_at = wait::now();
    let mut slowest = Duration::ZERO;
    for second in 1..=seconds {
        let round_began_at = wait::now();
        let mut members: Vec<&mut Member> = groups.iter_mut().flatten().collect();
        members.iter_mut().for_each(|member| member.begin_commit(TOPIC, second.into()));
        members.iter_mut().for_each(|member| member.end_commit());
        slowest = slowest.max(wait::now() - round_began_at);
        let next = began_at + SECOND * second;
        wait::observe(next.saturating_duration_since(wait::now()), || None::<()>);
    }
    let took = wait::now() - began_at;
    let after = ProcessFigures::of(broker.pid()).expect("the broker runs");
    let commits = count * MEMBERS * seconds as usize;
    let cpu = after.cpu_time - joined.cpu_time;
    println!(
        "{count} groups of {MEMBERS}: {commits} commits in {took:?}, {:.1} % of a core, {:.1} µs a commit, slowest round {slowest:?}",
        100.0 * cpu.as_secs_f64() / took.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / commits as f64,
    );
    println!(
        "memory: {} before, {} with members, {} after",
        before.anonymous_bytes, joined.anonymous_bytes, after.anonymous_bytes
    );
    for member in groups.iter_mut().flatten() {
        assert_eq!(member.committed(TOPIC), i64::from(seconds), "what was committed last is there");
    }
    assert!(!proof::is_proving() || slowest < SECOND, "a round of commits took {slowest:?}");
}

#[test]
fn a_start_with_many_committed_offsets_serves_them_soon() {
    let _alone = alone();
    let mut broker = broker_with_topic(OFFSETS_PER_GROUP);
    let mut client = broker.client().expect("the broker listens");
    member::find_coordinator(&mut client, "group-0");
    let groups: Vec<String> = (0..OFFSETS / OFFSETS_PER_GROUP).map(|number| format!("group-{number}")).collect();
    for group in &groups {
        member::commit_everywhere(&mut client, group, TOPIC, OFFSETS_PER_GROUP, 7);
    }
    for how in ["after SIGTERM", "after kill -9"] {
        match how {
            "after SIGTERM" => broker.stop().expect("it stops"),
            _ => broker.kill().expect("it ran until it was killed"),
        }
        broker.spawn().expect("it starts again");
        let mut client = wait::until("the broker listens", || broker.client().ok());
        for group in &groups {
            let fetched = || member::fetch_everywhere(&mut client, group, TOPIC, OFFSETS_PER_GROUP);
            let offsets = wait::until("the group is loaded", fetched);
            assert!(offsets.iter().all(|offset| *offset == 7), "{group}: {offsets:?}");
        }
        let took = wait::now() - broker.started();
        println!("exec to {OFFSETS} committed offsets read back, {how}: {took:?} (limit {START_WITH_OFFSETS:?})");
        assert!(!proof::is_proving() || took < START_WITH_OFFSETS, "{how}: {took:?}");
    }
}
