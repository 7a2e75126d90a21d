//! Settings beside Kafka's: the list that ours are held against is Kafka's, DescribeConfigs tells ours as Kafka would,
//! and the environment of the apache/kafka image sets them.

use std::collections::BTreeMap;
use std::path::Path;

use ottla_protocol::messages::describe_configs_request::DescribeConfigsResource;
use ottla_protocol::messages::describe_configs_response::DescribeConfigsResourceResult;
use ottla_protocol::messages::{DescribeConfigsRequest, StrBytes};
use testkit::{Broker, KafkaTools, Launcher, requests};

/// What the table of settings is compared with, each difference with its reason.
const FACTS: &str = include_str!("../../../crates/ottla-settings/testdata/kafka-4.3.1.tsv");
const DIFFERENCES: &str = include_str!("../../../docs/differences.md");

/// Of Kafka's `ConfigResource.Type`, `ConfigDef.Type` as `DescribeConfigsResponse` numbers it, and `ConfigSource`.
const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const KINDS: [&str; 10] =
    ["unknown", "boolean", "string", "int", "short", "long", "double", "list", "class", "password"];
const STATIC_BROKER_CONFIG: i8 = 4;
const DEFAULT_CONFIG: i8 = 5;

/// All settings of a resource, by name.
fn describe(broker: &Broker, kind: i8, name: &str) -> BTreeMap<String, DescribeConfigsResourceResult> {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(StrBytes::from_string(name.to_owned()))
        .with_configuration_keys(None);
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]).with_include_synonyms(true);
    let mut client = broker.client().expect("the broker listens");
    let response = client.call(4, &request).expect("an answer");
    let configs = response.results.into_iter().flat_map(|result| result.configs);
    configs.map(|config| (config.name.to_string(), config)).collect()
}

/// The shown settings of Kafka's brokers or topics: name, type, default.
fn kafkas(scope: &str) -> Vec<(&'static str, &'static str, Option<&'static str>)> {
    let rows = FACTS.lines().map(|line| line.split('\t').collect::<Vec<&'static str>>());
    let shown = rows.filter(|row| row[0] == scope && row[3] == "shown");
    shown.map(|row| (row[1], row[2], row[6].strip_prefix('='))).collect()
}

/// Demands that what is described are Kafka's settings with their types, and what has its default Kafka's defaults,
/// where the page of differences does not tell.
fn compare(described: &BTreeMap<String, DescribeConfigsResourceResult>, scope: &str, ours: &[&str]) {
    let mut names: Vec<&str> = kafkas(scope).iter().map(|(name, ..)| *name).chain(ours.iter().copied()).collect();
    names.sort_unstable();
    assert_eq!(described.keys().map(String::as_str).collect::<Vec<_>>(), names);
    for (name, kind, default) in kafkas(scope) {
        let config = &described[name];
        assert_eq!(KINDS[usize::try_from(config.config_type).expect("a type")], kind, "{name}");
        assert_eq!(config.is_sensitive, kind == "password", "{name}");
        let differs = DIFFERENCES.contains(&format!("| `{name}` | default |"));
        if config.config_source == DEFAULT_CONFIG && !differs {
            assert_eq!(config.value.as_deref(), default, "{name}");
        }
    }
}

#[test]
fn the_list_of_kafkas_settings_is_kafkas() {
    let tools = KafkaTools::get().expect("Kafka's tools");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/settings/KafkaSettings.java");
    let words = tools.run_source(&source).expect("Kafka's settings");
    let changed: Vec<&str> = words.lines().filter(|line| !FACTS.lines().any(|fact| fact == *line)).collect();
    let gone: Vec<&str> = FACTS.lines().filter(|fact| !words.lines().any(|line| line == *fact)).collect();
    assert!(changed.is_empty() && gone.is_empty(), "Kafka has\n{changed:#?}\nand not\n{gone:#?}");
}

#[test]
fn a_broker_and_a_topic_are_described_with_all_of_kafkas_settings() {
    let broker = Broker::start_default().expect("the broker starts");
    let ours = ["admin.listeners", "log.write.caching", "max.decompressed.message.bytes"];
    compare(&describe(&broker, BROKER, "1"), "broker", &ours);
    requests::make_topic(&mut broker.client().expect("the broker listens"), "t", 1, &[]);
    compare(&describe(&broker, TOPIC, "t"), "topic", &["write.caching"]);
}

#[test]
fn the_environment_of_the_image_sets_a_node_up() {
    // As Kafka's compose file for one node has them, but for addresses and folders: those are the test's own.
    let launcher = Launcher::default()
        .variable("CLUSTER_ID", "4L6g3nShT-eMCtK--X86sw")
        .variable("KAFKA_NODE_ID", "7")
        .variable("KAFKA_PROCESS_ROLES", "broker,controller")
        .variable("KAFKA_CONTROLLER_QUORUM_VOTERS", "7@broker:29093")
        .variable("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER")
        .variable("KAFKA_INTER_BROKER_LISTENER_NAME", "PLAINTEXT")
        .variable("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT")
        .variable("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1")
        .variable("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0")
        .variable("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1")
        .variable("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1")
        .variable("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR", "1")
        .variable("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR", "1")
        .variable("KAFKA_NUM_PARTITIONS", "3")
        .variable("KAFKA_LOG_RETENTION_MS", "3600000");
    let broker = launcher.setting("num.partitions", 5).start().expect("the broker starts");
    let described = describe(&broker, BROKER, "7");
    let row = |name: &str| (described[name].config_source, described[name].value.as_deref());
    assert_eq!(row("log.retention.ms"), (STATIC_BROKER_CONFIG, Some("3600000")));
    assert_eq!(row("offsets.topic.replication.factor"), (STATIC_BROKER_CONFIG, Some("1")));
    assert_eq!(row("num.partitions"), (STATIC_BROKER_CONFIG, Some("5")), "--override wins");
    assert!(broker.stderr().contains("CLUSTER_ID has no effect"), "{}", broker.stderr());
}

#[test]
fn a_mistake_in_the_environment_names_the_variable() {
    let launcher = Launcher::default().variable("KAFKA_LOG_RETENTION_M", "1").variable("KAFKA_NUM_PARTITIONS", "zero");
    let refused = format!("{:#}", launcher.start().expect_err("the broker does not start"));
    assert!(refused.contains("did you mean KAFKA_LOG_RETENTION_MS?"), "{refused}");
    assert!(refused.contains("KAFKA_NUM_PARTITIONS: Invalid value zero"), "{refused}");
}
