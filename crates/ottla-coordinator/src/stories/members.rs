//! SyncGroup, Heartbeat, LeaveGroup, DescribeGroups, DeleteGroups.

use crate::testing::{
    Coordinator, GROUP, REBALANCE, SESSION, committing, joining, partition, seconds, subscription, syncing,
};
use crate::{Error, JoinedGroup, SyncGroup};

/// A group that waits for its leader's assignment; the leader first.
fn completing(coordinator: &mut Coordinator, count: usize) -> Vec<JoinedGroup> {
    let requests: Vec<_> = (0..count).map(|_| joining(&coordinator.member_id(), &["range"])).collect();
    let tickets: Vec<_> = requests.iter().map(|request| coordinator.join(request)).collect();
    coordinator.advance(seconds(6));
    let mut joined: Vec<_> = tickets.into_iter().map(|ticket| coordinator.join_result(ticket).unwrap()).collect();
    joined.sort_by_key(|member| member.member_id != member.leader);
    joined
}

#[test]
fn followers_wait_until_the_leader_has_assigned() {
    let mut coordinator = Coordinator::new();
    let joined = completing(&mut coordinator, 2);
    let follower = coordinator.sync(&syncing(&joined[1]));
    assert!(coordinator.is_parked(follower));
    let leader = coordinator.sync(&syncing(&joined[0]));
    for (ticket, member) in [(follower, &joined[1]), (leader, &joined[0])] {
        let synced = coordinator.sync_result(ticket).unwrap();
        assert_eq!(synced.assignment, member.member_id.as_bytes());
        assert_eq!(synced.protocol_name.as_deref(), Some("range"));
    }
    assert_eq!(coordinator.state(), "Stable");
}

#[test]
fn who_syncs_late_is_given_its_assignment_at_once() {
    let mut coordinator = Coordinator::new();
    let joined = completing(&mut coordinator, 2);
    coordinator.sync(&syncing(&joined[0]));
    let ticket = coordinator.sync(&syncing(&joined[1]));
    assert_eq!(coordinator.sync_result(ticket).unwrap().assignment, joined[1].member_id.as_bytes());
}

// Found by the world: a member that joined again, and was told to stay where it was, was put out before its session was over.
#[test]
fn a_sync_is_a_sign_of_life_also_when_nothing_is_assigned() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(2);
    coordinator.advance(SESSION - seconds(1));
    for member in &joined {
        let ticket = coordinator.sync(&syncing(member));
        assert!(coordinator.sync_result(ticket).is_ok());
    }
    coordinator.advance(SESSION - seconds(1));
    for member in &joined {
        assert_eq!(coordinator.heartbeat(member), Ok(()));
    }
}

#[test]
fn who_is_left_out_by_the_leader_is_given_nothing() {
    let mut coordinator = Coordinator::new();
    let joined = completing(&mut coordinator, 2);
    let mut request = syncing(&joined[0]);
    request.assignments.retain(|(member_id, _)| **member_id != *joined[1].member_id);
    coordinator.sync(&request);
    let ticket = coordinator.sync(&syncing(&joined[1]));
    assert_eq!(coordinator.sync_result(ticket).unwrap().assignment, "");
}

#[test]
fn a_sync_of_another_generation_member_or_protocol_is_refused() {
    let mut coordinator = Coordinator::new();
    let joined = completing(&mut coordinator, 1);
    let mut check = |change: &dyn Fn(&mut SyncGroup), error: Error| {
        let mut request = syncing(&joined[0]);
        change(&mut request);
        let ticket = coordinator.sync(&request);
        assert_eq!(coordinator.sync_result(ticket), Err(error));
    };
    check(&|request| request.group_id.clear(), Error::EmptyGroupId);
    check(&|request| request.group_id.push('x'), Error::UnknownMember);
    check(&|request| request.member_id.push('x'), Error::UnknownMember);
    check(&|request| request.group_instance_id = Some("x".to_owned()), Error::UnknownMember);
    check(&|request| request.generation_id = 0, Error::IllegalGeneration { current: 1 });
    check(&|request| request.protocol_type = Some("connect".to_owned()), Error::InconsistentProtocol);
    check(&|request| request.protocol_name = Some("sticky".to_owned()), Error::InconsistentProtocol);
    check(&|request| request.group_id.clear(), Error::EmptyGroupId);
    coordinator.sync(&syncing(&joined[0]));
    assert_eq!(coordinator.state(), "Stable");
}

#[test]
fn a_rebalance_ends_the_wait_for_an_assignment() {
    let mut coordinator = Coordinator::new();
    let joined = completing(&mut coordinator, 2);
    let follower = coordinator.sync(&syncing(&joined[1]));
    assert_eq!(coordinator.leave(&[(&joined[0].member_id, None)]), Ok(vec![Ok(())]));
    assert_eq!(coordinator.sync_result(follower), Err(Error::RebalanceInProgress));
    let ticket = coordinator.sync(&syncing(&joined[1]));
    assert_eq!(coordinator.sync_result(ticket), Err(Error::RebalanceInProgress));
}

#[test]
fn who_does_not_sync_within_the_rebalance_timeout_is_out() {
    let mut coordinator = Coordinator::new();
    let joined = completing(&mut coordinator, 2);
    let follower = coordinator.sync(&syncing(&joined[1]));
    for _ in 0..REBALANCE.as_secs() / 5 {
        assert!(coordinator.is_parked(follower));
        // The leader lives, but does not assign.
        assert_eq!(coordinator.heartbeat(&joined[0]), Ok(()));
        coordinator.advance(seconds(5));
    }
    assert_eq!(coordinator.sync_result(follower), Err(Error::RebalanceInProgress));
    assert_eq!(coordinator.heartbeat(&joined[0]), Err(Error::UnknownMember));
    assert_eq!(coordinator.joined(&joining(&joined[1].member_id, &["range"])).unwrap().leader, joined[1].member_id);
}

#[test]
fn silence_ends_a_session_and_heartbeats_and_commits_prolong_it() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(3);
    for offset in 0..3 {
        coordinator.advance(SESSION - seconds(1));
        assert_eq!(
            coordinator.heartbeat(&joined[0]),
            if offset < 1 { Ok(()) } else { Err(Error::RebalanceInProgress) }
        );
        let commit = crate::testing::committing_as(&joined[1], partition("orders", 0), offset);
        assert_eq!(coordinator.commit(&commit), Ok(vec![Ok(())]));
    }
    let described = coordinator.shard.describe_group(GROUP).response.unwrap();
    let members: Vec<_> = described.members.iter().map(|member| member.member_id.clone()).collect();
    assert!(members.contains(&joined[0].member_id) && members.contains(&joined[1].member_id), "{members:?}");
    assert!(!members.contains(&joined[2].member_id), "{members:?}");
}

#[test]
fn a_group_of_the_silent_becomes_empty() {
    let mut coordinator = Coordinator::new();
    coordinator.stable_group(3);
    coordinator.advance(SESSION + REBALANCE);
    assert_eq!(coordinator.state(), "Empty");
}

#[test]
fn who_leaves_is_gone_at_once_and_the_last_leaves_an_empty_group() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(2);
    assert_eq!(coordinator.leave(&[(&joined[0].member_id, None)]), Ok(vec![Ok(())]));
    assert_eq!(coordinator.heartbeat(&joined[0]), Err(Error::UnknownMember));
    assert_eq!(coordinator.heartbeat(&joined[1]), Err(Error::RebalanceInProgress));
    assert_eq!(
        coordinator.leave(&[(&joined[1].member_id, None), ("nobody", None)]),
        Ok(vec![Ok(()), Err(Error::UnknownMember)])
    );
    assert_eq!(coordinator.state(), "Empty");
}

#[test]
fn a_parked_member_that_leaves_is_answered() {
    let mut coordinator = Coordinator::new();
    let joined = completing(&mut coordinator, 2);
    let ticket = coordinator.sync(&syncing(&joined[1]));
    assert_eq!(coordinator.leave(&[(&joined[1].member_id, None)]), Ok(vec![Ok(())]));
    assert_eq!(coordinator.sync_result(ticket), Err(Error::UnknownMember));
}

#[test]
fn one_who_was_only_given_an_id_can_leave_too() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(1);
    let pending = coordinator.member_id();
    let ticket = coordinator.join(&joining(&joined[0].member_id, &["range"]));
    assert!(coordinator.is_parked(ticket), "the rebalance waits for the one who has an id");
    assert_eq!(coordinator.leave(&[(&pending, None)]), Ok(vec![Ok(())]));
    assert_eq!(coordinator.join_result(ticket).unwrap().generation_id, 2);
}

#[test]
fn leaving_a_group_that_is_not_there_is_no_ones() {
    let mut coordinator = Coordinator::new();
    assert_eq!(coordinator.leave(&[("a", None), ("", Some("i"))]), Ok(vec![Err(Error::UnknownMember); 2]));
}

#[test]
fn a_description_shows_subscriptions_and_assignments_of_a_stable_group() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(1);
    let described = coordinator.shard.describe_group(GROUP).response.unwrap();
    assert_eq!(
        (described.state.as_str(), &*described.protocol_type, &*described.protocol_name),
        ("Stable", "consumer", "range")
    );
    let member = &described.members[0];
    assert_eq!((&*member.client_id, &*member.client_host), ("client", "/127.0.0.1"));
    assert_eq!((&member.metadata, &*member.assignment), (&subscription(&["orders"]), joined[0].member_id.as_bytes()));

    coordinator.join(&joining(&joined[0].member_id, &["sticky", "range"]));
    let described = coordinator.shard.describe_group(GROUP).response.unwrap();
    assert_eq!(
        (&*described.protocol_name, &*described.members[0].metadata),
        ("", &b""[..]),
        "a rebalance has none yet"
    );
    assert_eq!(coordinator.shard.describe_group("nobody").response, Err(Error::GroupNotFound));
}

#[test]
fn a_group_is_deleted_with_its_offsets_once_it_is_empty() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(1);
    let delete = |coordinator: &mut Coordinator| {
        let answer = coordinator.shard.delete_group(GROUP, coordinator.now);
        coordinator.step(answer)
    };
    assert_eq!(delete(&mut coordinator), Err(Error::NonEmptyGroup));
    assert_eq!(coordinator.leave(&[(&joined[0].member_id, None)]), Ok(vec![Ok(())]));
    assert_eq!(coordinator.commit(&committing(partition("orders", 0), 5)), Ok(vec![Ok(())]));
    assert_eq!(delete(&mut coordinator), Ok(()));
    assert_eq!((coordinator.groups(), coordinator.committed(&partition("orders", 0))), (Vec::new(), None));
    assert_eq!(delete(&mut coordinator), Err(Error::GroupNotFound));
}
