//! DescribeConfigs (key 32): the settings of topics and of this broker, with where they come from.
//!
//! Versions 1 to 4. 1 has synonyms on demand and sources (KIP-226), 3 types, and documentation on demand (KIP-569), 4 is flexible. Only the
//! keys that are asked for are told; none, or an empty list, asks for all. A resource that is named again is answered once, which Kafka
//! does as often as it is named.
//!
//! A broker tells about itself alone. The broker of the empty name is what is set on all of them dynamically, which nothing is until
//! settings can be altered. Loggers, client metrics and groups are not served.

use std::collections::BTreeSet;
use std::sync::Arc;

use ottla_base::{BrokerId, TopicName};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::describe_configs_request::DescribeConfigsResource;
use ottla_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use ottla_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};
use ottla_settings::{ConfigEntry, ConfigSynonym, Kind, Source, describe_broker, describe_topic};

use super::{Answer, Api, Call, Handler};
use crate::error::Failure;
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<DescribeConfigs>(1..=4);

struct DescribeConfigs;

impl Handler for DescribeConfigs {
    type Request = DescribeConfigsRequest;

    const HANDLE: super::Handle<DescribeConfigsRequest> = handle;
}

/// What is told about a setting besides its value.
#[derive(Clone, Copy)]
struct Detail {
    synonyms: bool,
    types: bool,
    documentation: bool,
}

fn handle(broker: &Arc<Broker>, call: Call<'_>, request: DescribeConfigsRequest) -> Answer<DescribeConfigsResponse> {
    let detail = Detail {
        synonyms: request.include_synonyms,
        types: call.version >= 3,
        documentation: call.version >= 3 && request.include_documentation,
    };
    let resources = firsts(request.resources).into_iter().map(|resource| {
        let described = describe(broker, &resource);
        result(resource, described, detail)
    });
    Answer::Done(DescribeConfigsResponse::default().with_results(resources.collect()))
}

/// Each resource once. A small request must not be answered by gigabytes for naming one over and over.
fn firsts(resources: Vec<DescribeConfigsResource>) -> Vec<DescribeConfigsResource> {
    let mut answered = BTreeSet::new();
    let is_first = |resource: &DescribeConfigsResource| {
        answered.insert((resource.resource_type, resource.resource_name.to_string()))
    };
    resources.into_iter().filter(is_first).collect()
}

/// Kafka's `ConfigResource.Type`.
fn type_name(resource_type: i8) -> Option<&'static str> {
    match resource_type {
        2 => Some("TOPIC"),
        4 => Some("BROKER"),
        8 => Some("BROKER_LOGGER"),
        16 => Some("CLIENT_METRICS"),
        32 => Some("GROUP"),
        _ => None,
    }
}

fn describe(broker: &Broker, resource: &DescribeConfigsResource) -> Result<Vec<ConfigEntry>, Failure> {
    let name = resource.resource_name.as_str();
    match type_name(resource.resource_type) {
        Some("TOPIC") => {
            TopicName::new(name).map_err(|invalid| Failure::invalid_topic_name(name, &invalid))?;
            let image = broker.image();
            let topic = image.topics.by_name(name).ok_or_else(Failure::unknown_topic)?;
            Ok(describe_topic(broker.layers(), &topic.configs)?)
        }
        Some("BROKER") if name.is_empty() => Ok(Vec::new()),
        Some("BROKER") => {
            check_broker_name(broker.broker_id(), name)?;
            Ok(describe_broker(broker.layers())?)
        }
        other => {
            let message = format!("Unsupported resource type: {}", other.unwrap_or("UNKNOWN"));
            Err(Failure::new(ErrorCode::InvalidRequest, message))
        }
    }
}

/// Source: Kafka `ConfigHelper.describeConfigs`.
fn check_broker_name(own_id: BrokerId, name: &str) -> Result<(), Failure> {
    let invalid = |message| Err(Failure::new(ErrorCode::InvalidRequest, message));
    match name.parse::<i32>() {
        Ok(id) if id == own_id.0 => Ok(()),
        Ok(_) => invalid(format!("Unexpected broker id, expected {own_id} or empty string, but received {name}")),
        Err(_) => invalid(format!("Broker id must be an integer, but it is: {name}")),
    }
}

fn result(
    resource: DescribeConfigsResource,
    described: Result<Vec<ConfigEntry>, Failure>,
    detail: Detail,
) -> DescribeConfigsResult {
    let keys = resource.configuration_keys.unwrap_or_default();
    let keys: BTreeSet<_> = keys.iter().map(|key| key.as_str()).collect();
    let is_wanted = |entry: &ConfigEntry| keys.is_empty() || keys.contains(entry.name);
    let result = DescribeConfigsResult::default()
        .with_resource_type(resource.resource_type)
        .with_resource_name(resource.resource_name);
    match described {
        Ok(entries) => {
            let wanted = entries.into_iter().filter(is_wanted);
            result.with_configs(wanted.map(|entry| config(entry, detail)).collect())
        }
        Err(failure) => result.with_error_code(failure.code.code()).with_error_message(failure.message.map(wire::text)),
    }
}

fn config(entry: ConfigEntry, detail: Detail) -> DescribeConfigsResourceResult {
    let synonyms = if detail.synonyms { entry.synonyms } else { Vec::new() };
    DescribeConfigsResourceResult::default()
        .with_name(wire::text(entry.name))
        .with_value(entry.value.map(wire::text))
        .with_read_only(entry.is_read_only)
        .with_config_source(source_code(entry.source))
        .with_is_sensitive(entry.is_sensitive)
        .with_synonyms(synonyms.into_iter().map(synonym).collect())
        .with_config_type(if detail.types { type_code(entry.kind) } else { 0 })
        .with_documentation(detail.documentation.then(|| wire::text(entry.documentation)))
}

fn synonym(synonym: ConfigSynonym) -> DescribeConfigsSynonym {
    DescribeConfigsSynonym::default()
        .with_name(wire::text(synonym.name))
        .with_value(synonym.value.map(wire::text))
        .with_source(source_code(synonym.source))
}

/// Kafka's `DescribeConfigsResponse.ConfigSource`.
pub(super) fn source_code(source: Source) -> i8 {
    match source {
        Source::Topic => 1,
        Source::DynamicBroker => 2,
        Source::DynamicCluster => 3,
        Source::Static => 4,
        Source::Default => 5,
    }
}

/// Kafka's `DescribeConfigsResponse.ConfigType`.
fn type_code(kind: Kind) -> i8 {
    match kind {
        Kind::Boolean => 1,
        Kind::String => 2,
        Kind::Int => 3,
        Kind::Short => 4,
        Kind::Long => 5,
        Kind::Double => 6,
        Kind::List => 7,
        Kind::Class => 8,
        Kind::Password => 9,
    }
}

#[cfg(test)]
mod tests {
    use ottla_protocol::Response;
    use ottla_settings::Layers;

    use super::*;

    fn answer(keys: &[&'static str], version: i16, on_demand: bool) -> DescribeConfigsResult {
        let keys = (!keys.is_empty()).then(|| keys.iter().map(wire::text).collect());
        let resource = DescribeConfigsResource::default().with_resource_type(4).with_configuration_keys(keys);
        let described = describe_broker(&Layers::default()).map_err(Failure::from);
        let detail = Detail { synonyms: on_demand, types: version >= 3, documentation: version >= 3 && on_demand };
        result(resource, described, detail)
    }

    #[test]
    fn only_the_keys_that_are_asked_for_are_told() {
        let names: Vec<_> =
            answer(&["num.partitions", "nonsense"], 4, false).configs.into_iter().map(|c| c.name).collect();
        assert_eq!(names, [wire::text("num.partitions")]);
        assert!(answer(&[], 4, false).configs.len() > 50);
    }

    #[test]
    fn a_resource_is_answered_once() {
        let resource = |resource_type, name: &str| {
            DescribeConfigsResource::default().with_resource_type(resource_type).with_resource_name(wire::text(name))
        };
        let told = firsts(vec![resource(4, "1"), resource(2, "1"), resource(4, "1"), resource(4, "")]);
        let told: Vec<_> = told.iter().map(|r| (r.resource_type, r.resource_name.as_str())).collect();
        assert_eq!(told, [(4, "1"), (2, "1"), (4, "")]);
    }

    #[test]
    fn synonyms_and_documentation_come_on_demand() {
        let silent = answer(&["num.partitions"], 4, false).configs.remove(0);
        assert!(silent.synonyms.is_empty() && silent.documentation.is_none());
        assert_eq!((silent.config_source, silent.config_type, silent.read_only), (5, 3, true));
        let told = answer(&["num.partitions"], 4, true).configs.remove(0);
        assert_eq!(told.synonyms.len(), 1);
        assert!(told.documentation.is_some_and(|text| !text.is_empty()));
    }

    #[test]
    fn every_version_can_tell_everything() {
        for version in API.served.clone() {
            let response = DescribeConfigsResponse::default().with_results(vec![answer(&[], version, true)]);
            assert!(response.encode(version, 1).is_ok(), "version {version}");
        }
    }

    #[test]
    fn a_broker_tells_about_itself_alone() {
        let message = |name| check_broker_name(BrokerId(1), name).err().and_then(|failure| failure.message);
        assert_eq!(message("1"), None);
        assert_eq!(message("2").unwrap(), "Unexpected broker id, expected 1 or empty string, but received 2");
        assert_eq!(message("x").unwrap(), "Broker id must be an integer, but it is: x");
    }
}
