//! `ottla topic list`.

use ottla_net::Topics;
use ottla_protocol::messages::metadata_response::MetadataResponseTopic;
use serde::Serialize;

use crate::cli::connect::Connect;
use crate::cli::output::Output;
use crate::cli::table::Table;

/// Which topics to list.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
    ottla topic list --json")]
pub(super) struct List {
    /// List the cluster's own topics too
    #[arg(long)]
    internal: bool,

    #[command(flatten)]
    connect: Connect,

    #[command(flatten)]
    output: Output,
}

/// One topic.
#[derive(Debug, Serialize)]
struct Listed {
    topic: String,
    partitions: usize,
    replication_factor: usize,
    internal: bool,
}

pub(super) fn run(list: &List) -> anyhow::Result<()> {
    list.connect.run(async |session| {
        let response = session.retrying(async || Ok(session.cluster.metadata(Topics::All).await?)).await?;
        let shown = response.topics.iter().filter(|topic| list.internal || !topic.is_internal);
        let mut topics: Vec<Listed> = shown.filter_map(listed).collect();
        topics.sort_by(|one, other| one.topic.cmp(&other.topic));
        if topics.is_empty() && !list.output.json {
            return list.output.show(&topics, &"there are no topics: `ottla topic create NAME` creates one\n");
        }
        let mut table = Table::new(["topic", "partitions", "replication"]);
        for topic in &topics {
            let (partitions, replication) = (topic.partitions.to_string(), topic.replication_factor.to_string());
            table.row([topic.topic.clone(), partitions, replication]);
        }
        list.output.show(&topics, &table)
    })
}

fn listed(topic: &MetadataResponseTopic) -> Option<Listed> {
    let replicas = topic.partitions.iter().map(|partition| partition.replica_nodes.len());
    Some(Listed {
        topic: topic.name.as_ref()?.to_string(),
        partitions: topic.partitions.len(),
        replication_factor: replicas.max().unwrap_or_default(),
        internal: topic.is_internal,
    })
}
