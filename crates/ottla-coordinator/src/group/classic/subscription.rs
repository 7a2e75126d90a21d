//! Which topics a consumer group reads, as far as the broker can tell: retention and OffsetDelete spare them.

use std::collections::BTreeSet;

use super::ClassicGroup;

const CONSUMER: &str = "consumer";

impl ClassicGroup {
    /// Whether its members speak the consumer protocol, so that the broker can read their subscriptions.
    pub(crate) fn is_of_consumers(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER)
    }

    /// The topics that the members of a consumer group subscribe to. None where that cannot be told: a first rebalance is going on, or
    /// a subscription is of no known form.
    pub(crate) fn subscribed_topics(&self) -> Option<BTreeSet<String>> {
        if !self.is_of_consumers() {
            return None;
        }
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            let subscription = member.metadata(self.protocol_name.as_deref()?)?;
            topics.extend(parse_topics(subscription)?);
        }
        Some(topics)
    }
}

/// The topics of a subscription. They come first in every version of it: a version, a count, and a string for each.
fn parse_topics(subscription: &[u8]) -> Option<Vec<String>> {
    let (_version, rest) = subscription.split_first_chunk::<2>()?;
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let mut topics = Vec::new();
    for _ in 0..i32::from_be_bytes(*count) {
        let (len, from_topic) = rest.split_first_chunk::<2>()?;
        let (topic, from_next) = from_topic.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        topics.push(std::str::from_utf8(topic).ok()?.to_owned());
        rest = from_next;
    }
    Some(topics)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::subscription;

    #[test]
    fn the_topics_of_a_subscription_are_read_whatever_follows() {
        let mut bytes = subscription(&["orders", "payments"]).to_vec();
        bytes.extend_from_slice(b"user data");
        assert_eq!(parse_topics(&bytes), Some(vec!["orders".to_owned(), "payments".to_owned()]));
    }

    #[test]
    fn what_is_no_subscription_has_no_topics() {
        let forged = [&[0, 0][..], &i32::MAX.to_be_bytes()].concat();
        for bytes in [&b""[..], b"x", b"\0\0\0\0\0\x01\0\x05abc", b"\0\0\0\0\0\x01\0\x01\xff", &forged] {
            assert_eq!(parse_topics(bytes), None, "{bytes:?}");
        }
    }
}
