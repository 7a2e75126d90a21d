//! Topic names and partitions.

use std::fmt;
use std::sync::Arc;

/// A topic's name that is known to be legal, and so safe as part of a file name.
///
/// 1 to 249 characters out of `[a-zA-Z0-9._-]`, and neither `.` nor `..`. Source: Kafka `Topic.validate`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Arc<str>);

/// Why a string is no topic name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTopicName {
    /// The empty string.
    #[error("a topic name may not be empty")]
    Empty,
    /// `.` or `..`.
    #[error("a topic name may not be \".\" or \"..\"")]
    Dots,
    /// Longer than [`TopicName::LENGTH_MAX`].
    #[error("a topic name has at most {} characters, this one has {length}", TopicName::LENGTH_MAX)]
    TooLong {
        /// The name's length in bytes.
        length: usize,
    },
    /// A character outside `[a-zA-Z0-9._-]`.
    #[error("a topic name holds only ASCII letters, digits, \".\", \"_\" and \"-\", not {found:?}")]
    Character {
        /// The first such character.
        found: char,
    },
}

impl TopicName {
    /// The longest name, in characters: with `-` and the partition it must still be a file name.
    pub const LENGTH_MAX: usize = 249;

    /// Checks `name`. It is copied: a name never keeps the frame alive that it came in.
    pub fn new(name: &str) -> Result<TopicName, InvalidTopicName> {
        if name.is_empty() {
            return Err(InvalidTopicName::Empty);
        }
        if name == "." || name == ".." {
            return Err(InvalidTopicName::Dots);
        }
        if let Some(found) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
            return Err(InvalidTopicName::Character { found });
        }
        if name.len() > Self::LENGTH_MAX {
            return Err(InvalidTopicName::TooLong { length: name.len() });
        }
        Ok(TopicName(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the two names would be one in a metric that has `.` replaced by `_`; Kafka refuses the second of such a pair.
    pub fn collides_with(&self, other: &TopicName) -> bool {
        self.0.len() == other.0.len()
            && self.0.bytes().zip(other.0.bytes()).all(|(a, b)| a == b || matches!((a, b), (b'.', b'_') | (b'_', b'.')))
    }
}

impl std::borrow::Borrow<str> for TopicName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

/// The number of a partition in its topic, counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionIndex(pub i32);

impl fmt::Display for PartitionIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for PartitionIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One partition, by name. Shown as its folder is called: `topic-0`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: TopicName,
    /// The partition within it.
    pub partition: PartitionIndex,
}

impl TopicPartition {
    /// Names partition `partition` of `topic`.
    pub fn new(topic: TopicName, partition: PartitionIndex) -> TopicPartition {
        TopicPartition { topic, partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

impl fmt::Debug for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legal_names_are_kept_and_illegal_ones_say_why() {
        let check = |name: &str, expected: Option<InvalidTopicName>| {
            assert_eq!(TopicName::new(name).err(), expected, "{name:?}")
        };
        check("orders", None);
        check("a.b_c-D9", None);
        check(&"x".repeat(249), None);
        check("", Some(InvalidTopicName::Empty));
        check(".", Some(InvalidTopicName::Dots));
        check("..", Some(InvalidTopicName::Dots));
        check("../etc", Some(InvalidTopicName::Character { found: '/' }));
        check("größe", Some(InvalidTopicName::Character { found: 'ö' }));
        check(&"x".repeat(250), Some(InvalidTopicName::TooLong { length: 250 }));
    }

    #[test]
    fn dots_and_underscores_collide() {
        let name = |s| TopicName::new(s).expect("a legal name");
        assert!(name("a.b").collides_with(&name("a_b")));
        assert!(name("a.b").collides_with(&name("a.b")));
        assert!(!name("a.b").collides_with(&name("a-b")));
        assert!(!name("a.b").collides_with(&name("a.bc")));
    }
}
