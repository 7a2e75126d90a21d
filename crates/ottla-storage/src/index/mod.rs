//! The indexes of a segment, in Kafka's formats. Each module owns one file format and the search in it; when an entry is due is the
//! segment's business.
//!
//! | file | entry | tells |
//! |---|---|---|
//! | `.index` ([`offset`]) | relative offset i32, position i32 | where to begin looking for an offset |
//! | `.timeindex` ([`time`]) | timestamp i64, relative offset i32 | before which offset no record is newer |
//! | `.txnindex` ([`txn`]) | version i16, producer id, first, last, LSO, all i64 | which transactions were aborted |
//!
//! Relative offsets count from the segment's base offset. All numbers are big endian. An index only ever saves reading: what it
//! says is checked against the log, and where it is missing or damaged the log is read from further back.

pub(crate) mod offset;
pub(crate) mod sorted;
pub(crate) mod time;
pub(crate) mod txn;

pub(crate) use offset::{OFFSET_ENTRY_LEN, OffsetEntry};
pub(crate) use time::{TIME_ENTRY_LEN, TimeEntry};
