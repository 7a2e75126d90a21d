//! Start and rest: how long until a record is acknowledged, with nothing there and with a thousand partitions, and what
//! a broker takes that has nothing to do. Figures are printed, and asserted where they are to be proved: `--nocapture`
//! shows them.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use ottla_base::Offset;
use ottla_records::Compression;
use testkit::{Broker, Client, Launcher, ProcessFigures, proof, requests, wait};

const FIRST_RECORD: Duration = Duration::from_millis(150);
const STARTS: usize = 5;

const ANONYMOUS_BYTES: u64 = 40_000_000;
const WAKE_UPS_PER_SECOND: f64 = 5.0;
const SETTLING: Duration = Duration::from_secs(3);
const REST: Duration = Duration::from_secs(10);

const PARTITIONS: i32 = 1_000;
const PARTITION_BYTES: usize = 1_000_000;
const CLEAN_RESTART: Duration = Duration::from_secs(2);
const UNCLEAN_RESTART: Duration = Duration::from_secs(5);
const FEW_FILES: u32 = 1_024;

/// Requests of one connection that wait for their answers.
const IN_FLIGHT: usize = 16;

/// Held by each test: what measures must not run beside others.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn print_or_assert(what: &str, took: Duration, limit: Duration) {
    println!("{what}: {took:?} (limit {limit:?})");
    assert!(!proof::is_proving() || took < limit, "{what}: {took:?}");
}

/// Asks until `broker` has acknowledged a record in a topic that it has to make first.
fn time_to_first_record(broker: &Broker) -> Duration {
    let record = requests::batch(Compression::None, [b"first".as_slice()]);
    let mut client = wait::until("the broker listens", || broker.client().ok());
    requests::make_topic(&mut client, "first", 1, &[]);
    wait::until("a record is acknowledged", || write(&mut client, "first", 0, record.clone()));
    wait::now() - broker.started()
}

/// Writes with acks=all; nothing where it was refused.
fn write(client: &mut Client, topic: &str, partition: i32, records: Bytes) -> Option<()> {
    let response = client.call(requests::PRODUCE_VERSION, &requests::produce(topic, partition, records, -1)).ok()?;
    (response.responses[0].partition_responses[0].error_code == 0).then_some(())
}

/// Writes `records` to each partition, many at a time, and demands that each is acknowledged.
fn write_to_each(client: &mut Client, records: &Bytes) {
    let mut unanswered = 0;
    let mut answers = 0;
    for partition in 0..PARTITIONS {
        let request = requests::produce("many", partition, records.clone(), -1);
        client.send(requests::PRODUCE_VERSION, &request).expect("the broker takes it");
        unanswered += 1;
        while unanswered == IN_FLIGHT || (unanswered > 0 && partition == PARTITIONS - 1) {
            let response = client.receive::<ottla_protocol::messages::ProduceRequest>(requests::PRODUCE_VERSION);
            let response = response.expect("Produce is answered");
            assert_eq!(response.responses[0].partition_responses[0].error_code, 0, "{response:?}");
            unanswered -= 1;
            answers += 1;
        }
    }
    assert_eq!(answers, PARTITIONS);
}

/// The time from the start of the process until all partitions have leaders and the last has acknowledged a record.
fn time_to_serve_all(broker: &Broker) -> Duration {
    let record = requests::batch(Compression::None, [b"again".as_slice()]);
    let mut client = wait::until("the broker listens", || broker.client().ok());
    requests::wait_for_leaders(&mut client, "many", PARTITIONS);
    wait::until("a record is acknowledged", || write(&mut client, "many", PARTITIONS - 1, record.clone()));
    wait::now() - broker.started()
}

/// Demands that every partition can be read from its start.
fn read_from_each(client: &mut Client) {
    for partition in 0..PARTITIONS {
        let request = requests::fetch("many", partition, Offset::ZERO, 1, 0);
        let response = client.call(requests::FETCH_VERSION, &request).expect("Fetch is answered");
        let read = &response.responses[0].partitions[0];
        assert_eq!(read.error_code, 0, "partition {partition}");
        let records = read.records.as_ref().expect("records");
        assert!(records.len() > PARTITION_BYTES, "partition {partition}: {} bytes", records.len());
    }
}

/// Writes to all partitions without end, until the broker is gone.
fn write_without_end(mut client: Client, records: &Bytes) {
    let mut partition = 0;
    while write(&mut client, "many", partition, records.clone()).is_some() {
        partition = (partition + 1) % PARTITIONS;
    }
}

/// Kills the broker with eight clients writing, when they have had a second's worth of acknowledgements.
fn kill_under_load(broker: &mut Broker) {
    let records = requests::batch(Compression::None, [vec![7; 10_000].as_slice()]);
    let clients: Vec<Client> = (0..8).map(|_| broker.client().expect("the broker listens")).collect();
    std::thread::scope(|scope| {
        for client in clients {
            scope.spawn(|| write_without_end(client, &records));
        }
        let mut watcher = broker.client().expect("the broker listens");
        let written = |client: &mut Client| -> i64 {
            let request = requests::list_offsets("many", 0, -1);
            let response = client.call(requests::LIST_OFFSETS_VERSION, &request).expect("ListOffsets is answered");
            response.topics[0].partitions[0].offset
        };
        let before = written(&mut watcher);
        wait::until("each client has been everywhere", || (written(&mut watcher) >= before + 8).then_some(()));
        broker.kill().expect("it ran until it was killed");
    });
}

fn launcher(data_dir: &Path) -> Launcher {
    Launcher::default().data_dir(data_dir)
}

#[test]
fn a_record_is_acknowledged_at_once_in_an_empty_folder() {
    let _alone = alone();
    let mut times: Vec<_> = (0..STARTS)
        .map(|_| {
            let broker = Launcher::default().spawn().expect("the process starts");
            time_to_first_record(&broker)
        })
        .collect();
    times.sort_unstable();
    print_or_assert("exec to the first acknowledged record, median", times[STARTS / 2], FIRST_RECORD);
}

#[test]
fn a_broker_at_rest_takes_little() {
    let _alone = alone();
    let broker = Broker::start_default().expect("the broker starts");
    time_to_first_record(&broker);
    let figures = || ProcessFigures::of(broker.pid()).expect("the broker runs");
    wait::observe(SETTLING, || None::<()>);
    let before = figures();
    wait::observe(REST, || None::<()>);
    let after = figures();
    let wake_ups_per_second = (after.wake_ups - before.wake_ups) as f64 / REST.as_secs_f64();
    println!("at rest: {after:?}, {wake_ups_per_second} wake-ups a second");
    if proof::is_proving() {
        assert!(after.anonymous_bytes < ANONYMOUS_BYTES, "{after:?}");
        assert!(wake_ups_per_second <= WAKE_UPS_PER_SECOND, "{wake_ups_per_second}");
    }
}

#[test]
fn a_thousand_partitions_are_back_soon() {
    let _alone = alone();
    let data = tempfile::tempdir().expect("a folder for the data");
    let mut broker = launcher(data.path()).start().expect("the broker starts");
    let mut client = broker.client().expect("the broker listens");
    requests::make_topic(&mut client, "many", PARTITIONS, &[("retention.ms", "-1")]);
    write_to_each(&mut client, &requests::batch(Compression::None, [vec![7; PARTITION_BYTES].as_slice()]));

    broker.stop().expect("it stops when it is told to");
    broker.spawn().expect("it starts again");
    print_or_assert("a thousand partitions, clean restart", time_to_serve_all(&broker), CLEAN_RESTART);

    kill_under_load(&mut broker);
    broker.spawn().expect("it starts again");
    print_or_assert("a thousand partitions, after kill -9 under load", time_to_serve_all(&broker), UNCLEAN_RESTART);
    kill_under_load(&mut broker);
    drop(broker);

    let few_files = launcher(data.path()).open_files_max(FEW_FILES);
    let mut broker = few_files.spawn().expect("the process starts");
    let took = time_to_serve_all(&broker);
    print_or_assert("the same with 1024 descriptors", took, UNCLEAN_RESTART);
    let mut client = broker.client().expect("the broker listens");
    write_to_each(&mut client, &requests::batch(Compression::None, [b"small".as_slice()]));
    read_from_each(&mut client);
    println!("with a thousand partitions in use: {:?}", ProcessFigures::of(broker.pid()).expect("the broker runs"));
    assert!(broker.is_running());
}
