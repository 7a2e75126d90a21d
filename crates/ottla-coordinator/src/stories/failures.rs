//! Appends that fail: nothing has happened, for anybody.

use crate::testing::{Coordinator, GROUP, RETENTION, SESSION, committing, joining, partition, seconds, syncing};
use crate::{AppendError, Error, JoinGroup};

const FAILURE: AppendError = AppendError::NotEnoughReplicas;

#[test]
fn a_group_that_cannot_be_recorded_does_not_come_into_being() {
    let mut coordinator = Coordinator::new();
    coordinator.fail_appends(Some(FAILURE));
    assert_eq!(coordinator.joined(&joining("", &["range"])), Err(Error::Append(FAILURE)));
    assert_eq!(coordinator.groups(), []);
}

#[test]
fn an_assignment_that_cannot_be_recorded_is_the_leaders_to_bring_again() {
    let mut coordinator = Coordinator::new();
    let requests = [(); 2].map(|()| joining(&coordinator.member_id(), &["range"]));
    let tickets = [0, 1].map(|i| coordinator.join(&requests[i]));
    coordinator.advance(seconds(6));
    let joined = tickets.map(|ticket| coordinator.join_result(ticket).unwrap());
    let leads = |i: &usize| joined[*i].leader == joined[*i].member_id;
    let (leader, follower) = if leads(&0) { (&joined[0], &joined[1]) } else { (&joined[1], &joined[0]) };
    let parked = coordinator.sync(&syncing(follower));

    coordinator.fail_appends(Some(FAILURE));
    let ticket = coordinator.sync(&syncing(leader));
    assert_eq!(coordinator.sync_result(ticket), Err(Error::Append(FAILURE)));
    assert_eq!(coordinator.state(), "CompletingRebalance");
    assert!(coordinator.is_parked(parked));

    coordinator.fail_appends(None);
    coordinator.sync(&syncing(leader));
    assert_eq!(coordinator.sync_result(parked).unwrap().assignment, follower.member_id.as_bytes());
}

#[test]
fn the_last_member_cannot_leave_while_nothing_can_be_recorded() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(1);
    coordinator.fail_appends(Some(FAILURE));
    assert_eq!(coordinator.leave(&[(&joined[0].member_id, None)]), Err(Error::Append(FAILURE)));
    assert_eq!(coordinator.heartbeat(&joined[0]), Ok(()));
    coordinator.fail_appends(None);
    assert_eq!(coordinator.leave(&[(&joined[0].member_id, None)]), Ok(vec![Ok(())]));
}

#[test]
fn the_end_of_the_last_session_is_recorded_as_soon_as_it_can_be() {
    let mut coordinator = Coordinator::new();
    coordinator.stable_group(1);
    coordinator.fail_appends(Some(FAILURE));
    coordinator.advance(SESSION + seconds(30));
    assert_eq!(coordinator.state(), "Stable");
    coordinator.fail_appends(None);
    coordinator.advance(seconds(1));
    assert_eq!(coordinator.state(), "Empty");
}

#[test]
fn a_static_member_that_cannot_be_recorded_does_not_take_its_place() {
    let mut coordinator = Coordinator::new();
    let request = JoinGroup { group_instance_id: Some("a".to_owned()), ..joining("", &["range"]) };
    let joined = coordinator.stabilize(std::slice::from_ref(&request));
    coordinator.fail_appends(Some(FAILURE));
    assert_eq!(coordinator.joined(&request), Err(Error::Append(FAILURE)));
    assert_eq!(coordinator.heartbeat(&joined[0]), Ok(()), "the old one is not fenced");
}

#[test]
fn offsets_that_cannot_be_recorded_are_neither_committed_nor_deleted() {
    let mut coordinator = Coordinator::new();
    coordinator.commit(&committing(partition("orders", 0), 5)).unwrap();
    coordinator.fail_appends(Some(FAILURE));
    assert_eq!(coordinator.commit(&committing(partition("orders", 0), 6)), Err(Error::Append(FAILURE)));
    let answer = coordinator.shard.delete_group(GROUP, coordinator.now);
    assert_eq!(coordinator.step(answer), Err(Error::Append(FAILURE)));
    assert_eq!(coordinator.committed(&partition("orders", 0)), Some(5));
}

#[test]
fn offsets_that_have_ended_are_there_until_that_can_be_recorded() {
    let mut coordinator = Coordinator::new();
    coordinator.commit(&committing(partition("orders", 0), 5)).unwrap();
    coordinator.fail_appends(Some(FAILURE));
    coordinator.advance(2 * RETENTION);
    assert_eq!(coordinator.committed(&partition("orders", 0)), Some(5));
    coordinator.fail_appends(None);
    coordinator.advance(seconds(600));
    assert_eq!(coordinator.groups(), []);
}
