//! `ottla topic delete`.

use std::ops::RangeInclusive;

use anyhow::bail;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::DeleteTopicsRequest;
use serde::Serialize;

use super::topic_name;
use crate::cli::connect::Connect;
use crate::cli::output::Output;
use crate::cli::refusal::Refusal;

/// By name; from version 6 on topics are named in another field, and nothing else is new.
const VERSIONS: RangeInclusive<i16> = 1..=5;

/// The topics to delete.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
    ottla topic delete orders")]
pub(super) struct Delete {
    /// The topics' names
    #[arg(required = true, value_name = "TOPIC")]
    topics: Vec<String>,

    /// Do nothing where there is no such topic
    #[arg(long)]
    if_exists: bool,

    #[command(flatten)]
    connect: Connect,

    #[command(flatten)]
    output: Output,
}

/// What became of one topic.
#[derive(Debug, Serialize)]
struct Deleted {
    topic: String,
    deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

pub(super) fn run(delete: &Delete) -> anyhow::Result<()> {
    delete.connect.run(async |session| {
        let names = delete.topics.iter().map(|topic| topic_name(topic)).collect();
        let request = DeleteTopicsRequest::default().with_topic_names(names).with_timeout_ms(session.timeout_ms());
        let call = async || Ok(session.cluster.controller().await?.call(VERSIONS, &request).await?);
        let response = session.retrying(call).await?;
        let outcomes: Vec<Deleted> = response
            .responses
            .iter()
            .map(|result| {
                let topic = result.name.as_ref().map(|name| name.to_string()).unwrap_or_default();
                let refusal = Refusal::of(result.error_code, result.error_message.as_ref());
                outcome(topic, refusal, delete.if_exists)
            })
            .collect();
        let human: String = outcomes.iter().filter(|outcome| outcome.error.is_none()).map(in_words).collect();
        delete.output.show(&outcomes, &human)?;
        let failures: Vec<String> = outcomes.iter().filter_map(failure).collect();
        match failures.is_empty() {
            true => Ok(()),
            false => bail!(failures.join("; ")),
        }
    })
}

fn outcome(topic: String, refusal: Option<Refusal>, if_exists: bool) -> Deleted {
    let is_missing = |refusal: &Refusal| refusal.code() == Some(ErrorCode::UnknownTopicOrPartition);
    let deleted = refusal.is_none();
    let error = refusal.filter(|refusal| !(if_exists && is_missing(refusal))).map(|refusal| refusal.to_string());
    Deleted { topic, deleted, error }
}

fn in_words(outcome: &Deleted) -> String {
    let topic = &outcome.topic;
    if outcome.deleted { format!("deleted topic {topic}\n") } else { format!("there is no topic {topic}\n") }
}

fn failure(outcome: &Deleted) -> Option<String> {
    outcome.error.as_ref().map(|error| format!("topic {}: {error}", outcome.topic))
}
