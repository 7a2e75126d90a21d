//! Three consumers of one client share a topic: one comes later, one leaves.

use std::collections::BTreeMap;

use e2e::{Group, Place, Sample, Target, produce};
use testkit::ClientProgram;

const PARTITIONS: i32 = 6;
const RECORDS: i64 = 4;

/// Writes some records to each partition.
fn write(target: &Target, topic: &str) {
    let record = Sample { key: None, value: Some(b"work".to_vec()), headers: Vec::new(), timestamp: None };
    let records = vec![record; usize::try_from(RECORDS).expect("not negative")];
    for partition in 0..PARTITIONS {
        for delivery in produce(target.bootstrap(), topic, partition, &[], &records) {
            delivery.expect("every record is delivered");
        }
    }
}

/// Where each partition ends after so many rounds of writing.
fn ends(rounds: i64) -> BTreeMap<i32, i64> {
    (0..PARTITIONS).map(|partition| (partition, rounds * RECORDS)).collect()
}

/// That no partition is ever given to one while another has it, is checked with every look at who owns what.
fn three_members_share_a_topic(program: ClientProgram) {
    let target = Target::start();
    let topic = target.create_topic(&format!("shared-{}", program.name()), PARTITIONS, &[]);
    let mut group = Group::new(program, target.bootstrap(), &format!("{topic}-group"), &topic);
    write(&target, &topic);
    group.join("first");
    group.join("second");
    group.wait_until_shared(&["first", "second"], 6);
    group.wait_until_committed(&ends(1));

    group.join("third");
    group.wait_until_shared(&["first", "second", "third"], 6);
    write(&target, &topic);
    group.wait_until_committed(&ends(2));

    group.leave("first");
    group.wait_until_shared(&["second", "third"], 6);
    write(&target, &topic);
    group.wait_until_committed(&ends(3));
    group.leave_all();
    assert!(group.owned().is_empty());

    let mut read: Vec<Place> = group.read();
    read.sort_unstable();
    let written = (0..PARTITIONS).flat_map(|partition| (0..3 * RECORDS).map(move |offset| (partition, offset)));
    assert!(read.iter().copied().eq(written), "each record is read once: {read:?}");
}

with_every_client!(three_members_share_a_topic);

/// What kcat has read is committed when it ends; it gives no metadata, and tells nothing of what it is given.
#[test]
fn kcat_goes_on_where_its_group_has_left_off() {
    let target = Target::start();
    let topic = target.create_topic("kcat", PARTITIONS, &[]);
    let count = (i64::from(PARTITIONS) * RECORDS).to_string();
    let earliest = "auto.offset.reset=earliest";
    let arguments = ["-q", "-X", earliest, "-c", &count, "-f", "%p %o\n", "-G", &format!("{topic}-group"), &topic];
    for round in 0..2 {
        write(&target, &topic);
        let mut read: Vec<String> =
            target.kcat().run_text(&arguments, b"").expect("it reads").lines().map(str::to_owned).collect();
        read.sort_unstable();
        let offsets = round * RECORDS..(round + 1) * RECORDS;
        let written =
            (0..PARTITIONS).flat_map(|partition| offsets.clone().map(move |offset| format!("{partition} {offset}")));
        assert!(read.iter().cloned().eq(written), "round {round}: {read:?}");
    }
}
