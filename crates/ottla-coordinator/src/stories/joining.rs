//! JoinGroup and the rebalance that it begins.

use crate::testing::{
    Coordinator, GROUP, INITIAL_DELAY, REBALANCE, SESSION, config, heartbeat, joining, seconds, syncing,
};
use crate::{Config, Error, JoinGroup};

#[test]
fn a_new_member_is_given_an_id_and_comes_back_with_it() {
    let mut coordinator = Coordinator::new();
    let member_id = coordinator.member_id();
    assert!(member_id.starts_with("client-") && member_id.len() == "client-".len() + 36, "{member_id}");
    let joined = coordinator.joined(&joining(&member_id, &["range"])).unwrap();
    assert_eq!((&*joined.member_id, &*joined.leader, joined.generation_id), (&*member_id, &*member_id, 1));
    assert_eq!(joined.protocol_name.as_deref(), Some("range"));
    assert_eq!(joined.members.len(), 1);
}

// Versions 0 to 3.
#[test]
fn a_client_of_old_joins_without_an_id() {
    let mut coordinator = Coordinator::new();
    let request = JoinGroup { requires_known_member_id: false, ..joining("", &["range"]) };
    assert_eq!(coordinator.joined(&request).unwrap().generation_id, 1);
}

#[test]
fn an_id_that_was_allotted_ends_with_the_session_that_was_asked_for() {
    let mut coordinator = Coordinator::new();
    let member_id = coordinator.member_id();
    coordinator.advance(SESSION);
    assert_eq!(coordinator.joined(&joining(&member_id, &["range"])), Err(Error::UnknownMember));
}

#[test]
fn a_member_id_that_nobody_was_given_is_unknown() {
    let mut coordinator = Coordinator::new();
    assert_eq!(coordinator.joined(&joining("forged", &["range"])), Err(Error::UnknownMember));
    assert_eq!(coordinator.state(), "Dead", "and no group comes of it");
    coordinator.stable_group(1);
    assert_eq!(coordinator.joined(&joining("forged", &["range"])), Err(Error::UnknownMember));
}

#[test]
fn what_is_no_request_at_all_is_refused() {
    let mut coordinator = Coordinator::new();
    let mut check = |request: JoinGroup, error: Error| {
        assert_eq!(coordinator.joined(&request), Err(error));
        assert_eq!(coordinator.state(), "Dead");
    };
    let request = || joining("", &["range"]);
    check(JoinGroup { group_id: String::new(), ..request() }, Error::EmptyGroupId);
    for session_timeout_ms in [-1, 0, 5_999, 1_800_001] {
        let error = Error::InvalidSessionTimeout { session_timeout_ms };
        check(JoinGroup { session_timeout_ms, ..request() }, error);
    }
    check(JoinGroup { client_id: "x".repeat(32_768), ..request() }, Error::FieldTooLong { field: "client id" });
    check(JoinGroup { protocols: Vec::new(), ..request() }, Error::InconsistentProtocol);
    check(JoinGroup { protocol_type: String::new(), ..request() }, Error::InconsistentProtocol);
}

#[test]
fn a_member_of_another_kind_is_refused() {
    let mut coordinator = Coordinator::new();
    coordinator.stable_group(1);
    let connect = JoinGroup { protocol_type: "connect".to_owned(), ..joining("", &["range"]) };
    assert_eq!(coordinator.joined(&connect), Err(Error::InconsistentProtocol));
    assert_eq!(coordinator.joined(&joining("", &["sticky"])), Err(Error::InconsistentProtocol));
}

#[test]
fn the_first_rebalance_waits_for_those_who_come_a_little_later() {
    let mut coordinator = Coordinator::new();
    let ids = [(); 3].map(|()| coordinator.member_id());
    let first = coordinator.join(&joining(&ids[0], &["range"]));
    coordinator.advance(INITIAL_DELAY - seconds(1));
    let second = coordinator.join(&joining(&ids[1], &["range"]));
    coordinator.advance(seconds(1));
    assert!(coordinator.is_parked(first), "a newcomer prolongs the delay");
    coordinator.advance(INITIAL_DELAY - seconds(1));
    let third = coordinator.join(&joining(&ids[2], &["range"]));
    coordinator.advance(INITIAL_DELAY + seconds(1));
    let generations = [first, second, third].map(|ticket| coordinator.join_result(ticket).unwrap().generation_id);
    assert_eq!(generations, [1, 1, 1]);
}

#[test]
fn the_initial_delay_ends_with_the_rebalance_timeout() {
    let mut coordinator = Coordinator::new();
    let request =
        || JoinGroup { rebalance_timeout_ms: 7_000, requires_known_member_id: false, ..joining("", &["range"]) };
    let first = coordinator.join(&request());
    for _ in 0..6 {
        coordinator.advance(seconds(1));
        coordinator.join(&request());
    }
    assert!(coordinator.is_parked(first));
    coordinator.advance(seconds(1));
    assert_eq!(coordinator.join_result(first).unwrap().members.len(), 7);
}

#[test]
fn without_a_delay_the_first_member_need_not_wait() {
    let mut coordinator = Coordinator::new();
    coordinator.shard.reconfigure(Config { initial_rebalance_delay: seconds(0), ..config() });
    let member_id = coordinator.member_id();
    let ticket = coordinator.join(&joining(&member_id, &["range"]));
    assert_eq!(coordinator.shard.next_deadline(), coordinator.now.monotonic);
    coordinator.advance(seconds(0));
    assert_eq!(coordinator.join_result(ticket).unwrap().generation_id, 1);
}

#[test]
fn only_the_leader_sees_the_members() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(3);
    assert_eq!(joined.iter().map(|member| member.members.len()).collect::<Vec<_>>(), [3, 0, 0]);
    assert!(joined.iter().all(|member| member.leader == joined[0].member_id));
}

#[test]
fn a_newcomer_begins_a_rebalance_that_the_others_learn_of_by_heartbeat() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(2);
    let member_id = coordinator.member_id();
    assert_eq!(coordinator.state(), "Stable", "an id alone changes nothing");
    let newcomer = coordinator.join(&joining(&member_id, &["range"]));
    assert_eq!(coordinator.state(), "PreparingRebalance");
    assert_eq!(coordinator.heartbeat(&joined[0]), Err(Error::RebalanceInProgress));
    let others = [0, 1].map(|i| coordinator.join(&joining(&joined[i].member_id, &["range"])));
    assert_eq!(coordinator.state(), "CompletingRebalance", "as soon as all have joined");
    let results = [newcomer, others[0], others[1]].map(|ticket| coordinator.join_result(ticket).unwrap());
    assert!(results.iter().all(|joined| joined.generation_id == 2));
    assert_eq!(coordinator.heartbeat(&joined[0]), Err(Error::IllegalGeneration { current: 2 }));
}

#[test]
fn who_does_not_join_within_the_rebalance_timeout_is_out() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(2);
    let newcomer = coordinator.member_id();
    let ticket = coordinator.join(&joining(&newcomer, &["range"]));
    // Both live, but do not join.
    for _ in 0..REBALANCE.as_secs() / 5 {
        assert!(coordinator.is_parked(ticket));
        assert_eq!(coordinator.heartbeat(&joined[0]), Err(Error::RebalanceInProgress));
        assert_eq!(coordinator.heartbeat(&joined[1]), Err(Error::RebalanceInProgress));
        coordinator.advance(seconds(5));
    }
    let result = coordinator.join_result(ticket).unwrap();
    assert_eq!(
        (&*result.leader, result.members.len()),
        (&*newcomer, 1),
        "another leads, since the leader did not join"
    );
    assert_eq!(coordinator.heartbeat(&joined[0]), Err(Error::UnknownMember));
}

#[test]
fn a_parked_new_member_is_given_up_after_five_minutes() {
    let mut coordinator = Coordinator::new();
    let long = |member_id: &str| JoinGroup {
        rebalance_timeout_ms: 1_000_000,
        session_timeout_ms: 1_000_000,
        ..joining(member_id, &["range"])
    };
    let member_id = coordinator.member_id();
    coordinator.stabilize(&[long(&member_id)]);
    let newcomer = coordinator.member_id();
    let ticket = coordinator.join(&long(&newcomer));
    coordinator.advance(seconds(299));
    assert!(coordinator.is_parked(ticket));
    coordinator.advance(seconds(1));
    assert_eq!(coordinator.join_result(ticket), Err(Error::UnknownMember));
}

#[test]
fn a_parked_member_of_old_may_wait_longer_than_its_session() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(2);
    let leader = coordinator.join(&joining(&joined[0].member_id, &["range"]));
    for _ in 0..4 {
        assert_eq!(coordinator.heartbeat(&joined[1]), Err(Error::RebalanceInProgress));
        coordinator.advance(SESSION - seconds(1));
    }
    coordinator.join(&joining(&joined[1].member_id, &["range"]));
    assert_eq!(coordinator.join_result(leader).unwrap().generation_id, 2);
}

#[test]
fn a_lost_answer_is_given_again() {
    let mut coordinator = Coordinator::new();
    let member_id = coordinator.member_id();
    let request = joining(&member_id, &["range"]);
    let joined = coordinator.joined(&request).unwrap();
    assert_eq!(coordinator.joined(&request), Ok(joined), "while the group waits for the assignment");
    assert_eq!(coordinator.state(), "CompletingRebalance");
}

#[test]
fn a_follower_that_joins_a_stable_group_again_disturbs_nobody() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(2);
    assert_eq!(coordinator.joined(&joining(&joined[1].member_id, &["range"])), Ok(joined[1].clone()));
    assert_eq!(coordinator.state(), "Stable");
}

#[test]
fn a_leader_that_joins_a_stable_group_again_begins_a_rebalance() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(2);
    let ticket = coordinator.join(&joining(&joined[0].member_id, &["range"]));
    assert!(coordinator.is_parked(ticket));
    assert_eq!(coordinator.state(), "PreparingRebalance");
}

#[test]
fn a_follower_with_other_protocols_begins_a_rebalance() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(2);
    coordinator.join(&joining(&joined[1].member_id, &["range", "sticky"]));
    assert_eq!(coordinator.state(), "PreparingRebalance");
}

#[test]
fn a_join_that_is_sent_again_takes_the_place_of_the_first() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(2);
    let request = joining(&joined[0].member_id, &["range"]);
    let first = coordinator.join(&request);
    let second = coordinator.join(&request);
    assert_eq!(coordinator.join_result(first), Err(Error::Superseded));
    assert!(coordinator.is_parked(second));
}

#[test]
fn a_full_group_takes_nobody_else() {
    let mut coordinator = Coordinator::new();
    coordinator.shard.reconfigure(Config { members_max: 2, ..config() });
    let joined = coordinator.stable_group(2);
    assert_eq!(coordinator.joined(&joining("", &["range"])), Err(Error::GroupFull));
    assert_eq!(coordinator.state(), "Stable");
    assert_eq!(coordinator.heartbeat(&joined[1]), Ok(()));
}

#[test]
fn the_last_to_rejoin_a_group_that_has_become_too_large_lose_their_places() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(3);
    coordinator.shard.reconfigure(Config { members_max: 2, ..config() });
    let requests = [0, 1, 2].map(|i| joining(&joined[i].member_id, &["range"]));
    let tickets = [0, 1].map(|i| coordinator.join(&requests[i]));
    assert_eq!(coordinator.joined(&requests[2]), Err(Error::GroupFull));
    assert!(tickets.map(|ticket| coordinator.join_result(ticket)).iter().all(Result::is_ok), "and nobody waits for it");
    let ticket = coordinator.sync(&syncing(&joined[2]));
    assert_eq!(coordinator.sync_result(ticket), Err(Error::UnknownMember));
}

#[test]
fn requests_without_a_group_id_are_refused() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(1);
    let mut request = heartbeat(&joined[0]);
    request.group_id.clear();
    let answer = coordinator.shard.heartbeat(&request, coordinator.now);
    assert_eq!(coordinator.step(answer), Err(Error::EmptyGroupId));
    assert_eq!(coordinator.groups(), [(GROUP.to_owned(), "Stable")]);
}
