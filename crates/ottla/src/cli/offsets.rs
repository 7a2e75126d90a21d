//! Where partitions begin and end, and which offset belongs to a time.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use anyhow::Context;
use futures_util::future::join_all;
use ottla_base::Timestamp;
use ottla_net::Topics;
use ottla_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use ottla_protocol::messages::list_offsets_response::ListOffsetsPartitionResponse;
use ottla_protocol::messages::{BrokerId, ListOffsetsRequest};

use super::connect::Session;
use super::refusal::Refusal;
use super::topic::topic_name;

/// From the first version that knows isolation; version 8 is about tiered storage.
const VERSIONS: RangeInclusive<i16> = 2..=7;

/// A place in a partition that its leader knows the offset of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    /// The first record that is there.
    Beginning,
    /// The next record to be written, as far as consumers may see.
    End,
    /// The same as consumers that read committed transactions only have it: the first record of one that is open, if there is one.
    StableEnd,
    /// The first record with this time or a later one; the end where there is none.
    Time(Timestamp),
}

impl Position {
    /// What stands for it on the wire. Source: Kafka `ListOffsetsRequest`.
    fn timestamp(self) -> i64 {
        match self {
            Position::Beginning => -2,
            Position::End | Position::StableEnd => -1,
            Position::Time(timestamp) => timestamp.0,
        }
    }

    /// Source: Kafka `IsolationLevel`.
    fn isolation_level(self) -> i8 {
        match self {
            Position::StableEnd => 1,
            Position::Beginning | Position::End | Position::Time(_) => 0,
        }
    }
}

/// The offset of `position` in each of `partitions`. Errors: one of them has no leader for as long as the session tries, or refuses.
pub(super) async fn find(
    session: &Session,
    topic: &str,
    partitions: &[i32],
    position: Position,
) -> anyhow::Result<BTreeMap<i32, i64>> {
    let ask = async || {
        session.cluster.metadata(Topics::Named(&[topic])).await?;
        ask_leaders(session, topic, partitions, position).await.into_iter().collect::<anyhow::Result<_>>()
    };
    let mut offsets: BTreeMap<i32, i64> = session.retrying(ask).await?;
    // No record has such a time.
    let missing: Vec<i32> = offsets.iter().filter(|(_, offset)| **offset < 0).map(|(index, _)| *index).collect();
    if !missing.is_empty() && position != Position::End {
        offsets.extend(Box::pin(find(session, topic, &missing, Position::End)).await?);
    }
    Ok(offsets)
}

/// The same, in one try and without the partitions whose leader does not tell.
pub(super) async fn known(
    session: &Session,
    topic: &str,
    partitions: &[i32],
    position: Position,
) -> BTreeMap<i32, i64> {
    ask_leaders(session, topic, partitions, position).await.into_iter().flatten().collect()
}

async fn ask_leaders(
    session: &Session,
    topic: &str,
    partitions: &[i32],
    position: Position,
) -> Vec<anyhow::Result<(i32, i64)>> {
    let mut led: BTreeMap<Option<BrokerId>, Vec<i32>> = BTreeMap::new();
    for partition in partitions {
        led.entry(session.cluster.leader(topic, *partition)).or_default().push(*partition);
    }
    let asked = led.into_iter().map(async |(leader, partitions)| {
        match ask_leader(session, topic, leader, &partitions, position).await {
            Ok(offsets) => offsets,
            Err(error) => vec![Err(error)],
        }
    });
    join_all(asked).await.into_iter().flatten().collect()
}

async fn ask_leader(
    session: &Session,
    topic: &str,
    leader: Option<BrokerId>,
    partitions: &[i32],
    position: Position,
) -> anyhow::Result<Vec<anyhow::Result<(i32, i64)>>> {
    let leader = leader.ok_or_else(Refusal::no_leader)?;
    let broker = session.cluster.broker(leader).await?.ok_or_else(Refusal::no_leader)?;
    let partition = |index: &i32| {
        ListOffsetsPartition::default()
            .with_partition_index(*index)
            .with_current_leader_epoch(-1)
            .with_timestamp(position.timestamp())
    };
    let asked = ListOffsetsTopic::default()
        .with_name(topic_name(topic))
        .with_partitions(partitions.iter().map(partition).collect());
    let request = ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_isolation_level(position.isolation_level())
        .with_topics(vec![asked]);
    let response = broker.call(VERSIONS, &request).await?;
    let answered = response.topics.into_iter().next().context("the broker tells no offsets")?.partitions;
    let offset = |found: &ListOffsetsPartitionResponse| {
        let refused = Refusal::check(found.error_code, None);
        refused.with_context(|| format!("partition {}", found.partition_index))?;
        Ok((found.partition_index, found.offset))
    };
    Ok(answered.iter().map(offset).collect())
}
