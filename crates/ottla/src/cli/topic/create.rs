//! `ottla topic create`.

use std::ops::RangeInclusive;

use anyhow::Context;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use ottla_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse, StrBytes};
use serde::Serialize;

use super::topic_name;
use crate::cli::connect::{Connect, Session};
use crate::cli::name_value;
use crate::cli::output::Output;
use crate::cli::refusal::Refusal;

/// From the first version that leaves partitions and replication to the broker and tells what it chose.
const VERSIONS: RangeInclusive<i16> = 5..=7;

/// The topic to create.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
    ottla topic create orders --partitions 6 --config retention.ms=86400000")]
pub(super) struct Create {
    /// The topic's name
    topic: String,

    /// How many partitions; the broker's num.partitions if not given
    #[arg(short, long, value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,

    /// How many replicas of each partition; the broker's default.replication.factor if not given
    #[arg(short, long, value_parser = clap::value_parser!(i16).range(1..))]
    replication_factor: Option<i16>,

    /// A setting of the topic; may be given more than once
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = name_value::parse)]
    config: Vec<(String, String)>,

    /// Do nothing where there is such a topic already
    #[arg(long)]
    if_not_exists: bool,

    #[command(flatten)]
    connect: Connect,

    #[command(flatten)]
    output: Output,
}

/// What was created.
#[derive(Debug, Serialize)]
struct Created<'a> {
    topic: &'a str,
    created: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    partitions: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replication_factor: Option<i16>,
}

pub(super) fn run(create: &Create) -> anyhow::Result<()> {
    create.connect.run(async |session| {
        let request = request(create, session);
        session.retrying(async || answered(create, session, &request).await).await
    })
}

fn request(create: &Create, session: &Session) -> CreateTopicsRequest {
    let config = |(name, value): &(String, String)| {
        let value = StrBytes::from_string(value.clone());
        CreatableTopicConfig::default().with_name(StrBytes::from_string(name.clone())).with_value(Some(value))
    };
    let topic = CreatableTopic::default()
        .with_name(topic_name(&create.topic))
        .with_num_partitions(create.partitions.unwrap_or(-1))
        .with_replication_factor(create.replication_factor.unwrap_or(-1))
        .with_configs(create.config.iter().map(config).collect());
    CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(session.timeout_ms())
}

async fn answered(create: &Create, session: &Session, request: &CreateTopicsRequest) -> anyhow::Result<()> {
    let response: CreateTopicsResponse = session.cluster.controller().await?.call(VERSIONS, request).await?;
    let topic = &create.topic;
    let result = response.topics.first().context("the broker tells nothing of the topic")?;
    match Refusal::of(result.error_code, result.error_message.as_ref()) {
        Some(refusal) if create.if_not_exists && refusal.code() == Some(ErrorCode::TopicAlreadyExists) => {
            let found = Created { topic, created: false, partitions: None, replication_factor: None };
            create.output.show(&found, &format_args!("topic {topic} is there already\n"))
        }
        Some(refusal) => Err(refusal.into()),
        None => {
            let (partitions, replicas) = (result.num_partitions, result.replication_factor);
            let found =
                Created { topic, created: true, partitions: Some(partitions), replication_factor: Some(replicas) };
            let human = format_args!("created topic {topic}: partitions {partitions}, replication factor {replicas}\n");
            create.output.show(&found, &human)
        }
    }
}
