//! kill -9 under load, again and again: nothing that was acknowledged is lost, be it a record or a committed offset,
//! nothing is there twice, the broker is back at once, and groups go on where they were.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use e2e::{GroupFault, Load, Party, Recorded, SESSION_TIMEOUT_MS, keep};
use ottla_records::Compression;
use testkit::{Broker, proof, requests, wait};

const PARTITIONS: u32 = 4;

/// A kill counts only with a produce in flight, and with so much acknowledged since the last: records to the producers
/// of each library, and commits to each member of a group.
const RECORDS_BETWEEN_KILLS: u64 = 500;
const COMMITS_BETWEEN_KILLS: u64 = 10;

const SERVING_AGAIN: Duration = Duration::from_secs(1);
const SESSION_TIMEOUT: Duration = Duration::from_millis(SESSION_TIMEOUT_MS as u64);

/// Kills where nobody proves anything.
const FEW_KILLS: u64 = 20;

/// What kills have cost.
#[derive(Debug, Default)]
struct Outages {
    /// From the start of the process until it has acknowledged a record.
    serving: Vec<Duration>,
    /// From the same until every member of a group has committed anew.
    going_on: Vec<Duration>,
    /// When the processes were started again, by the recorder's clock.
    restarts_ns: Vec<u64>,
}

/// A broker with the topics of the tests, and the load for it.
fn under_load() -> (Broker, Load) {
    let broker = Broker::start_default().expect("the broker starts");
    let mut client = broker.client().expect("the broker listens");
    requests::make_topic(&mut client, "history", PARTITIONS as i32, &[]);
    requests::make_topic(&mut client, "probe", 1, &[]);
    let load = Load::new(broker.bootstrap(), "history".into(), PARTITIONS).with_java_and_groups();
    (broker, load)
}

/// Returns once everybody has done enough since it was called, and something is in flight.
fn wait_for_work(load: &Load) {
    let producers = load.producers().map(|party| (party, RECORDS_BETWEEN_KILLS));
    let members = load.members().map(|party| (party, COMMITS_BETWEEN_KILLS));
    let due: Vec<(&Party, u64)> =
        producers.chain(members).map(|(party, count)| (party, party.done() + count)).collect();
    for (party, enough) in due {
        wait::until(&format!("{party}: enough is acknowledged"), || (party.done() >= enough).then_some(()));
    }
    wait::until("something is in flight", || (load.in_flight() > 0).then_some(()));
}

/// Returns once the broker has acknowledged a record, in the eyes of a client that never stops asking.
fn wait_until_it_serves(broker: &Broker, probe: &Bytes) {
    wait::until("a record is acknowledged", || {
        let mut client = broker.client().ok()?;
        let produce = requests::produce("probe", 0, probe.clone(), -1);
        let response = client.call(requests::PRODUCE_VERSION, &produce).ok()?;
        (response.responses[0].partition_responses[0].error_code == 0).then_some(())
    });
}

/// Returns once every member of a group has begun a commit since `since_ns` that was acknowledged.
fn wait_until_groups_go_on(load: &Load, since_ns: u64) {
    for party in load.members() {
        wait::until(&format!("{party} goes on"), || (party.last_begun_ns() > since_ns).then_some(()));
    }
}

/// Kills the broker, has `meanwhile` do something, and starts it again.
fn kill(broker: &mut Broker, load: &Load, probe: &Bytes, outages: &mut Outages, meanwhile: impl FnOnce(&Path)) {
    wait_for_work(load);
    load.recorder().fault("kill -9");
    broker.kill().expect("it ran until it was killed");
    meanwhile(broker.data_dir());
    let restart_ns = load.recorder().now_ns();
    broker.spawn().expect("it starts again");
    wait_until_it_serves(broker, probe);
    outages.serving.push(wait::now() - broker.started());
    wait_until_groups_go_on(load, restart_ns);
    outages.going_on.push(wait::now() - broker.started());
    outages.restarts_ns.push(restart_ns);
}

/// The median and the worst.
fn summary(outages: &mut [Duration]) -> (Duration, Duration) {
    outages.sort_unstable();
    (outages[outages.len() / 2], outages[outages.len() - 1])
}

/// Prints what was recorded, and panics where a broker has shown what none may.
fn judge(recorded: &Recorded, restarts_ns: &[u64]) {
    let (report, faults) = (history::check(&recorded.history), recorded.group_faults());
    let (acknowledged, kept) = (recorded.groups.acknowledged(), recorded.groups.found_across(restarts_ns));
    println!("{report}");
    println!(
        "{acknowledged} commits acknowledged; {kept} offsets whose last acknowledged commit was found after a kill, before another was"
    );
    if !report.is_clean() || !faults.is_empty() {
        let first: Vec<_> = faults.iter().take(20).map(GroupFault::to_string).collect();
        let path = keep(&recorded.history, "kill");
        panic!("kept as {path:?}\n{report}\n{} faults of groups\n{}", faults.len(), first.join("\n"));
    }
    assert!(kept >= restarts_ns.len(), "members were faster than the onlooker: {kept} looks in time");
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_there_twice() {
    let (mut broker, load) = under_load();
    let probe = requests::batch(Compression::None, [b"probe".as_slice()]);
    let mut outages = Outages::default();
    std::thread::scope(|scope| {
        let workers = load.start(scope);
        for _ in proof::cases(FEW_KILLS) {
            kill(&mut broker, &load, &probe, &mut outages, |_| {});
        }
        load.stop(workers);
    });
    let recorded = load.drain();

    println!("proved: kills with groups {}", outages.serving.len());
    let (median, worst) = summary(&mut outages.serving);
    println!("{} kills; serving again after {median:?} (median), {worst:?} (worst)", outages.serving.len());
    let (group_median, group_worst) = summary(&mut outages.going_on);
    println!("groups go on after {group_median:?} (median), {group_worst:?} (worst)");
    judge(&recorded, &outages.restarts_ns);
    assert!(group_worst < SESSION_TIMEOUT, "groups go on after {group_worst:?} (worst)");
    // On a machine that does other things at the same time, a single slow start says nothing.
    let judged = if proof::is_proving() { worst } else { median };
    assert!(judged < SERVING_AGAIN, "serving again after {median:?} (median), {worst:?} (worst)");
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("--archive").arg("--no-target-directory").arg(from).arg(to).status();
    assert!(copied.expect("cp runs").success(), "copy {} to {}", from.display(), to.display());
}

#[test]
fn a_disk_that_goes_back_in_time_is_found() {
    let (mut broker, load) = under_load();
    let probe = requests::batch(Compression::None, [b"probe".as_slice()]);
    let aside = tempfile::tempdir().expect("a folder");
    let (before, after) = (aside.path().join("before"), aside.path().join("after"));
    let mut outages = Outages::default();
    std::thread::scope(|scope| {
        let workers = load.start(scope);
        kill(&mut broker, &load, &probe, &mut outages, |data| copy(data, &before));
        kill(&mut broker, &load, &probe, &mut outages, |data| {
            move_folder(data, &after);
            move_folder(&before, data);
        });
        load.stop(workers);
    });
    let recorded = load.drain();

    let report = history::check(&recorded.history);
    let lost =
        report.anomalies.iter().filter(|anomaly| matches!(anomaly.name(), "lost-write" | "inconsistent-offsets"));
    assert!(lost.count() > 0, "no record is found to be lost\n{report}");
    let faults = recorded.group_faults();
    for name in ["went-back", "offset-went-back"] {
        assert!(faults.iter().any(|fault| fault.name() == name), "no {name} is found: {faults:#?}");
    }
}

#[expect(clippy::disallowed_methods, reason = "changes what the process under test left, outside of any simulation")]
fn move_folder(from: &Path, to: &Path) {
    std::fs::rename(from, to).expect("move a folder");
}
