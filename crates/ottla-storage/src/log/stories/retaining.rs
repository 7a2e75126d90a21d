use std::time::Duration;

use ottla_base::{LeaderEpoch, Offset, Timestamp};

use super::fixture::*;
use crate::{Error, Log, LogConfig};

fn delete(log: &mut Log, high_watermark: i64, now: i64) -> usize {
    let deletion = log.delete_old_segments(Offset(high_watermark), Timestamp(now)).unwrap();
    let count = deletion.segment_count();
    deletion.rename().unwrap();
    deletion.remove().unwrap();
    count
}

/// Three segments of two records each, with ascending timestamps from 100 on.
fn three_segments(fixture: &Fixture) -> Log {
    let mut log = fixture.create();
    for n in 0..6 {
        if n % 2 == 0 {
            log.roll(NOW).unwrap();
        }
        log.append(&batch_at(100 + n, &n.to_string()), LeaderEpoch(0), NOW).unwrap();
    }
    assert_eq!(log.segment_count(), 3);
    log
}

#[test]
fn segments_whose_newest_record_is_too_old_go() {
    let fixture = Fixture::with(LogConfig { retention_ms: Some(1000), ..LogConfig::default() });
    let mut log = three_segments(&fixture);
    assert_eq!(delete(&mut log, 6, 1101), 0);
    assert_eq!(delete(&mut log, 6, 1102), 1);
    assert_eq!(log.log_start_offset(), Offset(2));
    assert_eq!(read_all(&log.reader()), numbers(2..6));
    assert!(matches!(read(&log.reader(), 1, 6), Err(Error::OffsetOutOfRange { .. })));
}

#[test]
fn an_active_segment_that_is_too_old_is_rolled_and_goes() {
    let fixture = Fixture::with(LogConfig { retention_ms: Some(1000), ..LogConfig::default() });
    let mut log = three_segments(&fixture);
    assert_eq!(delete(&mut log, 6, 5000), 3);
    assert_eq!((log.log_start_offset(), log.log_end_offset()), (Offset(6), Offset(6)));
    assert_eq!(append(&mut log, &["6"]), 6);
    let names = fixture.names();
    assert!(
        !names.iter().any(|name| name.starts_with("00000000000000000000") || name.ends_with(".deleted")),
        "{names:?}"
    );
}

#[test]
fn what_goes_says_why_and_how_much_it_is() {
    let check = |retention_ms, retention_bytes, log_start, told: &str| {
        let fixture = Fixture::with(LogConfig { retention_ms, retention_bytes, ..LogConfig::default() });
        let mut log = three_segments(&fixture);
        log.advance_log_start_offset(Offset(log_start), Offset(6)).unwrap();
        let before = log.size_in_bytes();
        let deletion = log.delete_old_segments(Offset(6), Timestamp(1102)).unwrap();
        assert_eq!(deletion.bytes(), before - log.size_in_bytes());
        assert_eq!((deletion.kept_from(), deletion.reason().to_string()), (Offset(2), told.to_owned()));
    };
    check(Some(1000), None, 0, "older than retention.ms=1000");
    check(None, Some(270), 0, "beyond retention.bytes=270");
    check(None, None, 2, "below the log start");
    check(Some(1000), Some(270), 3, "below the log start");
}

#[test]
fn nothing_above_the_high_watermark_goes() {
    let fixture = Fixture::with(LogConfig { retention_ms: Some(1000), ..LogConfig::default() });
    let mut log = three_segments(&fixture);
    assert_eq!(delete(&mut log, 3, 5000), 1);
    assert_eq!(log.log_start_offset(), Offset(2));
}

#[test]
fn the_oldest_segments_go_while_the_rest_is_large_enough() {
    let fixture = Fixture::new();
    let mut log = three_segments(&fixture);
    let size = log.size_in_bytes();
    let check = |log: &mut Log, retention_bytes, expected| {
        log.set_config(LogConfig {
            retention_ms: None,
            retention_bytes: Some(retention_bytes),
            ..LogConfig::default()
        });
        assert_eq!(delete(log, 6, NOW.0), expected, "{retention_bytes}");
    };
    check(&mut log, size, 0);
    check(&mut log, size * 2 / 3 + 1, 0);
    check(&mut log, size * 2 / 3, 1);
    check(&mut log, 1, 1);
    assert_eq!(read_all(&log.reader()), numbers(4..6));
}

#[test]
fn a_compacted_log_keeps_all_that_is_above_the_log_start() {
    let config = LogConfig { delete_old_segments: false, retention_ms: Some(1), ..LogConfig::default() };
    let fixture = Fixture::with(config);
    let mut log = three_segments(&fixture);
    assert_eq!(delete(&mut log, 6, NOW.0), 0);
    assert!(log.advance_log_start_offset(Offset(3), Offset(6)).unwrap());
    assert_eq!(delete(&mut log, 6, NOW.0), 1);
    assert_eq!(read_all(&log.reader()), numbers(3..6));
}

#[test]
fn the_log_start_moves_forward_only_and_not_past_the_high_watermark() {
    let fixture = Fixture::new();
    let mut log = three_segments(&fixture);
    assert!(log.advance_log_start_offset(Offset(3), Offset(5)).unwrap());
    assert!(!log.advance_log_start_offset(Offset(2), Offset(5)).unwrap());
    let refused = log.advance_log_start_offset(Offset(6), Offset(5));
    assert!(matches!(refused, Err(Error::OffsetOutOfRange { .. })));
    assert_eq!(log.log_start_offset(), Offset(3));
}

#[test]
fn records_without_timestamps_are_as_old_as_those_behind_them() {
    let fixture = Fixture::with(LogConfig { retention_ms: Some(1000), ..LogConfig::default() });
    let mut log = fixture.create();
    for timestamp in [-1, 100, -1] {
        log.roll(NOW).unwrap();
        log.append(&batch_at(timestamp, "x"), LeaderEpoch(0), NOW).unwrap();
    }
    assert_eq!(delete(&mut log, 3, 1101), 2);
    assert_eq!(log.log_start_offset(), Offset(2));
}

#[test]
fn the_files_stay_for_those_that_read_them() {
    let config =
        LogConfig { retention_ms: Some(1000), file_delete_delay: Duration::from_secs(7), ..LogConfig::default() };
    let fixture = Fixture::with(config);
    let mut log = three_segments(&fixture);
    fixture.flush(&mut log);
    let deletion = log.delete_old_segments(Offset(6), Timestamp(1102)).unwrap();
    assert_eq!(deletion.delay, Duration::from_secs(7));
    deletion.rename().unwrap();
    assert!(fixture.names().contains(&"00000000000000000000.log.deleted".to_owned()));
    // A crash before they are removed does not bring them back.
    let after = fixture.after_power_cut(1);
    let (log, recovered) = after.recover(6);
    assert_eq!(recovered.rot, None);
    assert_eq!(log.log_start_offset(), Offset(2));
    assert!(!after.names().iter().any(|name| name.ends_with(".deleted")));
}
