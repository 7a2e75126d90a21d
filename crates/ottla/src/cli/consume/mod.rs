//! `ottla consume`: the records of a topic, as nobody in particular or as a member of a group.

mod fetcher;
mod format;
mod group;
mod isolation;
mod printer;

use anyhow::bail;
use ottla_records::Record;

use self::fetcher::Fetcher;
use self::format::Format;
use self::isolation::Isolation;
use self::printer::Printer;
use super::connect::{Connect, Session};
use super::offsets;
use super::output::Stdout;
use super::place::Place;
use super::topic;

/// What to read, and how to show it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Without --exit or --max-messages it goes on as records come, until it is interrupted.

--from takes a word, an offset, a time, or how long ago:
    beginning    end    42    2026-11-24T10:00:00Z    15m

With --group it shares the topic's partitions with the group's other members, whatever client they are, and goes on where the group
was. What it has shown is committed once a second, when the group rebalances, and before it ends: what is killed shows some records
again after its restart, and loses none. --from is then for partitions of which the group has committed nothing.

Examples:
    ottla consume numbers --exit
    ottla consume orders --from 1h --format json
    ottla consume orders --group email-service")]
pub(super) struct Consume {
    /// The topic to read
    topic: String,

    /// Read as a member of this consumer group
    #[arg(short, long)]
    group: Option<String>,

    /// Where to begin
    #[arg(short, long, value_name = "WHERE", default_value = "beginning", value_parser = Place::parse)]
    from: Place,

    /// Read this partition only; may be given more than once
    #[arg(short, long, value_parser = clap::value_parser!(i32).range(0..), conflicts_with = "group")]
    partition: Vec<i32>,

    /// Exit after so many records
    #[arg(short = 'n', long, value_name = "COUNT")]
    max_messages: Option<u64>,

    /// Exit once everything that was there at the start has been read
    #[arg(short, long)]
    exit: bool,

    /// Which records of transactions to show
    #[arg(long, value_enum, default_value_t = Isolation::ReadUncommitted)]
    isolation: Isolation,

    /// How to show records
    #[arg(long, value_enum, default_value_t = Format::Value)]
    format: Format,

    /// What to put between key and value, for --format key-value; a tab if not given
    #[arg(short, long, value_name = "TEXT", default_value = "\t", hide_default_value = true)]
    key_separator: String,

    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

pub(super) fn run(consume: &Consume) -> anyhow::Result<()> {
    consume.connect.run(async |session| {
        let partitions = partitions(session, consume).await?;
        match &consume.group {
            None => read(session, consume, &partitions).await,
            Some(group) => group::read(session, consume, group).await,
        }
    })
}

async fn partitions(session: &Session, consume: &Consume) -> anyhow::Result<Vec<i32>> {
    let there = topic::partitions(session, &consume.topic).await?;
    if consume.partition.is_empty() {
        return Ok(there);
    }
    if let Some(missing) = consume.partition.iter().find(|partition| !there.contains(partition)) {
        bail!(topic::no_partition(&consume.topic, *missing, there.len()));
    }
    Ok(consume.partition.clone())
}

/// Reads until there is a reason to stop: everything that was there, or the largest number of records.
async fn read(session: &Session, consume: &Consume, partitions: &[i32]) -> anyhow::Result<()> {
    let positions = consume.from.find(session, &consume.topic, partitions).await?;
    let ends = match consume.exit {
        true => Some(offsets::find(session, &consume.topic, partitions, consume.isolation.end()).await?),
        false => None,
    };
    let mut fetcher = Fetcher::new(session, &consume.topic, positions, ends.as_ref(), consume.isolation);
    let (mut printer, mut out, mut line) = (Printer::new(consume), Stdout::open(), Vec::new());
    while !printer.is_done() && !fetcher.is_finished() {
        let print = |partition, record: &Record| {
            line.clear();
            let flow = printer.print(&mut line, partition, record)?;
            out.write(&line).map(|()| flow)
        };
        fetcher.fetch(print).await?;
        out.flush()?;
    }
    Ok(())
}
