//! What was promised is there: every record that acks=all acknowledged and every record that anybody has read, at its offset.
//!
//! With `write.caching` the promise ends when the power goes; with retention, at the log's start; a record of acks=1 is promised until the
//! power goes, and no longer. Source: the durable acks of design section 4; for reads, that the high watermark never passes what is
//! durable.

use std::collections::BTreeMap;
use std::time::Duration;

use history::Value;

use super::Held;
use crate::journal::{Event, PartitionId, Record};
use crate::options::{Promise, TopicPlan};

/// Judges the drain that began at `drained_at` by everything before it.
pub(crate) fn check(
    record: &Record,
    topics: &[TopicPlan],
    drained_at: Duration,
    held: &BTreeMap<PartitionId, Held>,
) -> Vec<String> {
    let lookup = |held: &Held| held.records.iter().copied().collect::<BTreeMap<i64, Value>>();
    let contents: BTreeMap<_, _> = held.iter().map(|(partition, held)| (*partition, lookup(held))).collect();
    let mut violations = Vec::new();
    let mut judge = |what: &str, partition: PartitionId, offset: i64, value: Value, at: Duration| {
        let found = contents[&partition].get(&offset);
        if offset >= held[&partition].log_start_offset && found != Some(&value) {
            let found = found.map_or("nothing".to_owned(), |found| format!("record {}", found.0));
            violations.push(format!(
                "{partition}, offset {offset}: record {} was {what} at {at:?}, and the drain finds {found}",
                value.0
            ));
        }
    };
    let is_dark_since = |at: Duration| record.power_cuts.iter().any(|cut| (at..drained_at).contains(cut));
    let is_cached = |partition: PartitionId| topics[partition.topic].promise == Promise::Cached;
    for entry in record.entries.iter().filter(|entry| entry.at < drained_at) {
        match &entry.event {
            Event::SendEnded { sent, acks, begun } => {
                for sent in sent {
                    let is_promised = *acks == -1 && !is_cached(sent.partition) || !is_dark_since(*begun);
                    if let Some(offset) = sent.offset.filter(|_| is_promised) {
                        judge("acknowledged", sent.partition, offset, sent.value, entry.at);
                    }
                }
            }
            Event::PollEnded { polled: Some(polled), begun } => {
                for polled in polled {
                    if !is_cached(polled.partition) || !is_dark_since(*begun) {
                        judge("read", polled.partition, polled.offset, polled.value, entry.at);
                    }
                }
            }
            Event::SendBegun { .. }
            | Event::Assigned { .. }
            | Event::PollBegun
            | Event::PollEnded { polled: None, .. }
            | Event::Fault(_) => {}
        }
    }
    violations
}
