//! A node starts from what Apache Kafka ships: the settings of its files for KRaft, and the environment that its compose
//! files give the apache/kafka image. Our own file has the same settings, and says nothing in vain.

use ottla_settings::{Loaded, PropertiesFile, load_with_environment, parse_properties};

const OUR_FILE: &str = include_str!("../../../config/server.properties");

/// What all of Kafka's files for KRaft say.
const COMMON: &str = "num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
socket.request.max.bytes=104857600
num.partitions=1
num.recovery.threads.per.data.dir=2
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.retention.hours=168
log.segment.bytes=1073741824
log.retention.check.interval.ms=300000
";

const PROTOCOLS: &str = "listener.security.protocol.map=\
    CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL\n";

/// config/server.properties: one node that is both.
const SERVER: &str = "process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
log.dirs=/tmp/kraft-combined-logs
";

/// config/broker.properties.
const BROKER: &str = "process.roles=broker
node.id=2
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://localhost:9092
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092
controller.listener.names=CONTROLLER
log.dirs=/tmp/kraft-broker-logs
";

/// config/controller.properties.
const CONTROLLER: &str = "process.roles=controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=CONTROLLER://:9093
advertised.listeners=CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
log.dirs=/tmp/kraft-controller-logs
";

/// What stands in the files of nodes that are only one of both, a distributor's settings among it.
const SPLIT: &str = "group.initial.rebalance.delay.ms=0
confluent.license.topic.replication.factor=1
confluent.metadata.topic.replication.factor=1
confluent.security.event.logger.exporter.kafka.topic.replicas=1
confluent.balancer.enable=true
confluent.balancer.topic.replication.factor=1
";

/// The file within the image.
const IMAGE: &str = "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092
controller.listener.names=CONTROLLER
log.dirs=/tmp/kraft-combined-logs
";

/// What all compose files give the image.
const COMPOSE: &[(&str, &str)] = &[
    ("CLUSTER_ID", "4L6g3nShT-eMCtK--X86sw"),
    ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
    ("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0"),
    ("KAFKA_LOG_DIRS", "/tmp/kraft-combined-logs"),
    ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1"),
    ("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR", "1"),
    ("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR", "1"),
    ("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1"),
    ("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1"),
];

const HOST_AND_CONTROLLER: (&str, &str) =
    ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PLAINTEXT_HOST:PLAINTEXT");

const ONE_NODE: &[(&str, &str)] = &[
    ("KAFKA_NODE_ID", "1"),
    ("KAFKA_PROCESS_ROLES", "broker,controller"),
    ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@broker:29093"),
    HOST_AND_CONTROLLER,
    ("KAFKA_LISTENERS", "CONTROLLER://:29093,PLAINTEXT_HOST://:9092,PLAINTEXT://:19092"),
    ("KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT_HOST://localhost:9092,PLAINTEXT://broker:19092"),
    ("KAFKA_INTER_BROKER_LISTENER_NAME", "PLAINTEXT"),
];

const BROKER_OF_SIX: &[(&str, &str)] = &[
    ("KAFKA_NODE_ID", "4"),
    ("KAFKA_PROCESS_ROLES", "broker"),
    ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@controller-1:9093,2@controller-2:9093,3@controller-3:9093"),
    HOST_AND_CONTROLLER,
    ("KAFKA_LISTENERS", "PLAINTEXT://:19092,PLAINTEXT_HOST://:9092"),
    ("KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://kafka-1:19092,PLAINTEXT_HOST://localhost:29092"),
    ("KAFKA_INTER_BROKER_LISTENER_NAME", "PLAINTEXT"),
];

const CONTROLLER_OF_SIX: &[(&str, &str)] = &[
    ("KAFKA_NODE_ID", "1"),
    ("KAFKA_PROCESS_ROLES", "controller"),
    ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@controller-1:9093,2@controller-2:9093,3@controller-3:9093"),
    ("KAFKA_LISTENERS", "CONTROLLER://:9093"),
];

fn load(text: &str, variables: &[(&str, &str)]) -> Loaded {
    let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
    let file = PropertiesFile { name: "server.properties", text };
    load_with_environment(Some(file), variables, &[]).unwrap_or_else(|errors| panic!("{errors}"))
}

/// What has no effect, by name.
fn in_vain(loaded: &Loaded) -> Vec<&str> {
    loaded.warnings.iter().map(|warning| warning.name.as_str()).collect()
}

fn clients_come_to(loaded: &Loaded) -> Vec<String> {
    loaded.broker.client_listeners().map(ToString::to_string).collect()
}

#[test]
fn kafkas_own_files_start_a_node() {
    let server = load(&[SERVER, PROTOCOLS, COMMON].concat(), &[]);
    assert_eq!(clients_come_to(&server), ["PLAINTEXT://:9092"]);
    assert_eq!(server.broker.storage.log_dirs, [std::path::PathBuf::from("/tmp/kraft-combined-logs")]);
    let image = load(&[IMAGE, PROTOCOLS, COMMON].concat(), &[]);
    assert_eq!(clients_come_to(&image), ["PLAINTEXT://:9092"]);
    let broker = load(&[BROKER, PROTOCOLS, COMMON, SPLIT].concat(), &[]);
    assert!(broker.broker.node.process_roles.broker && !broker.broker.node.process_roles.controller);
    let controller = load(&[CONTROLLER, PROTOCOLS, COMMON, SPLIT].concat(), &[]);
    assert_eq!(clients_come_to(&controller), [""; 0]);
}

#[test]
fn kafkas_compose_files_start_a_node() {
    let one = load("", &[COMPOSE, ONE_NODE].concat());
    assert_eq!(clients_come_to(&one), ["PLAINTEXT_HOST://:9092", "PLAINTEXT://:19092"]);
    let advertised = one.broker.advertised("PLAINTEXT_HOST").map(ToString::to_string);
    assert_eq!(advertised.as_deref(), Some("PLAINTEXT_HOST://localhost:9092"));
    let broker = load("", &[COMPOSE, BROKER_OF_SIX].concat());
    assert_eq!((broker.broker.node.node_id, clients_come_to(&broker).len()), (4, 2));
    let controller = load("", &[COMPOSE, CONTROLLER_OF_SIX].concat());
    assert_eq!(clients_come_to(&controller), [""; 0]);
}

#[test]
fn the_environment_counts_over_the_file_of_the_image() {
    let both = load(&[IMAGE, PROTOCOLS, COMMON].concat(), &[("KAFKA_NUM_PARTITIONS", "6"), ("KAFKA_NODE_ID", "7")]);
    assert_eq!((both.broker.topics.num_partitions, both.broker.node.node_id), (6, 7));
}

#[test]
fn what_has_no_effect_is_told() {
    let server = load(&[SERVER, PROTOCOLS, COMMON].concat(), &[]);
    let expected = [
        "controller.quorum.bootstrap.servers",
        "inter.broker.listener.name",
        "num.io.threads",
        "num.network.threads",
        "share.coordinator.state.topic.min.isr",
        "share.coordinator.state.topic.replication.factor",
        "socket.receive.buffer.bytes",
        "socket.send.buffer.bytes",
        "transaction.state.log.min.isr",
        "transaction.state.log.replication.factor",
    ];
    assert_eq!(in_vain(&server), expected);
    let one = load("", &[COMPOSE, ONE_NODE].concat());
    let expected = [
        "CLUSTER_ID",
        "controller.quorum.voters",
        "inter.broker.listener.name",
        "share.coordinator.state.topic.min.isr",
        "share.coordinator.state.topic.replication.factor",
        "transaction.state.log.min.isr",
        "transaction.state.log.replication.factor",
    ];
    assert_eq!(in_vain(&one), expected);
}

#[test]
fn our_file_has_the_settings_of_kafkas_and_says_nothing_in_vain() {
    let ours = load(OUR_FILE, &[]);
    assert_eq!(in_vain(&ours), [""; 0]);
    assert_eq!(clients_come_to(&ours), ["PLAINTEXT://localhost:9092"]);

    let is_setting = |line: &str| !line.starts_with(' ') && line.contains('=');
    let commented: Vec<&str> =
        OUR_FILE.lines().filter_map(|line| line.strip_prefix('#')).filter(|line| is_setting(line)).collect();
    let all = load(&[OUR_FILE, &commented.join("\n")].concat(), &[]);
    let commented = parse_properties(&commented.join("\n")).unwrap();
    for property in &commented {
        assert!(in_vain(&all).contains(&property.key.as_str()), "{} has an effect now: set it", property.key);
    }
    let set = parse_properties(OUR_FILE).unwrap();
    for kafkas in parse_properties(&[SERVER, PROTOCOLS, COMMON].concat()).unwrap() {
        let ours = set.iter().chain(&commented).find(|property| property.key == kafkas.key);
        let ours = ours.unwrap_or_else(|| panic!("{} is missing", kafkas.key));
        // A new node serves its own machine, and keeps its data where it outlives a restart of the machine.
        let may_differ = ["advertised.listeners", "listeners", "log.dirs"].contains(&kafkas.key.as_str());
        assert!(ours.value == kafkas.value || may_differ, "{}: {} is {}", kafkas.key, kafkas.value, ours.value);
    }
}
