//! [`AbortedTxn`] and a segment's `.txnindex`, which lists the transactions that were aborted by a marker in that segment.
//!
//! Source: Kafka `AbortedTxn`, `TransactionIndex`. Format, version 0, big endian: version i16, producer id i64, first offset i64,
//! last offset i64 (the marker's), last stable offset i64. Entries ascend by last offset. The file is there only when it has entries.

use std::io::IoSlice;
use std::path::Path;

use ottla_base::{Offset, ProducerId};

use crate::disk::{self, Disk, Open};

pub(crate) const ENTRY_LEN: usize = 34;
const VERSION: i16 = 0;

/// A transaction that was aborted: a `read_committed` consumer passes over its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTxn {
    /// Whose transaction it was.
    pub producer_id: ProducerId,
    /// The offset of its first record.
    pub first_offset: Offset,
    /// The offset of the marker that ended it.
    pub last_offset: Offset,
    /// What the last stable offset became with it.
    pub last_stable_offset: Offset,
}

impl AbortedTxn {
    fn encode(self) -> [u8; ENTRY_LEN] {
        let mut bytes = [0; ENTRY_LEN];
        bytes[0..2].copy_from_slice(&VERSION.to_be_bytes());
        bytes[2..10].copy_from_slice(&self.producer_id.0.to_be_bytes());
        bytes[10..18].copy_from_slice(&self.first_offset.0.to_be_bytes());
        bytes[18..26].copy_from_slice(&self.last_offset.0.to_be_bytes());
        bytes[26..34].copy_from_slice(&self.last_stable_offset.0.to_be_bytes());
        bytes
    }

    /// `None` for what is no entry, zeros among that: a marker lies behind what it ends.
    fn decode(bytes: &[u8; ENTRY_LEN]) -> Option<AbortedTxn> {
        let number = |at: usize| i64::from_be_bytes(bytes[at..at + 8].try_into().expect("it lies within the entry"));
        let entry = AbortedTxn {
            producer_id: ProducerId(number(2)),
            first_offset: Offset(number(10)),
            last_offset: Offset(number(18)),
            last_stable_offset: Offset(number(26)),
        };
        (bytes[..2] == VERSION.to_be_bytes() && entry.first_offset < entry.last_offset).then_some(entry)
    }
}

/// The entries of the index at `path`, up to the first that makes no sense; none where there is no file.
pub(crate) fn read(disk: &dyn Disk, path: &Path) -> disk::Result<Vec<AbortedTxn>> {
    let bytes = disk::read_file(disk, path, u64::from(u32::MAX))?.unwrap_or_default();
    Ok(entries(&bytes))
}

/// The entries that `bytes` begin with, up to the first that makes no sense.
pub(crate) fn entries(bytes: &[u8]) -> Vec<AbortedTxn> {
    let mut entries: Vec<AbortedTxn> = Vec::with_capacity(bytes.len() / ENTRY_LEN);
    for entry in bytes.as_chunks().0.iter().map_while(AbortedTxn::decode) {
        if entries.last().is_some_and(|last| last.last_offset >= entry.last_offset) {
            break;
        }
        entries.push(entry);
    }
    entries
}

/// Adds `entry` as number `count` (from 0), and cuts off whatever stood there and behind.
pub(crate) fn append(disk: &dyn Disk, path: &Path, count: u32, entry: AbortedTxn) -> disk::Result<()> {
    let file = disk.open(path, Open::CreateIfMissing)?;
    let position = u64::from(count) * ENTRY_LEN as u64;
    file.write_all_at(&[IoSlice::new(&entry.encode())], position)?;
    file.set_len(position + ENTRY_LEN as u64)
}

/// Cuts the index down to its first `count` entries.
pub(crate) fn truncate(disk: &dyn Disk, path: &Path, count: u32) -> disk::Result<()> {
    match disk.open(path, Open::Write) {
        Err(error) if error.is_not_found() => Ok(()),
        file => file?.set_len(u64::from(count) * ENTRY_LEN as u64),
    }
}
