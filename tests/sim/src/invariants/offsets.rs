//! Offsets: `log start <= last stable <= high watermark`, nothing is given that lies elsewhere, and there are no gaps.
//!
//! Source: Kafka's `UnifiedLog` (offsets are assigned one by one; gaps come from compaction and control batches only, of which there are
//! none here), `FetchRequest.json`, KIP-98 for the last stable offset.

use super::Held;
use crate::client::View;

/// Judges what a Fetch from `position` gave.
pub(crate) fn check_view(position: i64, view: &View) -> Result<(), String> {
    if let Some(damage) = &view.damage {
        return Err(format!("the answer holds {damage}"));
    }
    let (start, stable, high) = (view.log_start_offset, view.last_stable_offset, view.high_watermark);
    if !(0 <= start && start <= stable && stable <= high) {
        return Err(format!("log start {start}, last stable {stable}, high watermark {high}"));
    }
    let mut expected = None;
    for batch in &view.batches {
        let (base, last) = (batch.base_offset, batch.last_offset);
        match expected {
            None if base > position || last < position => return Err(format!("it begins with batch {base}..={last}")),
            Some(expected) if base != expected => return Err(format!("batch {base} stands where {expected} should")),
            _ => expected = Some(last + 1),
        }
        if last >= high {
            return Err(format!("batch {base}..={last} reaches past the high watermark {high}"));
        }
        let offsets = batch.records.iter().map(|(offset, _)| *offset);
        if !offsets.eq(base..=last) {
            return Err(format!("batch {base}..={last} holds other offsets"));
        }
    }
    Ok(())
}

/// Judges everything that a partition holds.
pub(crate) fn check_held(held: &Held) -> Result<(), String> {
    let offsets = held.records.iter().map(|(offset, _)| *offset);
    let missing = offsets.clone().zip(held.log_start_offset..).find(|(offset, expected)| offset != expected);
    match missing {
        Some((offset, expected)) => Err(format!("offset {offset} follows where {expected} should")),
        None if offsets.count() as i64 != held.high_watermark - held.log_start_offset => {
            Err(format!("it ends before its high watermark {}", held.high_watermark))
        }
        None => Ok(()),
    }
}
