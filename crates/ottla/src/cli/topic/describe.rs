//! `ottla topic describe`.

use std::collections::BTreeMap;
use std::fmt;

use ottla_protocol::messages::BrokerId;
use ottla_protocol::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use serde::Serialize;

use super::find;
use crate::cli::config::{Resource, Setting, Source, settings};
use crate::cli::connect::{Connect, Session};
use crate::cli::offsets::{self, Position};
use crate::cli::output::Output;
use crate::cli::table::Table;

/// Which topics to describe.
#[derive(Debug, clap::Args)]
#[command(after_help = "START is the offset of a partition's first record, END that of the next one to be written.

Example:
    ottla topic describe orders payments")]
pub(super) struct Describe {
    /// The topics' names
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,

    #[command(flatten)]
    connect: Connect,

    #[command(flatten)]
    output: Output,
}

/// A topic.
#[derive(Debug, Serialize)]
struct Described {
    topic: String,
    topic_id: String,
    internal: bool,
    /// What was set for this topic; the rest has its defaults.
    settings: BTreeMap<String, Option<String>>,
    partitions: Vec<Partition>,
}

/// One partition.
#[derive(Debug, Serialize)]
struct Partition {
    partition: i32,
    leader: Option<i32>,
    leader_epoch: i32,
    replicas: Vec<i32>,
    in_sync_replicas: Vec<i32>,
    /// Of the first record, where the leader told.
    start_offset: Option<i64>,
    /// The next to be written, where the leader told.
    end_offset: Option<i64>,
}

pub(super) fn run(describe: &Describe) -> anyhow::Result<()> {
    describe.connect.run(async |session| {
        let mut described = Vec::new();
        for topic in &describe.topics {
            described.push(of_topic(session, topic).await?);
        }
        let human: Vec<String> = described.iter().map(Described::to_string).collect();
        describe.output.show(&described, &human.join("\n"))
    })
}

async fn of_topic(session: &Session, topic: &str) -> anyhow::Result<Described> {
    let found = find(session, topic).await?;
    let partitions: Vec<i32> = found.partitions.iter().map(|partition| partition.partition_index).collect();
    // A partition without a leader has no offsets to tell, and is described all the same.
    let starts = offsets::known(session, topic, &partitions, Position::Beginning).await;
    let ends = offsets::known(session, topic, &partitions, Position::End).await;
    let settings = settings(session, &Resource::Topic(topic.to_owned())).await?;
    let own = settings.into_iter().filter(|setting| setting.source == Source::Topic);
    Ok(Described::new(topic, &found, own, &starts, &ends))
}

impl Described {
    fn new(
        topic: &str,
        found: &MetadataResponseTopic,
        settings: impl Iterator<Item = Setting>,
        starts: &BTreeMap<i32, i64>,
        ends: &BTreeMap<i32, i64>,
    ) -> Described {
        let mut partitions: Vec<Partition> =
            found.partitions.iter().map(|found| partition(found, starts, ends)).collect();
        partitions.sort_by_key(|partition| partition.partition);
        Described {
            topic: topic.to_owned(),
            topic_id: ottla_base::Uuid(found.topic_id.into_bytes()).to_string(),
            internal: found.is_internal,
            settings: settings.map(|setting| (setting.name, setting.value)).collect(),
            partitions,
        }
    }
}

fn partition(found: &MetadataResponsePartition, starts: &BTreeMap<i32, i64>, ends: &BTreeMap<i32, i64>) -> Partition {
    let ids = |brokers: &[BrokerId]| brokers.iter().map(|broker| broker.0).collect();
    let index = found.partition_index;
    Partition {
        partition: index,
        leader: Some(found.leader_id.0).filter(|leader| *leader >= 0),
        leader_epoch: found.leader_epoch,
        replicas: ids(&found.replica_nodes),
        in_sync_replicas: ids(&found.isr_nodes),
        start_offset: starts.get(&index).copied(),
        end_offset: ends.get(&index).copied(),
    }
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "topic {}, id {}", self.topic, self.topic_id)?;
        for (name, value) in &self.settings {
            writeln!(f, "  {name}={}", value.as_deref().unwrap_or("(hidden)"))?;
        }
        let mut table = Table::new(["partition", "leader", "epoch", "replicas", "in sync", "start", "end"]);
        let list = |ids: &[i32]| ids.iter().map(i32::to_string).collect::<Vec<_>>().join(",");
        let or_dash = |number: Option<i64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        for partition in &self.partitions {
            table.row([
                partition.partition.to_string(),
                or_dash(partition.leader.map(i64::from)),
                partition.leader_epoch.to_string(),
                list(&partition.replicas),
                list(&partition.in_sync_replicas),
                or_dash(partition.start_offset),
                or_dash(partition.end_offset),
            ]);
        }
        table.fmt(f)
    }
}
