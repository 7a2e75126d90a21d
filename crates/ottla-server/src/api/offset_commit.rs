//! OffsetCommit (key 8): commits a group's offsets. They are on disk on every in-sync replica when the answer comes.
//!
//! Versions 2 to 9. 2 to 4 may say how long the offsets are kept, 6 tells the leader epoch (KIP-320), 7 knows static members (KIP-345),
//! 8 is flexible; 9 (KIP-848) says GROUP_ID_NOT_FOUND where versions before it say ILLEGAL_GENERATION.
//!
//! An offset is of the topic that has the name now: it is recorded with the topic's id, and one that is created under the same name
//! later does not begin where a deleted one ended.

use std::sync::Arc;
use std::time::Duration;

use ottla_base::{Offset, PartitionIndex, TopicPartition};
use ottla_coordinator::{CommitOffsets, OffsetToCommit};
use ottla_metadata::Image;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::offset_commit_request::OffsetCommitRequestPartition;
use ottla_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use ottla_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse};

use super::by_partition::ByPartition;
use super::{Answer, Api, Call, Handler};
use crate::error::Failure;
use crate::groups::{Asked, answer};
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<OffsetCommit>(2..=9);

struct OffsetCommit;

impl Handler for OffsetCommit {
    type Request = OffsetCommitRequest;

    const HANDLE: super::Handle<OffsetCommitRequest> = handle;
}

fn handle(broker: &Arc<Broker>, call: Call<'_>, request: OffsetCommitRequest) -> Answer<OffsetCommitResponse> {
    let version = call.version;
    let image = broker.image();
    let topics = request.topics.iter().map(|topic| {
        let offset = |asked: &OffsetCommitRequestPartition| {
            let index = PartitionIndex(asked.partition_index);
            let partition = wire::existing_partition(&image, &topic.name, index);
            (index, partition.map(|partition| offset_to_commit(&image, partition, asked)))
        };
        (topic.name.to_string(), topic.partitions.iter().map(offset).collect())
    });
    let (asked, offsets) = ByPartition::read(topics);
    if offsets.is_empty() {
        return Answer::Done(response(asked, Ok(Vec::new())));
    }
    let commit = CommitOffsets {
        group_id: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        group_instance_id: request.group_instance_id.map(|id| id.to_string()),
        generation_id: request.generation_id_or_member_epoch,
        retention: u64::try_from(request.retention_time_ms).ok().map(Duration::from_millis),
        offsets,
    };
    let reply = Asked::of_group(broker, &commit.group_id, |shard, now| shard.commit_offsets(&commit, now));
    answer(reply, move |reply| response(asked, reply.map_err(|failure| refusal(version, &failure))))
}

fn offset_to_commit(
    image: &Image,
    topic_partition: TopicPartition,
    asked: &OffsetCommitRequestPartition,
) -> OffsetToCommit {
    OffsetToCommit {
        topic_id: image.topics.by_name(topic_partition.topic.as_str()).map(|topic| topic.topic_id),
        topic_partition,
        offset: Offset(asked.committed_offset),
        leader_epoch: wire::named_epoch(asked.committed_leader_epoch),
        metadata: asked.committed_metadata.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}

fn refusal(version: i16, failure: &Failure) -> ErrorCode {
    match failure.code {
        ErrorCode::GroupIdNotFound if version < 9 => ErrorCode::IllegalGeneration,
        code => code,
    }
}

fn response(
    asked: ByPartition,
    replies: Result<Vec<Result<(), ottla_coordinator::Error>>, ErrorCode>,
) -> OffsetCommitResponse {
    let topics = asked.codes(replies).map(|(name, partitions)| {
        let partition = |(index, code): (PartitionIndex, ErrorCode)| {
            OffsetCommitResponsePartition::default().with_partition_index(index.0).with_error_code(code.code())
        };
        OffsetCommitResponseTopic::default()
            .with_name(wire::topic_name(name))
            .with_partitions(partitions.into_iter().map(partition).collect())
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}
