//! `ottla health`: for scripts, container health checks and load balancers.

use std::time::Duration;

use ottla_net::Topics;
use serde::Serialize;

use super::connect::Connect;
use super::output::Output;
use super::refusal::Refusal;

/// Whoever asks for health wants an answer soon.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Whom to ask.
#[derive(Debug, clap::Args)]
#[command(
    mut_arg("timeout", |timeout| timeout.help("How long to try before giving up [default: 3]")),
    after_help = "A node is healthy if it takes a connection and answers ApiVersions and Metadata, each within the timeout.

Example:
    ottla health --timeout 1 && echo up"
)]
pub(super) struct Health {
    #[command(flatten)]
    connect: Connect,

    #[command(flatten)]
    output: Output,
}

/// What answered.
#[derive(Debug, Serialize)]
struct Healthy {
    healthy: bool,
    broker: String,
    cluster_id: Option<String>,
    brokers: usize,
}

pub(super) fn run(health: &Health) -> anyhow::Result<()> {
    health.connect.run_within(TIMEOUT, async |session| {
        let broker = session.cluster.any().await?.endpoint().to_string();
        let metadata = session.cluster.metadata(Topics::None).await?;
        Refusal::check(metadata.error_code, None)?;
        let brokers = metadata.brokers.len();
        let cluster_id = metadata.cluster_id.map(|id| id.to_string());
        let human = format!("{broker} is healthy, in a cluster of {brokers}\n");
        health.output.show(&Healthy { healthy: true, broker, cluster_id, brokers }, &human)
    })
}
