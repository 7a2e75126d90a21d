//! CreateTopics (key 19): creates topics, or says what would become of it.
//!
//! Versions 2 to 7. 4 takes -1 for the broker's defaults (KIP-464), 5 is flexible and answers with the topic's configs, partitions and
//! replication factor (KIP-525), 7 with its id (KIP-516).
//!
//! The active controller decides; the answer comes when this broker has taken the topics up, so that a client that goes on finds them.
//! Results are in the order of the request, one for each name.

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_base::{BrokerId, PartitionIndex, TopicName};
use ottla_metadata::{CreateTopics as CreateTopicsDecision, CreatedTopic, Error, Image, NewTopic};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::create_topics_request::CreatableTopic;
use ottla_protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use ottla_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse};
use ottla_settings::{Layers, TopicSettings, describe_topic};

use super::by_topic::{Asked, outcomes, read_by_name, to_decide};
use super::describe_configs::source_code;
use super::{Answer, Api, Call, Handler};
use crate::decide::decide;
use crate::error::Failure;
use crate::internal_topics::CLUSTER_METADATA;
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<CreateTopics>(2..=7);

struct CreateTopics;

impl Handler for CreateTopics {
    type Request = CreateTopicsRequest;

    const HANDLE: super::Handle<CreateTopicsRequest> = handle;
}

fn handle(broker: &Arc<Broker>, call: Call<'_>, request: CreateTopicsRequest) -> Answer<CreateTopicsResponse> {
    let version = call.version;
    let image = broker.image();
    let new_topic = |topic| new_topic(broker.layers(), &image, topic);
    let asked = read_by_name(&request.topics, |topic| topic.name.as_str(), new_topic);
    let topics = to_decide(&asked);
    if topics.is_empty() {
        return Answer::Done(response(version, broker.layers(), asked, Ok(Vec::new())));
    }
    let broker = broker.clone();
    let (timeout, validate_only, memory) = (wire::millis(request.timeout_ms), request.validate_only, call.memory);
    Answer::later(async move {
        // What was read of the request is held until it is answered.
        let _memory = memory;
        let decision = CreateTopicsDecision { topics, validate_only };
        let decided = decide(&broker, decision, timeout).await;
        response(version, broker.layers(), asked, decided)
    })
}

/// Checks what the controller does not: names and configs. In Kafka's order, so that of two mistakes the same one is told.
fn new_topic(layers: &Layers, image: &Image, topic: &CreatableTopic) -> Result<NewTopic, Failure> {
    let name = topic.name.as_str();
    if name == CLUSTER_METADATA {
        let message = format!("Creation of internal topic {CLUSTER_METADATA} is prohibited.");
        return Err(Failure::new(ErrorCode::InvalidRequest, message));
    }
    let name = TopicName::new(name).map_err(|invalid| Failure::invalid_topic_name(name, &invalid))?;
    if image.topics.by_name(name.as_str()).is_some() {
        return Err(Error::TopicExists { name }.into());
    }
    let configs = configs(topic)?;
    TopicSettings::resolve(layers, &configs)?;
    let assignments = topic.assignments.iter().map(|assignment| {
        let replicas = assignment.broker_ids.iter().map(|id| BrokerId(id.0)).collect();
        (PartitionIndex(assignment.partition_index), replicas)
    });
    Ok(NewTopic {
        name,
        partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments: assignments.collect(),
        configs,
    })
}

fn configs(topic: &CreatableTopic) -> Result<BTreeMap<String, String>, Failure> {
    let nulls: Vec<_> = topic.configs.iter().filter(|config| config.value.is_none()).map(|c| c.name.as_str()).collect();
    if !nulls.is_empty() {
        let message = format!("Null value not supported for topic configs: {}", nulls.join(","));
        return Err(Failure::new(ErrorCode::InvalidConfig, message));
    }
    let pairs =
        topic.configs.iter().filter_map(|config| Some((config.name.to_string(), config.value.as_ref()?.to_string())));
    Ok(pairs.collect())
}

fn response(
    version: i16,
    layers: &Layers,
    asked: Vec<Asked<String, NewTopic>>,
    decided: Result<Vec<Result<CreatedTopic, Error>>, Failure>,
) -> CreateTopicsResponse {
    let topics = outcomes(asked, decided).map(|(name, outcome)| result(version, layers, &name, outcome));
    CreateTopicsResponse::default().with_topics(topics.collect())
}

fn result(
    version: i16,
    layers: &Layers,
    name: &str,
    created: Result<(NewTopic, CreatedTopic), Failure>,
) -> CreatableTopicResult {
    let result = CreatableTopicResult::default().with_name(wire::topic_name(name));
    match created {
        Ok((topic, created)) => result
            .with_error_message(None)
            .with_topic_id(wire::topic_id(created.topic_id))
            .with_num_partitions(created.partitions)
            .with_replication_factor(created.replication_factor)
            .with_configs(Some(if version >= 5 { described(layers, &topic) } else { Vec::new() })),
        Err(failure) => result.with_error_code(failure.code.code()).with_error_message(failure.message.map(wire::text)),
    }
}

fn described(layers: &Layers, topic: &NewTopic) -> Vec<CreatableTopicConfigs> {
    let entries = describe_topic(layers, &topic.configs).expect("the configs were resolved before");
    let config = |entry: ottla_settings::ConfigEntry| {
        CreatableTopicConfigs::default()
            .with_name(wire::text(entry.name))
            .with_value(entry.value.map(wire::text))
            .with_read_only(entry.is_read_only)
            .with_config_source(source_code(entry.source))
            .with_is_sensitive(entry.is_sensitive)
    };
    entries.into_iter().map(config).collect()
}

#[cfg(test)]
#[path = "create_topics_test.rs"]
mod tests;
