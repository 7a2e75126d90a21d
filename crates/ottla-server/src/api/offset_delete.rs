//! OffsetDelete (key 47): deletes a group's offsets of topics that it has ceased to read (KIP-496).
//!
//! Version 0.

use std::sync::Arc;

use ottla_base::PartitionIndex;
use ottla_coordinator::DeleteOffsets;
use ottla_protocol::messages::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use ottla_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse};

use super::by_partition::ByPartition;
use super::{Answer, Api, Call, Handler};
use crate::groups::{Asked, answer};
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<OffsetDelete>(0..=0);

struct OffsetDelete;

impl Handler for OffsetDelete {
    type Request = OffsetDeleteRequest;

    const HANDLE: super::Handle<OffsetDeleteRequest> = handle;
}

fn handle(broker: &Arc<Broker>, _: Call<'_>, request: OffsetDeleteRequest) -> Answer<OffsetDeleteResponse> {
    let image = broker.image();
    let topics = request.topics.iter().map(|topic| {
        let indexes = topic.partitions.iter().map(|partition| PartitionIndex(partition.partition_index));
        let partitions = indexes.map(|index| (index, wire::existing_partition(&image, &topic.name, index)));
        (topic.name.to_string(), partitions.collect())
    });
    let (asked, partitions) = ByPartition::read(topics);
    let delete = DeleteOffsets { group_id: request.group_id.to_string(), partitions };
    let reply = Asked::of_group(broker, &delete.group_id, |shard, now| shard.delete_offsets(&delete, now));
    answer(reply, move |reply| match reply {
        Ok(results) => {
            let topics = asked.codes(Ok(results)).map(|(name, partitions)| {
                let partition = |(index, code): (PartitionIndex, ottla_protocol::ErrorCode)| {
                    OffsetDeleteResponsePartition::default().with_partition_index(index.0).with_error_code(code.code())
                };
                OffsetDeleteResponseTopic::default()
                    .with_name(wire::topic_name(name))
                    .with_partitions(partitions.into_iter().map(partition).collect())
            });
            OffsetDeleteResponse::default().with_topics(topics.collect())
        }
        Err(failure) => OffsetDeleteResponse::default().with_error_code(failure.code.code()),
    })
}
