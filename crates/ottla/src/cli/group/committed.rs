//! Committed offsets: asking for them, and committing.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use ottla_net::BrokerClient;
use ottla_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use ottla_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use ottla_protocol::messages::{OffsetCommitRequest, OffsetFetchRequest, StrBytes};

use super::group_id;
use crate::cli::connect::Session;
use crate::cli::consumer_protocol::Partitions;
use crate::cli::refusal::Refusal;
use crate::cli::topic::topic_name;

/// From the first version that gives all of a group's offsets to the last that asks for one group.
const FETCH_VERSIONS: RangeInclusive<i16> = 2..=7;

/// From the first version that is still served to the last but those of the newer group protocol.
const COMMIT_VERSIONS: RangeInclusive<i16> = 2..=8;

/// Something of each partition, by topic and partition.
pub(in crate::cli) type ByPartition<T> = BTreeMap<(String, i32), T>;

/// As whom offsets are committed.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Identity {
    pub(in crate::cli) generation_id: i32,
    pub(in crate::cli) member_id: StrBytes,
}

impl Identity {
    /// Nobody of the group: the coordinator takes it only where there are no members.
    pub(super) fn of_nobody() -> Identity {
        Identity { generation_id: -1, member_id: StrBytes::default() }
    }
}

/// What `group` has committed for `partitions`, or for all where there are none named. What it has not committed is not there.
pub(in crate::cli) async fn fetch(
    coordinator: &BrokerClient,
    group: &str,
    partitions: Option<&Partitions>,
) -> anyhow::Result<ByPartition<i64>> {
    let topic = |(topic, partitions): (&String, &Vec<i32>)| {
        OffsetFetchRequestTopic::default().with_name(topic_name(topic)).with_partition_indexes(partitions.clone())
    };
    let request = OffsetFetchRequest::default()
        .with_group_id(group_id(group))
        .with_topics(partitions.map(|partitions| partitions.iter().map(topic).collect()))
        // An offset that a transaction is about to commit is waited for.
        .with_require_stable(true);
    let response = coordinator.call(FETCH_VERSIONS, &request).await?;
    Refusal::check(response.error_code, None)?;
    let mut committed = ByPartition::new();
    for topic in &response.topics {
        for partition in &topic.partitions {
            Refusal::check(partition.error_code, None)?;
            if partition.committed_offset >= 0 {
                committed.insert((topic.name.to_string(), partition.partition_index), partition.committed_offset);
            }
        }
    }
    Ok(committed)
}

/// The same for all that `group` has committed, from whichever broker coordinates it.
pub(super) async fn all(session: &Session, group: &str) -> anyhow::Result<ByPartition<i64>> {
    session.retrying(async || fetch(&session.coordinator(group).await?, group, None).await).await
}

/// Commits `offsets`, each the next to be read. They are durable when it returns. Errors: the first refusal, whichever partition it is
/// about; others may have been committed then.
pub(in crate::cli) async fn commit(
    coordinator: &BrokerClient,
    group: &str,
    identity: &Identity,
    offsets: &ByPartition<i64>,
) -> anyhow::Result<()> {
    let mut topics: BTreeMap<&str, Vec<OffsetCommitRequestPartition>> = BTreeMap::new();
    for ((topic, partition), offset) in offsets {
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(*partition)
            .with_committed_offset(*offset)
            .with_committed_metadata(Some(StrBytes::default()));
        topics.entry(topic).or_default().push(partition);
    }
    let topic = |(topic, partitions)| {
        OffsetCommitRequestTopic::default().with_name(topic_name(topic)).with_partitions(partitions)
    };
    let request = OffsetCommitRequest::default()
        .with_group_id(group_id(group))
        .with_generation_id_or_member_epoch(identity.generation_id)
        .with_member_id(identity.member_id.clone())
        .with_topics(topics.into_iter().map(topic).collect());
    let response = coordinator.call(COMMIT_VERSIONS, &request).await?;
    for partition in response.topics.iter().flat_map(|topic| &topic.partitions) {
        Refusal::check(partition.error_code, None)?;
    }
    Ok(())
}
