use std::sync::atomic::{AtomicBool, Ordering};

use ottla_base::{LeaderEpoch, Offset, Timestamp};
use ottla_records::{Batch, TransactionResult, batches};

use super::fixture::*;
use crate::disk::Disk;
use crate::disk::sim::{Fate, SimDisk};
use crate::{Error, Log};

#[test]
fn what_is_cut_is_gone_and_appends_go_on_there() {
    let fixture = Fixture::with_small_segments(500);
    let mut log = fixture.create();
    append_numbers(&mut log, 40);
    assert!(log.truncate_to(Offset(17), NOW).unwrap());
    assert!(!log.truncate_to(Offset(17), NOW).unwrap(), "there is nothing left to cut");
    assert_eq!(read_all(&log.reader()), numbers(0..17));
    assert!(matches!(read(&log.reader(), 18, 40), Err(Error::OffsetOutOfRange { .. })));
    append(&mut log, &["new"]);
    assert_eq!(read_all(&log.reader())[16..], [(16, "16".to_owned()), (17, "new".to_owned())]);
    fixture.flush(&mut log);
    assert_eq!(log.durable_offset(), Offset(18));
}

#[test]
fn a_cut_is_durable_when_it_returns() {
    let fixture = Fixture::with_small_segments(500);
    let mut log = fixture.create();
    append_numbers(&mut log, 40);
    fixture.flush(&mut log);
    log.truncate_to(Offset(9), NOW).unwrap();
    for seed in 0..8 {
        let point = fixture.disk.crash_point();
        let image = SimDisk::from_image(point.image(&point.draw_fates(seed)), fixture.disk.options());
        // The checkpoint still says that 40 was durable.
        let (log, recovered) = Fixture::on(image, fixture.config.clone()).recover(40);
        assert_eq!((recovered.cut, recovered.rot), (None, None));
        assert_eq!(read_all(&log.reader()), numbers(0..9));
    }
}

#[test]
fn what_is_appended_after_a_cut_is_not_taken_for_durable() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 40);
    fixture.flush(&mut log);
    log.truncate_to(Offset(9), NOW).unwrap();
    append(&mut log, &["new"]);
    let point = fixture.disk.crash_point();
    let lost = SimDisk::from_image(point.image(&vec![Fate::Lost; point.effect_count()]), fixture.disk.options());
    let (log, recovered) = Fixture::on(lost, fixture.config).recover(40);
    assert_eq!(recovered.rot, None, "the recovery point of before the cut is void");
    assert_eq!(read_all(&log.reader()), numbers(0..9));
}

#[test]
fn a_checkpoint_of_the_new_recovery_point_ends_the_note_of_the_cut() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 10);
    fixture.flush(&mut log);
    let stale = log.recovery_point();
    log.truncate_to(Offset(5), NOW).unwrap();
    let has_note = || fixture.names().contains(&"truncation-checkpoint".to_owned());
    log.on_checkpointed(stale).unwrap();
    assert!(has_note(), "a checkpoint that was taken before the cut proves nothing");
    log.on_checkpointed(log.recovery_point()).unwrap();
    assert!(!has_note());
}

#[test]
fn what_was_never_durable_is_cut_without_a_note() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 5);
    fixture.flush(&mut log);
    append_numbers(&mut log, 5);
    log.truncate_to(Offset(7), NOW).unwrap();
    assert!(!fixture.names().contains(&"truncation-checkpoint".to_owned()));
}

#[test]
fn a_batch_with_the_offset_in_its_middle_goes_as_a_whole() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append(&mut log, &["0", "1", "2"]);
    append(&mut log, &["3", "4", "5"]);
    log.truncate_to(Offset(4), NOW).unwrap();
    assert_eq!(log.log_end_offset(), Offset(3));
}

#[test]
fn producers_epochs_and_transactions_are_as_if_the_rest_had_never_been() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    log.append(&sequenced(1, 0, 0, &["0"]), LeaderEpoch(1), NOW).unwrap();
    log.append(&transactional(2, 0, &["1"]), LeaderEpoch(1), NOW).unwrap();
    log.append(&sequenced(1, 0, 1, &["2"]), LeaderEpoch(4), NOW).unwrap();
    log.append(&marker(2, TransactionResult::Abort), LeaderEpoch(4), NOW).unwrap();
    log.truncate_to(Offset(2), NOW).unwrap();

    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(1)));
    assert_eq!(log.last_stable_offset(Offset(2)), Offset(1), "the transaction is open again");
    assert!(log.reader().aborted_transactions(Offset(0)..Offset(2)).unwrap().is_empty());
    let again = log.append(&sequenced(1, 0, 1, &["2"]), LeaderEpoch(5), NOW).unwrap();
    assert!(!again.duplicate, "its first attempt was cut");
    assert_eq!(log.end_offset_for_epoch(LeaderEpoch(4)), Some((LeaderEpoch(1), Offset(2))));
}

#[test]
fn the_newest_timestamp_is_that_of_what_is_left() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    for timestamp in [10, 40, 20, 90] {
        log.append(&batch_at(timestamp, "x"), LeaderEpoch(0), NOW).unwrap();
    }
    log.truncate_to(Offset(3), NOW).unwrap();
    let reader = log.reader();
    assert_eq!(reader.offset_of_max_timestamp(Offset(3)).unwrap().unwrap().offset, Offset(1));
    assert_eq!(reader.offset_for_timestamp(Timestamp(41), Offset(3)).unwrap(), None);
}

#[test]
fn below_the_first_segment_everything_goes() {
    let fixture = Fixture::with_small_segments(500);
    let mut log = fixture.create();
    append_numbers(&mut log, 40);
    log.truncate_fully_and_start_at(Offset(100), NOW).unwrap();
    check_empty_at(&mut log, 100);
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(0)));
    log.truncate_to(Offset(50), NOW).unwrap();
    check_empty_at(&mut log, 50);
    let (mut log, recovered) = fixture.after_kill().recover(40);
    assert_eq!((recovered.cut, recovered.rot), (None, None));
    assert_eq!(log.log_start_offset(), Offset(50));
    append(&mut log, &["51"]);
}

fn check_empty_at(log: &mut Log, offset: i64) {
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (Offset(offset), Offset(offset)));
    assert_eq!(append(log, &["x"]), offset);
    assert_eq!(read_all(&log.reader()), [(offset, "x".to_owned())]);
}

#[test]
fn readers_that_hold_a_map_keep_what_was_cut() {
    let directory = tempfile::tempdir().unwrap();
    let environment = environment(std::sync::Arc::new(crate::disk::OsDisk));
    let fixture = Fixture::new();
    let (mut log, _) = Log::open(&environment, directory.path(), fixture.opening(0)).unwrap();
    append_numbers(&mut log, 100);
    let held = read(&log.reader(), 0, i64::MAX).unwrap();
    let copy = held.to_vec();
    log.truncate_to(Offset(1), NOW).unwrap();
    for _ in 0..200 {
        append(&mut log, &["something else"]);
    }
    assert!(held == copy, "the old file is as it was");
    assert_eq!(log.log_end_offset(), Offset(201));
    assert_eq!(read_all(&log.reader()).len(), 201);
}

#[test]
fn reads_through_a_map_beside_cuts_give_whole_batches() {
    let directory = tempfile::tempdir().unwrap();
    let environment = environment(std::sync::Arc::new(crate::disk::OsDisk));
    let fixture = Fixture::new();
    let (mut log, _) = Log::open(&environment, directory.path(), fixture.opening(0)).unwrap();
    // Larger than what an index entry covers: the batch that is asked for is found by its entry alone.
    let large = "x".repeat(20_000);
    let reader = log.reader();
    let writes = AtomicBool::new(true);
    std::thread::scope(|threads| {
        let reading = threads.spawn(|| {
            let (mut from, mut batches_read) = (0, 0);
            while writes.load(Ordering::SeqCst) || batches_read == 0 {
                match read(&reader, from, i64::MAX) {
                    Ok(bytes) => {
                        let found: Vec<_> = batches(bytes).map_while(Result::ok).collect();
                        assert!(found.iter().all(Batch::crc_is_valid), "{from}");
                        batches_read += found.len();
                    }
                    Err(error) => assert!(matches!(error, Error::OffsetOutOfRange { .. }), "{error}"),
                }
                from = (from + 7) % 40;
            }
            batches_read
        });
        for round in 0..100 {
            for _ in 0..20 {
                append(&mut log, &[&large]);
            }
            log.truncate_to(Offset(round % 20), NOW).unwrap();
        }
        append(&mut log, &[&large]);
        writes.store(false, Ordering::SeqCst);
        assert!(reading.join().unwrap() > 0);
    });
}

#[test]
fn a_cut_that_finds_no_room_for_a_copy_changes_nothing() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 200);
    fixture.flush(&mut log);
    // There are no maps on this disk, but reading as if there were is noted all the same.
    assert!(!read(&log.reader(), 0, i64::MAX).unwrap().is_empty());
    fixture.disk.set_capacity(Some(6 * 4096));
    let refused = log.truncate_to(Offset(150), NOW).unwrap_err();
    assert!(refused.is_no_space(), "{refused}");
    assert_eq!(read_all(&log.reader()), numbers(0..200));
    fixture.disk.set_capacity(None);
    log.truncate_to(Offset(150), NOW).unwrap();
    assert_eq!(read_all(&log.reader()), numbers(0..150));
    assert!(fixture.disk.entry(&fixture.path("00000000000000000000.log.cleaned")).unwrap().is_none());
}
