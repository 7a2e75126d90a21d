//! Fetch (key 1): reads from some partitions, and waits where there is too little.
//!
//! Versions 4 to 12. 5 adds the log start, 7 fetch sessions (KIP-227), 9 the leader epoch to be fenced by (KIP-320), 11 the rack, 12 the
//! diverging epoch (KIP-595) and flexible fields. There are no sessions yet: the answer names session 0, which tells the client to ask in
//! full each time, and an incremental request names one that does not exist.
//!
//! Record bytes go out as they lie on disk. What is read is bounded by the high watermark, or the last stable offset.

use std::sync::Arc;
use std::time::Duration;

use ottla_base::{LeaderEpoch, Offset, PartitionIndex};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::fetch_request::FetchPartition;
use ottla_protocol::messages::fetch_response::{
    AbortedTransaction, EpochEndOffset, FetchableTopicResponse, PartitionData,
};
use ottla_protocol::messages::{FetchRequest, FetchResponse, ProducerId, StrBytes, TopicName};
use ottla_replica::{Isolation, ReadResult};

use super::{Answer, Api, Call, Handler};
use crate::Broker;
use crate::error::Failure;
use crate::fetch::{Asked, Fetching, Terms};

pub(super) const API: Api = Api::new::<Fetch>(4..=12);

struct Fetch;

impl Handler for Fetch {
    type Request = FetchRequest;

    const HANDLE: super::Handle<FetchRequest> = handle;
}

/// What the request asked for, by name, to answer in the same order.
struct Named {
    topic: TopicName,
    partitions: Vec<i32>,
}

fn handle(broker: &Arc<Broker>, call: Call<'_>, request: FetchRequest) -> Answer<FetchResponse> {
    if call.version >= 7 && (request.session_epoch > 0 || (request.session_id != 0 && request.session_epoch != -1)) {
        return Answer::Done(FetchResponse::default().with_error_code(ErrorCode::FetchSessionIdNotFound.code()));
    }
    let terms = Terms {
        isolation: if request.isolation_level == 0 { Isolation::ReadUncommitted } else { Isolation::ReadCommitted },
        bytes_min: usize::try_from(request.min_bytes).unwrap_or(0),
        bytes_max: usize::try_from(request.max_bytes).unwrap_or(0).min(broker.settings().network.fetch_max_bytes),
    };
    let is_replica = request.replica_id.0 >= 0;
    let mut named = Vec::with_capacity(request.topics.len());
    let mut asked = Vec::new();
    for topic in request.topics {
        asked.extend(topic.partitions.iter().map(|partition| match is_replica {
            // Only a broker that has shown who it is may read as a replica: it would move the high watermark (CVE-2018-1288).
            true => Err(ErrorCode::ClusterAuthorizationFailed.into()),
            false => ask(broker, &topic.topic, partition),
        }));
        let partitions = topic.partitions.iter().map(|partition| partition.partition).collect();
        named.push(Named { topic: topic.topic, partitions });
    }
    let mut fetching = Fetching::begin(broker, terms, asked);
    let wait_max = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    if !fetching.has_cold_parts() && (fetching.is_done() || wait_max.is_zero()) {
        return Answer::Done(response(named, fetching));
    }
    for named in &mut named {
        // A slice of the frame would keep the connection's receive buffer from being used again while this waits.
        named.topic = TopicName(StrBytes::from_string(named.topic.to_string()));
    }
    Answer::later(async move {
        fetching.read_cold_parts().await;
        if !fetching.is_done() {
            fetching.wait(wait_max).await;
        }
        response(named, fetching)
    })
}

fn ask(broker: &Broker, topic: &str, partition: &FetchPartition) -> Result<Asked, Failure> {
    let epoch = |epoch: i32| (epoch >= 0).then_some(LeaderEpoch(epoch));
    Ok(Asked {
        partition: broker.partition(topic, PartitionIndex(partition.partition))?,
        from: Offset(partition.fetch_offset),
        bytes_max: usize::try_from(partition.partition_max_bytes).unwrap_or(0),
        leader_epoch: epoch(partition.current_leader_epoch),
        last_fetched_epoch: epoch(partition.last_fetched_epoch),
    })
}

fn response(named: Vec<Named>, fetching: Fetching) -> FetchResponse {
    let mut given = fetching.finish();
    let topics = named.into_iter().map(|Named { topic, partitions }| {
        let data = partitions.into_iter().zip(&mut given).map(|(index, given)| partition_data(index, given));
        FetchableTopicResponse::default().with_topic(topic).with_partitions(data.collect())
    });
    FetchResponse::default().with_responses(topics.collect())
}

fn partition_data(index: i32, given: Result<ReadResult, Failure>) -> PartitionData {
    let data = PartitionData::default().with_partition_index(index);
    match given {
        Ok(read) => read_data(data, read),
        Err(failure) => data
            .with_error_code(failure.code.code())
            .with_high_watermark(-1)
            .with_last_stable_offset(-1)
            .with_log_start_offset(-1)
            .with_records(Some(bytes::Bytes::new())),
    }
}

fn read_data(data: PartitionData, read: ReadResult) -> PartitionData {
    let aborted = |txn: ottla_storage::AbortedTxn| {
        AbortedTransaction::default()
            .with_producer_id(ProducerId(txn.producer_id.0))
            .with_first_offset(txn.first_offset.0)
    };
    let data = data
        .with_high_watermark(read.high_watermark.0)
        .with_last_stable_offset(read.last_stable_offset.0)
        .with_log_start_offset(read.log_start_offset.0)
        .with_aborted_transactions(Some(read.aborted.into_iter().map(aborted).collect()))
        .with_records(Some(read.records));
    match read.diverging {
        Some((epoch, end)) => {
            data.with_diverging_epoch(EpochEndOffset::default().with_epoch(epoch.0).with_end_offset(end.0))
        }
        None => data,
    }
}
