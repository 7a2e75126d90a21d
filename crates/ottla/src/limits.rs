//! What the operating system grants, looked at once at start, where too little of it would show at a bad moment.

use std::mem::size_of;

/// Below this, a broker with many partitions and clients spends its time reopening files.
const OPEN_FILES_COMFORTABLE: u64 = 4096;

/// What a forged array length makes the codec reserve, without touching it, before the bytes turn out to be missing (ADR 0002).
const LARGEST_RESERVATION: usize = 200 << 30;

/// Warns where limits are tight; `open_files` is the limit after it was raised.
pub(crate) fn warn_about_limits(open_files: u64) {
    if open_files < OPEN_FILES_COMFORTABLE {
        tracing::warn!(
            limit = open_files,
            "few open files are allowed (ulimit -n): connections and partitions share them"
        );
    }
    if !can_reserve(LARGEST_RESERVATION) {
        tracing::warn!(
            "the system refuses large reservations of memory that is not touched (ulimit -v, or vm.overcommit_memory=2): \
             a malformed request can end the process"
        );
    }
}

fn can_reserve(bytes: usize) -> bool {
    Vec::<u64>::new().try_reserve_exact(bytes / size_of::<u64>()).is_ok()
}
