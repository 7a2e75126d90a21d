//! From a properties file, the environment and `--override`s to checked layers.

use std::ffi::OsString;
use std::fmt;
use std::sync::Arc;

use crate::broker::BrokerSettings;
use crate::environment::Environment;
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

/// Something that was set and means nothing here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The setting, as it was named.
    pub name: String,
    /// Why it changes nothing.
    pub why: &'static str,
    /// Where it was set.
    pub origin: Origin,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Environment { variable } => write!(f, "{variable} has no effect: {}", self.why),
            origin => write!(f, "{origin}{} has no effect: {}", self.name, self.why),
        }
    }
}

/// [`load_with_environment`] without an environment.
///
/// # Errors
/// As [`load_with_environment`].
pub fn load(file: Option<PropertiesFile<'_>>, overrides: &[String]) -> Result<Loaded, Errors> {
    load_with_environment(file, [], overrides)
}

/// Reads what was set statically. The sources, weakest first: `file`; `variables`, the process's environment, of which
/// those count that begin with `KAFKA_`, as for the apache/kafka image; `overrides`, `name=value` each. Of several
/// values for one name in one source the last counts.
///
/// # Errors
/// Everything that is wrong, so that one attempt shows it all: unknown names with the nearest known one, values that
/// are not allowed, values that do not go together. A variable whose name resembles no setting's is a warning: the
/// environment is everyone's, and others have variables that begin with `KAFKA_` too.
pub fn load_with_environment(
    file: Option<PropertiesFile<'_>>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    overrides: &[String],
) -> Result<Loaded, Errors> {
    let table = Table::new();
    let mut statics = file.map(from_file).transpose()?.unwrap_or_default();
    let environment = Environment::read(variables);
    let listeners = environment.listeners_as_advertised();
    let Environment { layer, mut warnings, mut errors } = environment;
    statics.extend(layer);
    for text in overrides {
        match from_override(text) {
            Ok((name, value)) => drop(statics.insert(name, value)),
            Err(error) => errors.push(error),
        }
    }
    if let Some(listeners) = listeners.filter(|_| !is_controller_only(&statics)) {
        statics.entry("listeners".to_owned()).or_insert(listeners);
    }
    name_node_id_twice(&mut statics);
    for (name, written) in &statics {
        match check(&table, name, written) {
            Ok(warning) => warnings.extend(warning),
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(Errors(errors));
    }
    let layers = Layers::of_static(statics);
    let broker = BrokerSettings::resolve(&layers)?;
    Ok(Loaded { layers, broker, warnings })
}

/// Whether what was written for `name` may be, and whether it is in vain.
fn check(table: &Table, name: &str, Written { text, origin }: &Written) -> Result<Option<Warning>, Error> {
    let warning = |why| Warning { name: name.to_owned(), why, origin: origin.clone() };
    let refusal = |setting, allowed| invalid(name, setting, text, allowed, origin.clone());
    if let Some(setting) = table.broker(name) {
        table.check(setting, text).map_err(|allowed| refusal(setting, allowed))?;
        return Ok(setting.without_effect.map(warning));
    }
    if let Some(open) = table.open_name(name) {
        if let Some(setting) = open.setting {
            setting.parse(text).map_err(|allowed| refusal(setting, allowed))?;
        }
        return Ok(Some(warning(open.why)));
    }
    match (origin, table.unknown_broker_setting(name, origin)) {
        (Origin::Environment { .. }, Error::UnknownName { nearest: None, .. }) => {
            Ok(Some(warning("no setting has a name like it")))
        }
        (_, error) => Err(error),
    }
}

/// The image derives no listeners of a node that serves no clients.
fn is_controller_only(statics: &Layer) -> bool {
    statics.get("process.roles").is_some_and(|roles| roles.text.trim() == "controller")
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

    #[test]
    fn an_override_wins_over_the_file_and_the_last_of_several_counts() {
        let partitions = |text, overrides: &[&str]| load_file(text, overrides).unwrap().broker.topics.num_partitions;
        assert_eq!(partitions("num.partitions=2\nnum.partitions=3", &[]), 3);
        assert_eq!(partitions("num.partitions=2", &["num.partitions=4", "num.partitions=5"]), 5);
        assert_eq!(partitions("num.partitions=zero", &["num.partitions=4"]), 4);
    }

    fn load_variables(text: &str, variables: &[(&str, &str)], overrides: &[&str]) -> Result<Loaded, String> {
        let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
        let file = PropertiesFile { name: "server.properties", text };
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        load_with_environment(Some(file), variables, &overrides).map_err(|errors| errors.to_string())
    }

    fn texts(warnings: &[Warning]) -> Vec<String> {
        warnings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_environment_wins_over_the_file_and_an_override_over_both() {
        let partitions = |variables: &[_], overrides: &[_]| {
            load_variables("num.partitions=2", variables, overrides).unwrap().broker.topics.num_partitions
        };
        assert_eq!(partitions(&[("KAFKA_NUM_PARTITIONS", "3"), ("NUM_PARTITIONS", "9")], &[]), 3);
        assert_eq!(partitions(&[("KAFKA_NUM_PARTITIONS", "3")], &["num.partitions=4"]), 4);
    }

    #[test]
    fn a_mistake_in_a_variable_names_the_variable() {
        let variables = [("KAFKA_LOG_RETENTION_M", "1"), ("KAFKA_NUM_PARTITIONS", "zero")];
        let expected = "KAFKA_LOG_RETENTION_M: Unknown broker config name: log.retention.m (did you mean \
            KAFKA_LOG_RETENTION_MS?)\n\
            KAFKA_NUM_PARTITIONS: Invalid value zero for configuration num.partitions: Not a number of type INT";
        assert_eq!(load_variables("", &variables, &[]).map(|_| ()), Err(expected.to_owned()));
    }

    #[test]
    fn variables_that_mean_nothing_here_are_told_and_those_of_others_pass() {
        let variables = [
            ("CLUSTER_ID", "4L6g3nShT-eMCtK--X86sw"),
            ("HOME", "/root"),
            ("KAFKA_HEAP_OPTS", "-Xmx1g"),
            ("KAFKA_LISTENER_NAME_INTERNAL_SSL_CLIENT_AUTH", "required"),
            ("KAFKA_NUM_IO_THREADS", "8"),
            ("KAFKA_PORT_9092_TCP_ADDR", "10.0.0.1"),
        ];
        let loaded = load_variables("", &variables, &[]).unwrap();
        let expected = [
            "CLUSTER_ID has no effect: a cluster gives itself an id when it first starts",
            "KAFKA_LISTENER_NAME_INTERNAL_SSL_CLIENT_AUTH has no effect: TLS is not served yet",
            "KAFKA_NUM_IO_THREADS has no effect: requests are handled where they are read, on as many threads as there \
             are cores",
            "KAFKA_PORT_9092_TCP_ADDR has no effect: no setting has a name like it",
        ];
        assert_eq!(texts(&loaded.warnings), expected);
    }

    #[test]
    fn listeners_follow_what_is_advertised_only_where_nobody_says_them() {
        let listeners = |text, variables: &[_]| {
            let broker = load_variables(text, variables, &[]).unwrap().broker;
            broker.network.listeners.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
        };
        let advertised = ("KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://broker:19092");
        assert_eq!(listeners("", &[advertised]), "PLAINTEXT://0.0.0.0:19092");
        assert_eq!(listeners("", &[advertised, ("KAFKA_LISTENERS", "PLAINTEXT://:1")]), "PLAINTEXT://:1");
        assert_eq!(listeners("listeners=PLAINTEXT://localhost:2", &[advertised]), "PLAINTEXT://localhost:2");
    }

    #[test]
    fn a_setting_of_one_listener_is_checked_like_the_setting_of_all() {
        let warnings = load_file("listener.name.internal.max.connections=5", &[]).unwrap().warnings;
        let expected = "server.properties:1: listener.name.internal.max.connections has no effect: the value is one \
            for all listeners";
        assert_eq!(texts(&warnings), [expected]);
        let refused = load_file("listener.name.internal.max.connections=-5", &[]).map(|_| ()).unwrap_err();
        let expected = "server.properties:1: Invalid value -5 for configuration \
            listener.name.internal.max.connections: Value must be at least 0";
        assert_eq!(refused, expected);
        assert!(load_file("listener.name.internal.max.conections=5", &[]).is_err());
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
        let expected = "server.properties:1: log.cleaner.threads has no effect: compaction does not run yet; compacted logs are kept whole";
        assert_eq!(texts(&warnings), [expected]);
    }
}
