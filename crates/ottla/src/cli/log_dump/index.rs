//! Index files. An offset index is held against its segment too, where that lies beside it.

use std::path::Path;

use anyhow::Context;
use ottla_base::Offset;
use ottla_records::{HEADER_LEN, Header};
use ottla_storage::disk::{self, Disk, File, Open, OsDisk, read_file};
use ottla_storage::inspect::{IndexListing, IndexedPosition, list_offset_index, list_time_index, list_txn_index};
use serde::Serialize;

use super::Damage;
use crate::cli::output::Stdout;

/// The largest index that is read, in bytes: `segment.index.bytes` is 10 MiB, and few set more.
const INDEX_BYTES_MAX: u64 = 1 << 30;

/// The size of an entry in an offset index, in bytes.
const OFFSET_ENTRY_LEN: usize = 8;

/// An entry of an offset index.
#[derive(Debug, Serialize)]
struct Position {
    offset: i64,
    position: u32,
}

/// An entry of a time index.
#[derive(Debug, Serialize)]
struct Time {
    timestamp: i64,
    offset: i64,
}

/// An entry of a transaction index.
#[derive(Debug, Serialize)]
struct Aborted {
    producer_id: i64,
    first_offset: i64,
    last_offset: i64,
    last_stable_offset: i64,
}

pub(super) fn dump_offsets(
    path: &Path,
    base_offset: Offset,
    json: bool,
    out: &mut Stdout,
) -> anyhow::Result<Option<Damage>> {
    let mut listing = list_offset_index(&read(path)?, base_offset);
    let wrong = first_wrong(&listing.entries, &path.with_extension("log"))?;
    if let Some(wrong) = wrong {
        listing.entries.truncate(wrong);
    }
    for entry in &listing.entries {
        let shown = Position { offset: entry.offset.0, position: entry.position };
        match json {
            true => out.write_json_line(&shown)?,
            false => out.write(format!("offset {} position {}\n", shown.offset, shown.position).as_bytes())?,
        }
    }
    let reason = "an entry whose position is not that of a batch with its offset at the end";
    let wrong = wrong.map(|wrong| Damage { position: (wrong * OFFSET_ENTRY_LEN) as u64, reason: reason.to_owned() });
    // A wrong entry stands before whatever ended the list.
    Ok(wrong.or(finish(&listing, json, out)?))
}

/// The number of the first entry that does not lead to a batch of the log which ends at the entry's offset; `None` where there is none,
/// or no log to ask.
fn first_wrong(entries: &[IndexedPosition], log: &Path) -> anyhow::Result<Option<usize>> {
    let log = match OsDisk.open(log, Open::Read) {
        Err(error) if error.is_not_found() => return Ok(None),
        opened => opened?,
    };
    for (number, entry) in entries.iter().enumerate() {
        if !leads_to_its_batch(entry, &*log)? {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

fn leads_to_its_batch(entry: &IndexedPosition, log: &dyn File) -> disk::Result<bool> {
    let mut header = [0; HEADER_LEN];
    let read = log.read_at(&mut header, entry.position.into())?;
    Ok(Header::read(&header[..read]).is_ok_and(|header| header.last_offset() == entry.offset))
}

pub(super) fn dump_times(
    path: &Path,
    base_offset: Offset,
    json: bool,
    out: &mut Stdout,
) -> anyhow::Result<Option<Damage>> {
    let listing = list_time_index(&read(path)?, base_offset);
    for entry in &listing.entries {
        let shown = Time { timestamp: entry.timestamp.0, offset: entry.offset.0 };
        match json {
            true => out.write_json_line(&shown)?,
            false => out.write(format!("timestamp {} offset {}\n", shown.timestamp, shown.offset).as_bytes())?,
        }
    }
    finish(&listing, json, out)
}

pub(super) fn dump_aborted(path: &Path, json: bool, out: &mut Stdout) -> anyhow::Result<Option<Damage>> {
    let listing = list_txn_index(&read(path)?);
    for entry in &listing.entries {
        let shown = Aborted {
            producer_id: entry.producer_id.0,
            first_offset: entry.first_offset.0,
            last_offset: entry.last_offset.0,
            last_stable_offset: entry.last_stable_offset.0,
        };
        if json {
            out.write_json_line(&shown)?;
            continue;
        }
        let Aborted { producer_id, first_offset, last_offset, last_stable_offset } = shown;
        let line = format!(
            "producer {producer_id} aborted offsets {first_offset} to {last_offset}, last stable offset {last_stable_offset}\n"
        );
        out.write(line.as_bytes())?;
    }
    finish(&listing, json, out)
}

pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    read_file(&OsDisk, path, INDEX_BYTES_MAX)?.with_context(|| format!("{}: no such file", path.display()))
}

fn finish<E>(listing: &IndexListing<E>, json: bool, out: &mut Stdout) -> anyhow::Result<Option<Damage>> {
    if !json {
        let (entries, unused) = (listing.entries.len(), listing.unused_bytes);
        let room = if unused > 0 { format!(", and {unused} bytes of unused room") } else { String::new() };
        out.write(format!("{entries} entries{room}\n").as_bytes())?;
    }
    let reason = || "an entry that does not follow the one before it, or is cut off".to_owned();
    Ok(listing.damaged_at.map(|position| Damage { position: position as u64, reason: reason() }))
}
