//! Loading a shard: its partition's records, applied from the first to the last.

use std::sync::Arc;

use ottla_base::{Entropy, LeaderEpoch, Offset};
use ottla_records::{Batch, batches};

use super::groups::Groups;
use super::{PartitionWriter, ReadError, Shard};
use crate::group::classic::Context;
use crate::record::{Record, Unreadable};
use crate::{Config, Now};

/// What a batch of the partition may decode to: far more than any broker writes there.
const DECODED_BYTES_MAX: usize = 128 << 20;

/// How many of the records that were skipped are told one by one.
const SKIPPED_TOLD_MAX: usize = 100;

/// What a load has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// How many records were applied.
    pub record_count: usize,
    /// How many groups there are.
    pub group_count: usize,
    /// How many records mean nothing to this broker.
    pub skipped_count: usize,
    /// The first hundred of those.
    pub skipped: Vec<Skipped>,
}

/// A record that was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Where it is.
    pub offset: Offset,
    /// Why.
    pub reason: Unreadable,
}

/// Why a shard could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The records of a batch could not be read.
    #[error("the batch at offset {base_offset}: {error}")]
    Records {
        /// The batch's first offset.
        base_offset: Offset,
        /// What is wrong with it.
        error: ottla_records::RecordsError,
    },
}

impl<W: PartitionWriter> Shard<W> {
    /// Loads the shard that `writer` writes to, of which this node has become leader in `leader_epoch`. Reads the whole log: a job for
    /// a worker, without any lock.
    ///
    /// Every member's session begins anew. Records that mean nothing here are skipped and told.
    pub fn load(
        mut writer: W,
        leader_epoch: LeaderEpoch,
        config: Config,
        entropy: Arc<dyn Entropy>,
        now: Now,
    ) -> Result<(Shard<W>, Loaded), LoadError> {
        let mut groups = Groups::default();
        let mut loaded = Loaded::default();
        let mut end_offset = Offset::ZERO;
        loop {
            let bytes = writer.read(end_offset)?;
            if bytes.is_empty() {
                break;
            }
            let read_from = end_offset;
            for batch in batches(bytes) {
                let batch = batch.map_err(ReadError::from)?;
                replay(&batch, end_offset, &mut groups, &mut loaded)?;
                let header = batch.header();
                end_offset = end_offset.max(header.base_offset + i64::from(header.last_offset_delta) + 1);
            }
            if end_offset == read_from {
                break;
            }
        }
        groups.on_loaded(Context { config: &config, now });
        loaded.group_count = groups.len();
        Ok((Shard::new(writer, leader_epoch, config, entropy, groups, end_offset, now), loaded))
    }
}

/// Applies the records of `batch` from offset `from` on.
fn replay(batch: &Batch, from: Offset, groups: &mut Groups, loaded: &mut Loaded) -> Result<(), LoadError> {
    let attributes = batch.header().attributes;
    if attributes.is_control() {
        return Ok(());
    }
    for record in batch.records(DECODED_BYTES_MAX) {
        let base_offset = batch.header().base_offset;
        let record = record.map_err(|error| LoadError::Records { base_offset, error })?;
        if record.offset < from {
            continue;
        }
        let decoded = match attributes.is_transactional() {
            true => Err(Unreadable::Transactional),
            false => Record::decode(record.key.as_deref(), record.value.as_deref()),
        };
        match decoded {
            Ok(decoded) => {
                groups.apply(decoded);
                loaded.record_count += 1;
            }
            Err(reason) => {
                loaded.skipped_count += 1;
                if loaded.skipped.len() < SKIPPED_TOLD_MAX {
                    loaded.skipped.push(Skipped { offset: record.offset, reason });
                }
            }
        }
    }
    Ok(())
}
