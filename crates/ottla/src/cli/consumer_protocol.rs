//! What the members of a consumer group tell one another through the broker, which does not read it: what each subscribes to, and which
//! partitions the leader gives it.
//!
//! ```text
//! subscription:  version int16 | topics [string] | user data, nullable bytes | what later versions add
//! assignment:    version int16 | [ topic string | partitions [int32] ] | user data, nullable bytes
//! ```
//!
//! Version 0 is written, which every client reads, and what all versions begin with is read. Source: Kafka `ConsumerProtocol`.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};

/// Partitions, by topic.
pub(super) type Partitions = BTreeMap<String, Vec<i32>>;

const VERSION: i16 = 0;

/// The length that stands for no user data.
const NO_USER_DATA: i32 = -1;

/// A subscription to `topics`, whose names are Kafka's: at most 249 bytes.
pub(super) fn subscription(topics: &[&str]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(VERSION);
    put_length(&mut out, topics.len());
    topics.iter().for_each(|topic| put_text(&mut out, topic));
    out.put_i32(NO_USER_DATA);
    out.freeze()
}

/// An assignment of `partitions`.
pub(super) fn assignment(partitions: &Partitions) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(VERSION);
    put_length(&mut out, partitions.len());
    for (topic, partitions) in partitions {
        put_text(&mut out, topic);
        put_length(&mut out, partitions.len());
        partitions.iter().for_each(|partition| out.put_i32(*partition));
    }
    out.put_i32(NO_USER_DATA);
    out.freeze()
}

/// The topics of a subscription; `None` where the bytes are none.
pub(super) fn subscribed_topics(subscription: &[u8]) -> Option<Vec<String>> {
    let mut rest = Reader(subscription);
    rest.int16()?;
    (0..rest.int32()?).map(|_| rest.text()).collect()
}

/// The partitions of an assignment: none where there are no bytes, as of a member that the leader forgot; `None` where the bytes are no
/// assignment.
pub(super) fn assigned_partitions(assignment: &[u8]) -> Option<Partitions> {
    if assignment.is_empty() {
        return Some(Partitions::new());
    }
    let mut rest = Reader(assignment);
    rest.int16()?;
    let topics = rest.int32()?;
    let topic = |_| {
        let topic = rest.text()?;
        let partitions = (0..rest.int32()?).map(|_| rest.int32()).collect::<Option<_>>()?;
        Some((topic, partitions))
    };
    (0..topics).map(topic).collect()
}

fn put_length(out: &mut BytesMut, length: usize) {
    out.put_i32(i32::try_from(length).expect("fewer than fit into a frame"));
}

fn put_text(out: &mut BytesMut, text: &str) {
    out.put_i16(i16::try_from(text.len()).expect("topics have short names"));
    out.put_slice(text.as_bytes());
}

/// What is left of a message.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn int16(&mut self) -> Option<i16> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i16::from_be_bytes(*number))
    }

    fn int32(&mut self) -> Option<i32> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(i32::from_be_bytes(*number))
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.int16()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(std::str::from_utf8(text).ok()?.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn partitions(topics: &[(&str, &[i32])]) -> Partitions {
        topics.iter().map(|(topic, partitions)| ((*topic).to_owned(), partitions.to_vec())).collect()
    }

    /// As Kafka's `ConsumerProtocol` writes it: owned partitions, a generation and a rack follow what every version has.
    #[test]
    fn later_versions_begin_as_the_first_one_does() {
        let newest = b"\0\x03\0\0\0\x02\0\x01a\0\x01b\xff\xff\xff\xff\0\0\0\0\0\0\0\x07\xff\xff";
        assert_eq!(subscribed_topics(newest), Some(vec!["a".to_owned(), "b".to_owned()]));
        let newest = b"\0\x03\0\0\0\x01\0\x01a\0\0\0\x02\0\0\0\0\0\0\0\x05\0\0\0\0";
        assert_eq!(assigned_partitions(newest), Some(partitions(&[("a", &[0, 5])])));
    }

    #[test]
    fn a_member_without_an_assignment_has_no_partitions() {
        assert_eq!(assigned_partitions(b""), Some(Partitions::new()));
    }

    #[test]
    fn what_is_cut_off_or_forged_is_no_message() {
        let whole = assignment(&partitions(&[("orders", &[1, 2])]));
        let user_data = 4;
        for length in 1..whole.len() - user_data {
            assert_eq!(assigned_partitions(&whole[..length]), None, "{length}");
        }
        assert_eq!(subscribed_topics(b"\0\0\x7f\xff\xff\xff\0\x01a"), None);
        assert_eq!(subscribed_topics(b"\0\0\0\0\0\x01\xff\xff"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(topics in prop::collection::btree_map("[a-z]{1,9}", prop::collection::vec(0..99_i32, 0..5), 0..5)) {
            prop_assert_eq!(assigned_partitions(&assignment(&topics)), Some(topics.clone()));
            let names: Vec<&str> = topics.keys().map(String::as_str).collect();
            prop_assert_eq!(subscribed_topics(&subscription(&names)), Some(topics.keys().cloned().collect()));
        }

        #[test]
        fn any_bytes_are_a_message_or_none(bytes: Vec<u8>) {
            let _ = (subscribed_topics(&bytes), assigned_partitions(&bytes));
        }
    }
}
