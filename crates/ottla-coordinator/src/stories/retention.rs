//! `offsets.retention.minutes`: when offsets end by themselves, and groups with them.

use std::time::Duration;

use crate::testing::{CHECK_INTERVAL, Coordinator, RETENTION, committing, committing_as, joining, partition, seconds};

/// Lets the group live, with heartbeats, for `span`.
fn live(coordinator: &mut Coordinator, joined: &crate::JoinedGroup, span: Duration) {
    for _ in 0..span.as_secs() / 3000 {
        assert_eq!(coordinator.heartbeat(joined), Ok(()));
        coordinator.advance(seconds(3000));
    }
}

/// A stable group of one patient consumer of `orders`.
fn patient_group(coordinator: &mut Coordinator) -> crate::JoinedGroup {
    let mut config = crate::testing::config();
    config.session_timeout_max = RETENTION;
    coordinator.shard.reconfigure(config);
    let mut request = joining(&coordinator.member_id(), &["range"]);
    request.session_timeout_ms = 3_600_000;
    coordinator.stabilize(&[request]).remove(0)
}

#[test]
fn a_consumer_without_a_group_keeps_an_offset_from_its_commit_on() {
    let mut coordinator = Coordinator::new();
    coordinator.commit(&committing(partition("orders", 0), 5)).unwrap();
    coordinator.advance(RETENTION / 2);
    coordinator.commit(&committing(partition("orders", 1), 5)).unwrap();
    coordinator.advance(RETENTION / 2 - CHECK_INTERVAL);
    assert_eq!(coordinator.committed(&partition("orders", 0)), Some(5));
    coordinator.advance(2 * CHECK_INTERVAL);
    assert_eq!(coordinator.committed(&partition("orders", 0)), None);
    assert_eq!(coordinator.committed(&partition("orders", 1)), Some(5));
    coordinator.advance(RETENTION / 2);
    assert_eq!(coordinator.groups(), [], "the group ends with its last offset");
}

#[test]
fn a_group_keeps_its_offsets_from_its_last_member_on() {
    let mut coordinator = Coordinator::new();
    let joined = patient_group(&mut coordinator);
    coordinator.commit(&committing_as(&joined, partition("orders", 0), 5)).unwrap();
    live(&mut coordinator, &joined, 2 * RETENTION);
    coordinator.leave(&[(&joined.member_id, None)]).unwrap();
    coordinator.advance(RETENTION - CHECK_INTERVAL);
    assert_eq!(coordinator.committed(&partition("orders", 0)), Some(5));
    coordinator.advance(2 * CHECK_INTERVAL);
    assert_eq!(coordinator.groups(), []);
}

#[test]
fn a_failover_does_not_begin_the_retention_anew() {
    let mut coordinator = Coordinator::new();
    let joined = patient_group(&mut coordinator);
    coordinator.commit(&committing_as(&joined, partition("orders", 0), 5)).unwrap();
    coordinator.leave(&[(&joined.member_id, None)]).unwrap();
    coordinator.advance(RETENTION - CHECK_INTERVAL);
    let mut coordinator = coordinator.fail_over();
    assert_eq!(coordinator.committed(&partition("orders", 0)), Some(5));
    coordinator.advance(2 * CHECK_INTERVAL);
    assert_eq!(coordinator.groups(), []);
}

#[test]
fn a_live_group_loses_only_what_it_does_not_subscribe_to() {
    let mut coordinator = Coordinator::new();
    let joined = patient_group(&mut coordinator);
    for topic in ["orders", "payments"] {
        coordinator.commit(&committing_as(&joined, partition(topic, 0), 5)).unwrap();
    }
    live(&mut coordinator, &joined, RETENTION + 2 * CHECK_INTERVAL);
    assert_eq!(coordinator.committed(&partition("orders", 0)), Some(5));
    assert_eq!(coordinator.committed(&partition("payments", 0)), None);
    assert_eq!(coordinator.state(), "Stable");
}

#[test]
fn an_offset_with_an_expiry_of_its_own_ends_then() {
    let mut coordinator = Coordinator::new();
    let mut request = committing(partition("orders", 0), 5);
    request.retention = Some(2 * RETENTION);
    coordinator.commit(&request).unwrap();
    request.offsets[0].topic_partition = partition("orders", 1);
    request.retention = Some(seconds(3600));
    coordinator.commit(&request).unwrap();
    coordinator.advance(seconds(3600) + CHECK_INTERVAL);
    assert_eq!(coordinator.committed(&partition("orders", 1)), None);
    coordinator.advance(RETENTION);
    assert_eq!(coordinator.committed(&partition("orders", 0)), Some(5));
    coordinator.advance(RETENTION);
    assert_eq!(coordinator.committed(&partition("orders", 0)), None);
}

#[test]
fn a_group_of_which_only_an_id_was_asked_for_ends_with_the_next_check() {
    let mut coordinator = Coordinator::new();
    coordinator.member_id();
    assert_eq!(coordinator.state(), "Empty");
    coordinator.advance(CHECK_INTERVAL);
    assert_eq!(coordinator.state(), "Dead");
}
