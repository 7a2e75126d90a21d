//! Key and value of the OffsetCommit schemas: [`CommittedOffset`].
//!
//! Writes value version 4, as Kafka 4.3 does, or 1 for an offset with an expiry of its own, which no later version has room for.

use std::sync::Arc;

use bytes::BufMut;
use ottla_base::{LeaderEpoch, Offset, PartitionIndex, Timestamp, TopicId, TopicName, TopicPartition, Uuid};

use super::codec::{Reader, Unreadable, put_compact_string, put_string, put_unsigned_varint};

const VALUE_VERSION: i16 = 4;
const VALUE_VERSION_WITH_EXPIRY: i16 = 1;
const TOPIC_ID_TAG: u32 = 0;

/// The offset from which a group goes on reading a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The next offset to read.
    pub offset: Offset,
    /// The leader epoch of the last record that was read, if the client told it (KIP-320).
    pub leader_epoch: Option<LeaderEpoch>,
    /// What the client keeps beside the offset.
    pub metadata: Arc<str>,
    /// When it was committed, by the broker's clock.
    pub commit_timestamp: Timestamp,
    /// When it ends, where the client said so (OffsetCommit 2 to 4). Such an offset has neither a leader epoch nor a topic id: its
    /// record has no room for them.
    pub expire_timestamp: Option<Timestamp>,
    /// The id of the topic, if the client committed by id (KIP-848, OffsetCommit 10).
    pub topic_id: Option<TopicId>,
}

pub(super) fn encode_key(schema: i16, group_id: &str, topic_partition: &TopicPartition) -> Vec<u8> {
    let mut out = Vec::with_capacity(10 + group_id.len() + topic_partition.topic.as_str().len());
    out.put_i16(schema);
    put_string(&mut out, group_id);
    put_string(&mut out, topic_partition.topic.as_str());
    out.put_i32(topic_partition.partition.0);
    out
}

pub(super) fn decode_key(reader: &mut Reader<'_>) -> Result<(Arc<str>, TopicPartition), Unreadable> {
    let group_id = reader.string()?;
    let topic = TopicName::new(&reader.string()?)?;
    let partition = PartitionIndex(reader.i32()?);
    Ok((group_id, TopicPartition { topic, partition }))
}

pub(super) fn encode(value: &CommittedOffset) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + value.metadata.len());
    match value.expire_timestamp {
        Some(expire_timestamp) => {
            out.put_i16(VALUE_VERSION_WITH_EXPIRY);
            out.put_i64(value.offset.0);
            put_string(&mut out, &value.metadata);
            out.put_i64(value.commit_timestamp.0);
            out.put_i64(expire_timestamp.0);
        }
        None => {
            out.put_i16(VALUE_VERSION);
            out.put_i64(value.offset.0);
            out.put_i32(value.leader_epoch.unwrap_or(LeaderEpoch::NONE).0);
            put_compact_string(&mut out, &value.metadata);
            out.put_i64(value.commit_timestamp.0);
            put_topic_id(&mut out, value.topic_id);
        }
    }
    out
}

fn put_topic_id(out: &mut Vec<u8>, topic_id: Option<TopicId>) {
    let Some(TopicId(Uuid(id))) = topic_id else { return put_unsigned_varint(out, 0) };
    put_unsigned_varint(out, 1);
    put_unsigned_varint(out, TOPIC_ID_TAG as usize);
    put_unsigned_varint(out, id.len());
    out.put_slice(&id);
}

pub(super) fn decode(bytes: &[u8]) -> Result<CommittedOffset, Unreadable> {
    let reader = &mut Reader::new(bytes);
    let version = reader.value_version(0..=4)?;
    let offset = Offset(reader.i64()?);
    let leader_epoch = if version >= 3 { LeaderEpoch(reader.i32()?) } else { LeaderEpoch::NONE };
    let metadata = reader.string()?;
    let commit_timestamp = Timestamp(reader.i64()?);
    let expire_timestamp = if version == 1 { Timestamp(reader.i64()?) } else { Timestamp::NONE };
    let mut topic_id = Uuid::ZERO;
    reader.tagged_fields(|tag, field| {
        if tag == TOPIC_ID_TAG {
            topic_id = Uuid(Reader::new(field).uuid()?);
        }
        Ok(())
    })?;
    Ok(CommittedOffset {
        offset,
        leader_epoch: Some(leader_epoch).filter(|epoch| *epoch != LeaderEpoch::NONE),
        metadata,
        commit_timestamp,
        expire_timestamp: Some(expire_timestamp).filter(|timestamp| *timestamp != Timestamp::NONE),
        topic_id: Some(TopicId(topic_id)).filter(|id| id.0 != Uuid::ZERO),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn values() -> impl Strategy<Value = CommittedOffset> {
        let expiry = prop::option::of((0..i64::MAX).prop_map(Timestamp));
        let topic_id = prop::option::of(any::<[u8; 16]>().prop_map(|mut id| {
            id[0] |= 1;
            TopicId(Uuid(id))
        }));
        (any::<i64>(), prop::option::of(0..i32::MAX), ".{0,20}", any::<i64>(), expiry, topic_id).prop_map(
            |(offset, leader_epoch, metadata, commit_timestamp, expire_timestamp, topic_id)| CommittedOffset {
                offset: Offset(offset),
                leader_epoch: leader_epoch.map(LeaderEpoch).filter(|_| expire_timestamp.is_none()),
                metadata: metadata.into(),
                commit_timestamp: Timestamp(commit_timestamp),
                expire_timestamp,
                topic_id: topic_id.filter(|_| expire_timestamp.is_none()),
            },
        )
    }

    fn value() -> CommittedOffset {
        CommittedOffset {
            offset: Offset(7),
            leader_epoch: None,
            metadata: "m".into(),
            commit_timestamp: Timestamp(9),
            expire_timestamp: None,
            topic_id: None,
        }
    }

    fn fields(version: i16, parts: &[&[u8]]) -> Vec<u8> {
        [&version.to_be_bytes()[..], &parts.concat()].concat()
    }

    #[test]
    fn values_are_kafkas_bytes() {
        let (offset, commit_timestamp) = (7_i64.to_be_bytes(), 9_i64.to_be_bytes());
        let plain = fields(4, &[&offset, &(-1_i32).to_be_bytes(), b"\x02m", &commit_timestamp, &[0]]);
        assert_eq!(encode(&value()), plain);

        let id = [5; 16];
        let with_id = fields(4, &[&offset, &3_i32.to_be_bytes(), b"\x02m", &commit_timestamp, &[1, 0, 16], &id]);
        let value_with_id =
            CommittedOffset { leader_epoch: Some(LeaderEpoch(3)), topic_id: Some(TopicId(Uuid(id))), ..value() };
        assert_eq!(encode(&value_with_id), with_id);

        let expiring = fields(1, &[&offset, b"\x00\x01m", &commit_timestamp, &11_i64.to_be_bytes()]);
        assert_eq!(encode(&CommittedOffset { expire_timestamp: Some(Timestamp(11)), ..value() }), expiring);
    }

    #[test]
    fn older_versions_are_read() {
        let (offset, commit_timestamp) = (7_i64.to_be_bytes(), 9_i64.to_be_bytes());
        for version in [0, 2] {
            assert_eq!(decode(&fields(version, &[&offset, b"\x00\x01m", &commit_timestamp])), Ok(value()));
        }
        let third = fields(3, &[&offset, &3_i32.to_be_bytes(), b"\x00\x01m", &commit_timestamp]);
        assert_eq!(decode(&third), Ok(CommittedOffset { leader_epoch: Some(LeaderEpoch(3)), ..value() }));
    }

    #[test]
    fn unknown_tagged_fields_are_skipped() {
        let (offset, commit_timestamp) = (7_i64.to_be_bytes(), 9_i64.to_be_bytes());
        let tagged = fields(4, &[&offset, &(-1_i32).to_be_bytes(), b"\x02m", &commit_timestamp, b"\x01\x09\x02xy"]);
        assert_eq!(decode(&tagged), Ok(value()));
    }

    #[test]
    fn unknown_versions_are_refused() {
        assert_eq!(decode(&fields(5, &[])), Err(Unreadable::UnknownValueVersion { version: 5 }));
    }
}
