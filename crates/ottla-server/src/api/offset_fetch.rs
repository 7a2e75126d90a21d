//! OffsetFetch (key 9): the offsets that groups have committed.
//!
//! Versions 1 to 9. 2 asks for all of a group's offsets and has an error for the whole, 5 tells leader epochs (KIP-320), 6 is flexible, 7
//! may ask for stable offsets only (KIP-447): all are, since there are no transactions; 8 asks for several groups (KIP-709), 9 names the
//! member, which means nothing to a classic group.
//!
//! A partition without an offset, and a group that is not there, have offset -1 and no error. An offset of a deleted topic whose name is
//! another topic's now counts as none.

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_base::{PartitionIndex, TopicName, TopicPartition};
use ottla_coordinator::CommittedOffset;
use ottla_metadata::Image;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use ottla_protocol::messages::{GroupId, OffsetFetchRequest, OffsetFetchResponse};

use super::{Answer, Api, Call, Handler};
use crate::groups::{Asked, answer_each};
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<OffsetFetch>(1..=9);

/// From this version on there may be several groups.
const MANY_GROUPS_FROM: i16 = 8;

struct OffsetFetch;

impl Handler for OffsetFetch {
    type Request = OffsetFetchRequest;

    const HANDLE: super::Handle<OffsetFetchRequest> = handle;
}

/// The partitions that are asked about, by topic.
type AskedTopics = Vec<(String, Vec<PartitionIndex>)>;

/// What is asked of one group; of all its offsets, where no topics are named.
struct AskedOfGroup {
    group_id: String,
    topics: Option<AskedTopics>,
}

/// What is told of one partition.
type Told = (PartitionIndex, Option<CommittedOffset>);

/// What is told of a group's partitions, by topic; or why nothing is.
type ToldOfGroup = Result<Vec<(String, Vec<Told>)>, ErrorCode>;

fn handle(broker: &Arc<Broker>, call: Call<'_>, request: OffsetFetchRequest) -> Answer<OffsetFetchResponse> {
    let version = call.version;
    let groups = read(version, request);
    let image = broker.image();
    let ask = |group: &AskedOfGroup| {
        let partitions = group.topics.as_ref().map(|topics| partitions(topics));
        Asked::of_group(broker, &group.group_id, |shard, _| shard.fetch_offsets(&group.group_id, partitions.as_deref()))
    };
    let asked = groups.iter().map(ask).collect();
    answer_each(asked, move |replies| {
        let told = groups.into_iter().zip(replies).map(|(group, reply)| {
            let told = reply.map(|offsets| by_topic(&image, group.topics.as_ref(), offsets));
            (group, told)
        });
        if version >= MANY_GROUPS_FROM {
            return OffsetFetchResponse::default().with_groups(told.map(group_response).collect());
        }
        let (group, told) = told.last().expect("one group is asked about");
        single_response(version, group, told)
    })
}

fn read(version: i16, request: OffsetFetchRequest) -> Vec<AskedOfGroup> {
    let indexes = |indexes: Vec<i32>| indexes.into_iter().map(PartitionIndex).collect();
    if version >= MANY_GROUPS_FROM {
        let group = |group: ottla_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup| {
            let topics = group.topics.map(|topics| topics.into_iter());
            AskedOfGroup {
                group_id: group.group_id.to_string(),
                topics: topics
                    .map(|topics| topics.map(|t| (t.name.to_string(), indexes(t.partition_indexes))).collect()),
            }
        };
        return request.groups.into_iter().map(group).collect();
    }
    let topics = request.topics.map(|topics| topics.into_iter());
    vec![AskedOfGroup {
        group_id: request.group_id.to_string(),
        topics: topics.map(|topics| topics.map(|t| (t.name.to_string(), indexes(t.partition_indexes))).collect()),
    }]
}

/// Those whose topic can have such a name; of others there is no offset.
fn partitions(topics: &[(String, Vec<PartitionIndex>)]) -> Vec<TopicPartition> {
    let named = topics.iter().filter_map(|(name, indexes)| Some((TopicName::new(name).ok()?, indexes)));
    named
        .flat_map(|(name, indexes)| indexes.iter().map(move |index| TopicPartition::new(name.clone(), *index)))
        .collect()
}

/// What is told, in the order in which it was asked, or else by name.
fn by_topic(
    image: &Image,
    asked: Option<&AskedTopics>,
    offsets: Vec<(TopicPartition, Option<CommittedOffset>)>,
) -> Vec<(String, Vec<Told>)> {
    let mut by_name: BTreeMap<String, BTreeMap<PartitionIndex, CommittedOffset>> = BTreeMap::new();
    for (TopicPartition { topic, partition }, offset) in offsets {
        if let Some(offset) = offset.filter(|offset| is_of_the_topic_of_now(image, &topic, offset)) {
            by_name.entry(topic.to_string()).or_default().insert(partition, offset);
        }
    }
    match asked {
        None => by_name
            .into_iter()
            .map(|(name, offsets)| (name, offsets.into_iter().map(|(index, offset)| (index, Some(offset))).collect()))
            .collect(),
        Some(asked) => asked
            .iter()
            .map(|(name, indexes)| {
                let offsets = by_name.get(name);
                let told = |index: &PartitionIndex| (*index, offsets.and_then(|offsets| offsets.get(index)).cloned());
                (name.clone(), indexes.iter().map(told).collect())
            })
            .collect(),
    }
}

fn is_of_the_topic_of_now(image: &Image, name: &TopicName, offset: &CommittedOffset) -> bool {
    match (offset.topic_id, image.topics.by_name(name.as_str())) {
        (Some(committed_for), Some(topic)) => topic.topic_id == committed_for,
        _ => true,
    }
}

fn group_response((group, told): (AskedOfGroup, ToldOfGroup)) -> OffsetFetchResponseGroup {
    let response = OffsetFetchResponseGroup::default().with_group_id(GroupId(wire::text(group.group_id)));
    let topic = |(name, partitions): (String, Vec<Told>)| {
        let partition = |(index, offset): Told| {
            let Fields { offset, leader_epoch, metadata } = fields(offset);
            OffsetFetchResponsePartitions::default()
                .with_partition_index(index.0)
                .with_committed_offset(offset)
                .with_committed_leader_epoch(leader_epoch)
                .with_metadata(Some(wire::text(metadata)))
        };
        OffsetFetchResponseTopics::default()
            .with_name(wire::topic_name(name))
            .with_partitions(partitions.into_iter().map(partition).collect())
    };
    match told {
        Ok(topics) => response.with_topics(topics.into_iter().map(topic).collect()),
        Err(code) => response.with_error_code(code.code()),
    }
}

/// Version 1 has no error for the whole: it stands at each partition.
fn single_response(version: i16, group: AskedOfGroup, told: ToldOfGroup) -> OffsetFetchResponse {
    let (topics, code) = match told {
        Ok(topics) => (topics, ErrorCode::None),
        Err(code) if version >= 2 => return OffsetFetchResponse::default().with_error_code(code.code()),
        Err(code) => {
            let asked = group.topics.unwrap_or_default().into_iter();
            let nothing = asked.map(|(name, indexes)| (name, indexes.into_iter().map(|index| (index, None)).collect()));
            (nothing.collect(), code)
        }
    };
    let topic = |(name, partitions): (String, Vec<Told>)| {
        let partition = |(index, offset): Told| {
            let Fields { offset, leader_epoch, metadata } = fields(offset);
            OffsetFetchResponsePartition::default()
                .with_partition_index(index.0)
                .with_committed_offset(offset)
                .with_committed_leader_epoch(leader_epoch)
                .with_metadata(Some(wire::text(metadata)))
                .with_error_code(code.code())
        };
        OffsetFetchResponseTopic::default()
            .with_name(wire::topic_name(name))
            .with_partitions(partitions.into_iter().map(partition).collect())
    };
    OffsetFetchResponse::default().with_topics(topics.into_iter().map(topic).collect())
}

/// An offset as a message has it; -1 is none.
struct Fields {
    offset: i64,
    leader_epoch: i32,
    metadata: String,
}

fn fields(offset: Option<CommittedOffset>) -> Fields {
    match offset {
        Some(CommittedOffset { offset, leader_epoch, metadata, .. }) => Fields {
            offset: offset.0,
            leader_epoch: leader_epoch.map_or(-1, |epoch| epoch.0),
            metadata: metadata.to_string(),
        },
        None => Fields { offset: -1, leader_epoch: -1, metadata: String::new() },
    }
}
