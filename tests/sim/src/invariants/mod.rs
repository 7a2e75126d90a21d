//! What must hold in every run: one file per property, each with its source. The history checker judges besides.
//!
//! | property | file | judged |
//! |---|---|---|
//! | offsets are ordered and without gaps, and record bytes are whole | [`offsets`] | each Fetch, each drain |
//! | high watermark and log start never go back | [`watermarks`] | each Fetch, each ListOffsets |
//! | leader epochs never go back along a log | [`epochs`] | each Fetch, each drain |
//! | what was acknowledged is there, and so is what was read | [`kept`] | at the end |
//! | a producer id is given once | [`producer_ids`] | each InitProducerId |
//!
//! That a deleted topic's data does not come back is judged by its only client, [`crate::client`]'s `Admin`; that a promised sequence is
//! never broken, by the producer.

pub(crate) mod epochs;
pub(crate) mod kept;
pub(crate) mod offsets;
pub(crate) mod producer_ids;
pub(crate) mod watermarks;

use std::collections::BTreeMap;
use std::sync::Arc;

use history::Value;
use ottla_base::ProducerId;
use parking_lot::Mutex;

use crate::client::{BatchView, View};
use crate::journal::{Journal, PartitionId};
use crate::options::Promise;
use producer_ids::ProducerIds;
use watermarks::Ends;

/// What a partition held when it was read from the first offset to the last.
#[derive(Clone, Debug)]
pub struct Held {
    /// The first offset.
    pub log_start_offset: i64,
    /// The end.
    pub high_watermark: i64,
    /// All records.
    pub records: Vec<(i64, Value)>,
    /// The same, in their batches.
    pub batches: Vec<BatchView>,
}

/// Looks at every answer as it comes. Clones share what they have seen.
#[derive(Clone)]
pub(crate) struct Watch {
    journal: Journal,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// The highest of all.
    ends: BTreeMap<PartitionId, Ends>,
    /// Which start of the node the following are from.
    start: usize,
    ends_since_start: BTreeMap<PartitionId, Ends>,
    producer_ids: ProducerIds,
}

/// What was known when a question was asked: an answer to it cannot know less.
pub(crate) struct Asked {
    ends: BTreeMap<PartitionId, Ends>,
    start: usize,
    ends_since_start: BTreeMap<PartitionId, Ends>,
}

impl Watch {
    pub(crate) fn new(journal: Journal) -> Watch {
        Watch { journal, seen: Arc::default() }
    }

    /// To be called just before a question is sent.
    pub(crate) fn ask(&self) -> Asked {
        let mut seen = self.seen.lock();
        let start = self.journal.start_count();
        if seen.start != start {
            seen.start = start;
            seen.ends_since_start.clear();
        }
        Asked { ends: seen.ends.clone(), start, ends_since_start: seen.ends_since_start.clone() }
    }

    /// Judges what a Fetch from `position` said of `partition` without an error.
    pub(crate) fn on_view(&self, partition: PartitionId, position: i64, view: &View, asked: &Asked) {
        let ends = Ends::of(view);
        let found = offsets::check_view(position, view).and_then(|()| epochs::check(&view.batches));
        // An answer to a question that an earlier life of the node left open is one of the next.
        let known = asked.ends_since_start.get(&partition).filter(|_| asked.start == self.journal.start_count());
        let found = found.and_then(|()| known.map_or(Ok(()), |known| watermarks::check(*known, ends)));
        if let Err(what) = found {
            self.journal.violation(format_args!("{partition}, read at {position}: {what}"));
        }
        let mut seen = self.seen.lock();
        raise(&mut seen.ends, partition, ends);
        // An answer that is read after the node has gone is one of its earlier life.
        if asked.start == self.journal.start_count() && asked.start == seen.start {
            raise(&mut seen.ends_since_start, partition, ends);
        }
    }

    /// Judges what ListOffsets said is the end of `partition`, for `read_uncommitted`. Unlike a Fetch it never tells less than before
    /// (KIP-207), but where a power cut may have shortened the log.
    pub(crate) fn on_latest(&self, partition: PartitionId, offset: i64, asked: &Asked) {
        let is_comparable = self.journal.promise(partition) != Promise::Cached || self.journal.power_cut_count() == 0;
        let known = asked.ends.get(&partition).map(|ends| ends.high_watermark).filter(|_| is_comparable);
        if let Some(known) = known.filter(|known| offset < *known) {
            self.journal.violation(format_args!("{partition} ends at {offset}, though it did at {known}"));
        }
    }

    /// The highest end that anybody was told of.
    pub(crate) fn high_watermark(&self, partition: PartitionId) -> Option<i64> {
        self.seen.lock().ends.get(&partition).map(|ends| ends.high_watermark)
    }

    /// Judges a new producer's id.
    pub(crate) fn on_producer_id(&self, id: ProducerId) {
        if let Err(what) = self.seen.lock().producer_ids.check(id) {
            self.journal.violation(format_args!("{what}"));
        }
    }
}

fn raise(all: &mut BTreeMap<PartitionId, Ends>, partition: PartitionId, ends: Ends) {
    let known = all.entry(partition).or_insert(ends);
    *known = known.latest(ends);
}
