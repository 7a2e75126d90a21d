//! `ottla topic`: what there is to read and write.

mod create;
mod delete;
mod describe;
mod list;

use anyhow::bail;
use ottla_net::Topics;
use ottla_protocol::messages::metadata_response::MetadataResponseTopic;
use ottla_protocol::messages::{StrBytes, TopicName};

use super::connect::Session;
use super::refusal::Refusal;

/// What to do with topics.
#[derive(Debug, clap::Args)]
pub(super) struct Topic {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Create a topic
    Create(create::Create),
    /// List the topics
    List(list::List),
    /// Show partitions, leaders, offsets and settings of topics
    Describe(describe::Describe),
    /// Delete topics, with all their records
    Delete(delete::Delete),
}

pub(super) fn run(topic: Topic) -> anyhow::Result<()> {
    match topic.action {
        Action::Create(create) => create::run(&create),
        Action::List(list) => list::run(&list),
        Action::Describe(describe) => describe::run(&describe),
        Action::Delete(delete) => delete::run(&delete),
    }
}

/// A topic's name as messages carry it.
pub(super) fn topic_name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

/// The partitions of a topic that must be there, ascending.
pub(super) async fn partitions(session: &Session, topic: &str) -> anyhow::Result<Vec<i32>> {
    let found = find(session, topic).await?;
    let mut there: Vec<i32> = found.partitions.iter().map(|partition| partition.partition_index).collect();
    there.sort_unstable();
    Ok(there)
}

/// What is said of a partition that is not among the `count` of its topic.
pub(super) fn no_partition(topic: &str, partition: i32, count: usize) -> String {
    format!("topic {topic} has no partition {partition}: it has {count}, counted from 0")
}

/// The metadata of one topic that must be there.
pub(super) async fn find(session: &Session, topic: &str) -> anyhow::Result<MetadataResponseTopic> {
    session
        .retrying(async || {
            let response = session.cluster.metadata(Topics::Named(&[topic])).await?;
            let Some(found) = response.topics.into_iter().next() else { bail!("the broker does not tell of {topic}") };
            match Refusal::of(found.error_code, None) {
                None => Ok(found),
                Some(refusal) if refusal.is_retriable() && !refusal.is_transient() => {
                    bail!("there is no topic {topic}: `ottla topic create {topic}` creates it")
                }
                Some(refusal) => Err(refusal.into()),
            }
        })
        .await
}
