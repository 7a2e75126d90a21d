use std::sync::Arc;

use ottla_base::{LeaderEpoch, Offset};

use super::fixture::*;
use crate::disk::sim::SimDisk;
use crate::flush::FlushPlan;

#[test]
fn the_durable_offset_follows_the_flush() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 2);
    let plan = log.begin_flush().unwrap();
    append_numbers(&mut log, 3);
    assert_eq!(log.durable_offset(), Offset(0));
    sync(&*fixture.disk, &plan);
    assert!(log.on_flushed(plan.ticket));
    assert_eq!(log.durable_offset(), Offset(2));
    fixture.flush(&mut log);
    assert_eq!(log.durable_offset(), Offset(5));
    assert!(log.begin_flush().is_none(), "nothing is dirty");
}

#[test]
fn a_flush_of_an_old_generation_counts_for_nothing_and_its_bytes_stay_dirty() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 4);
    let plan = log.begin_flush().unwrap();
    log.invalidate_flushes();
    assert!(!log.on_flushed(plan.ticket));
    assert_eq!(log.durable_offset(), Offset(0));

    let plan = log.begin_flush().unwrap();
    log.truncate_to(Offset(2), NOW).unwrap();
    append_numbers(&mut log, 2);
    assert!(!log.on_flushed(plan.ticket), "what was synced has been cut");
    assert!(log.durable_offset() <= Offset(2));
    fixture.flush(&mut log);
    assert_eq!(log.durable_offset(), Offset(4));
}

#[test]
fn a_lost_flush_is_made_up_for_by_the_next() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 1);
    let lost = log.begin_flush().unwrap();
    let next = log.begin_flush().unwrap();
    assert_eq!(lost.files.len(), next.files.len());
    assert_eq!(lost.directories, next.directories);
    sync(&*fixture.disk, &next);
    assert!(log.on_flushed(next.ticket));
}

#[test]
fn a_roll_does_not_lose_the_old_segments_sync() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 5);
    log.roll(NOW).unwrap();
    append_numbers(&mut log, 5);
    fixture.flush(&mut log);
    assert_eq!(log.durable_offset(), Offset(10));
    let everything_unsynced_is_lost = SimDisk::from_image(lose_all(&fixture.disk), fixture.disk.options());
    let fixture = Fixture::on(everything_unsynced_is_lost, fixture.config);
    let (log, recovered) = fixture.recover(10);
    assert_eq!((recovered.cut, recovered.rot), (None, None));
    assert_eq!(read_all(&log.reader()), numbers(0..10));
    assert_eq!(log.segment_count(), 2);
}

#[test]
fn one_dirty_log_is_one_file_to_sync() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 1);
    fixture.flush(&mut log);
    append_numbers(&mut log, 1);
    let FlushPlan { files, directories, .. } = log.begin_flush().unwrap();
    assert_eq!((files.len(), directories.len()), (1, 0), "the common case is a single fdatasync");
}

#[test]
fn a_log_whose_dirty_segment_was_closed_for_others_is_durable_all_the_same() {
    let fixture = Fixture::with_small_segments(200);
    let mut log = fixture.create();
    // More dirty segments than may be open: the oldest are synced as they are closed.
    append_numbers(&mut log, 60);
    assert!(log.segment_count() > 20);
    fixture.flush(&mut log);
    assert_eq!(log.durable_offset(), Offset(60));
    let fixture = Fixture::on(SimDisk::from_image(lose_all(&fixture.disk), fixture.disk.options()), fixture.config);
    let (log, recovered) = fixture.recover(60);
    assert_eq!((recovered.cut, recovered.rot), (None, None));
    assert_eq!(read_all(&log.reader()), numbers(0..60));
}

#[test]
fn a_closed_log_is_durable_and_starts_without_reading_its_records() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    log.append(&sequenced(1, 0, 0, &["0"]), LeaderEpoch(4), NOW).unwrap();
    append_numbers(&mut log, 400);
    log.close().unwrap();
    let fixture = Fixture::on(SimDisk::from_image(lose_all(&fixture.disk), fixture.disk.options()), fixture.config);
    // Only what lies behind the last index entry is read.
    fixture.disk.fail_reads(&fixture.path("00000000000000000000.log"), 0..20_000).unwrap();
    let mut log = fixture.reopen();
    assert_eq!((log.log_end_offset(), log.durable_offset()), (Offset(401), Offset(401)));
    assert_eq!(log.latest_epoch(), Some(LeaderEpoch(4)));
    assert!(log.append(&sequenced(1, 0, 0, &["0"]), LeaderEpoch(4), NOW).unwrap().duplicate);
}

#[test]
fn nothing_is_dirty_after_a_clean_start() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 3);
    log.close().unwrap();
    let before = fixture.disk.io_count();
    let mut log = fixture.reopen();
    assert!(log.begin_flush().is_none());
    log.close().unwrap();
    assert_eq!(fixture.disk.io_count(), before, "opening and closing changes nothing on disk");
}

/// What is left when nothing survives that was not synced.
fn lose_all(disk: &Arc<SimDisk>) -> crate::disk::sim::Image {
    let point = disk.crash_point();
    point.image(&vec![crate::disk::sim::Fate::Lost; point.effect_count()])
}
