//! `ottla group delete`.

use std::ops::RangeInclusive;

use anyhow::{Context, bail};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::DeleteGroupsRequest;
use serde::Serialize;

use super::group_id;
use crate::cli::connect::{Connect, Session};
use crate::cli::output::Output;
use crate::cli::refusal::Refusal;

/// All that there are.
const VERSIONS: RangeInclusive<i16> = 0..=2;

/// The groups to delete.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A group without members goes by itself once its offsets have expired (offsets.retention.minutes).

Example:
    ottla group delete email-service"
)]
pub(super) struct Delete {
    /// The groups' names
    #[arg(required = true, value_name = "GROUP")]
    groups: Vec<String>,

    /// Do nothing where there is no such group
    #[arg(long)]
    if_exists: bool,

    #[command(flatten)]
    connect: Connect,

    #[command(flatten)]
    output: Output,
}

/// What became of one group.
#[derive(Debug, Serialize)]
struct Deleted {
    group: String,
    deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(super) fn run(delete: &Delete) -> anyhow::Result<()> {
    delete.connect.run(async |session| {
        let mut outcomes = Vec::new();
        for group in &delete.groups {
            outcomes.push(of_group(session, group, delete.if_exists).await?);
        }
        let human: String = outcomes.iter().filter(|outcome| outcome.error.is_none()).map(in_words).collect();
        delete.output.show(&outcomes, &human)?;
        let failure = |outcome: &Deleted| Some(format!("group {}: {}", outcome.group, outcome.error.as_ref()?));
        let failures: Vec<String> = outcomes.iter().filter_map(failure).collect();
        match failures.is_empty() {
            true => Ok(()),
            false => bail!(failures.join("; ")),
        }
    })
}

/// Each group has a coordinator of its own to ask.
async fn of_group(session: &Session, group: &str, if_exists: bool) -> anyhow::Result<Deleted> {
    let request = DeleteGroupsRequest::default().with_groups_names(vec![group_id(group)]);
    let ask = async || {
        let response = session.coordinator(group).await?.call(VERSIONS, &request).await?;
        let result = response.results.first().context("the broker tells nothing of the group")?;
        match Refusal::of(result.error_code, None) {
            Some(refusal) if refusal.is_transient() => Err(refusal.into()),
            outcome => Ok(outcome),
        }
    };
    let refusal = session.retrying(ask).await?;
    let deleted = refusal.is_none();
    let is_missing = |refusal: &Refusal| refusal.code() == Some(ErrorCode::GroupIdNotFound);
    let error = refusal.filter(|refusal| !(if_exists && is_missing(refusal))).map(|refusal| refusal.to_string());
    Ok(Deleted { group: group.to_owned(), deleted, error })
}

fn in_words(outcome: &Deleted) -> String {
    let group = &outcome.group;
    if outcome.deleted { format!("deleted group {group}\n") } else { format!("there is no group {group}\n") }
}
