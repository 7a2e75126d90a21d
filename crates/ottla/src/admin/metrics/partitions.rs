//! Partitions, their logs, and what goes in and out of them.

use ottla_base::{BrokerId, TopicName};
use ottla_metadata::Image;
use ottla_replica::{Error, Partition, Traffic};

use super::SERIES_MAX;
use super::exposition::{Exposition, Kind};
use crate::admin::{Directory, Observed};

/// The partitions of a topic that this node has, together.
struct TopicFigures {
    topic: TopicName,
    traffic: Traffic,
    log_bytes: u64,
}

/// What is true of all partitions together.
#[derive(Default)]
struct Sums {
    log_bytes: u64,
    records_not_durable: u64,
    led: usize,
    offline: usize,
    other: usize,
}

/// A family of bytes or records: of all topics, of one, what it is, and where it is found.
type TrafficFamily = (&'static str, &'static str, &'static str, fn(&Traffic) -> u64);

const TRAFFIC: [TrafficFamily; 4] = [
    (
        "ottla_appended_bytes_total",
        "ottla_topic_appended_bytes_total",
        "Bytes of record batches that producers wrote, as the log has them.",
        |traffic| traffic.appended_bytes,
    ),
    (
        "ottla_appended_records_total",
        "ottla_topic_appended_records_total",
        "Records that producers wrote.",
        |traffic| traffic.appended_records,
    ),
    (
        "ottla_fetched_bytes_total",
        "ottla_topic_fetched_bytes_total",
        "Bytes of record batches that consumers were sent.",
        |traffic| traffic.read_bytes,
    ),
    (
        "ottla_fetched_records_total",
        "ottla_topic_fetched_records_total",
        "Records in the batches that consumers were sent.",
        |traffic| traffic.read_records,
    ),
];

pub(super) fn write(text: &mut Exposition, node: &Observed) {
    let image = node.published.get();
    let (topics, sums) = gather(node, &image);
    write_traffic(text, &node.replicas.traffic(), &topics);
    write_logs(text, &topics, &sums, &node.directories);
    let help = "Partitions assigned to this node: those that it leads, those that it cannot serve, and others.";
    text.family("ottla_partitions", Kind::Gauge, help)
        .sample(&[("state", "led")], sums.led)
        .sample(&[("state", "offline")], sums.offline)
        .sample(&[("state", "other")], sums.other);
    text.gauge("ottla_topics", "Topics of the cluster.", image.topics.iter().count());
}

/// The topics by name.
fn gather(node: &Observed, image: &Image) -> (Vec<TopicFigures>, Sums) {
    let mut topics: Vec<TopicFigures> = Vec::new();
    let mut sums = Sums::default();
    let partitions = node.replicas.all();
    for partition in &partitions {
        let topic = &partition.topic_partition().topic;
        if topics.last().is_none_or(|last| last.topic != *topic) {
            topics.push(TopicFigures { topic: topic.clone(), traffic: Traffic::default(), log_bytes: 0 });
        }
        let figures = topics.last_mut().expect("it was just added where it was missing");
        let log_bytes = partition.log().size_in_bytes();
        figures.traffic += partition.traffic();
        figures.log_bytes += log_bytes;
        sums.log_bytes += log_bytes;
        sums.add(partition);
    }
    // Those that could not be opened are assigned, and not here.
    sums.offline += assigned(image, node.broker_id).saturating_sub(partitions.len());
    (topics, sums)
}

fn assigned(image: &Image, broker_id: BrokerId) -> usize {
    let partitions = image.topics.iter().flat_map(|topic| topic.indexed_partitions());
    partitions.filter(|(_, partition)| partition.replicas.contains(&broker_id)).count()
}

impl Sums {
    fn add(&mut self, partition: &Partition) {
        let log = partition.log();
        // In this order: the one that is read first cannot have passed the other.
        let durable_offset = log.durable_offset();
        let not_durable = log.log_end_offset().0 - durable_offset.0;
        self.records_not_durable += u64::try_from(not_durable).unwrap_or(0);
        match partition.leader_epoch() {
            Ok(_) => self.led += 1,
            Err(Error::DirectoryOffline(_)) => self.offline += 1,
            Err(_) => self.other += 1,
        }
    }
}

fn write_traffic(text: &mut Exposition, total: &Traffic, topics: &[TopicFigures]) {
    for (of_all, of_topic, help, value) in TRAFFIC {
        text.counter(of_all, help, value(total));
        let mut family =
            text.family(of_topic, Kind::Counter, "The same by topic, for the first thousand topics by name.");
        for figures in topics.iter().take(SERIES_MAX) {
            family.sample(&[("topic", figures.topic.as_str())], value(&figures.traffic));
        }
    }
}

fn by_topic(help: &str) -> String {
    format!("{help} By topic, for the first {SERIES_MAX} by name.")
}

fn write_logs(text: &mut Exposition, topics: &[TopicFigures], sums: &Sums, directories: &[Directory]) {
    text.gauge("ottla_log_size_bytes", "Bytes of all logs on this node.", sums.log_bytes);
    let help = by_topic("Bytes of logs on this node.");
    let mut family = text.family("ottla_topic_log_size_bytes", Kind::Gauge, &help);
    for figures in topics.iter().take(SERIES_MAX) {
        family.sample(&[("topic", figures.topic.as_str())], figures.log_bytes);
    }
    text.gauge(
        "ottla_records_not_durable",
        "Records that a power cut would take from this node: written, and not synced yet.",
        sums.records_not_durable,
    );
    let help = "How long the log directory's syncs take, each of all that was dirty.";
    let mut family = text.family("ottla_log_sync_duration_seconds", Kind::Histogram, help);
    for directory in directories {
        let path = directory.path.display().to_string();
        family.durations(&[("directory", &path)], &directory.flusher.sync_times());
    }
    let help = "1 where the log directory is in service, 0 where it has failed.";
    let mut family = text.family("ottla_log_directory_online", Kind::Gauge, help);
    for directory in directories {
        let path = directory.path.display().to_string();
        family.sample(&[("directory", &path)], u8::from(directory.health.failure().is_none()));
    }
}
