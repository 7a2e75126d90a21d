use ottla_base::{LeaderEpoch, Offset, Timestamp};
use ottla_records::batches;

use super::fixture::*;
use crate::{Access, Error, Log, LogConfig, Read, ReadRequest};

fn request(from: i64, up_to: i64, bytes_max: usize) -> ReadRequest {
    ReadRequest { from: Offset(from), up_to: Offset(up_to), bytes_max, at_least_one_batch: false, access: Access::Copy }
}

fn base_offsets(read: &Read) -> Vec<i64> {
    batches(read.bytes.clone()).map_while(Result::ok).map(|batch| batch.header().base_offset.0).collect()
}

#[test]
fn a_read_begins_with_the_batch_that_has_the_offset_and_ends_before_the_bound() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    for _ in 0..5 {
        append(&mut log, &["a", "b", "c"]);
    }
    let reader = log.reader();
    let read = |from, up_to| base_offsets(&reader.read(request(from, up_to, 1 << 20)).unwrap());
    assert_eq!(read(4, 12), [3, 6, 9]);
    assert_eq!(read(4, 11), [3, 6], "the batch at 9 ends behind the bound");
    assert_eq!(read(4, 4), [] as [i64; 0]);
    assert_eq!(read(15, 15), [] as [i64; 0]);
    assert_eq!(read(3, i64::MAX), [3, 6, 9, 12]);
}

#[test]
fn large_and_small_batches_are_found_beside_one_another() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    let (large, small) = ("x".repeat(20_000), "y".repeat(30));
    let mut expected = Vec::new();
    for n in 0..40 {
        let base_offset = log.log_end_offset().0;
        let value = if n % 7 < 4 { &large } else { &small };
        append(&mut log, &[value, "b", "c"]);
        expected.extend([base_offset; 3]);
    }
    let check = |log: &Log| {
        for (offset, base_offset) in expected.iter().enumerate() {
            let read = log.reader().read(request(offset as i64, i64::MAX, 1 << 20)).unwrap();
            assert_eq!(base_offsets(&read)[0], *base_offset, "{offset}");
        }
    };
    check(&log);
    log.close().unwrap();
    check(&fixture.reopen());
}

#[test]
fn offsets_that_the_log_does_not_have_are_errors() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 5);
    log.advance_log_start_offset(Offset(2), Offset(5)).unwrap();
    let reader = log.reader();
    for offset in [1, 6] {
        let error = reader.read(request(offset, i64::MAX, 100)).unwrap_err();
        assert!(matches!(error, Error::OffsetOutOfRange { .. }), "{offset}");
    }
    assert!(reader.read(request(5, i64::MAX, 100)).unwrap().bytes.is_empty(), "the end gives nothing yet");
}

#[test]
fn the_size_limit_cuts_the_last_batch_and_never_the_first() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 3);
    let reader = log.reader();
    let size = reader.read(request(0, 1, 1 << 20)).unwrap().bytes.len();
    let read = |bytes_max, at_least_one_batch| {
        reader.read(ReadRequest { at_least_one_batch, ..request(0, 3, bytes_max) }).unwrap().bytes.len()
    };
    assert_eq!(read(size + 10, false), size + 10);
    assert_eq!(read(size - 1, false), 0);
    assert_eq!(read(0, true), size);
}

#[test]
fn a_read_stays_in_one_segment_and_the_next_goes_on_in_the_next() {
    let fixture = Fixture::with_small_segments(500);
    let mut log = fixture.create();
    append_numbers(&mut log, 40);
    let first = log.reader().read(request(0, i64::MAX, 1 << 20)).unwrap();
    assert!(first.end_offset < Offset(40));
    assert_eq!(base_offsets(&first).last(), Some(&(first.end_offset.0 - 1)));
    assert_eq!(read_all(&log.reader()), numbers(0..40));
}

#[test]
fn only_segments_at_rest_are_cold() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 5);
    log.roll(NOW).unwrap();
    append_numbers(&mut log, 5);
    assert!(log.reader().is_cold(Offset(2), 100), "the simulated disk has no maps to ask");
    assert!(!log.reader().is_cold(Offset(7), 100));
}

#[test]
fn the_first_record_at_or_after_a_time_is_found_whatever_their_order() {
    let fixture = Fixture::with_small_segments(400);
    let mut log = fixture.create();
    let timestamps = [50, 10, 70, 30, 20, 90, 40, 60, 80, 15, 95, 5];
    for timestamp in timestamps {
        log.append(&batch_at(timestamp, "x"), LeaderEpoch(3), NOW).unwrap();
    }
    assert!(log.segment_count() > 1);
    let reader = log.reader();
    for start in 0..timestamps.len() {
        log.advance_log_start_offset(Offset(start as i64), Offset(12)).unwrap();
        for end in start..=timestamps.len() {
            for wanted in (0..=100).step_by(5) {
                let expected = (start..end).find(|at| timestamps[*at] >= wanted);
                let found = reader.offset_for_timestamp(Timestamp(wanted), Offset(end as i64)).unwrap();
                assert_eq!(found.map(|found| found.offset.0 as usize), expected, "{wanted} in {start}..{end}");
            }
            let largest = timestamps[start..end].iter().max();
            let expected =
                largest.map(|largest| start + timestamps[start..end].iter().position(|t| t == largest).unwrap());
            let found = reader.offset_of_max_timestamp(Offset(end as i64)).unwrap();
            assert_eq!(found.map(|found| found.offset.0 as usize), expected, "{start}..{end}");
            assert!(found.is_none_or(|found| found.leader_epoch == LeaderEpoch(3)));
        }
    }
}

#[test]
fn a_record_within_a_batch_is_found_by_its_own_time() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    let mut builder = ottla_records::BatchBuilder::new(ottla_records::Compression::Lz4);
    for timestamp in [10, 30, 20, 30] {
        builder.append(Timestamp(timestamp), None, Some(b"x"));
    }
    let batch = builder.build();
    let max_timestamp = batch.header().max_timestamp;
    let validated =
        ottla_records::Validated { batch, max_timestamp, offset_delta_of_max_timestamp: 1, log_append_time: None };
    log.append(&validated, LeaderEpoch(0), NOW).unwrap();
    let reader = log.reader();
    let found = reader.offset_for_timestamp(Timestamp(15), Offset(4)).unwrap().unwrap();
    assert_eq!((found.offset, found.timestamp), (Offset(1), Timestamp(30)));
    assert_eq!(reader.offset_of_max_timestamp(Offset(4)).unwrap().unwrap().offset, Offset(1));
}

#[test]
fn records_without_timestamps_are_found_by_none() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    log.append(&batch_at(-1, "x"), LeaderEpoch(0), NOW).unwrap();
    assert_eq!(log.reader().offset_for_timestamp(Timestamp(0), Offset(1)).unwrap(), None);
    assert_eq!(log.reader().offset_of_max_timestamp(Offset(1)).unwrap(), None);
}

#[test]
fn lookups_work_across_index_blocks_on_file_and_in_memory() {
    let config = LogConfig { index_interval_bytes: 0, ..LogConfig::default() };
    let fixture = Fixture::with(config);
    let mut log = fixture.create();
    append_numbers(&mut log, 2000);
    let reader = log.reader();
    for from in [0, 1, 2, 511, 512, 513, 1023, 1024, 1025, 1700, 1999] {
        let bytes = read(&reader, from, i64::MAX).unwrap();
        assert_eq!(batches(bytes).next().unwrap().unwrap().header().base_offset, Offset(from));
    }
}

#[test]
fn whether_an_offset_is_cold_may_be_asked_of_any_offset() {
    let fixture = Fixture::with_small_segments(500);
    let mut log = fixture.create();
    append_numbers(&mut log, 60);
    fixture.flush(&mut log);
    log.advance_log_start_offset(Offset(30), Offset(60)).unwrap();
    log.delete_old_segments(Offset(60), NOW).unwrap().rename().unwrap();
    let reader = log.reader();
    for offset in [i64::MIN, -1, 0, i64::MAX] {
        assert!(!reader.is_cold(Offset(offset), 100), "{offset}");
        assert!(matches!(read(&reader, offset, i64::MAX), Err(Error::OffsetOutOfRange { .. })), "{offset}");
    }
}
