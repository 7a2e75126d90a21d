//! What a case sends: its topics, its requests and how much it writes.

use anyhow::{Result, bail};
use ottla_base::Offset;

use crate::batches;
use crate::case::{Case, Load};
use crate::prebuilt::{self, Prebuilt};

/// The requests of a case against one topic.
#[derive(Debug)]
pub(crate) struct Workload {
    /// Sent in turn.
    pub(crate) requests: Vec<Prebuilt>,
    /// Bytes of batches that one request moves.
    pub(crate) bytes_per_request: u64,
}

impl Workload {
    /// The requests of `case` in `round`.
    pub(crate) fn new(case: &Case, round: usize) -> Result<Workload> {
        let topic = topic(case, round);
        match case.load {
            Load::Produce { batch, partitions, acks } => {
                let bytes = batches::build(batch)?;
                let requests = (0..partitions)
                    .map(|partition| prebuilt::produce(&topic, partition, bytes.clone(), acks.wire()))
                    .collect::<Result<_>>()?;
                Ok(Workload { requests, bytes_per_request: bytes.len() as u64 })
            }
            Load::Fetch { .. } => {
                let Fetches { offsets, bytes } = fetches(case)?;
                let requests =
                    offsets.iter().map(|&offset| prebuilt::fetch(&topic, offset, bytes)).collect::<Result<_>>()?;
                Ok(Workload { requests, bytes_per_request: bytes as u64 })
            }
        }
    }
}

/// Where a fetch case reads, and how many bytes at each place.
#[derive(Debug)]
pub(crate) struct Fetches {
    pub(crate) offsets: Vec<Offset>,
    pub(crate) bytes: usize,
}

/// The fetches of a fetch case, which together read its working set once.
pub(crate) fn fetches(case: &Case) -> Result<Fetches> {
    let Load::Fetch { batch, batches, working_set } = case.load else { bail!("{} fetches nothing", case.name) };
    let bytes = batches::build(batch)?.len() * batches;
    let records = batch.records * batches;
    let offsets = (0..working_set / bytes).map(|index| Offset((index * records) as i64)).collect();
    Ok(Fetches { offsets, bytes })
}

/// The topic of a case. A produce has a fresh one in each round, a fetch reads the same in all.
pub(crate) fn topic(case: &Case, round: usize) -> String {
    match case.load {
        Load::Produce { .. } => format!("bench-{}-{round}", case.name),
        Load::Fetch { .. } => format!("bench-{}", case.name),
    }
}

/// All topics of a case over `rounds` rounds.
pub(crate) fn topics(case: &Case, rounds: usize) -> impl Iterator<Item = String> {
    let count = match case.load {
        Load::Produce { .. } => rounds,
        Load::Fetch { .. } => 1,
    };
    (0..count).map(|round| topic(case, round))
}

/// Bytes that one broker's topics hold after `rounds` rounds. Nothing is deleted in between: the work of deleting would
/// fall into a window.
pub(crate) fn bytes_written(case: &Case, rounds: usize) -> Result<u64> {
    match case.load {
        Load::Produce { batch, .. } => {
            let requests = (case.requests + case.warm_up_requests()) * rounds as u64;
            Ok(requests * batches::build(batch)?.len() as u64)
        }
        Load::Fetch { working_set, .. } => Ok(working_set as u64),
    }
}
