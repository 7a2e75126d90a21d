//! `ottla config describe`, and the settings of a topic or broker for other commands.

use std::ops::RangeInclusive;

use anyhow::{Context, bail};
use ottla_net::{BrokerClient, Topics};
use ottla_protocol::messages::describe_configs_request::DescribeConfigsResource;
use ottla_protocol::messages::describe_configs_response::DescribeConfigsResourceResult;
use ottla_protocol::messages::{BrokerId, DescribeConfigsRequest, StrBytes};
use serde::Serialize;

use super::connect::{Connect, Session};
use super::output::Output;
use super::refusal::Refusal;
use super::table::Table;

/// From the first version that tells where a value comes from.
const VERSIONS: RangeInclusive<i16> = 1..=4;

/// What to do with configurations.
#[derive(Debug, clap::Args)]
pub(super) struct Config {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Show settings, their values and where those come from
    Describe(Describe),
}

/// Whose settings to show.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
    ottla config describe --topic orders
    ottla config describe --changed         the settings of the broker that are no defaults")]
struct Describe {
    /// The topic whose settings to show
    #[arg(long)]
    topic: Option<String>,

    /// The id of the broker whose settings to show; without it and --topic, the one at --bootstrap-server
    #[arg(long, conflicts_with = "topic")]
    broker: Option<i32>,

    /// Leave out what has its default
    #[arg(long)]
    changed: bool,

    #[command(flatten)]
    connect: Connect,

    #[command(flatten)]
    output: Output,
}

/// Whose settings.
#[derive(Debug)]
pub(super) enum Resource {
    /// A topic's.
    Topic(String),
    /// A broker's, or those of whichever broker is asked.
    Broker(Option<i32>),
}

/// One setting.
#[derive(Debug, Serialize)]
pub(super) struct Setting {
    /// Kafka's name for it.
    pub(super) name: String,
    /// Its value; none where the broker keeps it to itself.
    pub(super) value: Option<String>,
    /// Where the value comes from.
    pub(super) source: Source,
    read_only: bool,
    sensitive: bool,
}

/// Where a value comes from. Source: Kafka `ConfigEntry.ConfigSource`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Source {
    /// Set for the topic.
    Topic,
    /// Set for this broker while it ran.
    DynamicBroker,
    /// Set for all brokers while they ran.
    DynamicCluster,
    /// The broker's file, environment or command line.
    StaticBroker,
    /// Nobody set it.
    Default,
    /// Another source, which this command does not know.
    Other,
}

pub(super) fn run(config: Config) -> anyhow::Result<()> {
    match config.action {
        Action::Describe(describe) => describe.connect.run(async |session| {
            let resource = match &describe.topic {
                Some(topic) => Resource::Topic(topic.clone()),
                None => Resource::Broker(describe.broker),
            };
            let mut found = settings(session, &resource).await?;
            found.retain(|setting| !describe.changed || setting.source != Source::Default);
            let mut table = Table::new(["name", "value", "source"]);
            for setting in &found {
                let value = setting.value.as_deref().unwrap_or("(hidden)");
                table.row([setting.name.clone(), value.to_owned(), setting.source.in_words().to_owned()]);
            }
            describe.output.show(&found, &table)
        }),
    }
}

/// All settings of `resource`, by name.
pub(super) async fn settings(session: &Session, resource: &Resource) -> anyhow::Result<Vec<Setting>> {
    session.retrying(async || ask(session, resource).await).await
}

async fn ask(session: &Session, resource: &Resource) -> anyhow::Result<Vec<Setting>> {
    let (broker, resource) = match resource {
        Resource::Topic(topic) => (session.cluster.any().await?, named(resource, topic)),
        Resource::Broker(id) => {
            let (id, broker) = find_broker(session, *id).await?;
            (broker, named(resource, &id.to_string()))
        }
    };
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
    let response = broker.call(VERSIONS, &request).await?;
    let result = response.results.first().context("the broker tells nothing")?;
    Refusal::check(result.error_code, result.error_message.as_ref())?;
    let mut settings: Vec<Setting> = result.configs.iter().map(Setting::of).collect();
    settings.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(settings)
}

/// A broker tells its own settings only.
async fn find_broker(session: &Session, id: Option<i32>) -> anyhow::Result<(i32, BrokerClient)> {
    let metadata = session.cluster.metadata(Topics::None).await?;
    let known = metadata.brokers.iter().map(|broker| broker.node_id.0);
    let id = id.or_else(|| known.clone().next()).context("the cluster tells of no broker")?;
    match session.cluster.broker(BrokerId(id)).await? {
        Some(broker) => Ok((id, broker)),
        None => {
            let known: Vec<String> = known.map(|id| id.to_string()).collect();
            bail!("there is no broker {id}: there is {}", known.join(", "))
        }
    }
}

/// Source: Kafka `ConfigResource.Type`.
fn named(resource: &Resource, name: &str) -> DescribeConfigsResource {
    let resource_type = match resource {
        Resource::Topic(_) => 2,
        Resource::Broker(_) => 4,
    };
    let name = StrBytes::from_string(name.to_owned());
    DescribeConfigsResource::default().with_resource_type(resource_type).with_resource_name(name)
}

impl Setting {
    fn of(result: &DescribeConfigsResourceResult) -> Setting {
        Setting {
            name: result.name.to_string(),
            value: result.value.as_ref().map(|value| value.to_string()),
            source: Source::of(result.config_source),
            read_only: result.read_only,
            sensitive: result.is_sensitive,
        }
    }
}

impl Source {
    fn of(number: i8) -> Source {
        match number {
            1 => Source::Topic,
            2 => Source::DynamicBroker,
            3 => Source::DynamicCluster,
            4 => Source::StaticBroker,
            5 => Source::Default,
            _ => Source::Other,
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Source::Topic => "topic",
            Source::DynamicBroker => "broker, set while it ran",
            Source::DynamicCluster => "cluster",
            Source::StaticBroker => "broker's start",
            Source::Default => "default",
            Source::Other => "other",
        }
    }
}
