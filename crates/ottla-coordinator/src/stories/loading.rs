//! Gaining and losing a shard.

use std::sync::Arc;

use ottla_base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, SeededEntropy, Timestamp};
use ottla_records::BatchBuilder;

use crate::testing::{
    Coordinator, MemoryLog, REBALANCE, SESSION, committing, committing_as, config, joining, partition, seconds, syncing,
};
use crate::{Completed, Config, Encoded, Error, Record, Shard, Skipped, Unreadable};

#[test]
fn a_group_goes_on_after_a_failover_within_its_sessions() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(2);
    coordinator.commit(&committing_as(&joined[0], partition("orders", 0), 5)).unwrap();
    coordinator.advance(SESSION - seconds(1));
    let mut coordinator = coordinator.fail_over();
    coordinator.advance(SESSION - seconds(1));
    assert_eq!(coordinator.state(), "Stable", "every session begins anew");
    assert_eq!(coordinator.heartbeat(&joined[0]), Ok(()));
    assert_eq!(coordinator.commit(&committing_as(&joined[0], partition("orders", 0), 6)), Ok(vec![Ok(())]));
    let ticket = coordinator.sync(&syncing(&joined[1]));
    assert_eq!(coordinator.sync_result(ticket).unwrap().assignment, joined[1].member_id.as_bytes());
    coordinator.advance(SESSION + REBALANCE);
    assert_eq!((coordinator.state(), coordinator.committed(&partition("orders", 0))), ("Empty", Some(6)));
}

#[test]
fn a_rebalance_that_a_failover_cuts_off_begins_again_from_the_last_generation() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(1);
    let newcomer = coordinator.member_id();
    let parked = coordinator.join(&joining(&newcomer, &["range"]));
    let mut coordinator = coordinator.fail_over();
    assert_eq!(coordinator.take(parked), Some(Completed::Join(Err(Error::NotCoordinator))));
    assert_eq!(coordinator.state(), "Stable");
    assert_eq!(coordinator.heartbeat(&joined[0]), Ok(()));
}

#[test]
fn a_group_that_is_larger_than_it_may_be_begins_with_a_rebalance() {
    let mut coordinator = Coordinator::new();
    let joined = coordinator.stable_group(3);
    let mut coordinator = coordinator.fail_over_with(Config { members_max: 2, ..config() });
    assert_eq!(coordinator.state(), "PreparingRebalance");
    let results = [0, 1, 2].map(|i| coordinator.join(&joining(&joined[i].member_id, &["range"])));
    let results = results.map(|ticket| coordinator.join_result(ticket).map(|joined| joined.generation_id));
    assert_eq!(results, [Ok(2), Ok(2), Err(Error::GroupFull)]);
}

#[test]
fn parked_syncs_are_told_that_the_coordinator_has_moved() {
    let mut coordinator = Coordinator::new();
    let requests = [(); 2].map(|()| joining(&coordinator.member_id(), &["range"]));
    let tickets = [0, 1].map(|i| coordinator.join(&requests[i]));
    coordinator.advance(seconds(6));
    let joined = tickets.map(|ticket| coordinator.join_result(ticket).unwrap());
    let follower = joined.iter().find(|member| member.leader != member.member_id).unwrap();
    let parked = coordinator.sync(&syncing(follower));
    let mut coordinator = coordinator.fail_over();
    assert_eq!(coordinator.sync_result(parked), Err(Error::NotCoordinator));
    assert_eq!(coordinator.state(), "Empty", "a first generation that was never recorded is lost");
}

#[test]
fn records_that_mean_nothing_here_are_skipped_and_told() {
    let mut coordinator = Coordinator::new();
    coordinator.commit(&committing(partition("orders", 0), 5)).unwrap();
    let mut log: MemoryLog = coordinator.shard.writer().clone();
    let Encoded { key, value } = Record::OffsetCommit {
        group_id: "txn".into(),
        topic_partition: partition("orders", 0),
        value: coordinator.shard.fetch_offsets(crate::testing::GROUP, None).response.remove(0).1,
    }
    .encode();
    let mut plain = BatchBuilder::default();
    plain.append(Timestamp(1), Some(b"\0\x03new group"), Some(b"\0\0"));
    plain.append(Timestamp(1), None, Some(b"no key"));
    plain.append(Timestamp(1), Some(&key), Some(b"\0\x09"));
    log.push(plain.build());
    let producer = |batch: BatchBuilder| batch.producer(ProducerId(1), ProducerEpoch(0), 0).transactional();
    let mut transactional = producer(BatchBuilder::default());
    transactional.append(Timestamp(1), Some(&key), value.as_deref());
    log.push(transactional.build());
    let mut marker = producer(BatchBuilder::default()).control();
    marker.append(Timestamp(1), Some(b"\0\0\0\x01"), Some(b"\0\0\0\0\0\0"));
    log.push(marker.build());

    let entropy = Arc::new(SeededEntropy::new(1));
    let (shard, loaded) = Shard::load(log, LeaderEpoch(1), config(), entropy, coordinator.now).unwrap();
    assert_eq!((loaded.record_count, loaded.group_count, loaded.skipped_count), (1, 1, 4));
    let skipped = |offset, reason| Skipped { offset: Offset(offset), reason };
    let expected = [
        skipped(1, Unreadable::UnknownKeyVersion { version: 3 }),
        skipped(2, Unreadable::NoKey),
        skipped(3, Unreadable::UnknownValueVersion { version: 9 }),
        skipped(4, Unreadable::Transactional),
    ];
    assert_eq!(loaded.skipped, expected);
    assert_eq!(shard.list_groups().wait_for, Offset(6));
}

#[test]
fn many_tombstones_take_several_batches() {
    let mut coordinator = Coordinator::new();
    let mut request = committing(partition("orders", 0), 5);
    request.group_id = "g".repeat(1000);
    let offset = request.offsets.remove(0);
    for index in 0..600 {
        request.offsets.push(crate::OffsetToCommit { topic_partition: partition("orders", index), ..offset.clone() });
    }
    coordinator.commit(&request).unwrap();
    let batches_before = coordinator.shard.writer().batch_count();
    let answer = coordinator.shard.delete_group(&request.group_id, coordinator.now);
    assert_eq!(coordinator.step(answer), Ok(()));
    assert_eq!(coordinator.shard.writer().batch_count() - batches_before, 3);
    assert_eq!(coordinator.groups(), []);
}
