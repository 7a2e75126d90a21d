//! Kafka's checkpoint files: a version, a count, and as many lines of text.
//!
//! ```text
//! 0                    version; there is no other
//! 2                    number of entries
//! orders 0 1500        one entry a line, its fields separated by blanks
//! orders 1 900
//! ```
//!
//! The same frame holds offsets by partition (here) and a log's leader epochs. Source: Kafka `CheckpointFile`, `OffsetCheckpointFile`.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};
use std::str::FromStr;

use ottla_base::{Offset, PartitionIndex, TopicName, TopicPartition};

const VERSION: &str = "0";

/// The longest checkpoint file that is read, in bytes: a million partitions with long names.
pub const CHECKPOINT_LEN_MAX: u64 = 256 << 20;

/// A checkpoint file that Kafka would not read either.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedCheckpoint {
    /// It is no text.
    #[error("it is no UTF-8 text")]
    NoText,
    /// A version that we do not know.
    #[error("version {found:?} is not known, only {VERSION}")]
    Version {
        /// The first line.
        found: String,
    },
    /// The second line is no number.
    #[error("{found:?} is no number of entries")]
    Count {
        /// The second line.
        found: String,
    },
    /// More or fewer entries than announced: it was cut or written over.
    #[error("it announces {announced} entries and holds {found}")]
    EntryCount {
        /// What the second line says.
        announced: usize,
        /// What there is.
        found: usize,
    },
    /// A line that is no entry.
    #[error("line {line} is no entry: {found:?}")]
    Entry {
        /// The line's number, counted from 1.
        line: usize,
        /// What it holds.
        found: String,
    },
}

/// The file's bytes for `entries`, each shown as its line.
pub fn encode_lines<T: Display>(entries: impl ExactSizeIterator<Item = T>) -> Vec<u8> {
    let mut text = format!("{VERSION}\n{}\n", entries.len());
    for entry in entries {
        writeln!(text, "{entry}").expect("a string takes all that is written");
    }
    text.into_bytes()
}

/// Reads what [`encode_lines`] wrote; `parse` turns a line's fields into an entry, or says no.
pub fn decode_lines<T>(bytes: &[u8], parse: impl Fn(&[&str]) -> Option<T>) -> Result<Vec<T>, MalformedCheckpoint> {
    if bytes.is_empty() {
        return Ok(Vec::new()); // Kafka creates the file when it starts, and writes it later.
    }
    let text = std::str::from_utf8(bytes).map_err(|_| MalformedCheckpoint::NoText)?;
    let mut lines = text.lines();
    let version = lines.next().unwrap_or_default().trim();
    if version != VERSION {
        return Err(MalformedCheckpoint::Version { found: excerpt(version) });
    }
    let count = lines.next().unwrap_or_default().trim();
    let announced = count.parse().map_err(|_| MalformedCheckpoint::Count { found: excerpt(count) })?;
    let mut entries = Vec::new();
    for (index, line) in lines.enumerate() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let entry =
            parse(&fields).ok_or_else(|| MalformedCheckpoint::Entry { line: index + 3, found: excerpt(line) })?;
        entries.push(entry);
    }
    if entries.len() != announced {
        return Err(MalformedCheckpoint::EntryCount { announced, found: entries.len() });
    }
    Ok(entries)
}

/// A line of rubbish may be as long as the file: an error message shows its beginning.
fn excerpt(line: &str) -> String {
    line.chars().take(80).collect()
}

/// The file's bytes for offsets by partition.
pub fn encode_offsets(offsets: &BTreeMap<TopicPartition, Offset>) -> Vec<u8> {
    struct Line<'a>(&'a TopicPartition, Offset);
    impl Display for Line<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{} {} {}", self.0.topic, self.0.partition, self.1)
        }
    }
    encode_lines(offsets.iter().map(|(partition, offset)| Line(partition, *offset)))
}

/// Reads offsets by partition; where one is named twice the last line counts, as in Kafka.
pub fn decode_offsets(bytes: &[u8]) -> Result<BTreeMap<TopicPartition, Offset>, MalformedCheckpoint> {
    let entries = decode_lines(bytes, |fields| {
        let &[topic, partition, offset] = fields else {
            return None;
        };
        let topic = TopicName::new(topic).ok()?;
        let partition = PartitionIndex(parse_not_negative(partition)?);
        Some((TopicPartition::new(topic, partition), Offset(parse_not_negative(offset)?)))
    })?;
    Ok(entries.into_iter().collect())
}

fn parse_not_negative<N: FromStr + PartialOrd + Default>(text: &str) -> Option<N> {
    text.parse().ok().filter(|number| *number >= N::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn partition(topic: &str, partition: i32) -> TopicPartition {
        TopicPartition::new(TopicName::new(topic).expect("a legal name"), PartitionIndex(partition))
    }

    #[test]
    fn the_text_is_kafkas() {
        let offsets = BTreeMap::from([(partition("orders", 1), Offset(900)), (partition("orders", 0), Offset(1500))]);
        assert_eq!(encode_offsets(&offsets), b"0\n2\norders 0 1500\norders 1 900\n");
    }

    #[test]
    fn bad_contents_say_what_is_wrong() {
        let check = |text: &str, expected: MalformedCheckpoint| {
            assert_eq!(decode_offsets(text.as_bytes()), Err(expected), "{text:?}");
        };
        let entry = |line, found: &str| MalformedCheckpoint::Entry { line, found: found.to_owned() };
        check("\n", MalformedCheckpoint::Version { found: String::new() });
        check("1\n0\n", MalformedCheckpoint::Version { found: "1".to_owned() });
        check("0\n-1\n", MalformedCheckpoint::Count { found: "-1".to_owned() });
        check("0\n2\norders 0 1\n", MalformedCheckpoint::EntryCount { announced: 2, found: 1 });
        check("0\n0\norders 0 1\n", MalformedCheckpoint::EntryCount { announced: 0, found: 1 });
        check("0\n1\norders 0\n", entry(3, "orders 0"));
        check("0\n1\norders 0 1 2\n", entry(3, "orders 0 1 2"));
        check("0\n1\norders -1 0\n", entry(3, "orders -1 0"));
        check("0\n1\norders 0 -5\n", entry(3, "orders 0 -5"));
        check("0\n1\n../etc 0 5\n", entry(3, "../etc 0 5"));
        assert_eq!(decode_offsets(&[0xff]), Err(MalformedCheckpoint::NoText));
        assert_eq!(decode_offsets(b""), Ok(BTreeMap::new()));
    }

    proptest! {
        #[test]
        fn offsets_read_back(offsets in prop::collection::btree_map(("[a-zA-Z0-9_-]{1,20}", 0..i32::MAX), 0..i64::MAX, 0..20)) {
            let offsets = offsets.into_iter().map(|((topic, index), offset)| (partition(&topic, index), Offset(offset))).collect();
            prop_assert_eq!(decode_offsets(&encode_offsets(&offsets)), Ok(offsets));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, lines in "(0\n)?[0-9a-z \n-]{0,40}") {
            let _ = decode_offsets(&bytes);
            let _ = decode_offsets(lines.as_bytes());
        }
    }
}
