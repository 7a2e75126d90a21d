//! What DescribeConfigs answers: every setting with its value, its source, and its synonyms in Kafka's order.
//!
//! Source: Kafka `ConfigHelper`, `DynamicBrokerConfig.brokerConfigSynonyms`.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::layers::{Layers, Source, View, Written, parse};
use crate::spec::{Kind, Setting, Synonym, Update};
use crate::table::TOPIC;
use crate::value::Value;

/// One setting, described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Its name.
    pub name: &'static str,
    /// The value that counts; `None` where it is null, or secret.
    pub value: Option<String>,
    /// The layer that the value comes from.
    pub source: Source,
    /// Whether a running broker takes no new value.
    pub is_read_only: bool,
    /// Whether the value is a secret.
    pub is_sensitive: bool,
    /// What was written for it and its synonyms, strongest first; it begins with the value that counts.
    pub synonyms: Vec<ConfigSynonym>,
    /// Its type.
    pub kind: Kind,
    /// What it does.
    pub documentation: &'static str,
}

/// A value that one layer has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// The name under which the layer has it.
    pub name: &'static str,
    /// As it was written; `None` where it is a secret.
    pub value: Option<String>,
    /// The layer.
    pub source: Source,
}

/// Every setting of a broker, by name.
///
/// # Errors
/// As [`BrokerSettings::resolve`](crate::BrokerSettings::resolve); never for layers that it accepted.
pub fn describe_broker(layers: &Layers) -> Result<Vec<ConfigEntry>, Error> {
    let describe = |setting: &'static Setting| {
        // What was written under its own name, though a synonym may be stronger.
        let own = layers.written().into_iter().find_map(|(_, layer)| layer.get(setting.name));
        let value = match own {
            Some(Written { text, origin }) => parse(setting, text, origin)?,
            None => setting.default_value(),
        };
        let is_read_only = setting.update == Update::ReadOnly;
        Ok(entry(setting, &value, written_synonyms(layers, setting.name, &family(setting.name)), is_read_only))
    };
    layers.table.broker_settings().filter(|setting| !setting.hidden).map(describe).collect()
}

/// Every setting of a topic with these configs, by name.
///
/// # Errors
/// As [`TopicSettings::resolve`](crate::TopicSettings::resolve); never for configs that it accepted.
pub fn describe_topic(layers: &Layers, configs: &BTreeMap<String, String>) -> Result<Vec<ConfigEntry>, Error> {
    let view = View::of_topic(layers, configs);
    let describe = |setting: &'static Setting| {
        let value = view.value(setting)?;
        let own = configs.get(setting.name).map(|_| ConfigSynonym {
            name: setting.name,
            value: value.text(),
            source: Source::Topic,
        });
        let names = names(setting.synonyms);
        let of_broker = names.first().map(|first| written_synonyms(layers, first, &names)).unwrap_or_default();
        Ok(entry(setting, &value, own.into_iter().chain(of_broker).collect(), false))
    };
    layers.table.topic_settings().filter(|setting| !setting.hidden).map(describe).collect()
}

fn entry(setting: &'static Setting, value: &Value, synonyms: Vec<ConfigSynonym>, is_read_only: bool) -> ConfigEntry {
    ConfigEntry {
        name: setting.name,
        value: value.text().filter(|_| !setting.is_sensitive()),
        source: synonyms.first().map_or(Source::Default, |strongest| strongest.source),
        is_read_only,
        is_sensitive: setting.is_sensitive(),
        synonyms,
        kind: setting.kind,
        documentation: setting.documentation.trim(),
    }
}

/// The broker settings that share a meaning with this one, strongest first: the synonyms of a topic's setting.
fn family(name: &'static str) -> Vec<&'static str> {
    let families = TOPIC.settings().map(|setting| names(setting.synonyms));
    families.into_iter().find(|family| family.contains(&name)).unwrap_or_else(|| vec![name])
}

fn names(synonyms: &[Synonym]) -> Vec<&'static str> {
    synonyms.iter().map(|synonym| synonym.name).collect()
}

/// What the layers have for these names, strongest first, beginning with `name`: as Kafka, which drops what is stronger
/// under another name. So a topic's `retention.ms` shows no synonym while only `log.retention.hours` is set.
fn written_synonyms(layers: &Layers, name: &str, family: &[&'static str]) -> Vec<ConfigSynonym> {
    let settings = || family.iter().map(|name| layers.table.broker(name).expect("a family is of broker settings"));
    let synonym = |setting: &Setting, text: &str, source| ConfigSynonym {
        name: setting.name,
        value: (!setting.is_sensitive()).then(|| text.to_owned()),
        source,
    };
    let written = layers.written().into_iter().flat_map(|(source, layer)| {
        settings().filter_map(move |setting| layer.get(setting.name).map(|w| synonym(setting, &w.text, source)))
    });
    let defaults = settings().filter_map(|setting| setting.default.map(|text| synonym(setting, text, Source::Default)));
    written.chain(defaults).skip_while(|synonym| synonym.name != name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load;

    fn row(entries: &[ConfigEntry], name: &str) -> String {
        let entry = entries.iter().find(|entry| entry.name == name).unwrap();
        let synonyms: Vec<String> = entry
            .synonyms
            .iter()
            .map(|s| format!("{:?}:{}={}", s.source, s.name, s.value.as_deref().unwrap_or("null")))
            .collect();
        let value = entry.value.as_deref().unwrap_or("null");
        format!("{value} {:?} {{{}}}", entry.source, synonyms.join(", "))
    }

    fn layers(overrides: &[&str]) -> Layers {
        let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
        load(None, &overrides).unwrap().layers
    }

    #[test]
    fn what_kafka_keeps_to_its_tests_is_taken_and_not_shown() {
        let layers = layers(&["unstable.api.versions.enable=true", "super.users=User:a"]);
        let described = describe_broker(&layers).unwrap();
        assert!(!described.iter().any(|entry| ["unstable.api.versions.enable", "super.users"].contains(&entry.name)));
        let described = describe_topic(&layers, &BTreeMap::new()).unwrap();
        assert!(!described.iter().any(|entry| entry.name == "internal.segment.bytes"));
    }

    // Rows as kafka-configs --describe --all prints them for Apache Kafka 4.3.
    #[test]
    fn rows_of_a_broker_are_kafkas() {
        let rows = describe_broker(&layers(&["log.retention.hours=2", "node.id=3"])).unwrap();
        let check = |name, expected| assert_eq!(row(&rows, name), expected, "{name}");
        check("broker.id", "3 Static {Static:broker.id=3, Default:broker.id=-1}");
        check("log.retention.ms", "null Default {}");
        check("log.retention.hours", "2 Static {Static:log.retention.hours=2, Default:log.retention.hours=168}");
        check("log.flush.interval.ms", "null Default {}");
        check("num.partitions", "1 Default {Default:num.partitions=1}");
        check("log.cleanup.policy", "delete Default {Default:log.cleanup.policy=delete}");
        check("advertised.listeners", "null Default {}");
        check(
            "log.cleaner.io.max.bytes.per.second",
            "1.7976931348623157E308 Default {Default:log.cleaner.io.max.bytes.per.second=1.7976931348623157E308}",
        );
    }

    #[test]
    fn rows_of_a_topic_are_kafkas() {
        let configs = BTreeMap::from([("segment.bytes".to_owned(), " 2000000".to_owned())]);
        let rows = describe_topic(&layers(&["log.segment.bytes=3000000", "log.roll.ms=5"]), &configs).unwrap();
        let check = |name, expected| assert_eq!(row(&rows, name), expected, "{name}");
        check("flush.ms", "9223372036854775807 Default {}");
        check("retention.ms", "604800000 Default {}");
        check("segment.ms", "5 Static {Static:log.roll.ms=5, Default:log.roll.hours=168}");
        check("max.message.bytes", "1048588 Default {Default:message.max.bytes=1048588}");
        check("min.cleanable.dirty.ratio", "0.5 Default {Default:log.cleaner.min.cleanable.ratio=0.5}");
        check("leader.replication.throttled.replicas", " Default {}");
        let segment_bytes = "2000000 Topic {Topic:segment.bytes=2000000, Static:log.segment.bytes=3000000, \
                             Default:log.segment.bytes=1073741824}";
        check("segment.bytes", segment_bytes);
        assert_eq!(rows.len(), 34);
    }

    #[test]
    fn only_what_kafka_changes_while_running_can_be_altered() {
        let rows = describe_broker(&Layers::default()).unwrap();
        let read_only = |name| rows.iter().find(|entry| entry.name == name).unwrap().is_read_only;
        assert!(read_only("num.partitions") && read_only("log.dirs") && read_only("log.retention.hours"));
        assert!(!read_only("log.retention.ms") && !read_only("message.max.bytes") && !read_only("listeners"));
    }
}
