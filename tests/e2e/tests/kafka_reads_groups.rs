//! Kafka reads our groups: its own tool lists, describes, resets and deletes them over the wire, and its log dumper decodes what
//! is on disk.

use std::path::Path;

use e2e::{config, log_files, produce, samples};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;
use testkit::{Broker, KafkaTools, Launcher, wait};

const GROUPS: &str = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
const OFFSETS_TOPIC: &str = "__consumer_offsets";
const TOPIC: &str = "orders";

/// Kafka's tool for groups, at one broker.
struct GroupTool<'a> {
    tools: &'a KafkaTools,
    bootstrap: &'a str,
}

impl GroupTool<'_> {
    /// The words of each line that it prints.
    fn run(&self, arguments: &[&str]) -> Vec<Vec<String>> {
        let server = ["--bootstrap-server", self.bootstrap];
        let printed = self.tools.run_class(GROUPS, &[&server, arguments].concat(), b"").expect("it succeeds");
        printed.lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
    }

    /// The one line that begins with these words.
    fn line(&self, arguments: &[&str], beginning: &[&str]) -> Vec<String> {
        let lines = self.run(arguments);
        let mut found = lines.iter().filter(|line| line.iter().take(beginning.len()).eq(beginning.iter()));
        let line = found.next().unwrap_or_else(|| panic!("{beginning:?} is not in {lines:?}"));
        assert_eq!(found.next(), None, "one line");
        line.clone()
    }
}

/// Commits an offset with a text beside it, as a client without a membership.
fn commit(bootstrap: &str, group: &str, offset: i64, metadata: &str) {
    let consumer: BaseConsumer = config(bootstrap, &[("group.id", group)]).create().expect("a consumer");
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(TOPIC, 0, Offset::Offset(offset)).expect("an offset");
    offsets.find_partition(TOPIC, 0).expect("it was added").set_metadata(metadata);
    consumer.commit(&offsets, CommitMode::Sync).expect("committed");
}

/// A static member that has its assignment.
fn member(bootstrap: &str, group: &str) -> BaseConsumer {
    let settings = [("group.id", group), ("group.instance.id", "desk-1"), ("client.id", "desk")];
    let consumer: BaseConsumer = config(bootstrap, &settings).create().expect("a consumer");
    consumer.subscribe(&[TOPIC]).expect("it subscribes");
    wait::until("the member has its partition", || {
        // What comes is not what matters here.
        let _ = consumer.poll(std::time::Duration::from_millis(20));
        (consumer.assignment().expect("its assignment").count() == 1).then_some(())
    });
    consumer
}

#[test]
fn kafkas_tools_list_describe_reset_and_delete_groups_and_decode_what_they_leave() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Launcher::default().data_dir(folder.path()).start().expect("the broker starts");
    let bootstrap = broker.bootstrap();
    let tools = KafkaTools::get().expect("Kafka's tools");
    produce(&bootstrap, TOPIC, 0, &[], &samples());
    commit(&bootstrap, "billing", 3, "checked by Ada");
    let reports = member(&bootstrap, "reports");
    over_the_wire(&GroupTool { tools: &tools, bootstrap: &bootstrap });
    drop(reports);
    on_disk(&tools, broker, folder.path());
}

fn over_the_wire(groups: &GroupTool<'_>) {
    let end = samples().len().to_string();
    let list = groups.run(&["--list", "--state"]);
    let states: Vec<_> = list.iter().filter(|line| ["billing", "reports"].contains(&line[0].as_str())).collect();
    assert!(states.contains(&&vec!["billing".to_owned(), "Empty".to_owned()]), "{list:?}");
    assert!(states.contains(&&vec!["reports".to_owned(), "Stable".to_owned()]), "{list:?}");

    let described = groups.line(&["--describe", "--group", "billing"], &["billing", TOPIC, "0"]);
    let lag = (samples().len() - 3).to_string();
    assert_eq!(described[3..6], ["3".to_owned(), end.clone(), lag]);

    let member = groups.line(&["--describe", "--group", "reports", "--members", "--verbose"], &["reports"]);
    assert!(member[1].starts_with("desk-1-"), "{member:?}");
    assert_eq!(member[2..6], ["desk-1", "/127.0.0.1", "desk", "1"]);
    assert!(member.contains(&format!("{TOPIC}:0")), "{member:?}");

    let reset = ["--reset-offsets", "--group", "billing", "--topic", TOPIC, "--to-latest", "--execute"];
    assert_eq!(groups.line(&reset, &["billing", TOPIC, "0"])[3], end);
    let described = groups.line(&["--describe", "--group", "billing"], &["billing", TOPIC, "0"]);
    assert_eq!(described[3..6], [end.clone(), end, "0".to_owned()]);

    groups.run(&["--delete", "--group", "billing"]);
    assert!(!groups.run(&["--list"]).contains(&vec!["billing".to_owned()]));
}

/// What Kafka's dumper says of the records of groups.
fn on_disk(tools: &KafkaTools, mut broker: Broker, data_dir: &Path) {
    broker.stop().expect("it stops");
    let words = tools.dump_log(&["--offsets-decoder"], &log_files(data_dir, OFFSETS_TOPIC, "log"));
    let words = words.expect("it is decoded");
    let batches: Vec<_> = words.lines().filter(|line| line.starts_with("baseOffset:")).collect();
    assert!(!batches.is_empty() && batches.iter().all(|batch| batch.contains("isvalid: true")), "{words}");
    let records: Vec<(Value, &str)> = words.lines().filter_map(record).collect();

    let of = |kind: &'static str, group: &'static str| {
        let is_asked = move |key: &Value| key["type"] == kind && key["data"]["group"] == group;
        records.iter().filter(move |(key, _)| is_asked(key)).map(|(_, payload)| *payload)
    };
    let commits: Vec<&str> = of("1", "billing").collect();
    assert!(commits[0].contains("\"offset\":3,") && commits[0].contains("checked by Ada"), "{commits:?}");
    assert_eq!(commits.last(), Some(&"<DELETE>"), "{commits:?}");
    let stable = of("2", "reports").find(|payload| payload.contains("desk-1-")).expect("the member is recorded");
    for part in ["\"protocolType\":\"consumer\"", "\"groupInstanceId\":\"desk-1\"", "\"topics\":[\"orders\"]"] {
        assert!(stable.contains(part), "{part} is not in {stable}");
    }
}

/// `| offset: 0 ... key: {...} payload: {...}`
fn record(line: &str) -> Option<(Value, &str)> {
    let (_, rest) = line.strip_prefix("| ")?.split_once(" key: ")?;
    let (key, payload) = rest.split_once(" payload: ")?;
    Some((serde_json::from_str(key).expect("a key that is decoded"), payload))
}
