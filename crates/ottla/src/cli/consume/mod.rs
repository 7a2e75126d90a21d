//! `ottla consume`: the records of a topic, without a group.

mod fetcher;
mod format;
mod from;

use std::collections::BTreeMap;

use anyhow::bail;
use ottla_base::Offset;

use self::fetcher::Fetcher;
use self::format::Format;
use self::from::From;
use super::connect::{Connect, Session};
use super::offsets::{self, Position};
use super::output::Stdout;
use super::topic;

/// What to read, and how to show it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Without --exit or --max-messages it goes on as records come, until it is interrupted.

--from takes a word, an offset, a time, or how long ago:
    beginning    end    42    2026-11-24T10:00:00Z    15m

Examples:
    ottla consume numbers --exit
    ottla consume orders --from 1h --format json")]
pub(super) struct Consume {
    /// The topic to read
    topic: String,

    /// Where to begin
    #[arg(short, long, value_name = "WHERE", default_value = "beginning", value_parser = From::parse)]
    from: From,

    /// Read this partition only; may be given more than once
    #[arg(short, long, value_parser = clap::value_parser!(i32).range(0..))]
    partition: Vec<i32>,

    /// Exit after so many records
    #[arg(short = 'n', long, value_name = "COUNT")]
    max_messages: Option<u64>,

    /// Exit once everything that was there at the start has been read
    #[arg(short, long)]
    exit: bool,

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
        let positions = match consume.from {
            From::Position(position) => offsets::find(session, &consume.topic, &partitions, position).await?,
            From::Offset(offset) => partitions.iter().map(|partition| (*partition, offset)).collect(),
        };
        let ends = match consume.exit {
            true => Some(offsets::find(session, &consume.topic, &partitions, Position::End).await?),
            false => None,
        };
        read(consume, Fetcher::new(session, &consume.topic, positions), ends).await
    })
}

async fn partitions(session: &Session, consume: &Consume) -> anyhow::Result<Vec<i32>> {
    let found = topic::find(session, &consume.topic).await?;
    let mut there: Vec<i32> = found.partitions.iter().map(|partition| partition.partition_index).collect();
    there.sort_unstable();
    if consume.partition.is_empty() {
        return Ok(there);
    }
    if let Some(missing) = consume.partition.iter().find(|partition| !there.contains(partition)) {
        bail!("topic {} has no partition {missing}: it has {}, counted from 0", consume.topic, there.len());
    }
    Ok(consume.partition.clone())
}

/// Reads until there is a reason to stop: `ends`, which is exclusive and may be missing, or the largest number of records.
async fn read(consume: &Consume, mut fetcher: Fetcher<'_>, ends: Option<BTreeMap<i32, i64>>) -> anyhow::Result<()> {
    let format = if consume.json { Format::Json } else { consume.format };
    let mut left = consume.max_messages.unwrap_or(u64::MAX);
    let mut out = Stdout::open();
    loop {
        let done: Vec<i32> = done(&fetcher, ends.as_ref());
        done.into_iter().for_each(|partition| fetcher.remove(partition));
        if left == 0 || fetcher.positions().is_empty() {
            return Ok(());
        }
        let is_wanted = |partition: i32, offset: Offset| {
            ends.as_ref().and_then(|ends| ends.get(&partition)).is_none_or(|end| offset.0 < *end)
        };
        let written = fetcher.fetch(|partition, record| {
            if left == 0 || !is_wanted(partition, record.offset) {
                return Ok(());
            }
            left -= 1;
            format.write(&mut out, &consume.topic, partition, record, &consume.key_separator)
        });
        written.await?;
        out.flush()?;
    }
}

fn done(fetcher: &Fetcher<'_>, ends: Option<&BTreeMap<i32, i64>>) -> Vec<i32> {
    let Some(ends) = ends else { return Vec::new() };
    let reached = |(partition, position): &(&i32, &i64)| ends.get(partition).is_none_or(|end| *position >= end);
    fetcher.positions().iter().filter(reached).map(|(partition, _)| *partition).collect()
}
