//! Leader epochs never go back along a log.
//!
//! Source: KIP-101 (`LeaderEpochFileCache`): truncation by epochs rests on it.

use crate::client::BatchView;

/// Judges batches in the order in which they lie in the log.
pub(crate) fn check(batches: &[BatchView]) -> Result<(), String> {
    let falls = batches.windows(2).find(|pair| pair[1].leader_epoch < pair[0].leader_epoch);
    match falls {
        Some([before, after]) => Err(format!(
            "leader epoch {} at offset {} follows {}",
            after.leader_epoch, after.base_offset, before.leader_epoch
        )),
        _ => Ok(()),
    }
}
