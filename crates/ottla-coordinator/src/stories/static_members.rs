//! Static members (KIP-345): a name instead of a place in the queue.

use crate::testing::{
    Coordinator, GROUP, REBALANCE, SESSION, committing_as, joining, partition, seconds, subscription, syncing,
};
use crate::{DeleteOffsets, Error, Heartbeat, JoinGroup, JoinedGroup, SyncGroup};

fn static_join(instance_id: &str, protocols: &[&str]) -> JoinGroup {
    JoinGroup { group_instance_id: Some(instance_id.to_owned()), ..joining("", protocols) }
}

/// A stable group of the static members `a` and `b`.
fn stable(coordinator: &mut Coordinator) -> [JoinedGroup; 2] {
    let requests = [static_join("a", &["range"]), static_join("b", &["range"])];
    let joined = coordinator.stabilize(&requests);
    let of = |name: &str| joined.iter().find(|member| member.member_id.starts_with(name)).unwrap().clone();
    [of("a-"), of("b-")]
}

fn heartbeat(coordinator: &mut Coordinator, joined: &JoinedGroup, instance_id: &str) -> Result<(), Error> {
    let request = Heartbeat { group_instance_id: Some(instance_id.to_owned()), ..crate::testing::heartbeat(joined) };
    let answer = coordinator.shard.heartbeat(&request, coordinator.now);
    coordinator.step(answer)
}

#[test]
fn a_static_member_joins_at_once_and_its_id_shows_its_name() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.joined(&static_join("a", &["range"])).unwrap();
    assert!(joined.member_id.starts_with("a-"), "{:?}", joined.member_id);
    assert_eq!(joined.members[0].group_instance_id.as_deref(), Some("a"));
}

#[test]
fn a_static_member_that_restarts_takes_its_place_without_a_rebalance() {
    let mut coordinator = Coordinator::new();
    let [a, b] = stable(&mut coordinator);
    for (name, old) in [("a", &a), ("b", &b)] {
        let back = coordinator.joined(&static_join(name, &["range"])).unwrap();
        assert_ne!(back.member_id, old.member_id);
        assert_eq!(back.generation_id, old.generation_id);
        assert_eq!(back.skip_assignment, old.leader == old.member_id, "the leader keeps the assignment");
        let sync = SyncGroup { group_instance_id: Some(name.to_owned()), ..syncing(&back) };
        let ticket = coordinator.sync(&sync);
        assert_eq!(
            coordinator.sync_result(ticket).unwrap().assignment,
            old.member_id.as_bytes(),
            "what the old one had"
        );
        assert_eq!(coordinator.state(), "Stable");
    }
}

// Before version 9 a leader that came back would assign, if it knew that it leads.
#[test]
fn a_leader_of_old_versions_that_restarts_is_told_that_another_leads() {
    let mut coordinator = Coordinator::new();
    let [a, b] = stable(&mut coordinator);
    let (name, old) = if a.leader == a.member_id { ("a", a) } else { ("b", b) };
    let request = JoinGroup { can_skip_assignment: false, ..static_join(name, &["range"]) };
    let back = coordinator.joined(&request).unwrap();
    assert_eq!((back.leader, back.members.len(), back.skip_assignment), (old.member_id, 0, false));
}

#[test]
fn whoever_still_acts_for_the_old_id_is_fenced() {
    let mut coordinator = Coordinator::new();
    let [a, _] = stable(&mut coordinator);
    let back = coordinator.joined(&static_join("a", &["range"])).unwrap();
    assert_eq!(heartbeat(&mut coordinator, &a, "a"), Err(Error::FencedInstance));
    assert_eq!(heartbeat(&mut coordinator, &back, "a"), Ok(()));
    assert_eq!(coordinator.heartbeat(&a), Err(Error::UnknownMember), "without its name it is just not there");
    let mut commit = committing_as(&a, partition("orders", 0), 5);
    commit.group_instance_id = Some("a".to_owned());
    assert_eq!(coordinator.commit(&commit), Err(Error::FencedInstance));
    let old = JoinGroup { member_id: a.member_id.to_string(), ..static_join("a", &["range"]) };
    assert_eq!(coordinator.joined(&old), Err(Error::FencedInstance));
    assert_eq!(coordinator.leave(&[(&a.member_id, Some("a"))]), Ok(vec![Err(Error::FencedInstance)]));
    let ticket = coordinator.sync(&SyncGroup { group_instance_id: Some("a".to_owned()), ..syncing(&a) });
    assert_eq!(coordinator.sync_result(ticket), Err(Error::FencedInstance));
}

#[test]
fn a_parked_request_of_the_old_id_is_fenced() {
    let mut coordinator = Coordinator::new();
    let first = coordinator.join(&static_join("a", &["range"]));
    let second = coordinator.join(&static_join("a", &["range"]));
    assert_eq!(coordinator.join_result(first), Err(Error::FencedInstance));
    coordinator.advance(seconds(3));
    assert_eq!(coordinator.join_result(second).unwrap().members.len(), 1);
}

#[test]
fn a_restart_while_the_leader_assigns_begins_a_rebalance() {
    let mut coordinator = Coordinator::new();
    let tickets = ["a", "b"].map(|name| coordinator.join(&static_join(name, &["range"])));
    coordinator.advance(seconds(6));
    let joined = tickets.map(|ticket| coordinator.join_result(ticket).unwrap());
    let parked = coordinator.sync(&syncing(joined.iter().find(|member| member.leader != member.member_id).unwrap()));
    let leader_name = if joined[0].leader == joined[0].member_id { "a" } else { "b" };
    coordinator.join(&static_join(leader_name, &["range"]));
    assert_eq!(coordinator.sync_result(parked), Err(Error::RebalanceInProgress));
    assert_eq!(coordinator.state(), "PreparingRebalance");
}

#[test]
fn a_restart_that_changes_the_chosen_protocol_begins_a_rebalance() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stabilize(&[static_join("a", &["range", "sticky"])]);
    assert_eq!(joined[0].protocol_name.as_deref(), Some("range"));
    let back = coordinator.joined(&static_join("a", &["sticky"])).unwrap();
    assert_eq!((back.protocol_name.as_deref(), back.generation_id), (Some("sticky"), 2));
}

// Kafka looks at the chosen protocol only; what the restarted member subscribes to now reaches the leader with the next rebalance.
#[test]
fn a_restart_with_other_topics_begins_no_rebalance_and_retention_knows_them_at_once() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stabilize(&[static_join("a", &["range"])]);
    let mut request = static_join("a", &["range"]);
    request.protocols[0].metadata = subscription(&["payments"]);
    let back = coordinator.joined(&request).unwrap();
    assert_eq!((coordinator.state(), back.generation_id), ("Stable", joined[0].generation_id));
    let partitions = vec![partition("orders", 0), partition("payments", 0)];
    let delete = DeleteOffsets { group_id: GROUP.to_owned(), partitions };
    let answer = coordinator.shard.delete_offsets(&delete, coordinator.now);
    let subscribed = Err(Error::SubscribedToTopic { topic: partition("payments", 0).topic });
    assert_eq!(coordinator.step(answer), Ok(vec![Ok(()), subscribed]));
}

#[test]
fn a_static_member_that_stays_away_loses_its_place_with_its_session() {
    let mut coordinator = Coordinator::new();
    let [a, b] = stable(&mut coordinator);
    coordinator.advance(SESSION - seconds(1));
    assert_eq!(heartbeat(&mut coordinator, &b, "b"), Ok(()));
    assert_eq!(coordinator.state(), "Stable");
    coordinator.advance(seconds(1));
    assert_eq!(coordinator.state(), "PreparingRebalance");
    assert_eq!(heartbeat(&mut coordinator, &a, "a"), Err(Error::UnknownMember));
}

#[test]
fn a_place_that_was_taken_over_ends_with_its_session_too() {
    let mut coordinator = Coordinator::new();
    stable(&mut coordinator);
    coordinator.joined(&static_join("a", &["range"])).unwrap();
    coordinator.joined(&static_join("b", &["range"])).unwrap();
    coordinator.advance(SESSION + REBALANCE);
    assert_eq!(coordinator.state(), "Empty");
}

#[test]
fn a_rebalance_keeps_the_place_of_a_static_member_that_does_not_join() {
    let mut coordinator = Coordinator::new();
    let short = |name| JoinGroup { rebalance_timeout_ms: 5_000, ..static_join(name, &["range"]) };
    let joined = coordinator.stabilize(&[short("a"), short("b")]);
    let [leader, away] = [&joined[0], &joined[1]];
    let name = |joined: &JoinedGroup| joined.member_id[..1].to_owned();
    let rejoin = JoinGroup { member_id: leader.member_id.to_string(), ..short(&name(leader)) };
    let ticket = coordinator.join(&rejoin);
    coordinator.advance(seconds(5));
    let next = coordinator.join_result(ticket).unwrap();
    assert_eq!(next.members.len(), 2);
    assert!(next.members.iter().any(|member| member.member_id == away.member_id));
}

#[test]
fn with_nobody_there_to_join_a_rebalance_waits_for_the_static_members_sessions() {
    let mut coordinator = Coordinator::new();
    let long =
        |name| JoinGroup { rebalance_timeout_ms: 5_000, session_timeout_ms: 60_000, ..static_join(name, &["range"]) };
    let joined = coordinator.stabilize(&[long("a"), long("b")]);
    assert_eq!(coordinator.leave(&[("", Some("a"))]), Ok(vec![Ok(())]));
    coordinator.advance(seconds(30));
    assert_eq!(coordinator.state(), "PreparingRebalance", "{joined:?}");
    coordinator.advance(seconds(31));
    assert_eq!(coordinator.state(), "Empty");
}

#[test]
fn an_administrator_removes_a_static_member_by_its_name() {
    let mut coordinator = Coordinator::new();
    let [a, _] = stable(&mut coordinator);
    let unknown = Err(Error::UnknownMember);
    assert_eq!(
        coordinator.leave(&[("", Some("a")), ("", Some("z")), ("", None)]),
        Ok(vec![Ok(()), unknown.clone(), unknown])
    );
    assert_eq!(heartbeat(&mut coordinator, &a, "a"), Err(Error::UnknownMember));
    assert_eq!(coordinator.state(), "PreparingRebalance");
}

#[test]
fn an_id_that_was_allotted_cannot_come_back_with_a_name() {
    let mut coordinator = Coordinator::new();
    let member_id = coordinator.member_id();
    let request = JoinGroup { member_id, ..static_join("a", &["range"]) };
    assert_eq!(coordinator.joined(&request), Err(Error::UnknownMember));
}
