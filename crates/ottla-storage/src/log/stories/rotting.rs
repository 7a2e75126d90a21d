//! Rot: damage in what had been durable. It is never cut, however often the log is opened.

use std::path::Path;
use std::sync::Arc;

use ottla_base::{Offset, SeededEntropy};

use super::fixture::*;
use crate::disk::{Disk, Open};
use crate::{Error, Log, LogEnvironment};

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

#[test]
fn a_folder_with_a_segment_that_no_log_could_have_rolled_is_not_opened() {
    let fixture = Fixture::new();
    let mut log = fixture.create();
    append_numbers(&mut log, 8);
    drop(log);
    let mut fixture = fixture;
    for name in ["09223372036854775807.log", "00000000004294967296.log"] {
        fixture = fixture.after_kill();
        fixture.disk.open(&fixture.path(name), Open::CreateNew).unwrap();
        for was_clean in [false, true] {
            let opening = crate::Opening { was_clean, ..fixture.opening(0) };
            let environment = LogEnvironment::new(fixture.disk.clone(), Arc::new(SeededEntropy::new(1)), 8);
            let opened = Log::open(&environment, Path::new(DIRECTORY), opening);
            assert!(matches!(opened, Err(Error::InvalidFile { .. })), "{name}, was clean: {was_clean}");
        }
    }
}
