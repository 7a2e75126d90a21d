//! `ottla group delete-offsets`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use anyhow::bail;
use ottla_protocol::messages::OffsetDeleteRequest;
use ottla_protocol::messages::offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic};
use serde::Serialize;

use super::committed;
use super::group_id;
use super::selection::Selection;
use crate::cli::connect::{Connect, Session};
use crate::cli::output::Output;
use crate::cli::refusal::Refusal;
use crate::cli::topic::topic_name;

/// The one that there is.
const VERSIONS: RangeInclusive<i16> = 0..=0;

/// Whose offsets of what to delete.
#[derive(Debug, clap::Args)]
#[command(after_help = "The group may have members, as long as none of them subscribes to the topic.

Example:
    ottla group delete-offsets email-service --topic orders")]
pub(super) struct DeleteOffsets {
    /// The group's name
    group: String,

    /// A topic, or some of its partitions; may be given more than once
    #[arg(short, long, required = true, value_name = "TOPIC[:0,1]", value_parser = Selection::parse)]
    topic: Vec<Selection>,

    #[command(flatten)]
    connect: Connect,

    #[command(flatten)]
    output: Output,
}

/// A partition whose offset was deleted.
#[derive(Debug, Serialize)]
struct Deleted {
    topic: String,
    partition: i32,
}

pub(super) fn run(delete: &DeleteOffsets) -> anyhow::Result<()> {
    delete.connect.run(async |session| {
        let group = &delete.group;
        let committed = committed::all(session, group).await?;
        let is_chosen = |topic: &str, partition| delete.topic.iter().any(|chosen| chosen.contains(topic, partition));
        let chosen: Vec<(String, i32)> =
            committed.into_keys().filter(|(topic, partition)| is_chosen(topic, *partition)).collect();
        if chosen.is_empty() {
            bail!("group {group} has committed nothing there");
        }
        session.retrying(async || ask(session, group, &chosen).await).await?;
        let human = format!("deleted the offsets of {} partitions of group {group}\n", chosen.len());
        let deleted = chosen.into_iter().map(|(topic, partition)| Deleted { topic, partition });
        delete.output.show(&deleted.collect::<Vec<_>>(), &human)
    })
}

async fn ask(session: &Session, group: &str, chosen: &[(String, i32)]) -> anyhow::Result<()> {
    let mut topics: BTreeMap<&str, Vec<OffsetDeleteRequestPartition>> = BTreeMap::new();
    for (topic, partition) in chosen {
        let partition = OffsetDeleteRequestPartition::default().with_partition_index(*partition);
        topics.entry(topic).or_default().push(partition);
    }
    let topic = |(topic, partitions)| {
        OffsetDeleteRequestTopic::default().with_name(topic_name(topic)).with_partitions(partitions)
    };
    let request = OffsetDeleteRequest::default()
        .with_group_id(group_id(group))
        .with_topics(topics.into_iter().map(topic).collect());
    let response = session.coordinator(group).await?.call(VERSIONS, &request).await?;
    Refusal::check(response.error_code, None)?;
    for partition in response.topics.iter().flat_map(|topic| &topic.partitions) {
        Refusal::check(partition.error_code, None)?;
    }
    Ok(())
}
