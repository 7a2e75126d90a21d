//! A log's files seen from outside, for tools that look at them without opening the log: what a file is by its name, and what it holds.

use std::path::Path;

use ottla_base::{Offset, Timestamp};

use crate::AbortedTxn;
use crate::file_names::{LOG, OFFSET_INDEX, SNAPSHOT, TIME_INDEX, TXN_INDEX, offset_of};
use crate::index::sorted::Entry;
use crate::index::{OffsetEntry, TimeEntry, txn};

pub use crate::producers::SnapshotEntry;

/// What a file holds whose name is an offset and a suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentFile {
    /// Record batches.
    Log,
    /// Positions by offset.
    OffsetIndex,
    /// Offsets by time.
    TimeIndex,
    /// Aborted transactions.
    TxnIndex,
    /// The producers as they stood at the offset.
    ProducerSnapshot,
}

impl SegmentFile {
    /// What the file at `path` holds, and the offset in its name, which is its segment's base offset; `None` for any other file.
    pub fn identify(path: &Path) -> Option<(SegmentFile, Offset)> {
        let name = path.file_name()?.to_str()?;
        let kinds = [
            (SegmentFile::Log, LOG),
            (SegmentFile::OffsetIndex, OFFSET_INDEX),
            (SegmentFile::TimeIndex, TIME_INDEX),
            (SegmentFile::TxnIndex, TXN_INDEX),
            (SegmentFile::ProducerSnapshot, SNAPSHOT),
        ];
        kinds.into_iter().find_map(|(kind, suffix)| Some((kind, offset_of(name, suffix)?)))
    }
}

/// No batch whose last offset is smaller than `offset` lies behind `position`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexedPosition {
    /// The last offset of a batch.
    pub offset: Offset,
    /// Where that batch begins in the segment, in bytes.
    pub position: u32,
}

/// No record up to `offset` has a time later than `timestamp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexedTime {
    /// The latest time so far.
    pub timestamp: Timestamp,
    /// The last offset of the batch that holds it.
    pub offset: Offset,
}

/// What an index file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexListing<E> {
    /// The entries up to the first that cannot be one.
    pub entries: Vec<E>,
    /// How many bytes of zeros follow: room that was reserved and never used.
    pub unused_bytes: usize,
    /// Where the first entry begins that cannot follow the one before it, or is cut off.
    pub damaged_at: Option<usize>,
}

/// The entries of an offset index whose segment begins at `base_offset`.
pub fn list_offset_index(bytes: &[u8], base_offset: Offset) -> IndexListing<IndexedPosition> {
    list(bytes, |entry: OffsetEntry| IndexedPosition {
        offset: absolute(base_offset, entry.relative_offset),
        position: entry.position,
    })
}

/// The entries of a time index whose segment begins at `base_offset`.
pub fn list_time_index(bytes: &[u8], base_offset: Offset) -> IndexListing<IndexedTime> {
    list(bytes, |entry: TimeEntry| IndexedTime {
        timestamp: Timestamp(entry.timestamp),
        offset: absolute(base_offset, entry.relative_offset),
    })
}

/// The entries of a transaction index.
pub fn list_txn_index(bytes: &[u8]) -> IndexListing<AbortedTxn> {
    let entries = txn::entries(bytes);
    let end = entries.len() * txn::ENTRY_LEN;
    IndexListing { entries, unused_bytes: 0, damaged_at: (end < bytes.len()).then_some(end) }
}

/// The entries of a snapshot of producers, of ours or of Kafka's. `None` where it is damaged, cut, or of a version that is not known.
pub fn list_snapshot(bytes: &[u8]) -> Option<Vec<SnapshotEntry>> {
    SnapshotEntry::read_all(bytes)
}

fn absolute(base_offset: Offset, relative_offset: u32) -> Offset {
    Offset(base_offset.0.saturating_add(relative_offset.into()))
}

fn list<const N: usize, E: Entry<N>, L>(bytes: &[u8], shown: impl Fn(E) -> L) -> IndexListing<L> {
    let (chunks, _) = bytes.as_chunks::<N>();
    let (mut entries, mut last) = (Vec::new(), None);
    for chunk in chunks {
        let entry = E::decode(*chunk);
        if !last.map_or_else(|| entry.may_be_first(), |last| entry.may_follow(last)) {
            break;
        }
        entries.push(shown(entry));
        last = Some(entry);
    }
    let end = entries.len() * N;
    let rest = &bytes[end..];
    let is_unused = rest.iter().all(|byte| *byte == 0);
    IndexListing {
        entries,
        unused_bytes: if is_unused { rest.len() } else { 0 },
        damaged_at: (!is_unused).then_some(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries(entries: &[(u32, u32)]) -> Vec<u8> {
        let encoded = |(relative_offset, position): &(u32, u32)| {
            OffsetEntry { relative_offset: *relative_offset, position: *position }.encode()
        };
        entries.iter().flat_map(encoded).collect()
    }

    fn found(offset: i64, position: u32) -> IndexedPosition {
        IndexedPosition { offset: Offset(offset), position }
    }

    #[test]
    fn files_are_known_by_their_names() {
        let check = |path: &str, expected| assert_eq!(SegmentFile::identify(Path::new(path)), expected, "{path}");
        check("/d/t-0/00000000000000000042.log", Some((SegmentFile::Log, Offset(42))));
        check("00000000000000000000.timeindex", Some((SegmentFile::TimeIndex, Offset(0))));
        check("00000000000000000007.index", Some((SegmentFile::OffsetIndex, Offset(7))));
        check("00000000000000000007.txnindex", Some((SegmentFile::TxnIndex, Offset(7))));
        check("00000000000000000007.snapshot", Some((SegmentFile::ProducerSnapshot, Offset(7))));
        check("00000000000000000007.log.cleaned", None);
        check("/d/t-0", None);
    }

    #[test]
    fn an_index_lists_its_entries_and_the_room_behind_them() {
        let mut bytes = entries(&[(10, 4096), (25, 9000)]);
        bytes.extend([0; 20]);
        let listing = list_offset_index(&bytes, Offset(100));
        assert_eq!(listing.entries, [found(110, 4096), found(125, 9000)]);
        assert_eq!((listing.unused_bytes, listing.damaged_at), (20, None));
    }

    #[test]
    fn damage_begins_where_entries_no_longer_ascend_or_one_is_cut() {
        let descending = list_offset_index(&entries(&[(10, 4096), (9, 9000), (30, 9900)]), Offset(0));
        assert_eq!((descending.entries.len(), descending.damaged_at), (1, Some(8)));
        let cut = list_offset_index(&entries(&[(10, 4096), (25, 9000)])[..13], Offset(0));
        assert_eq!((cut.entries.len(), cut.damaged_at), (1, Some(8)));
    }

    #[test]
    fn times_are_listed_with_their_offsets() {
        let entry = TimeEntry { timestamp: 1_700_000_000_000, relative_offset: 5 };
        let listing = list_time_index(&entry.encode(), Offset(50));
        assert_eq!(listing.entries, [IndexedTime { timestamp: Timestamp(1_700_000_000_000), offset: Offset(55) }]);
    }

    #[test]
    fn aborted_transactions_are_listed_up_to_what_is_none() {
        let entry = |last_offset: u8| {
            let mut entry = [0; txn::ENTRY_LEN];
            entry[25] = last_offset;
            entry
        };
        let listing = list_txn_index(&[entry(3), entry(9)].concat());
        assert_eq!(listing.entries.iter().map(|aborted| aborted.last_offset.0).collect::<Vec<_>>(), [3, 9]);
        assert_eq!(listing.damaged_at, None);
        let astray = list_txn_index(&[entry(3), entry(2)].concat());
        assert_eq!((astray.entries.len(), astray.damaged_at), (1, Some(txn::ENTRY_LEN)));
        let cut = list_txn_index(&entry(3)[..20]);
        assert_eq!((cut.entries.len(), cut.damaged_at), (0, Some(0)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_listed(bytes: Vec<u8>) {
            list_txn_index(&bytes);
            list_snapshot(&bytes);
            let listing = list_offset_index(&bytes, Offset(i64::MAX - 5));
            prop_assert!(listing.entries.len() * 8 + listing.unused_bytes <= bytes.len());
            list_time_index(&bytes, Offset(0));
        }
    }
}
