//! `ottla cluster describe`.

use std::fmt;
use std::ops::RangeInclusive;

use ottla_protocol::messages::DescribeClusterRequest;
use serde::Serialize;

use super::connect::{Connect, Session};
use super::output::Output;
use super::refusal::Refusal;
use super::table::Table;

/// All that there are: what later versions add is off by default.
const VERSIONS: RangeInclusive<i16> = 0..=2;

/// What to do with the cluster.
#[derive(Debug, clap::Args)]
pub(super) struct Cluster {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show the brokers, and which of them is the controller
    Describe(Describe),
}

/// How to show it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
    ottla cluster describe --bootstrap-server logs.example.com:9092")]
struct Describe {
    #[command(flatten)]
    connect: Connect,

    #[command(flatten)]
    output: Output,
}

/// A cluster.
#[derive(Debug, Serialize)]
struct Described {
    cluster_id: String,
    controller: Option<i32>,
    brokers: Vec<Broker>,
}

/// One broker.
#[derive(Debug, Serialize)]
struct Broker {
    broker: i32,
    host: String,
    port: i32,
    rack: Option<String>,
}

pub(super) fn run(cluster: Cluster) -> anyhow::Result<()> {
    match cluster.action {
        Action::Describe(describe) => describe.connect.run(async |session| {
            let described = session.retrying(async || ask(session).await).await?;
            describe.output.show(&described, &described)
        }),
    }
}

async fn ask(session: &Session) -> anyhow::Result<Described> {
    let response = session.cluster.call_any(VERSIONS, &DescribeClusterRequest::default()).await?;
    Refusal::check(response.error_code, response.error_message.as_ref())?;
    let mut brokers: Vec<Broker> = response
        .brokers
        .iter()
        .map(|broker| Broker {
            broker: broker.broker_id.0,
            host: broker.host.to_string(),
            port: broker.port,
            rack: broker.rack.as_ref().map(|rack| rack.to_string()),
        })
        .collect();
    brokers.sort_by_key(|broker| broker.broker);
    let controller = Some(response.controller_id.0).filter(|controller| *controller >= 0);
    Ok(Described { cluster_id: response.cluster_id.to_string(), controller, brokers })
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "cluster {}", self.cluster_id)?;
        let mut table = Table::new(["broker", "host", "port", "rack", "role"]);
        for broker in &self.brokers {
            let role = if self.controller == Some(broker.broker) { "controller" } else { "" };
            let rack = broker.rack.clone().unwrap_or_default();
            table.row([broker.broker.to_string(), broker.host.clone(), broker.port.to_string(), rack, role.to_owned()]);
        }
        table.fmt(f)
    }
}
