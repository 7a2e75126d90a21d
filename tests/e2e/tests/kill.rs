//! kill -9 under load, again and again: nothing that was acknowledged is lost, nothing is there twice, and the broker
//! is back at once.

use std::time::Duration;

use bytes::Bytes;
use e2e::{Load, keep};
use ottla_records::Compression;
use testkit::{Broker, proof, requests, wait};

const PARTITIONS: u32 = 4;

/// A kill counts only with a produce in flight, and with so many records acknowledged since the last.
const ACKNOWLEDGED_BETWEEN_KILLS: u64 = 1_000;

const SERVING_AGAIN: Duration = Duration::from_secs(1);

/// Kills where nobody proves anything.
const FEW_KILLS: u64 = 20;

/// The time from the start of the process until it has acknowledged a record, in the eyes of a client that never stops
/// asking.
fn time_to_serve(broker: &Broker, probe: &Bytes) -> Duration {
    wait::until("a record is acknowledged", || {
        let mut client = broker.client().ok()?;
        let produce = requests::produce("probe", 0, probe.clone(), -1);
        let response = client.call(requests::PRODUCE_VERSION, &produce).ok()?;
        (response.responses[0].partition_responses[0].error_code == 0).then_some(())
    });
    wait::now() - broker.started()
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_there_twice() {
    let mut broker = Broker::start_default().expect("the broker starts");
    let mut client = broker.client().expect("the broker listens");
    requests::make_topic(&mut client, "history", PARTITIONS as i32, &[]);
    requests::make_topic(&mut client, "probe", 1, &[]);
    let probe = requests::batch(Compression::None, [b"probe".as_slice()]);
    let load = Load::new(broker.bootstrap(), "history".into(), PARTITIONS);

    let mut outages = Vec::new();
    std::thread::scope(|scope| {
        let workers = load.start(scope);
        for _ in proof::cases(FEW_KILLS) {
            let enough = load.acknowledged() + ACKNOWLEDGED_BETWEEN_KILLS;
            wait::until("enough is acknowledged and something is in flight", || {
                (load.acknowledged() >= enough && load.in_flight() > 0).then_some(())
            });
            load.recorder().fault("kill -9");
            broker.kill().expect("it ran until it was killed");
            broker.spawn().expect("it starts again");
            outages.push(time_to_serve(&broker, &probe));
        }
        load.stop(workers);
    });

    let history = load.drain();
    let report = history::check(&history);
    outages.sort_unstable();
    let (median, worst) = (outages[outages.len() / 2], outages[outages.len() - 1]);
    println!("proved: kills {}", outages.len());
    println!("{} kills; serving again after {median:?} (median), {worst:?} (worst)\n{report}", outages.len());
    if !report.is_clean() {
        panic!("kept as {:?}\n{report}", keep(&history, "kill"));
    }
    // On a machine that does other things at the same time, a single slow start says nothing.
    let judged = if proof::is_proving() { worst } else { median };
    assert!(judged < SERVING_AGAIN, "serving again after {median:?} (median), {worst:?} (worst)");
}
