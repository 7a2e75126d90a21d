//! OffsetCommit, OffsetFetch, OffsetDelete.

use ottla_base::{LeaderEpoch, TopicId, Uuid};

use crate::testing::{Coordinator, GROUP, committing, committing_as, joining, partition, seconds};
use crate::{CommitOffsets, DeleteOffsets, Error};

fn delete(coordinator: &mut Coordinator, topics: &[&str]) -> crate::Each {
    let partitions = topics.iter().map(|topic| partition(topic, 0)).collect();
    let request = DeleteOffsets { group_id: GROUP.to_owned(), partitions };
    let answer = coordinator.shard.delete_offsets(&request, coordinator.now);
    coordinator.step(answer)
}

#[test]
fn what_is_committed_is_fetched() {
    let mut coordinator = Coordinator::new();
    let mut request = committing(partition("orders", 1), 42);
    let offset = &mut request.offsets[0];
    (offset.leader_epoch, offset.topic_id) = (Some(LeaderEpoch(7)), Some(TopicId(Uuid([1; 16]))));
    offset.metadata = "from the test".to_owned();
    assert_eq!(coordinator.commit(&request), Ok(vec![Ok(())]));
    let all = coordinator.shard.fetch_offsets(GROUP, None).response;
    let [(of, Some(committed))] = &all[..] else { panic!("{all:?}") };
    assert_eq!(*of, partition("orders", 1));
    assert_eq!((committed.offset.0, committed.leader_epoch), (42, Some(LeaderEpoch(7))));
    assert_eq!((&*committed.metadata, committed.commit_timestamp), ("from the test", coordinator.now.wall));
    assert_eq!(committed.topic_id, Some(TopicId(Uuid([1; 16]))));
}

#[test]
fn what_is_not_committed_is_fetched_as_nothing_in_the_order_that_was_asked_for() {
    let mut coordinator = Coordinator::new();
    coordinator.commit(&committing(partition("orders", 1), 42)).unwrap();
    let asked = [partition("orders", 2), partition("orders", 1), partition("payments", 0)];
    let fetched = coordinator.shard.fetch_offsets(GROUP, Some(&asked)).response;
    let offsets: Vec<_> =
        fetched.iter().map(|(of, committed)| (of.clone(), committed.as_ref().map(|c| c.offset.0))).collect();
    assert_eq!(offsets, [(asked[0].clone(), None), (asked[1].clone(), Some(42)), (asked[2].clone(), None)]);
    assert_eq!(coordinator.shard.fetch_offsets("nobody", None).response, []);
}

#[test]
fn a_member_commits_in_its_generation_only() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(1);
    let of = || partition("orders", 0);
    assert_eq!(coordinator.commit(&committing_as(&joined[0], of(), 5)), Ok(vec![Ok(())]));
    let mut stale = committing_as(&joined[0], of(), 6);
    stale.generation_id -= 1;
    assert_eq!(coordinator.commit(&stale), Err(Error::IllegalGeneration { current: 1 }));
    let mut stranger = committing_as(&joined[0], of(), 7);
    stranger.member_id.push('x');
    assert_eq!(coordinator.commit(&stranger), Err(Error::UnknownMember));
    assert_eq!(coordinator.commit(&committing(of(), 8)), Err(Error::UnknownMember), "without generation");
    assert_eq!(coordinator.committed(&of()), Some(5));
}

#[test]
fn a_commit_while_members_join_is_taken_and_while_the_leader_assigns_is_not() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(2);
    let of = || partition("orders", 0);
    coordinator.join(&joining(&joined[0].member_id, &["range"]));
    assert_eq!(coordinator.commit(&committing_as(&joined[1], of(), 5)), Ok(vec![Ok(())]));
    let next = coordinator.joined(&joining(&joined[1].member_id, &["range"])).unwrap();
    assert_eq!(coordinator.state(), "CompletingRebalance");
    assert_eq!(coordinator.commit(&committing_as(&next, of(), 6)), Err(Error::RebalanceInProgress));
    assert_eq!(coordinator.committed(&of()), Some(5));
}

#[test]
fn a_generation_of_a_group_that_is_not_there_is_refused() {
    let mut coordinator = Coordinator::new();
    let mut request = committing(partition("orders", 0), 5);
    request.generation_id = 3;
    assert_eq!(coordinator.commit(&request), Err(Error::GroupNotFound));
}

#[test]
fn an_administrator_commits_for_a_group_without_members() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(1);
    coordinator.leave(&[(&joined[0].member_id, None)]).unwrap();
    assert_eq!(coordinator.commit(&committing(partition("orders", 0), 0)), Ok(vec![Ok(())]));
    assert_eq!(coordinator.state(), "Empty");
}

#[test]
fn metadata_has_a_longest_length_in_utf_16() {
    let mut coordinator = Coordinator::new();
    let mut request = committing(partition("orders", 0), 5);
    request.offsets.push(request.offsets[0].clone());
    request.offsets[1].topic_partition = partition("orders", 1);
    request.offsets[0].metadata = "\u{1f600}".repeat(2048);
    request.offsets[1].metadata = "x".repeat(4097);
    assert_eq!(coordinator.commit(&request), Ok(vec![Ok(()), Err(Error::OffsetMetadataTooLarge)]));
    assert_eq!(coordinator.committed(&partition("orders", 0)), Some(5));
    assert_eq!(coordinator.committed(&partition("orders", 1)), None);
}

#[test]
fn offsets_of_a_topic_that_the_group_reads_are_not_deleted() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(1);
    for topic in ["orders", "payments"] {
        coordinator.commit(&committing_as(&joined[0], partition(topic, 0), 5)).unwrap();
    }
    let subscribed = Err(Error::SubscribedToTopic { topic: partition("orders", 0).topic });
    assert_eq!(delete(&mut coordinator, &["orders", "payments", "never"]), Ok(vec![subscribed, Ok(()), Ok(())]));
    assert_eq!(coordinator.committed(&partition("orders", 0)), Some(5));
    assert_eq!(coordinator.committed(&partition("payments", 0)), None);
}

#[test]
fn offsets_of_a_group_without_members_are_deleted() {
    let mut coordinator = Coordinator::new();
    assert_eq!(delete(&mut coordinator, &["orders"]), Err(Error::GroupNotFound));
    coordinator.commit(&committing(partition("orders", 0), 5)).unwrap();
    coordinator.commit(&committing(partition("payments", 0), 5)).unwrap();
    assert_eq!(delete(&mut coordinator, &["orders"]), Ok(vec![Ok(())]));
    assert_eq!(coordinator.groups().len(), 1);
    assert_eq!(delete(&mut coordinator, &["payments"]), Ok(vec![Ok(())]));
    assert_eq!(coordinator.groups(), [], "with its last offset a group that only commits is gone");
}

#[test]
fn a_group_without_a_name_commits_and_does_not_delete() {
    let mut coordinator = Coordinator::new();
    let of = || partition("orders", 0);
    let nameless = CommitOffsets { group_id: String::new(), ..committing(of(), 5) };
    assert_eq!(coordinator.commit(&nameless), Ok(vec![Ok(())]));
    let request = DeleteOffsets { group_id: String::new(), partitions: vec![of()] };
    let answer = coordinator.shard.delete_offsets(&request, coordinator.now);
    assert_eq!(coordinator.step(answer), Err(Error::EmptyGroupId));
    let left = coordinator.shard.fetch_offsets("", None).response;
    assert_eq!(left.into_iter().map(|(of, _)| of).collect::<Vec<_>>(), [of()]);
}

#[test]
fn offsets_of_a_group_that_is_not_of_consumers_are_not_deleted_while_it_has_members() {
    let mut coordinator = Coordinator::new();
    let mut request = joining(&coordinator.member_id(), &["range"]);
    request.protocol_type = "connect".to_owned();
    coordinator.stabilize(&[request]);
    assert_eq!(delete(&mut coordinator, &["orders"]), Err(Error::NonEmptyGroup));
}

#[test]
fn offsets_of_deleted_partitions_are_forgotten_in_all_groups() {
    let mut coordinator = Coordinator::new();
    for group_id in ["a", "b"] {
        for index in [0, 1] {
            let mut request = committing(partition("orders", index), 5);
            request.group_id = group_id.to_owned();
            coordinator.commit(&request).unwrap();
        }
    }
    coordinator.advance(seconds(1));
    let answer = coordinator.shard.forget_partitions(&[partition("orders", 0)], coordinator.now);
    assert_eq!(coordinator.step(answer), Ok(()));
    for group_id in ["a", "b"] {
        let left = coordinator.shard.fetch_offsets(group_id, None).response;
        assert_eq!(left.into_iter().map(|(of, _)| of).collect::<Vec<_>>(), [partition("orders", 1)]);
    }
}
