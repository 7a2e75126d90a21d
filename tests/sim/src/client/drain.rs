//! The drain: a fresh client reads everything that there is, from the first offset to the last.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_net::timer;

use super::consumer::{list_offset, read_to_end};
use super::{Surroundings, View, messages};
use crate::invariants::Held;
use crate::journal::{Event, PartitionId, Polled};

/// For how long an end must stand. Longer than a sync may take once nothing is wrong any more.
const SETTLED_FOR: Duration = Duration::from_secs(1);

/// Reads all partitions and returns what they hold. Goes on until it has everything: the caller sets a deadline.
pub(crate) async fn drain(around: &mut Surroundings) -> BTreeMap<PartitionId, Held> {
    let process = around.journal.new_process();
    let mut held = BTreeMap::new();
    for partition in around.partitions() {
        let key = around.journal.key(partition);
        let begun = around.journal.elapsed();
        let (log_start_offset, views) = loop {
            let log_start_offset = offset_until_known(around, partition, messages::EARLIEST).await;
            let end = settled_end(around, partition).await;
            match read_to_end(around, partition, log_start_offset, end).await {
                Some(views) => break (log_start_offset, views),
                None => around.connection.back_off().await,
            }
        };
        around.journal.event(process, Event::Assigned { keys: vec![key] });
        around.journal.event(process, Event::PollBegun);
        let records = views.iter().flat_map(|view| view.records_from(log_start_offset));
        let records: Vec<_> = records.collect();
        let polled = records.iter().map(|(offset, value)| Polled { partition, key, offset: *offset, value: *value });
        around.journal.event(process, Event::PollEnded { polled: Some(polled.collect()), begun });
        let high_watermark = views.last().map_or(log_start_offset, |view: &View| view.high_watermark);
        let batches = views.into_iter().flat_map(|view| view.batches).collect();
        held.insert(partition, Held { log_start_offset, high_watermark, records, batches });
    }
    held
}

/// The end of what can be seen, when it moves no more: a record that is acknowledged before it is on disk (acks=1) is seen a moment
/// later. A node that has just started shows less than it has for a moment too, but says so to those who ask for the end (KIP-207).
async fn settled_end(around: &mut Surroundings, partition: PartitionId) -> i64 {
    let mut end = offset_until_known(around, partition, messages::LATEST).await;
    loop {
        timer::sleep(SETTLED_FOR).await;
        let later = offset_until_known(around, partition, messages::LATEST).await;
        if later == end {
            return end;
        }
        end = later;
    }
}

async fn offset_until_known(around: &mut Surroundings, partition: PartitionId, timestamp: i64) -> i64 {
    loop {
        match list_offset(around, partition, timestamp).await {
            Some(offset) => return offset,
            None => around.connection.back_off().await,
        }
    }
}
