//! OffsetCommit: which offsets are taken, and as what.
//!
//! Source: Kafka `OffsetMetadataManager.commitOffset`.

use std::sync::Arc;
use std::time::Duration;

use ottla_base::{LeaderEpoch, Offset, Timestamp, TopicId, TopicPartition};

use super::Decision;
use crate::record::{CommittedOffset, Record, STRING_LEN_MAX};
use crate::{Config, Error};

/// What a client asks for with OffsetCommit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitOffsets {
    /// The group.
    pub group_id: String,
    /// The member; empty for a consumer that assigns its partitions itself, and for an administrator.
    pub member_id: String,
    /// Its name, if it is static.
    pub group_instance_id: Option<String>,
    /// The generation that the member is in; negative without one. Such a commit is taken while the group has no members.
    pub generation_id: i32,
    /// How long the offsets are kept, whatever the settings say (versions 2 to 4).
    pub retention: Option<Duration>,
    /// The offsets, each of a partition that exists: that is the caller's to see to.
    pub offsets: Vec<OffsetToCommit>,
}

/// One offset of a [`CommitOffsets`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetToCommit {
    /// The partition.
    pub topic_partition: TopicPartition,
    /// The topic's id, where the client named it by that (version 10).
    pub topic_id: Option<TopicId>,
    /// The next offset to read.
    pub offset: Offset,
    /// The leader epoch of the last record read, if it was told.
    pub leader_epoch: Option<LeaderEpoch>,
    /// What the client keeps beside the offset.
    pub metadata: String,
}

impl CommitOffsets {
    /// One answer for each offset, and the records of those that are taken.
    pub(crate) fn decide(&self, config: &Config, now: Timestamp) -> Result<Decision, Error> {
        if self.group_id.len() > STRING_LEN_MAX {
            return Err(Error::FieldTooLong { field: "group id" });
        }
        let group_id: Arc<str> = self.group_id.as_str().into();
        let mut records = Vec::with_capacity(self.offsets.len());
        let results = self.offsets.iter().map(|offset| {
            check_metadata(&offset.metadata, config)?;
            records.push(Record::OffsetCommit {
                group_id: group_id.clone(),
                topic_partition: offset.topic_partition.clone(),
                value: Some(self.committed(offset, now)),
            });
            Ok(())
        });
        let results = results.collect();
        Ok(Decision { results, records })
    }

    fn committed(&self, offset: &OffsetToCommit, now: Timestamp) -> CommittedOffset {
        let retention_ms = self.retention.map(|retention| i64::try_from(retention.as_millis()).unwrap_or(i64::MAX));
        let expire_timestamp = retention_ms.map(|retention_ms| Timestamp(now.0.saturating_add(retention_ms)));
        // The record of an offset that has an expiry of its own has no room for the other two.
        let has_room = expire_timestamp.is_none();
        CommittedOffset {
            offset: offset.offset,
            leader_epoch: offset.leader_epoch.filter(|_| has_room),
            metadata: offset.metadata.as_str().into(),
            commit_timestamp: now,
            expire_timestamp,
            topic_id: offset.topic_id.filter(|_| has_room),
        }
    }
}

/// Kafka counts as Java does, in UTF-16 units; the record counts bytes.
fn check_metadata(metadata: &str, config: &Config) -> Result<(), Error> {
    let fits = metadata.encode_utf16().count() <= config.offset_metadata_max && metadata.len() <= STRING_LEN_MAX;
    if fits { Ok(()) } else { Err(Error::OffsetMetadataTooLarge) }
}
