//! Index files.

use std::path::Path;

use anyhow::Context;
use ottla_base::Offset;
use ottla_storage::disk::{OsDisk, read_file};
use ottla_storage::inspect::{IndexListing, list_offset_index, list_time_index};
use serde::Serialize;

use super::Damage;
use crate::cli::output::Stdout;

/// The largest index that is read, in bytes: `segment.index.bytes` is 10 MiB, and few set more.
const INDEX_BYTES_MAX: u64 = 1 << 30;

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

pub(super) fn dump_offsets(
    path: &Path,
    base_offset: Offset,
    json: bool,
    out: &mut Stdout,
) -> anyhow::Result<Option<Damage>> {
    let listing = list_offset_index(&read(path)?, base_offset);
    for entry in &listing.entries {
        let shown = Position { offset: entry.offset.0, position: entry.position };
        match json {
            true => out.write_json_line(&shown)?,
            false => out.write(format!("offset {} position {}\n", shown.offset, shown.position).as_bytes())?,
        }
    }
    finish(&listing, json, out)
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

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
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
