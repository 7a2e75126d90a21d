//! Snapshots of a log's producers, each at the offset in the file's name.

use std::path::Path;

use ottla_storage::inspect::{SnapshotEntry, list_snapshot};
use serde::Serialize;

use super::Damage;
use super::index::read;
use crate::cli::output::Stdout;

/// A batch that a producer has written, or a producer of which no batch is known.
#[derive(Debug, Serialize)]
struct Shown {
    producer_id: i64,
    producer_epoch: i16,
    last_sequence: i32,
    last_offset: i64,
    offset_delta: i32,
    timestamp: i64,
    coordinator_epoch: i32,
    transaction_first_offset: Option<i64>,
}

pub(super) fn dump(path: &Path, json: bool, out: &mut Stdout) -> anyhow::Result<Option<Damage>> {
    let Some(entries) = list_snapshot(&read(path)?) else {
        let reason = "it was not written whole, or is of a version that is not known".to_owned();
        return Ok(Some(Damage { position: 0, reason }));
    };
    for entry in entries.iter().map(Shown::of) {
        match json {
            true => out.write_json_line(&entry)?,
            false => out.write(entry.in_words().as_bytes())?,
        }
    }
    if !json {
        out.write(format!("{} entries\n", entries.len()).as_bytes())?;
    }
    Ok(None)
}

impl Shown {
    fn of(entry: &SnapshotEntry) -> Shown {
        Shown {
            producer_id: entry.producer_id.0,
            producer_epoch: entry.producer_epoch.0,
            last_sequence: entry.last_sequence,
            last_offset: entry.last_offset.0,
            offset_delta: entry.offset_delta,
            timestamp: entry.timestamp.0,
            coordinator_epoch: entry.coordinator_epoch,
            transaction_first_offset: entry.transaction.map(|first_offset| first_offset.0),
        }
    }

    fn in_words(&self) -> String {
        let Shown { producer_id, producer_epoch, last_sequence, last_offset, offset_delta, timestamp, .. } = self;
        let batch = match last_offset {
            // A marker for it is all that there was.
            ..0 => "no batch".to_owned(),
            _ => format!(
                "last sequence {last_sequence} offsets {} to {last_offset}",
                last_offset.saturating_sub((*offset_delta).into())
            ),
        };
        let transaction = match self.transaction_first_offset {
            None => String::new(),
            Some(first_offset) => format!(" transaction since offset {first_offset}"),
        };
        format!("producer {producer_id} epoch {producer_epoch} {batch} timestamp {timestamp}{transaction}\n")
    }
}
