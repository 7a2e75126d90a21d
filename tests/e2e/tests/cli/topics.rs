//! Topics, the cluster and its settings.

use e2e::Target;
use serde_json::Value;
use testkit::OttlaCli;

fn json(cli: &OttlaCli, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    let written = cli.run(&arguments, b"").expect("it succeeds");
    serde_json::from_str(&written).expect("one JSON value")
}

#[test]
fn a_topic_lives_from_create_to_delete() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    let topic = target.unused_topic_name("life");
    let config = "retention.ms=3600000";
    let created = cli.run(&["topic", "create", &topic, "--partitions", "3", "--config", config], b"").expect("created");
    assert_eq!(created, format!("created topic {topic}: partitions 3, replication factor 1\n"));

    let listed = cli.run(&["topic", "list"], b"").expect("listed");
    assert!(listed.starts_with("TOPIC"), "{listed}");
    let row = listed.lines().find(|line| line.starts_with(&topic)).expect("it is listed");
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), [topic.as_str(), "3", "1"]);

    let described = &json(&cli, &["topic", "describe", &topic])[0];
    assert_eq!(described["settings"], serde_json::json!({"retention.ms": "3600000"}));
    let partitions = described["partitions"].as_array().expect("partitions");
    assert_eq!(partitions.len(), 3);
    for (index, partition) in partitions.iter().enumerate() {
        assert_eq!(partition["partition"], index);
        assert_eq!(partition["replicas"], partition["in_sync_replicas"]);
        assert_eq!((&partition["start_offset"], &partition["end_offset"]), (&0.into(), &0.into()));
    }

    assert_eq!(cli.run(&["topic", "delete", &topic], b"").expect("deleted"), format!("deleted topic {topic}\n"));
    let gone = cli.refusal(&["topic", "describe", &topic], b"").expect("it is gone");
    assert_eq!(gone, format!("ottla: there is no topic {topic}: `ottla topic create {topic}` creates it\n"));
}

#[test]
fn mistakes_with_topics_are_named_and_forgiven_where_asked() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    let topic = target.create_topic("taken", 1, &[]);
    let refusal = cli.refusal(&["topic", "create", &topic], b"").expect("it is there already");
    assert!(refusal.contains("already exists (TOPIC_ALREADY_EXISTS)"), "{refusal}");
    assert_eq!(json(&cli, &["topic", "create", &topic, "--if-not-exists"])["created"], false);

    let nobody = target.unused_topic_name("nobody");
    let refusal = cli.refusal(&["topic", "create", &nobody, "--config", "no.such.setting=1"], b"").expect("unknown");
    assert!(refusal.contains("no.such.setting"), "{refusal}");
    let refusal = cli.refusal(&["topic", "delete", &topic, &nobody], b"").expect("one of them is not there");
    assert!(refusal.contains(&format!("topic {nobody}: there is no such topic")), "{refusal}");
    cli.refusal(&["topic", "describe", &topic], b"").expect("the other one was deleted");
    cli.run(&["topic", "delete", &nobody, "--if-exists"], b"").expect("forgiven");
}

#[test]
fn the_cluster_and_its_settings_are_described() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    let cluster = json(&cli, &["cluster", "describe"]);
    let broker = &cluster["brokers"][0];
    assert_eq!(format!("{}:{}", broker["host"].as_str().expect("a host"), broker["port"]), target.bootstrap());
    assert_eq!(cluster["controller"], broker["broker"]);

    let topic = target.create_topic("described", 1, &[("max.message.bytes", "2000000")]);
    let settings = json(&cli, &["config", "describe", "--topic", &topic, "--changed"]);
    let names: Vec<_> = settings.as_array().expect("settings").iter().map(|setting| &setting["name"]).collect();
    assert!(names.contains(&&Value::from("max.message.bytes")), "{names:?}");
    assert!(settings.as_array().expect("settings").iter().all(|setting| setting["source"] != "default"));

    let id = broker["broker"].to_string();
    let of_broker = cli.run(&["config", "describe", "--broker", &id], b"").expect("described");
    assert!(of_broker.lines().any(|line| line.starts_with("listeners ") && line.contains(target.bootstrap())));
    let refusal = cli.refusal(&["config", "describe", "--broker", "4711"], b"").expect("there is none");
    assert_eq!(refusal, format!("ottla: there is no broker 4711: there is {id}\n"));
}

#[test]
fn a_node_is_healthy_or_is_not() {
    let target = Target::start();
    assert_eq!(json(&OttlaCli::new(target.bootstrap()), &["health"])["healthy"], true);
}
