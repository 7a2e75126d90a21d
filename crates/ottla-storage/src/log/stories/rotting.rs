//! Rot: damage in what had been durable. It is never cut, however often the log is opened.

use ottla_base::Offset;

use super::fixture::*;
use crate::Log;

const LOG: &str = "00000000000000000000.log";

/// A log of eight durable records of which the sixth is damaged, opened after a kill.
fn rotten() -> (Fixture, Log) {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 8);
    fixture.flush(&mut log);
    let size = |from| read(&log.reader(), from, i64::MAX).unwrap().len() as u64;
    // The magic: the headers do not follow one another any more.
    fixture.disk.rot(&fixture.path(LOG), size(0) - size(5) + 16, 4).unwrap();
    let fixture = fixture.after_kill();
    let (log, recovered) = fixture.recover(8);
    assert_eq!(recovered.rot, Some(Offset(5)));
    (fixture, log)
}

#[test]
fn what_is_checkpointed_of_a_rotten_log_makes_no_torn_tail_of_its_rot() {
    let (fixture, log) = rotten();
    let checkpointed = log.recovery_point().offset;
    let before = fixture.read_file(LOG);
    let fixture = fixture.after_kill();
    let (_, recovered) = fixture.recover(checkpointed.0);
    assert_eq!((recovered.cut, recovered.rot), (None, Some(Offset(5))));
    assert_eq!(fixture.read_file(LOG), before);
}

#[test]
fn what_was_checkpointed_of_a_rotten_log_is_void_once_it_is_made_whole() {
    let (fixture, mut log) = rotten();
    log.truncate_to(Offset(5), NOW).unwrap();
    append_numbers(&mut log, 1);
    // The checkpoint still vouches for eight records.
    let (log, recovered) = fixture.after_power_cut(2).recover(8);
    assert_eq!(recovered.rot, None);
    assert!(log.log_end_offset() >= Offset(5));
}
