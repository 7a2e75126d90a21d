use std::io::IoSlice;

use ottla_base::{LeaderEpoch, Offset};
use ottla_records::TransactionResult;

use super::fixture::*;
use crate::disk::sim::SimDisk;
use crate::disk::{Disk, Open};
use crate::{Cut, Error, Log, Opening};

const LOG: &str = "00000000000000000000.log";

/// Where the batch with `offset` begins in a log of one segment.
fn position_of(log: &Log, offset: i64) -> u64 {
    let all = read(&log.reader(), 0, i64::MAX).unwrap().len();
    (all - read(&log.reader(), offset, i64::MAX).unwrap().len()) as u64
}

fn append_to_file(fixture: &Fixture, name: &str, bytes: &[u8]) {
    let file = fixture.disk.open(&fixture.path(name), Open::Write).unwrap();
    file.write_all_at(&[IoSlice::new(bytes)], file.len().unwrap()).unwrap();
}

#[test]
fn a_killed_process_loses_nothing() {
    let fixture = Fixture::with_small_segments(500);
    let mut log = fixture.create();
    append_numbers(&mut log, 30);
    fixture.flush(&mut log);
    append_numbers(&mut log, 30);
    let fixture = fixture.after_kill();
    let (mut log, recovered) = fixture.recover(30);
    assert_eq!((recovered.cut, recovered.rot), (None, None));
    assert_eq!(read_all(&log.reader()), numbers(0..60));
    assert_eq!(log.durable_offset(), Offset(30), "what lies past the recovery point is not known to be durable");
    fixture.flush(&mut log);
    assert_eq!(log.durable_offset(), Offset(60));
}

#[test]
fn what_a_failed_sync_has_dropped_is_written_again() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 3);
    let plan = log.begin_flush().unwrap();
    fixture.disk.fail_next_sync(crate::disk::sim::SyncFault::DropsPages);
    assert!(plan.files.iter().any(|file| file.sync_data().is_err()));
    // The process restarts; its pages look clean, and are not on the disk.
    let fixture = fixture.after_kill();
    let (mut log, _) = fixture.recover(0);
    assert_eq!(read_all(&log.reader()), numbers(0..3));
    fixture.flush(&mut log);
    let (log, _) = fixture.after_power_cut(3).recover(3);
    assert_eq!(read_all(&log.reader()), numbers(0..3));
}

#[test]
fn a_torn_tail_is_cut_and_kept_aside() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 5);
    fixture.flush(&mut log);
    append_numbers(&mut log, 1);
    let position = position_of(&log, 5);
    let fixture = fixture.after_kill();
    let bytes = fixture.read_file(LOG);
    let file = fixture.disk.open(&fixture.path(LOG), Open::Write).unwrap();
    file.set_len(bytes.len() as u64 - 1).unwrap();
    let (mut log, recovered) = fixture.recover(5);
    let kept_in = fixture.path("00000000000000000005.cut");
    let bytes_cut = bytes.len() as u64 - 1 - position;
    let cut = Cut { at: Offset(5), bytes: bytes_cut, suspect: false, kept_in: Some(kept_in) };
    assert_eq!(recovered.cut, Some(cut));
    assert_eq!(fixture.read_file("00000000000000000005.cut"), bytes[position as usize..bytes.len() - 1]);
    append_numbers(&mut log, 2);
    assert_eq!(read_all(&log.reader()), numbers(0..7));
}

#[test]
fn zeros_behind_the_end_are_dropped_without_a_copy() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 5);
    append_to_file(&fixture, LOG, &[0; 5000]);
    let fixture = fixture.after_kill();
    let (log, recovered) = fixture.recover(3);
    assert_eq!(recovered.cut, Some(Cut { at: Offset(5), bytes: 5000, suspect: false, kept_in: None }));
    assert_eq!(read_all(&log.reader()), numbers(0..5));
}

#[test]
fn a_whole_batch_behind_a_bad_one_makes_the_replica_suspect() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 8);
    let position = position_of(&log, 5);
    fixture.disk.rot(&fixture.path(LOG), position + 65, 1).unwrap();
    let (log, recovered) = fixture.after_kill().recover(4);
    let cut = recovered.cut.unwrap();
    assert_eq!((cut.at, cut.suspect), (Offset(5), true));
    assert_eq!(read_all(&log.reader()), numbers(0..5));
}

#[test]
fn segments_behind_a_bad_batch_are_cut_and_kept_aside_too() {
    let fixture = Fixture::with_small_segments(500);
    let mut log = fixture.create();
    append_numbers(&mut log, 3);
    fixture.flush(&mut log);
    append_numbers(&mut log, 30);
    fixture.disk.rot(&fixture.path(LOG), position_of_in_first_segment(&fixture, 4), 1).unwrap();
    let fixture = fixture.after_kill();
    let (mut log, recovered) = fixture.recover(3);
    assert!(recovered.cut.is_some_and(|cut| cut.suspect && cut.at == Offset(4)));
    assert_eq!(log.segment_count(), 1);
    let cuts = fixture.names().into_iter().filter(|name| name.ends_with(".cut")).count();
    assert!(cuts > 2, "the tail and the later segments");
    append_numbers(&mut log, 20);
    assert_eq!(read_all(&log.reader()), numbers(0..24));
    log.close().unwrap();
    assert_eq!(read_all(&fixture.reopen().reader()), numbers(0..24));
}

fn position_of_in_first_segment(fixture: &Fixture, batch: usize) -> u64 {
    let size = fixture.read_file(LOG).len() / 7;
    (batch * size + size - 1) as u64
}

#[test]
fn damage_below_the_recovery_point_is_rot_and_never_cut() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 8);
    fixture.flush(&mut log);
    let position = position_of(&log, 5);
    // The magic: the headers do not follow one another any more.
    fixture.disk.rot(&fixture.path(LOG), position + 16, 4).unwrap();
    let fixture = fixture.after_kill();
    let before = fixture.read_file(LOG);
    let (mut log, recovered) = fixture.recover(8);
    assert_eq!((recovered.cut, recovered.rot), (None, Some(Offset(5))));
    assert_eq!(read_all(&log.reader()), numbers(0..5));
    let refused = log.append(&batch(&["x"]), LeaderEpoch(0), NOW);
    assert!(matches!(refused, Err(Error::Rot { at: Offset(5) })));
    log.close().unwrap();
    assert_eq!(fixture.read_file(LOG), before);

    // The replica fetches anew what it had.
    log.truncate_to(Offset(5), NOW).unwrap();
    append_numbers(&mut log, 3);
    assert_eq!(read_all(&log.reader()), numbers(0..8));
}

#[test]
fn a_log_shorter_than_its_recovery_point_is_rotten_at_its_end() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 8);
    fixture.flush(&mut log);
    let file = fixture.disk.open(&fixture.path(LOG), Open::Write).unwrap();
    file.set_len(position_of(&log, 6)).unwrap();
    let (_, recovered) = fixture.after_kill().recover(8);
    assert_eq!(recovered.rot, Some(Offset(6)));
}

#[test]
fn record_bytes_below_the_recovery_point_are_not_read() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 8);
    fixture.flush(&mut log);
    append_numbers(&mut log, 2);
    let position = position_of(&log, 5);
    fixture.disk.rot(&fixture.path(LOG), position + 65, 1).unwrap();
    let (log, recovered) = fixture.after_kill().recover(8);
    assert_eq!((recovered.cut, recovered.rot), (None, None), "a bad CRC there is found by whoever reads it");
    assert_eq!(log.log_end_offset(), Offset(10));
}

#[test]
fn headers_below_the_last_snapshot_are_not_read() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 600);
    log.roll(NOW).unwrap();
    append_numbers(&mut log, 5);
    fixture.flush(&mut log);
    let fixture = fixture.after_kill();
    fixture.disk.fail_reads(&fixture.path(LOG), 0..1).unwrap();
    let (log, recovered) = fixture.recover(605);
    assert_eq!((recovered.cut, recovered.rot), (None, None));
    assert_eq!(log.log_end_offset(), Offset(605));
}

#[test]
fn producers_and_epochs_are_as_before() {
    let fixture = Fixture::with_small_segments(600);
    let mut log = fixture.create();
    for sequence in 0..30 {
        let epoch = LeaderEpoch(sequence / 10);
        log.append(&sequenced(1, 0, sequence, &["x"]), epoch, NOW).unwrap();
        log.append(&sequenced(2, 3, sequence * 2, &["y", "z"]), epoch, NOW).unwrap();
    }
    for recovery_point in [0, 11, 60] {
        fixture.flush(&mut log);
        let point = fixture.disk.crash_point();
        let image = point.image(&point.draw_fates(7));
        let fixture = Fixture::on(SimDisk::from_image(image, fixture.disk.options()), fixture.config.clone());
        let (mut log, _) = fixture.recover(recovery_point);
        assert_eq!(log.end_offset_for_epoch(LeaderEpoch(0)), Some((LeaderEpoch(0), Offset(30))));
        assert_eq!(log.end_offset_for_epoch(LeaderEpoch(1)), Some((LeaderEpoch(1), Offset(60))));
        for sequence in 25..30 {
            assert!(log.append(&sequenced(1, 0, sequence, &["x"]), LeaderEpoch(2), NOW).unwrap().duplicate);
        }
        assert!(!log.append(&sequenced(2, 3, 60, &["y"]), LeaderEpoch(2), NOW).unwrap().duplicate);
    }
}

#[test]
fn a_damaged_snapshot_costs_a_longer_replay() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    log.append(&sequenced(1, 0, 0, &["x"]), LeaderEpoch(0), NOW).unwrap();
    log.close().unwrap();
    fixture.disk.rot(&fixture.path("00000000000000000001.snapshot"), 12, 1).unwrap();
    let mut log = fixture.reopen();
    assert!(log.append(&sequenced(1, 0, 0, &["x"]), LeaderEpoch(0), NOW).unwrap().duplicate);
}

#[test]
fn damaged_epochs_are_rebuilt_from_the_batches() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    for epoch in [2, 5] {
        log.append(&batch(&["x"]), LeaderEpoch(epoch), NOW).unwrap();
    }
    log.close().unwrap();
    fixture.disk.rot(&fixture.path("leader-epoch-checkpoint"), 0, 1).unwrap();
    let log = fixture.reopen();
    assert_eq!(log.end_offset_for_epoch(LeaderEpoch(3)), Some((LeaderEpoch(2), Offset(1))));
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(5)));
}

#[test]
fn missing_indexes_are_rebuilt() {
    let fixture = Fixture::with_small_segments(1000);
    let mut log = fixture.create();
    append_numbers(&mut log, 40);
    log.close().unwrap();
    let names = ["00000000000000000000.index", "00000000000000000000.timeindex"];
    let before = names.map(|name| fixture.read_file(name));
    for name in names {
        fixture.disk.remove_file(&fixture.path(name)).unwrap();
    }
    let log = fixture.reopen();
    assert_eq!(read_all(&log.reader()), numbers(0..40));
    assert_eq!(names.map(|name| fixture.read_file(name)), before);
}

#[test]
fn rebuilt_indexes_know_transactions_that_began_in_an_earlier_segment() {
    for keeps_snapshots in [true, false] {
        let fixture = Fixture::new();
        let mut log = fixture.create();
        log.append(&transactional(2, 0, &["lost"]), LeaderEpoch(0), NOW).unwrap();
        log.roll(NOW).unwrap();
        log.append(&marker(2, TransactionResult::Abort), LeaderEpoch(0), NOW).unwrap();
        log.roll(NOW).unwrap();
        append(&mut log, &["kept"]);
        let aborted = |log: &Log| log.reader().aborted_transactions(Offset(0)..Offset::MAX).unwrap();
        let before = aborted(&log);
        assert_eq!(before.len(), 1);
        log.close().unwrap();
        let gone = |name: &&String| {
            name.starts_with("00000000000000000001")
                && (name.ends_with("index") || !keeps_snapshots)
                && !name.ends_with(".log")
        };
        for name in fixture.names().iter().filter(gone) {
            fixture.disk.remove_file(&fixture.path(name)).unwrap();
        }
        assert_eq!(aborted(&fixture.reopen()), before, "{keeps_snapshots}");
    }
}

#[test]
fn an_index_that_points_astray_is_not_believed() {
    let fixture = Fixture::with_small_segments(2000);
    let mut log = fixture.create();
    append_numbers(&mut log, 40);
    log.close().unwrap();
    for byte in 0..8 {
        fixture.disk.rot(&fixture.path("00000000000000000000.index"), 8 + byte, 5).unwrap();
    }
    assert_eq!(read_all(&fixture.reopen().reader()), numbers(0..40));
}

#[test]
fn a_marker_of_a_clean_stop_that_lies_is_not_believed() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 5);
    append_to_file(&fixture, LOG, b"not a batch");
    let (log, recovered) = fixture.open_with(Opening { was_clean: true, ..fixture.opening(2) });
    assert_eq!(recovered.cut.map(|cut| cut.at), Some(Offset(5)));
    assert_eq!(read_all(&log.reader()), numbers(0..5));
}

#[test]
fn segments_below_the_log_start_are_removed_at_the_start() {
    let fixture = Fixture::with_small_segments(500);
    let mut log = fixture.create();
    append_numbers(&mut log, 40);
    log.close().unwrap();
    let opening = Opening { was_clean: true, log_start_offset: Offset(20), ..fixture.opening(0) };
    let (log, _) = fixture.open_with(opening);
    assert_eq!(read_all(&log.reader()), numbers(20..40));
    assert!(!fixture.names().contains(&LOG.to_owned()));
}

#[test]
fn a_log_start_beyond_the_end_is_the_end() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 4);
    let opening = Opening { log_start_offset: Offset(9), ..fixture.opening(0) };
    let (log, _) = fixture.open_with(opening);
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (Offset(4), Offset(4)));
}

#[test]
fn a_recovery_point_of_a_log_that_is_gone_says_nothing_of_its_successor() {
    let fixture = Fixture::new();
    let (mut log, recovered) = fixture.recover(8);
    assert!(recovered.created);
    append_numbers(&mut log, 3);
    fixture.flush(&mut log);
    append_numbers(&mut log, 3);
    let bytes = fixture.read_file(LOG);
    fixture.disk.rot(&fixture.path(LOG), bytes.len() as u64 - 1, 1).unwrap();
    // The checkpoint was not written meanwhile.
    let (log, recovered) = fixture.after_kill().recover(8);
    assert_eq!((recovered.rot, recovered.cut.map(|cut| cut.at)), (None, Some(Offset(5))));
    assert_eq!(read_all(&log.reader()), numbers(0..5));
}
