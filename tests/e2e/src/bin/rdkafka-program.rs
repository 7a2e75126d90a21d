//! A client program on the rdkafka crate, over a current librdkafka. It has the commands of those under `tests/clients`,
//! whose README describes them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{io, thread};

use anyhow::{Context as _, Result, bail, ensure};
use e2e::{config, parse_record, produce, record_line, sample};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::message::Message as _;
use rdkafka::{ClientContext, Offset, TopicPartitionList};
use serde_json::json;
use testkit::wait;

const POLL: Duration = Duration::from_millis(100);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["produce", bootstrap, ref topics @ ..] => write(bootstrap, topics),
        ["consume", bootstrap, ref topics @ ..] => consume(bootstrap, topics),
        ["group", bootstrap, group, topic, member] => join(bootstrap, group, topic, member, None),
        ["group", bootstrap, group, topic, member, instance] => join(bootstrap, group, topic, member, Some(instance)),
        ["committed", bootstrap, group, topic, partitions] => committed(bootstrap, group, topic, partitions.parse()?),
        _ => bail!("unknown arguments: {arguments:?}"),
    }
}

/// Splits arguments of the form `TOPIC=WITH`.
fn topics<'a>(arguments: &[&'a str]) -> Result<Vec<(&'a str, &'a str)>> {
    arguments.iter().map(|argument| argument.rsplit_once('=').context("TOPIC=WITH")).collect()
}

fn write(bootstrap: &str, arguments: &[&str]) -> Result<()> {
    let mut records = Vec::new();
    for line in io::stdin().lines() {
        records.push(parse_record(&line?).1);
    }
    for (topic, codec) in topics(arguments)? {
        let settings = [("compression.codec", codec), ("enable.idempotence", "true"), ("linger.ms", "20")];
        for delivery in produce(bootstrap, topic, 0, &settings, &records) {
            delivery.context("deliver a record")?;
        }
    }
    Ok(())
}

fn consume(bootstrap: &str, arguments: &[&str]) -> Result<()> {
    // The library asks for a group's name even where partitions are assigned by hand.
    let consumer: BaseConsumer =
        config(bootstrap, &[("group.id", "none"), ("enable.auto.commit", "false")]).create()?;
    let mut left = BTreeMap::<String, usize>::new();
    let mut assignment = TopicPartitionList::new();
    for (topic, count) in topics(arguments)? {
        left.insert(topic.to_owned(), count.parse()?);
        assignment.add_partition_offset(topic, 0, Offset::Beginning)?;
    }
    consumer.assign(&assignment)?;
    while left.values().any(|count| *count > 0) {
        let Some(message) = consumer.poll(POLL) else { continue };
        let message = message?;
        let left = left.get_mut(message.topic()).context("a topic that was asked for")?;
        if *left > 0 {
            *left -= 1;
            println!("{}", record_line(Some(message.topic()), &sample(&message)));
        }
    }
    Ok(())
}

/// Prints what a member is given and what is taken from it.
struct Teller(String);

impl Teller {
    fn tell(&self, event: &str, changed: &TopicPartitionList) {
        let partitions: Vec<i32> = changed.elements().iter().map(|element| element.partition()).collect();
        println!("{}", json!({"member": self.0, "event": event, "partitions": partitions}));
    }
}

impl ClientContext for Teller {}

impl ConsumerContext for Teller {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(assigned) => self.tell("assigned", assigned),
            Rebalance::Revoke(revoked) => self.tell("revoked", revoked),
            Rebalance::Error(error) => eprintln!("rebalance: {error}"),
        }
    }
}

fn join(bootstrap: &str, group: &str, topic: &str, member: &str, instance_id: Option<&str>) -> Result<()> {
    let mut settings = vec![
        ("group.id", group),
        ("auto.offset.reset", "earliest"),
        ("enable.auto.commit", "false"),
        // Members hear of a rebalance with a heartbeat: a test does not wait three seconds for it.
        ("heartbeat.interval.ms", "200"),
        ("session.timeout.ms", "20000"),
    ];
    settings.extend(instance_id.map(|id| ("group.instance.id", id)));
    let teller = Teller(member.to_owned());
    let consumer: BaseConsumer<Teller> = config(bootstrap, &settings).create_with_context(teller)?;
    consumer.subscribe(&[topic])?;
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            ended.store(true, Ordering::Relaxed);
        });
        while !ended.load(Ordering::Relaxed) {
            let Some(message) = consumer.poll(POLL) else { continue };
            let message = message?;
            let (partition, offset) = (message.partition(), message.offset());
            println!("{}", json!({"member": member, "event": "record", "partition": partition, "offset": offset}));
            // The offset to commit is that of the record to go on with.
            let mut next = TopicPartitionList::new();
            next.add_partition(topic, partition).set_offset(Offset::Offset(offset + 1))?;
            let mut element = next.find_partition(topic, partition).context("it was added")?;
            element.set_metadata(format!("read by {member}"));
            consumer.commit(&next, CommitMode::Sync)?;
            let offset = offset + 1;
            println!("{}", json!({"member": member, "event": "committed", "partition": partition, "offset": offset}));
        }
        println!("{}", json!({"member": member, "event": "leaving"}));
        Ok(())
    })
}

fn committed(bootstrap: &str, group: &str, topic: &str, partitions: i32) -> Result<()> {
    ensure!(partitions > 0, "no partitions");
    let consumer: BaseConsumer = config(bootstrap, &[("group.id", group)]).create()?;
    let mut asked = TopicPartitionList::new();
    asked.add_partition_range(topic, 0, partitions - 1);
    for found in consumer.committed_offsets(asked, wait::PATIENCE)?.elements() {
        let offset = found.offset().to_raw();
        println!("{}", json!({"partition": found.partition(), "offset": offset, "metadata": found.metadata()}));
    }
    Ok(())
}
