use ottla_base::{LeaderEpoch, Offset, Timestamp};
use ottla_records::{Compression, TransactionResult, batches};

use super::fixture::*;
use crate::disk::Disk;
use crate::{AbortedTxn, Error, LogConfig, Opening};

#[test]
fn offsets_follow_one_another() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    assert_eq!(append(&mut log, &["a", "b"]), 0);
    assert_eq!(append(&mut log, &["c"]), 2);
    assert_eq!(log.log_end_offset(), Offset(3));
    let records = [(0, "a".to_owned()), (1, "b".to_owned()), (2, "c".to_owned())];
    assert_eq!(read_all(&log.reader()), records);
}

#[test]
fn the_leaders_offset_and_epoch_are_in_the_header_and_the_rest_is_as_it_was_sent() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append(&mut log, &["a"]);
    let sent = batch(&["b", "c"]);
    log.append(&sent, LeaderEpoch(7), NOW).unwrap();

    let stored = batches(read(&log.reader(), 1, i64::MAX).unwrap()).next().unwrap().unwrap();
    assert_eq!(stored.header().base_offset, Offset(1));
    assert_eq!(stored.header().leader_epoch, LeaderEpoch(7));
    assert_eq!(stored.bytes()[16..], sent.batch.bytes()[16..]);
    assert!(stored.crc_is_valid());
}

#[test]
fn a_repeated_batch_gets_the_original_offsets_and_is_not_written() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append(&mut log, &["a"]);
    let first = log.append(&sequenced(5, 0, 0, &["b", "c"]), LeaderEpoch(0), NOW).unwrap();
    let size = log.size_in_bytes();
    let again = log.append(&sequenced(5, 0, 0, &["b", "c"]), LeaderEpoch(0), NOW).unwrap();
    assert_eq!((first.base_offset, first.last_offset, first.duplicate), (Offset(1), Offset(2), false));
    assert_eq!((again.base_offset, again.last_offset, again.duplicate), (Offset(1), Offset(2), true));
    assert_eq!(log.size_in_bytes(), size);
}

#[test]
fn append_rejects_sequence_gap() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    log.append(&sequenced(5, 0, 0, &["a"]), LeaderEpoch(0), NOW).unwrap();
    let gap = log.append(&sequenced(5, 0, 2, &["c"]), LeaderEpoch(0), NOW);
    assert!(matches!(gap, Err(Error::OutOfOrderSequence { expected: 1, found: 2, .. })));
    assert_eq!(log.log_end_offset(), Offset(1));
}

#[test]
fn a_segment_is_rolled_before_it_grows_too_large() {
    let fixture = Fixture::with_small_segments(1000);
    let mut log = fixture.create();
    append_numbers(&mut log, 60);
    assert!(log.segment_count() > 3);
    assert_eq!(read_all(&log.reader()), numbers(0..60));
    let logs: Vec<_> = fixture.names().into_iter().filter(|name| name.ends_with(".log")).collect();
    assert_eq!(logs.len(), log.segment_count());
    for name in &logs {
        assert!(fixture.read_file(name).len() <= 1000);
    }
    for name in &logs[1..] {
        assert!(fixture.names().contains(&name.replace(".log", ".snapshot")), "a roll takes a snapshot");
    }
}

#[test]
fn a_segment_is_rolled_when_its_first_batch_is_too_old() {
    let fixture = Fixture::with(LogConfig { segment_ms: 1000, ..LogConfig::default() });
    let mut log = fixture.create();
    log.append(&batch_at(5000, "a"), LeaderEpoch(0), NOW).unwrap();
    log.append(&batch_at(6000, "b"), LeaderEpoch(0), NOW).unwrap();
    assert_eq!(log.segment_count(), 1);
    log.append(&batch_at(6001, "c"), LeaderEpoch(0), NOW).unwrap();
    assert_eq!(log.segment_count(), 2);
}

#[test]
fn records_without_timestamps_age_by_the_clock() {
    let fixture = Fixture::with(LogConfig { segment_ms: 1000, ..LogConfig::default() });
    let mut log = fixture.create();
    log.append(&batch_at(-1, "a"), LeaderEpoch(0), NOW).unwrap();
    log.append(&batch_at(-1, "b"), LeaderEpoch(0), Timestamp(NOW.0 + 1000)).unwrap();
    assert_eq!(log.segment_count(), 1);
    log.append(&batch_at(-1, "c"), LeaderEpoch(0), Timestamp(NOW.0 + 1001)).unwrap();
    assert_eq!(log.segment_count(), 2);
}

#[test]
fn a_segment_is_rolled_when_its_index_is_full() {
    let config = LogConfig { segment_index_bytes: 36, index_interval_bytes: 1, ..LogConfig::default() };
    let fixture = Fixture::with(config);
    let mut log = fixture.create();
    // The first batch gets no entry; four times eight bytes fit into 36.
    append_numbers(&mut log, 5);
    assert_eq!(log.segment_count(), 1);
    append_numbers(&mut log, 1);
    assert_eq!(log.segment_count(), 2);
    assert_eq!(fixture.read_file("00000000000000000000.index").len(), 32);
}

#[test]
fn a_batch_larger_than_a_segment_is_refused() {
    let fixture = Fixture::with_small_segments(100);
    let mut log = fixture.create();
    let value = "x".repeat(100);
    let refused = log.append(&batch(&[&value]), LeaderEpoch(0), NOW);
    assert!(matches!(refused, Err(Error::LargerThanSegment { segment_bytes: 100, .. })));
}

#[test]
fn a_full_disk_publishes_nothing_and_later_appends_work() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 3);
    fixture.flush(&mut log);
    fixture.disk.set_capacity(Some(4 * 4096));
    let large = "x".repeat(64 * 1024);
    let refused = log.append(&batch(&[&large]), LeaderEpoch(0), NOW).unwrap_err();
    assert!(refused.is_no_space(), "{refused}");
    assert_eq!(log.log_end_offset(), Offset(3));
    assert_eq!(read_all(&log.reader()), numbers(0..3));

    append_numbers(&mut log, 2);
    fixture.disk.set_capacity(None);
    append_numbers(&mut log, 2);
    assert_eq!(read_all(&log.reader()), numbers(0..7));
    fixture.flush(&mut log);
    assert_eq!(log.durable_offset(), Offset(7));
}

#[test]
fn a_full_disk_at_a_roll_publishes_nothing_and_later_appends_work() {
    let fixture = Fixture::with_small_segments(1000);
    let mut log = fixture.create();
    append_numbers(&mut log, 13);
    assert_eq!(log.segment_count(), 1);
    fixture.disk.set_capacity(Some(0));
    for _ in 0..3 {
        assert!(log.append(&batch(&["no"; 20]), LeaderEpoch(0), NOW).unwrap_err().is_no_space());
    }
    fixture.disk.set_capacity(None);
    append_numbers(&mut log, 15);
    assert_eq!(read_all(&log.reader()), numbers(0..28));
}

#[test]
fn replicated_batches_keep_their_offsets_and_epochs() {
    let leader_fixture = Fixture::new();
    let mut leader = leader_fixture.create();
    leader.append(&sequenced(5, 0, 0, &["a", "b"]), LeaderEpoch(2), NOW).unwrap();
    leader.append(&batch(&["c"]), LeaderEpoch(3), NOW).unwrap();
    let bytes = read(&leader.reader(), 0, i64::MAX).unwrap();

    let fixture = Fixture::new();
    let mut follower = fixture.create();
    // The second batch is cut, as a fetch may do it.
    let appended = follower.append_replicated(bytes.slice(..bytes.len() - 1), NOW).unwrap().unwrap();
    assert_eq!((appended.base_offset, appended.last_offset), (Offset(0), Offset(1)));
    let rest = read(&leader.reader(), 2, i64::MAX).unwrap();
    follower.append_replicated(rest, NOW).unwrap();
    assert_eq!(read(&follower.reader(), 0, i64::MAX).unwrap(), bytes);
    assert_eq!(follower.end_offset_for_epoch(LeaderEpoch(2)), Some((LeaderEpoch(2), Offset(2))));
    assert_eq!(follower.producer_count(), 1);
}

#[test]
fn replicated_batches_that_do_not_fit_or_are_corrupt_are_refused() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append(&mut log, &["a"]);
    let bytes = read(&log.reader(), 0, i64::MAX).unwrap();
    let again = log.append_replicated(bytes.clone(), NOW);
    assert!(matches!(again, Err(Error::UnexpectedOffset { found: Offset(0), expected: Offset(1) })));

    let mut corrupt = bytes.to_vec();
    corrupt[7] = 1;
    *corrupt.last_mut().unwrap() ^= 1;
    let corrupt = log.append_replicated(corrupt.into(), NOW);
    assert!(matches!(corrupt, Err(Error::CorruptBatch { offset: Offset(1) })));
    assert_eq!(log.append_replicated(bytes.slice(..20), NOW).unwrap(), None);
    assert_eq!(log.log_end_offset(), Offset(1));
}

#[test]
fn offsets_may_be_left_out_by_a_leader() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    let gap = batch(&["z"]).batch.with_position(Offset(10), LeaderEpoch(1));
    log.append_replicated(gap.bytes(), NOW).unwrap();
    assert_eq!(log.log_end_offset(), Offset(11));
    assert_eq!(read_all(&log.reader()), [(10, "z".to_owned())]);
    let far = batch(&["z"]).batch.with_position(Offset(1 << 40), LeaderEpoch(1));
    assert!(matches!(log.append_replicated(far.bytes(), NOW), Err(Error::UnexpectedOffset { .. })));
}

#[test]
fn an_aborted_transaction_is_listed_and_a_committed_one_is_not() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    let mut append = |batch| log.append(&batch, LeaderEpoch(0), NOW).unwrap();
    append(transactional(1, 0, &["a"]));
    append(transactional(2, 0, &["b"]));
    append(marker(1, TransactionResult::Abort));
    append(marker(2, TransactionResult::Commit));
    let aborted = AbortedTxn {
        producer_id: ottla_base::ProducerId(1),
        first_offset: Offset(0),
        last_offset: Offset(2),
        last_stable_offset: Offset(1),
    };
    let reader = log.reader();
    assert_eq!(reader.aborted_transactions(Offset(0)..Offset(4)).unwrap(), [aborted]);
    assert_eq!(reader.aborted_transactions(Offset(3)..Offset(4)).unwrap(), []);
    assert_eq!(fixture.read_file("00000000000000000000.txnindex").len(), 34);
    assert_eq!(log.last_stable_offset(Offset(2)), Offset(0));
    assert_eq!(log.last_stable_offset(Offset(4)), Offset(4));
}

#[test]
fn compressed_batches_are_stored_as_they_came() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    let mut builder = ottla_records::BatchBuilder::new(Compression::Gzip);
    builder.append(NOW, None, Some(b"0"));
    builder.append(NOW, None, Some(b"1"));
    let (batch, max_timestamp) = (builder.build(), NOW);
    let validated =
        ottla_records::Validated { batch, max_timestamp, offset_delta_of_max_timestamp: 0, log_append_time: None };
    log.append(&validated, LeaderEpoch(0), NOW).unwrap();
    assert_eq!(read_all(&log.reader()), numbers(0..2));
}

#[test]
fn the_folder_of_another_topic_is_not_opened() {
    let fixture = Fixture::new();
    let topic = |byte| Some(ottla_base::TopicId(ottla_base::Uuid([byte; 16])));
    fixture.open_with(Opening { topic_id: topic(1), ..fixture.opening(0) });
    assert!(fixture.disk.entry(&fixture.path("partition.metadata")).unwrap().is_some());
    let environment = environment(fixture.disk.clone());
    let other = Opening { topic_id: topic(2), ..fixture.opening(0) };
    let refused = crate::Log::open(&environment, std::path::Path::new(DIRECTORY), other);
    assert!(matches!(refused, Err(Error::InvalidFile { .. })));
    let (log, _) = fixture.open_with(Opening { topic_id: topic(1), ..fixture.opening(0) });
    assert_eq!(log.topic_id(), topic(1));
}
