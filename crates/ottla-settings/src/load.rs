//! From a properties file and `--override`s to checked layers.

use std::fmt;
use std::sync::Arc;

use crate::broker::BrokerSettings;
use crate::error::{Error, Errors, Origin};
use crate::layers::{Layer, Layers, Written, invalid};
use crate::properties::parse_properties;
use crate::table::Table;

/// A properties file that the caller has read.
#[derive(Clone, Copy, Debug)]
pub struct PropertiesFile<'a> {
    /// As messages name it.
    pub name: &'a str,
    /// What it holds.
    pub text: &'a str,
}

/// What a node starts with.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// For resolving topics' settings, and for DescribeConfigs.
    pub layers: Layers,
    /// The node's own settings.
    pub broker: BrokerSettings,
    /// What was set and changes nothing, by name.
    pub warnings: Vec<Warning>,
}

/// A known setting that was set and means nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The setting.
    pub name: &'static str,
    /// Why it changes nothing.
    pub why: &'static str,
    /// Where it was set.
    pub origin: Origin,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} has no effect: {}", self.origin, self.name, self.why)
    }
}

/// Reads what was set statically; `overrides` are `name=value` each and win over `file`; of several values for one name
/// the last counts.
///
/// # Errors
/// Everything that is wrong, so that one attempt shows it all: unknown names with the nearest known one, values that
/// are not allowed, values that do not go together.
pub fn load(file: Option<PropertiesFile<'_>>, overrides: &[String]) -> Result<Loaded, Errors> {
    let table = Table::new();
    let mut errors = Vec::new();
    let mut statics = match file.map(from_file).transpose() {
        Ok(properties) => properties.unwrap_or_default(),
        Err(error) => return Err(error.into()),
    };
    for text in overrides {
        match from_override(text) {
            Ok((name, value)) => drop(statics.insert(name, value)),
            Err(error) => errors.push(error),
        }
    }
    name_node_id_twice(&mut statics);
    let mut warnings = Vec::new();
    for (name, Written { text, origin }) in &statics {
        let Some(setting) = table.broker(name) else {
            errors.push(table.unknown_broker_setting(name, origin));
            continue;
        };
        match table.check(setting, text) {
            Err(allowed) => errors.push(invalid(setting, text, allowed, origin.clone())),
            Ok(()) => warnings.extend(setting.without_effect.map(|why| Warning {
                name: setting.name,
                why,
                origin: origin.clone(),
            })),
        }
    }
    if !errors.is_empty() {
        return Err(Errors(errors));
    }
    let layers = Layers::of_static(statics);
    let broker = BrokerSettings::resolve(&layers)?;
    Ok(Loaded { layers, broker, warnings })
}

/// What is set under one of the node id's two names is set under the other too (Kafka `KafkaConfig.populateSynonyms`).
fn name_node_id_twice(statics: &mut Layer) {
    for (name, other) in [("node.id", "broker.id"), ("broker.id", "node.id")] {
        if let Some(written) = statics.get(name).cloned() {
            statics.entry(other.to_owned()).or_insert(written);
        }
    }
}

fn from_file(file: PropertiesFile<'_>) -> Result<Layer, Error> {
    let name: Arc<str> = file.name.into();
    let at = |line| Origin::File { file: Arc::clone(&name), line };
    let properties = parse_properties(file.text).map_err(|error| Error::Syntax {
        origin: at(error.line),
        what: "\\u is not followed by four hexadecimal digits".to_owned(),
    })?;
    let written = properties.into_iter().map(|property| {
        let origin = at(property.line);
        (property.key, Written { text: property.value, origin })
    });
    Ok(written.collect())
}

fn from_override(text: &str) -> Result<(String, Written), Error> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), Written { text: value.to_owned(), origin: Origin::Override }))
        }
        _ => Err(Error::Syntax { origin: Origin::Override, what: format!("{text} is not name=value") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_file(text: &str, overrides: &[&str]) -> Result<Loaded, String> {
        let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
        let file = PropertiesFile { name: "server.properties", text };
        load(Some(file), &overrides).map_err(|errors| errors.to_string())
    }

    // What Apache Kafka 4.3 ships as config/server.properties, without its comments.
    const STOCK: &str = "process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
socket.request.max.bytes=104857600
log.dirs=/tmp/kraft-combined-logs
num.partitions=1
num.recovery.threads.per.data.dir=2
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.retention.hours=168
log.segment.bytes=1073741824
log.retention.check.interval.ms=300000
";

    #[test]
    fn kafkas_own_file_starts_a_node() {
        let loaded = load_file(STOCK, &[]).unwrap();
        assert_eq!(loaded.broker.client_listeners().count(), 1);
        assert_eq!(loaded.broker.storage.log_dirs, [std::path::PathBuf::from("/tmp/kraft-combined-logs")]);
        let ignored: Vec<&str> = loaded.warnings.iter().map(|warning| warning.name).collect();
        assert!(ignored.contains(&"num.io.threads") && !ignored.contains(&"num.partitions"), "{ignored:?}");
    }

    #[test]
    fn an_override_wins_over_the_file_and_the_last_of_several_counts() {
        let partitions = |text, overrides: &[&str]| load_file(text, overrides).unwrap().broker.topics.num_partitions;
        assert_eq!(partitions("num.partitions=2\nnum.partitions=3", &[]), 3);
        assert_eq!(partitions("num.partitions=2", &["num.partitions=4", "num.partitions=5"]), 5);
        assert_eq!(partitions("num.partitions=zero", &["num.partitions=4"]), 4);
    }

    #[test]
    fn every_mistake_is_told_at_once_with_its_place_and_its_cure() {
        let errors = load_file(
            "# a node\nlog.segment.byte=1\nlog.segment.bytes=5",
            &["num.partitions", "delete.topic.enable=1"],
        );
        let expected = "--override: num.partitions is not name=value\n\
            --override: Invalid value 1 for configuration delete.topic.enable: Expected value to be either true or false\n\
            server.properties:2: Unknown broker config name: log.segment.byte (did you mean log.segment.bytes?)\n\
            server.properties:3: Invalid value 5 for configuration log.segment.bytes: Value must be at least 1048576";
        assert_eq!(errors.map(|_| ()), Err(expected.to_owned()));
        let malformed = load_file("a=\\u12", &[]).map(|_| ()).unwrap_err();
        assert_eq!(malformed, "server.properties:1: \\u is not followed by four hexadecimal digits");
    }

    #[test]
    fn a_setting_that_no_topic_could_have_is_refused_at_the_broker() {
        let refused = |text| load_file(text, &[]).map(|_| ()).unwrap_err();
        let expected = "server.properties:1: Invalid value 0 for configuration log.roll.ms: Value must be at least 1";
        assert_eq!(refused("log.roll.ms=0"), expected);
        assert!(refused("log.flush.interval.ms=-1").contains("log.flush.interval.ms: Value must be at least 0"));
    }

    #[test]
    fn a_setting_without_effect_warns_with_its_reason() {
        let warnings = load_file("log.cleaner.threads=4", &[]).unwrap().warnings;
        let told: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        let expected = "server.properties:1: log.cleaner.threads has no effect: compaction does not run yet; compacted logs are kept whole";
        assert_eq!(told, [expected]);
    }
}
