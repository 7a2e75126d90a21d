//! Consumer groups: reading in one, and looking after them.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::ChildStdout;
use std::time::Duration;

use e2e::{Target, config};
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use serde_json::{Value, json};
use testkit::{Broker, OttlaCli, Running, wait};

const POLL: Duration = Duration::from_millis(20);

fn ask(cli: &OttlaCli, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    let written = cli.run(&arguments, b"").expect("it succeeds");
    serde_json::from_str(&written).expect("one JSON value")
}

fn describe(cli: &OttlaCli, group: &str) -> Value {
    ask(cli, &["group", "describe", group])[0].take()
}

/// Lines with the numbers of `range`.
fn numbers(range: std::ops::Range<u32>) -> String {
    range.map(|number| format!("{number}\n")).collect()
}

/// How many partitions each member of a stable group reads, fewest first; none while it rebalances.
fn shares(cli: &OttlaCli, group: &str) -> Vec<usize> {
    let written = cli.run(&["group", "describe", group, "--json"], b"").unwrap_or_default();
    let described: Value = serde_json::from_str(&written).unwrap_or_default();
    let Some(members) = described[0]["members"].as_array().filter(|_| described[0]["state"] == "Stable") else {
        return Vec::new();
    };
    let share = |member: &Value| {
        let topics = member["partitions"].as_object().expect("by topic");
        topics.values().map(|partitions| partitions.as_array().expect("a list").len()).sum()
    };
    let mut shares: Vec<usize> = members.iter().map(share).collect();
    shares.sort_unstable();
    shares
}

/// A member that runs.
struct Member {
    running: Running,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Member {
    fn start(cli: &OttlaCli, topic: &str, group: &str) -> Member {
        let mut running = cli.spawn(&["consume", topic, "--group", group]).expect("it runs");
        let lines = BufReader::new(running.stdout()).lines();
        Member { running, lines }
    }

    /// The next `count` lines that it shows.
    fn read(&mut self, count: usize) -> Vec<String> {
        self.lines.by_ref().take(count).map(|line| line.expect("read")).collect()
    }

    /// Interrupts it, and returns what it still shows.
    fn stop(mut self) -> Vec<String> {
        self.running.interrupt().expect("it runs");
        let rest = self.lines.by_ref().map(|line| line.expect("read")).collect();
        let ended = self.running.end().expect("it ends");
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        rest
    }
}

#[test]
fn a_group_goes_on_where_it_was() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    let topic = target.create_topic("on", 1, &[]);
    let group = target.unused_topic_name("group");
    cli.run(&["produce", &topic], numbers(0..10).as_bytes()).expect("written");
    let consume = |arguments: &[&str]| {
        let arguments: Vec<&str> = ["consume", &topic, "-g", &group].iter().chain(arguments).copied().collect();
        cli.run(&arguments, b"").expect("read")
    };
    assert_eq!(consume(&["--max-messages", "4"]), numbers(0..4));
    let described = describe(&cli, &group);
    assert_eq!((&described["state"], &described["members"]), (&"Empty".into(), &json!([])));
    let expected = json!([{
        "topic": topic, "partition": 0, "committed_offset": 4, "end_offset": 10, "lag": 6, "member_id": null
    }]);
    assert_eq!(described["partitions"], expected);

    assert_eq!(consume(&["--exit"]), numbers(4..10));
    assert_eq!(describe(&cli, &group)["lag"], 0);
    assert_eq!(consume(&["--exit", "--from", "beginning"]), "", "--from is for what the group has not read");
    let other = target.unused_topic_name("other");
    assert_eq!(cli.run(&["consume", &topic, "-e", "-g", &other, "--from", "8"], b"").expect("read"), numbers(8..10));
}

#[test]
fn an_interrupted_member_has_committed_what_it_showed_and_leaves() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    let topic = target.create_topic("left", 2, &[]);
    let group = target.unused_topic_name("group");
    cli.run(&["produce", &topic], numbers(0..1000).as_bytes()).expect("written");
    let mut member = Member::start(&cli, &topic, &group);
    let first = member.read(1000);
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 1000);

    let described = describe(&cli, &group);
    assert_eq!((&described["state"], &described["protocol"]), (&"Stable".into(), &"range".into()));
    let reader = &described["members"][0];
    assert_eq!((&reader["client_id"], &reader["partitions"]), (&"ottla".into(), &json!({&topic: [0, 1]})));
    assert!(reader["host"].as_str().is_some_and(|host| host.starts_with("127.")), "{reader}");
    assert_eq!(described["partitions"][1]["member_id"], reader["member_id"]);

    assert_eq!(member.stop(), [""; 0]);
    let described = describe(&cli, &group);
    assert_eq!((&described["state"], &described["lag"]), (&"Empty".into(), &0.into()));
}

/// Whoever of them leads assigns for the other.
#[test]
fn members_of_librdkafka_and_of_the_command_line_share_a_group() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    for librdkafka_leads in [true, false] {
        let topic = target.create_topic("shared", 4, &[]);
        let group = target.unused_topic_name("group");
        let settings = [
            ("group.id", group.as_str()),
            ("partition.assignment.strategy", "range"),
            ("auto.offset.reset", "earliest"),
            ("enable.auto.commit", "false"),
        ];
        let theirs: BaseConsumer = config(target.bootstrap(), &settings).create().expect("the configuration is right");
        let mut read_by_theirs = Vec::new();
        // Polling is what keeps it in the group.
        let mut poll_until = |what: &str, expected: &[usize]| {
            wait::until(what, || {
                if let Some(Ok(message)) = theirs.poll(POLL) {
                    read_by_theirs.push(message.payload().expect("a value").to_vec());
                }
                (shares(&cli, &group) == expected).then_some(())
            });
        };
        let ours = if librdkafka_leads {
            theirs.subscribe(&[&topic]).expect("subscribed");
            poll_until("librdkafka reads alone", &[4]);
            Member::start(&cli, &topic, &group)
        } else {
            let ours = Member::start(&cli, &topic, &group);
            wait::until("ottla reads alone", || (shares(&cli, &group) == [4]).then_some(()));
            theirs.subscribe(&[&topic]).expect("subscribed");
            ours
        };
        poll_until("both read", &[2, 2]);

        let keyed: String = (0..400).map(|n| format!("{n}:{n}\n")).collect();
        cli.run(&["produce", &topic, "-k", ":"], keyed.as_bytes()).expect("written");
        let per_partition = ask(&cli, &["topic", "describe", &topic]);
        let of_ours: Vec<i32> = {
            let described = describe(&cli, &group);
            let members = described["members"].as_array().expect("members");
            let ours = members.iter().find(|member| member["client_id"] == "ottla").expect("it is there");
            serde_json::from_value(ours["partitions"][&topic].clone()).expect("partitions")
        };
        let records = |partition: &i32| per_partition[0]["partitions"][*partition as usize]["end_offset"].as_u64();
        let expected: u64 = of_ours.iter().filter_map(records).sum();
        let mut ours = ours;
        let mut read: Vec<Vec<u8>> = ours.read(expected as usize).into_iter().map(String::into_bytes).collect();
        wait::until("librdkafka reads the others", || {
            if let Some(Ok(message)) = theirs.poll(POLL) {
                read_by_theirs.push(message.payload().expect("a value").to_vec());
            }
            (read_by_theirs.len() as u64 == 400 - expected).then_some(())
        });
        read.append(&mut read_by_theirs);
        assert_eq!(read.iter().collect::<BTreeSet<_>>().len(), 400, "each is read by one of them");

        // The one that stays takes over what the other has not committed.
        drop(theirs);
        wait::until("ottla reads alone again", || (shares(&cli, &group) == [4]).then_some(()));
        assert_eq!(ours.read(400 - expected as usize).len() as u64, 400 - expected);
        assert_eq!(ours.stop(), [""; 0]);
        assert_eq!(describe(&cli, &group)["lag"], 0);
    }
}

#[test]
fn a_group_that_assigns_otherwise_is_not_joined() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    let topic = target.create_topic("otherwise", 1, &[]);
    let group = target.unused_topic_name("group");
    let settings = [("group.id", group.as_str()), ("partition.assignment.strategy", "cooperative-sticky")];
    let theirs: BaseConsumer = config(target.bootstrap(), &settings).create().expect("the configuration is right");
    theirs.subscribe(&[&topic]).expect("subscribed");
    wait::until("it reads", || {
        assert!(theirs.poll(POLL).is_none_or(|polled| polled.is_err()), "there is nothing to read");
        (shares(&cli, &group) == [1]).then_some(())
    });
    let refusal = cli.refusal(&["consume", &topic, "--group", &group], b"").expect("they have no assignor in common");
    assert!(
        refusal.starts_with(&format!("ottla: join group {group}: its members assign partitions in no way")),
        "{refusal}"
    );
}

#[test]
fn a_member_that_has_nothing_to_read_takes_over_from_another() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    let topic = target.create_topic("spare", 1, &[]);
    let group = target.unused_topic_name("group");
    let one = Member::start(&cli, &topic, &group);
    let other = Member::start(&cli, &topic, &group);
    wait::until("one of them has nothing to read", || (shares(&cli, &group) == [0, 1]).then_some(()));
    assert_eq!(one.stop(), [""; 0]);
    wait::until("the other one has it", || (shares(&cli, &group) == [1]).then_some(()));
    assert_eq!(other.stop(), [""; 0]);
}

/// Whoever works on each record before it reads the next one holds up standard output, and nothing else.
#[test]
fn a_member_whose_reader_takes_its_time_keeps_its_place() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    let topic = target.create_topic("slow", 2, &[]);
    let group = target.unused_topic_name("group");
    for (partition, range) in [("0", 0..100_000), ("1", 100_000..200_000)] {
        target.kcat().run(&["-P", "-t", &topic, "-p", partition], numbers(range).as_bytes()).expect("written");
    }
    let mut slow = Member::start(&cli, &topic, &group);
    let mut shown: BTreeSet<String> = slow.read(1).into_iter().collect();
    let mut quick = Member::start(&cli, &topic, &group);
    wait::until("it gives up a partition", || (shares(&cli, &group) == [1, 1]).then_some(()));
    let lag = describe(&cli, &group)["lag"].as_u64().expect("both have committed");
    assert!(lag > 100_000, "what waits to be read is not committed: {lag}");

    shown.extend(quick.read(50_000));
    shown.extend(slow.stop());
    shown.extend(quick.stop());
    let rest = cli.run(&["consume", &topic, "--group", &group, "--exit"], b"").expect("read");
    shown.extend(rest.lines().map(str::to_owned));
    assert_eq!(shown.len(), 200_000, "nothing is lost");
}

#[test]
fn offsets_are_reset_only_where_they_are_told_to_be() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    let topic = target.create_topic("reset", 2, &[]);
    let group = target.unused_topic_name("group");
    for partition in ["0", "1"] {
        target.kcat().run(&["-P", "-t", &topic, "-p", partition], numbers(0..10).as_bytes()).expect("written");
    }
    cli.run(&["consume", &topic, "-g", &group, "--exit"], b"").expect("read");
    let reset = |arguments: &[&str]| {
        let arguments: Vec<&str> = ["group", "reset-offsets", &group].iter().chain(arguments).copied().collect();
        ask(&cli, &arguments)
    };
    let committed = || -> Vec<Option<i64>> {
        let partitions = describe(&cli, &group)["partitions"].take();
        partitions.as_array().expect("a list").iter().map(|partition| partition["committed_offset"].as_i64()).collect()
    };

    let plan = reset(&["--to", "beginning"]);
    assert_eq!(plan["executed"], false);
    let change = json!({"topic": topic, "partition": 1, "committed_offset": 10, "new_offset": 0});
    assert_eq!(plan["changes"][1], change);
    assert_eq!(committed(), [Some(10), Some(10)], "nothing has changed");
    let human = cli.run(&["group", "reset-offsets", &group, "--to", "beginning"], b"").expect("planned");
    assert!(human.contains("nothing has changed: add --execute"), "{human}");

    let topic_1 = format!("{topic}:1");
    for (arguments, expected) in [
        (&["--to", "beginning"][..], [0, 0]),
        (&["--to", "7", "--topic", &topic_1], [0, 7]),
        (&["--by", "3"], [3, 10]),
        (&["--by", "-2"], [1, 8]),
        (&["--to", "99", "--topic", &topic], [10, 10]),
        (&["--to", "1h"], [0, 0]),
        (&["--to", "end"], [10, 10]),
        (&["--to", "4"], [4, 4]),
    ] {
        assert_eq!(reset(&[arguments, &["--execute"]].concat())["executed"], true);
        assert_eq!(committed(), expected.map(Some), "{arguments:?}");
    }
    let shown = cli.run(&["consume", &topic, "-g", &group, "--exit"], b"").expect("read");
    assert_eq!(shown.lines().count(), 12, "the group goes on from there");
}

#[test]
fn a_group_with_members_is_left_alone() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    let topic = target.create_topic("busy", 1, &[]);
    let group = target.unused_topic_name("group");
    cli.run(&["produce", &topic], b"x\n").expect("written");
    let mut member = Member::start(&cli, &topic, &group);
    assert_eq!(member.read(1), ["x"]);
    // It has committed before it ends.
    wait::until("it commits", || (describe(&cli, &group)["lag"] == 0).then_some(()));

    let refusal = cli.refusal(&["group", "reset-offsets", &group, "--to", "end", "--execute"], b"").expect("busy");
    assert!(refusal.contains(&format!("group {group} has members (ottla at 127.")), "{refusal}");
    assert!(refusal.ends_with("which go on from where they are: stop them first\n"), "{refusal}");
    let refusal = cli.refusal(&["group", "delete", &group], b"").expect("busy");
    assert!(refusal.contains("it has members: stop them first (NON_EMPTY_GROUP)"), "{refusal}");
    let refusal = cli.refusal(&["group", "delete-offsets", &group, "-t", &topic], b"").expect("busy");
    assert!(refusal.contains("a member of the group subscribes to the topic"), "{refusal}");
    assert_eq!(member.stop(), [""; 0]);
}

#[test]
fn groups_are_listed_and_deleted() {
    let target = Target::start();
    let cli = OttlaCli::new(target.bootstrap());
    let (topic, other) = (target.create_topic("one", 1, &[]), target.create_topic("other", 1, &[]));
    let group = target.unused_topic_name("group");
    for topic in [&topic, &other] {
        cli.run(&["produce", topic], b"x\n").expect("written");
        cli.run(&["consume", topic, "-g", &group, "--exit"], b"").expect("read");
    }
    let listed = ask(&cli, &["group", "list"]);
    let ours = listed.as_array().expect("groups").iter().find(|listed| listed["group"] == group.as_str());
    assert_eq!(ours.expect("it is listed")["state"], "Empty");

    cli.run(&["group", "delete-offsets", &group, "--topic", &topic], b"").expect("deleted");
    let described = describe(&cli, &group);
    let topics: Vec<_> = described["partitions"].as_array().expect("a list").iter().map(|one| &one["topic"]).collect();
    assert_eq!(topics, [&Value::from(other.as_str())]);

    let deleted = cli.run(&["group", "delete", &group], b"").expect("deleted");
    assert_eq!(deleted, format!("deleted group {group}\n"));
    let refusal = cli.refusal(&["group", "describe", &group], b"").expect("it is gone");
    assert_eq!(refusal, format!("ottla: there is no group {group}: `ottla group list` shows those that there are\n"));
    let refusal = cli.refusal(&["group", "delete", &group], b"").expect("it is gone");
    assert!(refusal.contains(&format!("group {group}: there is no such group (GROUP_ID_NOT_FOUND)")), "{refusal}");
    cli.run(&["group", "delete", &group, "--if-exists"], b"").expect("forgiven");
}

#[test]
fn a_member_outlives_a_broker_that_is_killed() {
    let mut broker = Broker::start_default().expect("the broker starts");
    let cli = OttlaCli::new(broker.bootstrap());
    cli.run(&["topic", "create", "outlived"], b"").expect("created");
    cli.run(&["produce", "outlived"], numbers(0..100).as_bytes()).expect("written");
    let mut member = Member::start(&cli, "outlived", "survivors");
    assert_eq!(member.read(100).concat(), numbers(0..100).replace('\n', ""));
    wait::until("it commits", || (describe(&cli, "survivors")["lag"] == 0).then_some(()));

    broker.kill().expect("it ran until it was killed");
    broker.start().expect("it starts again");
    cli.run(&["produce", "outlived"], numbers(100..200).as_bytes()).expect("written");
    assert_eq!(member.read(100).concat(), numbers(100..200).replace('\n', ""), "nothing is shown twice");
    assert_eq!(member.stop(), [""; 0]);
    assert_eq!(describe(&cli, "survivors")["lag"], 0);
}
