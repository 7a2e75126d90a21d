//! `ottla produce`: a record for each line of standard input.

mod delivery;
mod lines;
mod partitioner;
mod pending;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::bail;
use bytes::Bytes;
use clap::ValueEnum;
use ottla_base::{Clock, SystemClock, ThreadWorkers, Timestamp};
use ottla_net::{Retry, Topics};
use ottla_protocol::ErrorCode;
use ottla_records::Compression;
use serde::Serialize;

use self::delivery::{Batches, Delivery, Tally};
use self::lines::{Line, Lines};
use self::pending::{Outgoing, Pending};
use super::connect::{Connect, Session};
use super::name_value;
use super::output::{Output, note};
use super::refusal::Refusal;

/// How long a topic is waited for that a broker creates because it was asked for.
const CREATION_MAX: Duration = Duration::from_secs(5);

/// What to write, and how.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A topic that is not there comes into being where the broker creates topics (auto.create.topics.enable). Records with a key go to
where Kafka's Java producer puts that key; others take turns.

Examples:
    seq 10 | ottla produce numbers
    echo 'alice:{\"amount\": 7}' | ottla produce orders --key-separator : --header source=shell"
)]
pub(super) struct Produce {
    /// The topic to write to
    topic: String,

    /// What stands between key and value in a line; without it, a line is a value
    #[arg(short, long, value_name = "TEXT")]
    key_separator: Option<String>,

    /// A header for each record; may be given more than once
    #[arg(short = 'H', long, value_name = "NAME=VALUE", value_parser = name_value::parse)]
    header: Vec<(String, String)>,

    /// Write to this partition only
    #[arg(short, long, value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,

    /// Who must have a record before it counts as written
    #[arg(long, value_enum, default_value_t = Acks::All)]
    acks: Acks,

    /// Send without sequence numbers: a record that is sent again after a lost answer is then written twice
    #[arg(long)]
    no_idempotence: bool,

    /// How batches are compressed
    #[arg(short = 'z', long, value_enum, default_value_t = Codec::None)]
    compression: Codec,

    #[command(flatten)]
    connect: Connect,

    #[command(flatten)]
    output: Output,
}

/// `acks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Acks {
    /// Every in-sync replica, on disk
    All,
    /// The leader
    #[value(name = "1", alias = "leader")]
    Leader,
    /// Nobody: nothing is answered, and what is lost is not noticed
    #[value(name = "0", alias = "none")]
    None,
}

/// `compression.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// What was written.
#[derive(Debug, Serialize)]
struct Written<'a> {
    topic: &'a str,
    written: u64,
    failed: u64,
}

pub(super) fn run(produce: &Produce) -> anyhow::Result<()> {
    produce.connect.run(async |session| {
        let partitions = partitions(session, produce).await?;
        let mut delivery = Delivery::new(session, produce, note).await?;
        let workers = ThreadWorkers::new(1);
        let mut lines = Lines::read(std::io::stdin(), &workers);
        let clock = SystemClock::new();
        let mut turn = Turn::new(partitions);
        let mut tally = Tally::default();
        while let Some(lines) = lines.next().await? {
            let batches = batches(produce, lines, clock.wall(), &mut turn)?;
            tally += delivery.deliver(batches).await;
        }
        delivery.settle_unacknowledged().await?;
        report(produce, tally)
    })
}

fn report(produce: &Produce, tally: Tally) -> anyhow::Result<()> {
    let Tally { written, failed } = tally;
    let topic = &produce.topic;
    let verb = if produce.acks == Acks::None { "sent" } else { "wrote" };
    let records = if written == 1 { "record" } else { "records" };
    let human = format!("{verb} {written} {records} to {topic}\n");
    produce.output.show(&Written { topic, written, failed }, &human)?;
    if failed > 0 {
        bail!("{failed} of {} records were not written to {topic}", written + failed);
    }
    Ok(())
}

/// How many partitions the topic has, once each that is written to has a leader.
async fn partitions(session: &Session, produce: &Produce) -> anyhow::Result<i32> {
    let topic = &produce.topic;
    let mut retry = Retry::within(CREATION_MAX.min(session.timeout));
    loop {
        let response = session.cluster.metadata(Topics::NamedOrCreated(&[topic])).await?;
        let Some(found) = response.topics.first() else { bail!("the broker does not tell of {topic}") };
        let count = i32::try_from(found.partitions.len()).unwrap_or(i32::MAX);
        match Refusal::of(found.error_code, None) {
            None if count > 0 => return check_partition(produce, count),
            None => {}
            Some(refusal) if !refusal.is_retriable() => return Err(refusal.into()),
            Some(refusal) if !retry.pause().await => {
                if refusal.code() == Some(ErrorCode::UnknownTopicOrPartition) {
                    bail!(
                        "there is no topic {topic}, and the broker does not create it: `ottla topic create {topic}` does"
                    );
                }
                return Err(refusal.into());
            }
            Some(_) => {}
        }
    }
}

fn check_partition(produce: &Produce, count: i32) -> anyhow::Result<i32> {
    match produce.partition {
        Some(partition) if partition >= count => {
            bail!("topic {} has no partition {partition}: it has {count}, counted from 0", produce.topic)
        }
        _ => Ok(count),
    }
}

/// Which partition records without a key go to: one for all that come together, and then the next.
struct Turn {
    partitions: i32,
    current: i32,
}

impl Turn {
    fn new(partitions: i32) -> Turn {
        Turn { partitions, current: 0 }
    }

    fn next(&mut self) {
        self.current = (self.current + 1) % self.partitions;
    }
}

fn batches(produce: &Produce, lines: Vec<Line>, now: Timestamp, turn: &mut Turn) -> anyhow::Result<Batches> {
    let mut batches: Batches = BTreeMap::new();
    let headers_size = produce.header.iter().map(|(name, value)| name.len() + value.len() + 10).sum();
    for line in lines {
        let (key, value) = produce.key_and_value(&line)?;
        let partition = match (produce.partition, &key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => partitioner::partition_of_key(key, turn.partitions),
            (None, None) => turn.current,
        };
        let record = Outgoing { line: line.number, timestamp: now, key, value };
        let of_partition = batches.entry(partition).or_default();
        let refused = match of_partition.back_mut() {
            Some(last) => last.push(record, headers_size).err(),
            None => Some(record),
        };
        of_partition.extend(refused.map(Pending::of));
    }
    turn.next();
    Ok(batches)
}

impl Produce {
    /// Kafka's producers are idempotent unless told otherwise, or told not to wait for all replicas.
    fn is_idempotent(&self) -> bool {
        self.acks == Acks::All && !self.no_idempotence
    }

    fn key_and_value(&self, line: &Line) -> anyhow::Result<(Option<Bytes>, Bytes)> {
        let Some(separator) = self.key_separator.as_deref().filter(|separator| !separator.is_empty()) else {
            return Ok((None, line.text.clone()));
        };
        let found = line.text.windows(separator.len()).position(|window| window == separator.as_bytes());
        match found {
            Some(at) => Ok((Some(line.text.slice(..at)), line.text.slice(at + separator.len()..))),
            None => bail!("line {} has no {separator:?}: nothing of it tells the key from the value", line.number),
        }
    }
}

impl Acks {
    fn on_the_wire(self) -> i16 {
        match self {
            Acks::All => -1,
            Acks::Leader => 1,
            Acks::None => 0,
        }
    }
}

impl From<Codec> for Compression {
    fn from(codec: Codec) -> Compression {
        match codec {
            Codec::None => Compression::None,
            Codec::Gzip => Compression::Gzip,
            Codec::Snappy => Compression::Snappy,
            Codec::Lz4 => Compression::Lz4,
            Codec::Zstd => Compression::Zstd,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Parsed {
        #[command(flatten)]
        produce: Produce,
    }

    fn produce(arguments: &[&str]) -> Produce {
        Parsed::parse_from(["produce", "topic"].iter().chain(arguments)).produce
    }

    fn line(number: u64, text: &'static str) -> Line {
        Line { number, text: text.into() }
    }

    #[test]
    fn a_line_is_a_value_or_a_key_and_a_value() {
        let (key, value) = produce(&[]).key_and_value(&line(1, "a:b")).unwrap();
        assert_eq!((key, value), (None, "a:b".into()));
        let (key, value) = produce(&["--key-separator", "::"]).key_and_value(&line(1, "a::b::c")).unwrap();
        assert_eq!((key, value), (Some("a".into()), "b::c".into()));
        let failure = produce(&["--key-separator", ":"]).key_and_value(&line(7, "none")).unwrap_err();
        assert!(failure.to_string().starts_with("line 7 has no \":\""), "{failure}");
    }

    #[test]
    fn it_is_idempotent_where_all_replicas_are_waited_for() {
        assert!(produce(&[]).is_idempotent());
        assert!(!produce(&["--acks", "1"]).is_idempotent());
        assert!(!produce(&["--no-idempotence"]).is_idempotent());
    }

    #[test]
    fn what_has_no_key_takes_turns_and_what_has_one_stays() {
        let produce = produce(&["--key-separator", ":"]);
        let mut turn = Turn::new(3);
        let keyed = batches(&produce, vec![line(1, "abc:1"), line(2, "abc:2")], Timestamp(0), &mut turn).unwrap();
        assert_eq!(keyed.len(), 1);
        assert_eq!(*keyed.keys().next().unwrap(), 479_470_107 % 3);

        let plain = Produce { key_separator: None, ..produce };
        let mut turn = Turn::new(3);
        let partitions: Vec<i32> = (1..=4)
            .flat_map(|n| batches(&plain, vec![line(n, "x")], Timestamp(0), &mut turn).unwrap().into_keys())
            .collect();
        assert_eq!(partitions, [0, 1, 2, 0]);
    }
}
