//! OffsetForLeaderEpoch (key 23): where a leader epoch ended (KIP-101). Consumers ask after a change of leaders whether what they have
//! read is still there (KIP-320).
//!
//! Versions 2 to 4. 3 names who asks, 4 is flexible. The answer's epoch is the largest that is at most the one asked for; without one,
//! and for an epoch that the log does not know, it is (-1, -1) without an error, as in Kafka.

use std::sync::Arc;

use ottla_base::{LeaderEpoch, Offset, PartitionIndex};
use ottla_protocol::messages::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
use ottla_protocol::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use ottla_protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};

use super::{Answer, Api, Call, Handler};
use crate::error::Failure;
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<OffsetForLeaderEpoch>(2..=4);

struct OffsetForLeaderEpoch;

impl Handler for OffsetForLeaderEpoch {
    type Request = OffsetForLeaderEpochRequest;

    const HANDLE: super::Handle<OffsetForLeaderEpochRequest> = handle;
}

fn handle(
    broker: &Arc<Broker>,
    _: Call<'_>,
    request: OffsetForLeaderEpochRequest,
) -> Answer<OffsetForLeaderEpochResponse> {
    let topic = |topic: OffsetForLeaderTopic| {
        let partitions = topic.partitions.iter().map(|partition| {
            let found = find(broker, topic.topic.as_str(), partition);
            partition_response(partition.partition, found)
        });
        let partitions = partitions.collect();
        OffsetForLeaderTopicResult::default().with_topic(topic.topic).with_partitions(partitions)
    };
    let topics = request.topics.into_iter().map(topic).collect();
    Answer::Done(OffsetForLeaderEpochResponse::default().with_topics(topics))
}

fn find(
    broker: &Broker,
    topic: &str,
    asked: &OffsetForLeaderPartition,
) -> Result<Option<(LeaderEpoch, Offset)>, Failure> {
    let partition = broker.partition(topic, PartitionIndex(asked.partition))?;
    let current = partition.check_leader_epoch(wire::named_epoch(asked.current_leader_epoch))?;
    match wire::named_epoch(asked.leader_epoch) {
        Some(epoch) => Ok(partition.end_offset_for_epoch(epoch, Some(current))?),
        None => Ok(None),
    }
}

fn partition_response(index: i32, found: Result<Option<(LeaderEpoch, Offset)>, Failure>) -> EpochEndOffset {
    let response = EpochEndOffset::default().with_partition(index);
    match found {
        Ok(Some((epoch, end))) => response.with_leader_epoch(epoch.0).with_end_offset(end.0),
        Ok(None) => response,
        Err(failure) => response.with_error_code(failure.code.code()),
    }
}

#[cfg(test)]
mod tests {
    use ottla_protocol::ErrorCode;

    use super::*;

    #[test]
    fn an_epoch_that_is_not_known_is_no_error() {
        let found = partition_response(4, Ok(Some((LeaderEpoch(2), Offset(10)))));
        assert_eq!((found.partition, found.error_code, found.leader_epoch, found.end_offset), (4, 0, 2, 10));
        let unknown = partition_response(4, Ok(None));
        assert_eq!((unknown.error_code, unknown.leader_epoch, unknown.end_offset), (0, -1, -1));
        let fenced = partition_response(4, Err(ErrorCode::FencedLeaderEpoch.into()));
        assert_eq!((fenced.error_code, fenced.leader_epoch, fenced.end_offset), (74, -1, -1));
    }
}
