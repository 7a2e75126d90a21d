//! `ottla group list`.

use std::ops::RangeInclusive;

use futures_util::future::try_join_all;
use ottla_net::Topics;
use ottla_protocol::messages::list_groups_response::ListedGroup;
use ottla_protocol::messages::{BrokerId, ListGroupsRequest};
use serde::Serialize;

use crate::cli::connect::{Connect, Session};
use crate::cli::output::Output;
use crate::cli::refusal::Refusal;
use crate::cli::table::Table;

/// All that there are: later ones tell the state, and what kind of group it is.
const VERSIONS: RangeInclusive<i16> = 0..=5;

/// How to list them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
    ottla group list --json")]
pub(super) struct List {
    #[command(flatten)]
    connect: Connect,

    #[command(flatten)]
    output: Output,
}

/// One group.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    pub(super) group: String,
    pub(super) state: String,
    protocol_type: String,
}

pub(super) fn run(list: &List) -> anyhow::Result<()> {
    list.connect.run(async |session| {
        let mut groups = all(session).await?;
        groups.sort_by(|one, other| one.group.cmp(&other.group));
        if groups.is_empty() && !list.output.json {
            let none = "there are no groups: `ottla consume TOPIC --group NAME` makes one\n";
            return list.output.show(&groups, &none);
        }
        let mut table = Table::new(["group", "state", "protocol type"]);
        for group in &groups {
            table.row([group.group.clone(), group.state.clone(), group.protocol_type.clone()]);
        }
        list.output.show(&groups, &table)
    })
}

/// All groups that there are.
pub(super) async fn all(session: &Session) -> anyhow::Result<Vec<Listed>> {
    session.retrying(async || ask_all(session).await).await
}

/// Each broker knows the groups that it coordinates, and no others.
async fn ask_all(session: &Session) -> anyhow::Result<Vec<Listed>> {
    let metadata = session.cluster.metadata(Topics::None).await?;
    let asked = metadata.brokers.iter().map(|broker| ask(session, broker.node_id));
    Ok(try_join_all(asked).await?.into_iter().flatten().collect())
}

async fn ask(session: &Session, broker_id: BrokerId) -> anyhow::Result<Vec<Listed>> {
    let Some(broker) = session.cluster.broker(broker_id).await? else { return Ok(Vec::new()) };
    let response = broker.call(VERSIONS, &ListGroupsRequest::default()).await?;
    Refusal::check(response.error_code, None)?;
    Ok(response.groups.iter().map(listed).collect())
}

fn listed(group: &ListedGroup) -> Listed {
    Listed {
        group: group.group_id.to_string(),
        state: group.group_state.to_string(),
        protocol_type: group.protocol_type.to_string(),
    }
}
