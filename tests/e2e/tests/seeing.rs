//! What operators see of a node: `/metrics` and `/healthz`, held against what was done to it.

use std::collections::BTreeMap;

use bytes::Bytes;
use ottla_base::Offset;
use ottla_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use ottla_protocol::messages::{FindCoordinatorRequest, GroupId, OffsetCommitRequest, StrBytes};
use ottla_records::Compression;
use testkit::{Broker, Client, Launcher, Page, requests, wait};

const TOPIC: &str = "seen";
const GROUP: &str = "watchers";

fn start() -> Broker {
    Launcher::default().admin().and_then(Launcher::start).expect("the broker starts")
}

/// Every sample of `/metrics`: its name with its labels, and its value.
fn scrape(broker: &Broker) -> BTreeMap<String, f64> {
    let page = Page::get(broker.admin_address(), "/metrics").expect("an answer");
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.head.contains("text/plain; version=0.0.4"), "{}", page.head);
    let samples = page.body.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("a number: {line}")))
    });
    samples.collect()
}

fn batch(records: usize) -> Bytes {
    requests::batch(Compression::None, vec![b"a record".as_slice(); records])
}

fn write(client: &mut Client, partition: i32, records: Bytes, acks: i16) {
    let request = requests::produce(TOPIC, partition, records, acks);
    let response = client.call(requests::PRODUCE_VERSION, &request).expect("Produce is answered");
    assert_eq!(response.responses[0].partition_responses[0].error_code, 0);
}

/// How many bytes a Fetch gives.
fn read(client: &mut Client, partition: i32) -> usize {
    let request = requests::fetch(TOPIC, partition, Offset::ZERO, 1 << 20, 0);
    let response = client.call(requests::FETCH_VERSION, &request).expect("Fetch is answered");
    let records = response.responses[0].partitions[0].records.as_ref();
    records.map_or(0, Bytes::len)
}

/// Commits an offset as a consumer without a group's membership does.
fn commit(client: &mut Client, partition: i32, offset: i64) {
    let find = FindCoordinatorRequest::default().with_key(StrBytes::from_static_str(GROUP));
    wait::until("the group has a coordinator", || {
        let found = client.call(2, &find).expect("FindCoordinator is answered");
        (found.error_code == 0).then_some(())
    });
    let partition =
        OffsetCommitRequestPartition::default().with_partition_index(partition).with_committed_offset(offset);
    let topic =
        OffsetCommitRequestTopic::default().with_name(requests::topic_name(TOPIC)).with_partitions(vec![partition]);
    let group_id = GroupId(StrBytes::from_static_str(GROUP));
    let request = OffsetCommitRequest::default().with_group_id(group_id).with_topics(vec![topic]);
    wait::until("the offset is committed", || {
        let committed = client.call(7, &request).expect("OffsetCommit is answered");
        (committed.topics[0].partitions[0].error_code == 0).then_some(())
    });
}

#[test]
fn what_was_done_is_what_is_counted() {
    let broker = start();
    let mut client = broker.client().expect("the broker listens");
    requests::make_topic(&mut client, TOPIC, 2, &[]);
    for _ in 0..3 {
        write(&mut client, 0, batch(10), -1);
    }
    write(&mut client, 1, batch(5), 1);
    let written = 3 * batch(10).len() + batch(5).len();
    let taken = read(&mut client, 0);
    assert_eq!(taken, 3 * batch(10).len());

    let seen =
        wait::until("all is durable", || Some(scrape(&broker)).filter(|seen| seen["ottla_records_not_durable"] == 0.0));
    let check = |name: &str, value: f64| assert_eq!(seen.get(name), Some(&value), "{name}");
    for (of_all, of_topic, value) in [
        ("ottla_appended_records_total", "ottla_topic_appended_records_total", 35.0),
        ("ottla_appended_bytes_total", "ottla_topic_appended_bytes_total", written as f64),
        ("ottla_fetched_records_total", "ottla_topic_fetched_records_total", 30.0),
        ("ottla_fetched_bytes_total", "ottla_topic_fetched_bytes_total", taken as f64),
        ("ottla_log_size_bytes", "ottla_topic_log_size_bytes", written as f64),
    ] {
        check(of_all, value);
        check(&format!("{of_topic}{{topic=\"{TOPIC}\"}}"), value);
    }
    check("ottla_partitions{state=\"led\"}", 2.0);
    check("ottla_partitions{state=\"offline\"}", 0.0);
    check("ottla_request_duration_seconds_count{api=\"Produce\"}", 4.0);
    check("ottla_request_duration_seconds_bucket{api=\"Produce\",le=\"+Inf\"}", 4.0);
    check("ottla_request_duration_seconds_count{api=\"Fetch\"}", 1.0);
    check("ottla_request_memory_held_bytes", 0.0);
    check("ottla_request_memory_limit_bytes", 134_217_728.0);
    check(&format!("ottla_log_directory_online{{directory=\"{}\"}}", broker.data_dir().display()), 1.0);

    let syncs = format!("ottla_log_sync_duration_seconds_count{{directory=\"{}\"}}", broker.data_dir().display());
    assert!(seen[&syncs] >= 3.0, "each acks=all of one client waits for a sync of its own: {}", seen[&syncs]);
    assert!(seen["ottla_network_received_bytes_total"] > written as f64);
    assert!(seen["ottla_network_sent_bytes_total"] > taken as f64);
    assert!(seen["ottla_connections"] >= 1.0);
    assert!(seen["process_resident_memory_bytes"] > 1e6);
}

#[test]
fn a_deleted_topics_records_stay_in_the_totals() {
    let broker = start();
    let mut client = broker.client().expect("the broker listens");
    requests::make_topic(&mut client, TOPIC, 1, &[]);
    write(&mut client, 0, batch(7), -1);
    let response = client.call(requests::DELETE_TOPICS_VERSION, &requests::delete_topic(TOPIC)).expect("an answer");
    assert_eq!(response.responses[0].error_code, 0);
    let seen = wait::until("the topic is gone", || {
        Some(scrape(&broker)).filter(|seen| !seen.keys().any(|name| name.contains("{topic=")))
    });
    assert_eq!(seen["ottla_appended_records_total"], 7.0);
    assert_eq!(seen["ottla_log_size_bytes"], 0.0);
}

#[test]
fn a_groups_lag_is_what_follows_its_committed_offset() {
    let broker = start();
    let mut client = broker.client().expect("the broker listens");
    requests::make_topic(&mut client, TOPIC, 2, &[]);
    write(&mut client, 0, batch(10), -1);
    write(&mut client, 1, batch(5), -1);
    commit(&mut client, 0, 4);

    let seen = scrape(&broker);
    assert_eq!(seen["ottla_groups{state=\"Empty\"}"], 1.0);
    assert_eq!(seen["ottla_groups{state=\"Stable\"}"], 0.0);
    let lag = format!("ottla_group_lag_records{{group=\"{GROUP}\",topic=\"{TOPIC}\"}}");
    assert_eq!(seen[&lag], 6.0, "nothing was committed in the other partition");
    commit(&mut client, 0, 10);
    assert_eq!(scrape(&broker)[&lag], 0.0);
}

#[test]
fn connections_are_counted_by_what_ends_them() {
    let broker = start();
    let mut hostile = broker.client().expect("the broker listens");
    hostile.send_bytes(&[0xff; 8]).expect("it is sent");
    hostile.read_reply().expect("the broker closes");
    wait::until("it is counted", || {
        (scrape(&broker)["ottla_connections_ended_total{cause=\"frame\"}"] == 1.0).then_some(())
    });
}

#[test]
fn health_is_a_page_and_other_paths_are_none() {
    let mut broker = start();
    let page = Page::get(broker.admin_address(), "/healthz").expect("an answer");
    assert_eq!(page.status, 200);
    assert!(page.head.to_ascii_lowercase().contains("content-type: application/json"), "{}", page.head);
    assert!(page.body.starts_with(r#"{"status":"healthy","node_id":1,"cluster_id":""#), "{}", page.body);

    let status = |method: &str, path: &str| Page::ask(broker.admin_address(), method, path).expect("an answer").status;
    assert_eq!(status("GET", "/"), 404);
    assert_eq!(status("GET", "/metrics/more"), 404);
    assert_eq!(status("POST", "/healthz"), 405);
    assert_eq!(status("HEAD", "/metrics"), 200);
    let address = broker.admin_address();
    broker.stop().expect("it stops");
    assert!(Page::get(address, "/healthz").is_err(), "nobody listens");
}

#[test]
fn a_node_that_stops_says_so_while_clients_are_still_answered() {
    let mut broker = start();
    let address = broker.admin_address();
    let mut client = broker.client().expect("the broker listens");
    requests::make_topic(&mut client, TOPIC, 1, &[]);
    let received = || scrape(&broker)["ottla_network_received_bytes_total"];
    let before = received();
    let parked = requests::fetch(TOPIC, 0, Offset::ZERO, 1 << 20, 60_000);
    client.send(requests::FETCH_VERSION, &parked).expect("it is sent");
    wait::until("the Fetch has arrived", || (received() > before).then_some(()));

    std::thread::scope(|scope| {
        let stopped = scope.spawn(|| broker.stop());
        let page = wait::until("it is told", || Page::get(address, "/healthz").ok().filter(|page| page.status != 200));
        assert_eq!(page.status, 503);
        assert_eq!(page.body, "{\"status\":\"unhealthy\",\"reason\":\"the node is stopping\"}\n");
        stopped.join().expect("no panic").expect("it stops in time");
    });
}

#[test]
fn an_admin_port_that_is_taken_names_who_has_it() {
    let holder = start();
    let listeners = format!("http://{}", holder.admin_address());
    let mut refused = Launcher::default().setting("admin.listeners", &listeners).spawn().expect("it runs");
    wait::until("it gives up", || (!refused.is_running()).then_some(()));
    let expected = format!(
        "ottla: {} is taken by process {} (ottla): stop it, or set other listeners (admin.listeners={listeners})",
        holder.admin_address(),
        holder.pid()
    );
    assert!(refused.stderr().contains(&expected), "{}", refused.stderr());
}
