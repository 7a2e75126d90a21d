//! [`Fetching`]: one Fetch in progress, from its first look at the partitions until it has enough or has waited long enough.
//!
//! It holds what each partition gave so far. While it waits it looks again only at partitions whose high watermark has moved. It knows
//! no wire message: `api/fetch.rs` makes it from a request and a response of it.

mod wait;

use std::sync::Arc;

use ottla_base::{Lane, LeaderEpoch, Offset};
use ottla_net::offload;
use ottla_replica::{Isolation, Partition, ReadRequest, ReadResult};
use ottla_storage::Access;

use crate::Broker;
use crate::error::Failure;

/// One partition that is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) partition: Arc<Partition>,
    pub(crate) from: Offset,
    pub(crate) bytes_max: usize,
    pub(crate) leader_epoch: Option<LeaderEpoch>,
    pub(crate) last_fetched_epoch: Option<LeaderEpoch>,
}

/// What one partition has given so far.
enum Given {
    /// It was read.
    Read(ReadResult),
    /// It cannot be read.
    Failed(Failure),
    /// Its data is not in memory, and has not been read yet.
    Cold,
}

/// One partition of the request, in the request's order.
struct Part {
    /// What is asked for, where the partition is here.
    asked: Option<Asked>,
    /// What it has given.
    given: Given,
}

/// What the request says of all its partitions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) isolation: Isolation,
    /// The answer has this many bytes of records, or there was no more to be had in time.
    pub(crate) bytes_min: usize,
    /// It has no more than this, but for a first batch that is larger.
    pub(crate) bytes_max: usize,
}

/// One Fetch in progress.
pub(crate) struct Fetching {
    broker: Arc<Broker>,
    terms: Terms,
    parts: Vec<Part>,
    /// Of all parts together.
    bytes: usize,
}

impl Fetching {
    /// Looks at every partition once, in order.
    pub(crate) fn begin(broker: &Arc<Broker>, terms: Terms, asked: Vec<Result<Asked, Failure>>) -> Fetching {
        // What the partitions may give at the most is as good as enough: waiting for more would always take the longest time.
        let bytes_possible = asked.iter().flatten().map(|asked| asked.bytes_max).fold(0, usize::saturating_add);
        let terms = Terms { bytes_min: terms.bytes_min.min(terms.bytes_max).min(bytes_possible), ..terms };
        let part = |asked: Result<Asked, Failure>| match asked {
            Ok(asked) => Part { asked: Some(asked), given: Given::Cold },
            Err(failure) => Part { asked: None, given: Given::Failed(failure) },
        };
        let parts = asked.into_iter().map(part).collect();
        let mut fetching = Fetching { broker: broker.clone(), terms, parts, bytes: 0 };
        for index in 0..fetching.parts.len() {
            fetching.look_at(index);
        }
        fetching
    }

    /// Whether there is nothing to wait for: enough bytes, or something that the client should hear of now.
    pub(crate) fn is_done(&self) -> bool {
        self.bytes >= self.terms.bytes_min || self.parts.iter().any(|part| part.given.is_news())
    }

    /// Whether some partition's data has to be read by a worker.
    pub(crate) fn has_cold_parts(&self) -> bool {
        self.parts.iter().any(|part| matches!(part.given, Given::Cold))
    }

    /// Reads, on workers, what is not in memory.
    pub(crate) async fn read_cold_parts(&mut self) {
        for index in 0..self.parts.len() {
            let part = &self.parts[index];
            if let (Some(asked), Given::Cold) = (&part.asked, &part.given) {
                let request = ReadRequest { access: Access::Copy, ..self.request(index, asked) };
                let partition = asked.partition.clone();
                let read = offload(&**self.broker.workers(), Lane::ColdRead, move || partition.read(&request)).await;
                self.take(index, Given::of(read));
            }
        }
    }

    /// Reads a partition, where that takes no waiting for the disk.
    fn look_at(&mut self, index: usize) {
        let Some(asked) = &self.parts[index].asked else { return };
        let request = self.request(index, asked);
        let given = match asked.partition.log().is_cold(request.from, request.bytes_max) {
            true => Given::Cold,
            false => Given::of(asked.partition.read(&request)),
        };
        self.take(index, given);
    }

    fn request(&self, index: usize, asked: &Asked) -> ReadRequest {
        let of_others = self.bytes - self.parts[index].given.bytes();
        ReadRequest {
            from: asked.from,
            bytes_max: asked.bytes_max.min(self.terms.bytes_max.saturating_sub(of_others)),
            at_least_one_batch: of_others == 0,
            isolation: self.terms.isolation,
            leader_epoch: asked.leader_epoch,
            last_fetched_epoch: asked.last_fetched_epoch,
            access: Access::Map,
        }
    }

    fn take(&mut self, index: usize, given: Given) {
        let part = &mut self.parts[index];
        self.bytes = self.bytes - part.given.bytes() + given.bytes();
        part.given = given;
    }

    /// What the partitions gave, in the request's order. Cold parts must have been read.
    pub(crate) fn finish(self) -> impl Iterator<Item = Result<ReadResult, Failure>> {
        self.parts.into_iter().map(|part| match part.given {
            Given::Read(read) => {
                part.asked.iter().for_each(|asked| asked.partition.count_read(&read.records));
                Ok(read)
            }
            Given::Failed(failure) => Err(failure),
            Given::Cold => unreachable!("cold parts are read before the answer"),
        })
    }
}

impl Given {
    fn of(read: Result<ReadResult, ottla_replica::Error>) -> Given {
        read.map_or_else(|error| Given::Failed(error.into()), Given::Read)
    }

    fn bytes(&self) -> usize {
        match self {
            Given::Read(read) => read.records.len(),
            Given::Failed(_) | Given::Cold => 0,
        }
    }

    fn is_news(&self) -> bool {
        match self {
            Given::Read(read) => read.diverging.is_some(),
            Given::Failed(_) => true,
            Given::Cold => false,
        }
    }
}
