//! ListOffsets (key 2): offsets by time, and the ends of partitions.
//!
//! Versions 1 to 8. 2 adds the isolation level, 4 the leader epoch both ways (KIP-320), 5 answers OFFSET_NOT_AVAILABLE where a new leader
//! does not know yet, which older versions are told as LEADER_NOT_AVAILABLE; 6 is flexible, 7 adds the largest timestamp (KIP-734), 8 the
//! earliest local offset (KIP-405), which is the earliest there is without tiered storage.
//!
//! Everybody is answered as a consumer is: below the high watermark, or the last stable offset. Lookups by time read records and run on
//! workers.

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_base::{Lane, LeaderEpoch, PartitionIndex, Timestamp};
use ottla_net::offload;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use ottla_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use ottla_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse, TopicName};
use ottla_replica::{FoundOffset, Isolation, OffsetLookup, Partition};

use super::{Answer, Api, Call, Handler};
use crate::error::Failure;
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<ListOffsets>(1..=8);

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;

struct ListOffsets;

impl Handler for ListOffsets {
    type Request = ListOffsetsRequest;

    const HANDLE: super::Handle<ListOffsetsRequest> = handle;
}

/// What is asked about one partition.
struct Asked {
    partition: Arc<Partition>,
    lookup: OffsetLookup,
    isolation: Isolation,
    leader_epoch: Option<LeaderEpoch>,
}

struct AskedTopic {
    name: TopicName,
    partitions: Vec<(i32, Result<Asked, Failure>)>,
}

fn handle(broker: &Arc<Broker>, call: Call<'_>, request: ListOffsetsRequest) -> Answer<ListOffsetsResponse> {
    let version = call.version;
    let isolation = if request.isolation_level == 0 { Isolation::ReadUncommitted } else { Isolation::ReadCommitted };
    let times = times_named(&request.topics);
    let asked = |topic: &ListOffsetsTopic| {
        let ask = |partition: &ListOffsetsPartition| {
            let index = partition.partition_index;
            if times[&(topic.name.as_str(), index)] > 1 {
                return (index, Err(ErrorCode::InvalidRequest.into()));
            }
            (index, ask(broker, version, isolation, topic.name.as_str(), partition))
        };
        AskedTopic {
            name: wire::topic_name(topic.name.as_str()),
            partitions: topic.partitions.iter().map(ask).collect(),
        }
    };
    let topics: Vec<_> = request.topics.iter().map(asked).collect();
    let mut lookups = topics.iter().flat_map(|topic| &topic.partitions).filter_map(|(_, asked)| asked.as_ref().ok());
    if !lookups.any(|asked| asked.lookup.may_block()) {
        return Answer::Done(response(version, topics));
    }
    let (workers, memory) = (broker.workers().clone(), call.memory);
    Answer::later(async move {
        // What was read of the request is held until it is answered.
        let _memory = memory;
        offload(&*workers, Lane::ColdRead, move || response(version, topics)).await
    })
}

fn times_named(topics: &[ListOffsetsTopic]) -> BTreeMap<(&str, i32), usize> {
    let mut times = BTreeMap::new();
    for topic in topics {
        for partition in &topic.partitions {
            *times.entry((topic.name.as_str(), partition.partition_index)).or_default() += 1;
        }
    }
    times
}

fn ask(
    broker: &Broker,
    version: i16,
    isolation: Isolation,
    topic: &str,
    partition: &ListOffsetsPartition,
) -> Result<Asked, Failure> {
    Ok(Asked {
        lookup: lookup(version, partition.timestamp)?,
        partition: broker.partition(topic, PartitionIndex(partition.partition_index))?,
        isolation,
        leader_epoch: wire::named_epoch(partition.current_leader_epoch),
    })
}

/// What a timestamp stands for in a version. Source: Kafka `ReplicaManager.isListOffsetsTimestampUnsupported`.
fn lookup(version: i16, timestamp: i64) -> Result<OffsetLookup, ErrorCode> {
    match timestamp {
        LATEST => Ok(OffsetLookup::Latest),
        EARLIEST => Ok(OffsetLookup::Earliest),
        MAX_TIMESTAMP if version >= 7 => Ok(OffsetLookup::MaxTimestamp),
        EARLIEST_LOCAL if version >= 8 => Ok(OffsetLookup::Earliest),
        0.. => Ok(OffsetLookup::AtOrAfter(Timestamp(timestamp))),
        _ => Err(ErrorCode::UnsupportedVersion),
    }
}

fn response(version: i16, topics: Vec<AskedTopic>) -> ListOffsetsResponse {
    let topic = |topic: AskedTopic| {
        let find = |asked: Asked| Ok(asked.partition.find_offset(asked.lookup, asked.isolation, asked.leader_epoch)?);
        let partitions = topic.partitions.into_iter().map(|(index, asked)| {
            let found = asked.and_then(find);
            partition_response(version, index, found)
        });
        ListOffsetsTopicResponse::default().with_name(topic.name).with_partitions(partitions.collect())
    };
    ListOffsetsResponse::default().with_topics(topics.into_iter().map(topic).collect())
}

fn partition_response(
    version: i16,
    index: i32,
    found: Result<Option<FoundOffset>, Failure>,
) -> ListOffsetsPartitionResponse {
    let response = ListOffsetsPartitionResponse::default().with_partition_index(index);
    match found {
        Ok(Some(found)) => {
            let epoch = found.leader_epoch.filter(|_| version >= 4).unwrap_or(LeaderEpoch::NONE);
            response.with_timestamp(found.timestamp.0).with_offset(found.offset.0).with_leader_epoch(epoch.0)
        }
        Ok(None) => response,
        Err(failure) => response.with_error_code(error_in_version(version, failure.code).code()),
    }
}

fn error_in_version(version: i16, error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::OffsetNotAvailable if version < 5 => ErrorCode::LeaderNotAvailable,
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use ottla_base::Offset;
    use ottla_protocol::Response;

    use super::*;

    #[test]
    fn special_timestamps_are_known_from_their_version_on() {
        let unsupported = Err(ErrorCode::UnsupportedVersion);
        assert_eq!(lookup(1, -1), Ok(OffsetLookup::Latest));
        assert_eq!(lookup(1, -2), Ok(OffsetLookup::Earliest));
        assert_eq!((lookup(6, -3), lookup(7, -3)), (unsupported, Ok(OffsetLookup::MaxTimestamp)));
        assert_eq!((lookup(7, -4), lookup(8, -4)), (unsupported, Ok(OffsetLookup::Earliest)));
        assert_eq!((lookup(8, -5), lookup(8, i64::MIN)), (unsupported, unsupported));
        assert_eq!(lookup(1, 0), Ok(OffsetLookup::AtOrAfter(Timestamp(0))));
    }

    #[test]
    fn a_new_leader_that_does_not_know_yet_is_told_to_old_clients_as_none() {
        assert_eq!(error_in_version(4, ErrorCode::OffsetNotAvailable), ErrorCode::LeaderNotAvailable);
        assert_eq!(error_in_version(5, ErrorCode::OffsetNotAvailable), ErrorCode::OffsetNotAvailable);
    }

    #[test]
    fn every_version_can_tell_what_was_found() {
        let found = FoundOffset { offset: Offset(7), timestamp: Timestamp(9), leader_epoch: Some(LeaderEpoch(3)) };
        for version in API.served.clone() {
            let partition = partition_response(version, 0, Ok(Some(found)));
            assert_eq!((partition.offset, partition.timestamp), (7, 9));
            let topic = ListOffsetsTopicResponse::default().with_partitions(vec![partition]);
            let encoded = ListOffsetsResponse::default().with_topics(vec![topic]).encode(version, 1);
            assert!(encoded.is_ok(), "version {version}");
        }
    }
}
