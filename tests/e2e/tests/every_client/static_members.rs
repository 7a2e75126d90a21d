//! A static member that is away for less than its session keeps its partitions, and the others notice nothing.

use std::collections::BTreeMap;

use e2e::{Group, Sample, Target, Told, produce};
use ottla_protocol::messages::{DescribeGroupsRequest, GroupId, HeartbeatRequest, StrBytes};
use testkit::ClientProgram;

const PARTITIONS: i32 = 4;

/// Writes one record to each partition.
fn write(target: &Target, topic: &str) {
    let record = Sample { key: None, value: Some(b"work".to_vec()), headers: Vec::new(), timestamp: None };
    for partition in 0..PARTITIONS {
        for delivery in produce(target.bootstrap(), topic, partition, &[], std::slice::from_ref(&record)) {
            delivery.expect("every record is delivered");
        }
    }
}

fn ends(rounds: i64) -> BTreeMap<i32, i64> {
    (0..PARTITIONS).map(|partition| (partition, rounds)).collect()
}

/// How often the member called `member` was given partitions, or lost some.
fn changes(group: &Group, member: &str) -> usize {
    let is_change = |told: &Told| matches!(told, Told::Assigned(_) | Told::Revoked(_));
    group.told().iter().filter(|(by, told)| by == member && is_change(told)).count()
}

/// The group's generation: the one that a heartbeat may name for a member.
fn generation(target: &Target, group: &Group) -> i32 {
    let mut client = target.client();
    let id = GroupId(StrBytes::from_string(group.name().to_owned()));
    let describe = DescribeGroupsRequest::default().with_groups(vec![id.clone()]);
    let described = client.call(4, &describe).expect("DescribeGroups is answered").groups.remove(0);
    let member = described.members.first().expect("a member");
    let heartbeat = HeartbeatRequest::default()
        .with_group_id(id)
        .with_member_id(member.member_id.clone())
        .with_group_instance_id(member.group_instance_id.clone());
    let mut is_accepted = |generation: &i32| {
        let heartbeat = heartbeat.clone().with_generation_id(*generation);
        client.call(3, &heartbeat).expect("Heartbeat is answered").error_code == 0
    };
    (1..100).find(|generation| is_accepted(generation)).expect("no more rebalances than that")
}

fn a_static_member_restarts_without_a_rebalance(program: ClientProgram) {
    let target = Target::start();
    let topic = target.create_topic(&format!("static-{}", program.name()), PARTITIONS, &[]);
    let mut group = Group::new(program, target.bootstrap(), &format!("{topic}-group"), &topic);
    group.join_static("first", "instance-1");
    group.join_static("second", "instance-2");
    let owned = group.wait_until_shared(&["first", "second"], 4);
    write(&target, &topic);
    group.wait_until_committed(&ends(1));
    let before = (changes(&group, "second"), generation(&target, &group));

    // A restart in good order, and a crash. Neither tells the group anything.
    for (round, end) in [(2, Group::leave as fn(&mut Group, &str)), (3, Group::crash)] {
        end(&mut group, "first");
        group.join_static("first", "instance-1");
        assert_eq!(group.wait_until_shared(&["first", "second"], 4), owned, "it has what it had");
        write(&target, &topic);
        group.wait_until_committed(&ends(round));
    }
    assert_eq!((changes(&group, "second"), generation(&target, &group)), before, "the other noticed nothing");
    group.leave_all();
}

tests_of! { a_static_member_restarts_without_a_rebalance:
    confluent_kafka => ConfluentKafka,
    confluent_kafka_of_debian => ConfluentKafkaOfDebian,
    kafka_python => KafkaPython,
    aiokafka => Aiokafka,
    franz_go => FranzGo,
    sarama => Sarama,
    java => Java,
    rdkafka => Rdkafka,
}
