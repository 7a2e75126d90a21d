//! Settings from the process's environment, under the names that the apache/kafka image gives them.
//!
//! `KAFKA_` and the setting's name in capitals, with `_` for a dot, `__` for an underscore and `___` for a hyphen:
//! `KAFKA_LOG_RETENTION_MS` is `log.retention.ms`. Without `KAFKA_LISTENERS` a node listens on every address, at the
//! ports of `KAFKA_ADVERTISED_LISTENERS`, unless another source says `listeners`. Some variables that begin alike are of
//! the image's scripts, or of clients, and are passed over.
//!
//! Source: Kafka `KafkaDockerWrapper.getServerConfigsFromEnv`, and `configure` among the image's scripts.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::error::{Error, Origin};
use crate::layers::{Layer, Written};
use crate::load::Warning;
use crate::table::reasons::NO_TLS;

const PREFIX: &str = "KAFKA_";

/// Of the image's scripts and Kafka's own: the JVM's options, logging, where Kafka lies.
const OF_SCRIPTS: &[&str] = &[
    "KAFKA_DEBUG",
    "KAFKA_GC_LOG_OPTS",
    "KAFKA_HEAP_OPTS",
    "KAFKA_HOME",
    "KAFKA_JMX_HOSTNAME",
    "KAFKA_JMX_OPTS",
    "KAFKA_JMX_PORT",
    "KAFKA_JVM_PERFORMANCE_OPTS",
    "KAFKA_LOG4J_CMD_OPTS",
    "KAFKA_LOG4J_LOGGERS",
    "KAFKA_LOG4J_OPTS",
    "KAFKA_LOG4J_ROOT_LOGLEVEL",
    "KAFKA_OPTS",
    "KAFKA_TOOLS_LOG4J_LOGLEVEL",
    "KAFKA_VERSION",
];

/// Where programs that are no broker commonly look for one.
const OF_CLIENTS: &[&str] = &["KAFKA_BOOTSTRAP_SERVERS", "KAFKA_BROKER", "KAFKA_BROKERS"];

/// What the image turns into settings by itself, and why that means nothing here.
const OF_IMAGE: &[(&str, &str)] = &[
    ("CLUSTER_ID", "a cluster gives itself an id when it first starts"),
    ("KAFKA_SSL_KEYSTORE_CREDENTIALS", NO_TLS),
    ("KAFKA_SSL_KEYSTORE_FILENAME", NO_TLS),
    ("KAFKA_SSL_KEY_CREDENTIALS", NO_TLS),
    ("KAFKA_SSL_TRUSTSTORE_CREDENTIALS", NO_TLS),
    ("KAFKA_SSL_TRUSTSTORE_FILENAME", NO_TLS),
];

/// What the environment says.
#[derive(Debug, Default)]
pub(crate) struct Environment {
    /// The settings that it names.
    pub(crate) layer: Layer,
    /// What it names that changes nothing.
    pub(crate) warnings: Vec<Warning>,
    /// What cannot be read.
    pub(crate) errors: Vec<Error>,
}

impl Environment {
    pub(crate) fn read(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Environment {
        let mut environment = Environment::default();
        // In the order of their names, whatever order the system has them in.
        let variables: BTreeMap<OsString, OsString> = variables.into_iter().collect();
        for (variable, value) in variables {
            if let Ok(variable) = variable.into_string() {
                environment.take(&variable, value);
            }
        }
        environment
    }

    fn take(&mut self, variable: &str, value: OsString) {
        let origin = Origin::Environment { variable: variable.into() };
        if let Some((_, why)) = OF_IMAGE.iter().find(|(name, _)| *name == variable) {
            self.warnings.push(Warning { name: variable.to_owned(), why, origin });
            return;
        }
        let Some(name) = setting_name(variable) else { return };
        match value.into_string() {
            Err(_) => self.errors.push(Error::Syntax { origin, what: "the value is not UTF-8".to_owned() }),
            // The image takes these for not set.
            Ok(text) if text.is_empty() && matches!(&*name, "listeners" | "advertised.listeners") => {}
            Ok(text) => drop(self.layer.insert(name, Written { text, origin })),
        }
    }

    /// The listeners of a node that is only told where its clients come to.
    pub(crate) fn listeners_as_advertised(&self) -> Option<Written> {
        let advertised = self.layer.get("advertised.listeners")?;
        let everywhere = |endpoint: &str| {
            let (listener, address) = endpoint.split_once("://")?;
            let (_host, port) = address.rsplit_once(':')?;
            Some(format!("{listener}://0.0.0.0:{port}"))
        };
        let endpoints: Option<Vec<String>> = advertised.text.split(',').map(everywhere).collect();
        // What is malformed is refused as `advertised.listeners`.
        Some(Written { text: endpoints?.join(","), origin: advertised.origin.clone() })
    }
}

/// The setting that a variable is for; `None`: it is for none.
fn setting_name(variable: &str) -> Option<String> {
    let rest = variable.strip_prefix(PREFIX)?;
    if OF_SCRIPTS.contains(&variable) || OF_CLIENTS.contains(&variable) {
        return None;
    }
    Some(rest.to_lowercase().replace('_', ".").replace("...", "-").replace("..", "_"))
}

/// The variable that is for a setting.
pub(crate) fn variable_name(setting: &str) -> String {
    let escaped = setting.replace('_', "__").replace('-', "___").replace('.', "_");
    format!("{PREFIX}{}", escaped.to_uppercase())
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use proptest::prelude::*;

    use super::*;
    use crate::load_with_environment;
    use crate::table::Table;

    fn read(variables: &[(&str, &str)]) -> Environment {
        Environment::read(variables.iter().map(|(name, value)| (name.into(), value.into())))
    }

    // Each pair is what KafkaDockerWrapper of Apache Kafka 4.3 makes of the variable.
    #[test]
    fn names_are_escaped_as_the_image_does() {
        let check = |variable, expected| assert_eq!(setting_name(variable).as_deref(), expected, "{variable}");
        check("KAFKA_LOG_RETENTION_MS", Some("log.retention.ms"));
        check("KAFKA_A__B", Some("a_b"));
        check("KAFKA_A___B", Some("a-b"));
        check("KAFKA_A____B", Some("a-.b"));
        check("KAFKA_A_____B", Some("a-_b"));
        check("KAFKA_KAFKA_METRICS_REPORTERS", Some("kafka.metrics.reporters"));
        check(
            "KAFKA_LISTENER_NAME_SASL__SSL_SCRAM___SHA___256_SASL_JAAS_CONFIG",
            Some("listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config"),
        );
        check("KAFKA_HEAP_OPTS", None);
        check("kafka_log_dirs", None);
        check("LOG_DIRS", None);
    }

    #[test]
    fn every_setting_has_a_variable() {
        for setting in Table::new().broker_settings() {
            assert_eq!(setting_name(&variable_name(setting.name)).as_deref(), Some(setting.name));
        }
    }

    #[test]
    fn a_node_that_is_advertised_listens_on_every_address() {
        let listeners = |variables: &[_]| read(variables).listeners_as_advertised().map(|written| written.text);
        let advertised = "PLAINTEXT://broker:19092,IPV6://[::1]:9092";
        let expected = "PLAINTEXT://0.0.0.0:19092,IPV6://0.0.0.0:9092";
        assert_eq!(listeners(&[("KAFKA_ADVERTISED_LISTENERS", advertised)]).as_deref(), Some(expected));
        assert_eq!(listeners(&[("KAFKA_ADVERTISED_LISTENERS", "broker")]), None);
        assert_eq!(listeners(&[("KAFKA_ADVERTISED_LISTENERS", "")]), None);
        assert_eq!(listeners(&[]), None);
    }

    #[test]
    fn bytes_that_are_no_text_are_an_error_of_their_variable_and_of_no_other() {
        let garbage = || OsString::from_vec(vec![0xff]);
        let variables = [(garbage(), garbage()), ("PATH".into(), garbage()), ("KAFKA_LOG_DIRS".into(), garbage())];
        let errors: Vec<String> = Environment::read(variables).errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors, ["KAFKA_LOG_DIRS: the value is not UTF-8"]);
    }

    proptest! {
        #[test]
        fn any_environment_is_read_or_refused(
            variables in proptest::collection::vec(
                ("KAFKA_[A-Z_]{0,16}|KAFKA_(ADVERTISED_)?LISTENERS|.*", "[A-Z]{0,4}://.{0,8}:[0-9]{0,6}|.*"),
                0..4,
            ),
        ) {
            let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into()));
            if let Err(errors) = load_with_environment(None, variables, &[]) {
                prop_assert!(errors.iter().count() > 0);
            }
        }
    }
}
