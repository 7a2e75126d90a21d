//! [`PartitionFolder`]: what a folder's name says in a log directory.
//!
//! | name | what it holds |
//! |---|---|
//! | `topic-3` | partition 3 of `topic` |
//! | `topic-3.<32 hex digits>-delete` | a deleted partition, removed once nobody reads it any more |
//! | `topic-3.<32 hex digits>-stray` | a partition that the metadata does not know: kept for the operator |
//! | `topic-3.<32 hex digits>-future` | Kafka's copy in a move between directories |
//!
//! Source: Kafka `LocalLog.logDeleteDirName`, `logStrayDirName`, `parseTopicPartitionName`.

use std::fmt::Write;

use ottla_base::{Entropy, PartitionIndex, TopicName, TopicPartition};

const DELETE_SUFFIX: &str = "-delete";
const STRAY_SUFFIX: &str = "-stray";
const FUTURE_SUFFIX: &str = "-future";
/// Where the metadata quorum keeps its files in a log directory: named like a partition, as in Kafka, and none.
pub const QUORUM_FOLDER: &str = "__cluster_metadata-0";

/// The longest file name of the common file systems, in bytes.
const NAME_LEN_MAX: usize = 255;

/// What a folder in a log directory is, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionFolder {
    /// A partition.
    Live(TopicPartition),
    /// A deleted partition that still has to be removed.
    Delete,
    /// A partition moved aside.
    Stray,
    /// Half of a move between directories, which Ottla does not do.
    Future,
}

impl PartitionFolder {
    /// What the folder called `name` is; `None` where it is none of ours.
    pub fn parse(name: &str) -> Option<PartitionFolder> {
        let has_id = || name.rsplit_once('.').is_some();
        if name.ends_with(DELETE_SUFFIX) && has_id() {
            return Some(PartitionFolder::Delete);
        }
        if name.ends_with(STRAY_SUFFIX) && has_id() {
            return Some(PartitionFolder::Stray);
        }
        if name.ends_with(FUTURE_SUFFIX) && has_id() {
            return Some(PartitionFolder::Future);
        }
        if name == QUORUM_FOLDER {
            return None;
        }
        let (topic, index) = name.rsplit_once('-')?;
        let topic = TopicName::new(topic).ok()?;
        let number: i32 = index.parse().ok().filter(|number| *number >= 0)?;
        // "orders-03" and "orders-+3" are not how partition 3 is called: two folders must not be one partition.
        (number.to_string() == index).then(|| PartitionFolder::Live(TopicPartition::new(topic, PartitionIndex(number))))
    }

    /// The name under which a deleted partition waits for its removal; never the same twice.
    pub fn delete_name(partition: &TopicPartition, entropy: &dyn Entropy) -> String {
        aside_name(partition, DELETE_SUFFIX, entropy)
    }

    /// The name under which a partition is moved aside; never the same twice.
    pub fn stray_name(partition: &TopicPartition, entropy: &dyn Entropy) -> String {
        aside_name(partition, STRAY_SUFFIX, entropy)
    }
}

/// The topic's name is cut where the whole would be too long for a file name.
fn aside_name(partition: &TopicPartition, suffix: &str, entropy: &dyn Entropy) -> String {
    let mut id = [0; 16];
    entropy.fill(&mut id);
    let mut tail = format!("-{}.", partition.partition);
    for byte in id {
        write!(tail, "{byte:02x}").expect("a string takes all that is written");
    }
    tail += suffix;
    let topic = partition.topic.as_str();
    format!("{}{tail}", &topic[..topic.len().min(NAME_LEN_MAX - tail.len())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_base::SeededEntropy;
    use proptest::prelude::*;

    fn partition(topic: &str, index: i32) -> TopicPartition {
        TopicPartition::new(TopicName::new(topic).expect("a legal name"), PartitionIndex(index))
    }

    #[test]
    fn names_tell_what_a_folder_is() {
        let check = |name: &str, expected: Option<PartitionFolder>| {
            assert_eq!(PartitionFolder::parse(name), expected, "{name}")
        };
        check("orders-3", Some(PartitionFolder::Live(partition("orders", 3))));
        check("a-b.c_d-12", Some(PartitionFolder::Live(partition("a-b.c_d", 12))));
        check("orders--3", Some(PartitionFolder::Live(partition("orders-", 3))));
        check("x.9-delete-0", Some(PartitionFolder::Live(partition("x.9-delete", 0))));
        check("orders-3.0123456789abcdef0123456789abcdef-delete", Some(PartitionFolder::Delete));
        check("orders-3.0123456789abcdef0123456789abcdef-stray", Some(PartitionFolder::Stray));
        check("orders-3.0123456789abcdef0123456789abcdef-future", Some(PartitionFolder::Future));
        for name in ["orders", "orders-", "orders-03", "orders-+3", "-3", "lost+found", "orders-4294967296"] {
            check(name, None);
        }
    }

    proptest! {
        #[test]
        fn partitions_and_what_is_moved_aside_read_back(topic in "[a-zA-Z0-9._-]{1,249}", index in 0..i32::MAX, seed: u64) {
            prop_assume!(topic != "." && topic != "..");
            let (partition, entropy) = (partition(&topic, index), SeededEntropy::new(seed));
            prop_assert_eq!(PartitionFolder::parse(&partition.to_string()), Some(PartitionFolder::Live(partition.clone())));
            let names = [PartitionFolder::delete_name(&partition, &entropy), PartitionFolder::stray_name(&partition, &entropy)];
            prop_assert_eq!(PartitionFolder::parse(&names[0]), Some(PartitionFolder::Delete));
            prop_assert_eq!(PartitionFolder::parse(&names[1]), Some(PartitionFolder::Stray));
            prop_assert!(names.iter().all(|name| name.len() <= 255));
        }
    }
}
