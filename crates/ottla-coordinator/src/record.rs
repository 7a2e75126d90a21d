//! [`Record`]: what `__consumer_offsets` holds of classic groups and their offsets, in Kafka's own schemas.
//!
//! A record's key begins with the number of its schema (Kafka's *key version*), its value with the version of its own:
//!
//! | key | schema | value versions read | written |
//! |--:|---|---|---|
//! | 0, 1 | OffsetCommit | 0–4 | 4; 1 where the offset has an expiry of its own |
//! | 2 | GroupMetadata | 0–4 | 3 |
//!
//! What is written is what Kafka 4.3 writes (`GroupCoordinatorRecordHelpers`), so that its tools read it. A record without a value is a
//! tombstone. What cannot be read is refused with a reason: [`Unreadable`].

mod codec;
mod group_metadata;
mod offset_commit;

use std::sync::Arc;

use ottla_base::TopicPartition;

use codec::Reader;
pub(crate) use codec::STRING_LEN_MAX;
pub use codec::Unreadable;
pub use group_metadata::{GroupMetadata, MemberMetadata};
pub use offset_commit::CommittedOffset;

const LEGACY_OFFSET_COMMIT: i16 = 0;
const OFFSET_COMMIT: i16 = 1;
const GROUP_METADATA: i16 = 2;

/// A record of `__consumer_offsets`. No value means that what the key names has ended.
///
/// The strings in it are at most 32,767 bytes long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The offset that a group has committed for a partition.
    OffsetCommit {
        /// The group.
        group_id: Arc<str>,
        /// The partition that the offset is of.
        topic_partition: TopicPartition,
        /// The offset.
        value: Option<CommittedOffset>,
    },
    /// A group's generation: its members, their subscriptions and assignments.
    GroupMetadata {
        /// The group.
        group_id: Arc<str>,
        /// The generation.
        value: Option<GroupMetadata>,
    },
}

/// The key and the value of a record, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The key.
    pub key: Vec<u8>,
    /// The value; none is a tombstone.
    pub value: Option<Vec<u8>>,
}

impl Record {
    /// The record as it is written.
    pub fn encode(&self) -> Encoded {
        match self {
            Record::OffsetCommit { group_id, topic_partition, value } => Encoded {
                key: offset_commit::encode_key(OFFSET_COMMIT, group_id, topic_partition),
                value: value.as_ref().map(offset_commit::encode),
            },
            Record::GroupMetadata { group_id, value } => Encoded {
                key: group_metadata::encode_key(GROUP_METADATA, group_id),
                value: value.as_ref().map(group_metadata::encode),
            },
        }
    }

    /// Reads a record. Copies what it keeps.
    pub fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Record, Unreadable> {
        let mut reader = Reader::new(key.ok_or(Unreadable::NoKey)?);
        match reader.i16()? {
            LEGACY_OFFSET_COMMIT | OFFSET_COMMIT => {
                let (group_id, topic_partition) = offset_commit::decode_key(&mut reader)?;
                let value = value.map(offset_commit::decode).transpose()?;
                Ok(Record::OffsetCommit { group_id, topic_partition, value })
            }
            GROUP_METADATA => {
                let group_id = reader.string()?;
                let value = value.map(group_metadata::decode).transpose()?;
                Ok(Record::GroupMetadata { group_id, value })
            }
            version => Err(Unreadable::UnknownKeyVersion { version }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn records() -> impl Strategy<Value = Record> {
        let topic_partition = ("[a-z._-]{3,20}", any::<i32>()).prop_map(|(topic, partition)| TopicPartition {
            topic: ottla_base::TopicName::new(&topic).unwrap(),
            partition: ottla_base::PartitionIndex(partition),
        });
        prop_oneof![
            (".{0,20}", topic_partition, prop::option::of(offset_commit::tests::values())).prop_map(
                |(group_id, topic_partition, value)| Record::OffsetCommit {
                    group_id: group_id.into(),
                    topic_partition,
                    value
                }
            ),
            (".{0,20}", prop::option::of(group_metadata::tests::values()))
                .prop_map(|(group_id, value)| Record::GroupMetadata { group_id: group_id.into(), value }),
        ]
    }

    #[test]
    fn keys_of_newer_groups_are_refused_by_their_number() {
        for version in [-1, 3, 5, 16, i16::MAX] {
            let key = [&version.to_be_bytes()[..], b"anything"].concat();
            assert_eq!(Record::decode(Some(&key), None), Err(Unreadable::UnknownKeyVersion { version }));
        }
    }

    #[test]
    fn a_record_without_a_key_is_refused() {
        assert_eq!(Record::decode(None, Some(b"value")), Err(Unreadable::NoKey));
    }

    proptest! {
        #[test]
        fn records_read_back(record in records()) {
            let Encoded { key, value } = record.encode();
            prop_assert_eq!(Record::decode(Some(&key), value.as_deref()), Ok(record));
        }

        #[test]
        fn any_bytes_are_read_or_refused(
            version in 0_i16..4,
            key in prop::collection::vec(any::<u8>(), 0..40),
            value in prop::option::of(prop::collection::vec(any::<u8>(), 0..200)),
        ) {
            let key = [&version.to_be_bytes()[..], &key].concat();
            if let Ok(record) = Record::decode(Some(&key), value.as_deref()) {
                let Encoded { key, value } = record.encode();
                prop_assert_eq!(Record::decode(Some(&key), value.as_deref()), Ok(record));
            }
        }

        #[test]
        fn damaged_records_are_read_or_refused(record in records(), at in any::<prop::sample::Index>(), byte: u8) {
            let Encoded { key, value: Some(mut value) } = record.encode() else { return Ok(()) };
            let at = at.index(value.len());
            value[at] = byte;
            if let Ok(damaged) = Record::decode(Some(&key), Some(&value)) {
                let Encoded { key, value } = damaged.encode();
                prop_assert_eq!(Record::decode(Some(&key), value.as_deref()), Ok(damaged));
            }
            prop_assert!(Record::decode(Some(&key), Some(&value[..at])).is_err());
        }
    }
}
