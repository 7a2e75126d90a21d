//! When offsets end by themselves, and groups with them.
//!
//! An offset that carries an expiry of its own ends then. Any other ends `offsets.retention.minutes` after
//!
//! - it was committed, in a group that only commits;
//! - the group became empty, in one that had members;
//! - it was committed, in a stable consumer group that does not subscribe to the topic (any more).
//!
//! While a group rebalances, or its members are not consumers, nothing ends. Only recorded facts are looked at, so that a coordinator
//! that has just loaded the group judges as the one before it did. Source: Kafka `ClassicGroup.offsetExpirationCondition`,
//! `OffsetMetadataManager.cleanupExpiredOffsets`.

use std::sync::Arc;
use std::time::Duration;

use ottla_base::Timestamp;

use super::delete::tombstone;
use crate::group::Group;
use crate::record::{CommittedOffset, Record};

/// From when an offset's retention counts.
enum Retention {
    /// From its commit.
    OfCommit,
    /// From the time at which the group became empty.
    Since(Timestamp),
    /// Nothing ends.
    Forever,
}

impl Group {
    /// The tombstones of what has ended, the group's own among them where nothing is left of it.
    pub(crate) fn expire(&self, group_id: &Arc<str>, retention: Duration, now: Timestamp) -> Vec<Record> {
        let counts_from = self.retention();
        let is_subscribed = self.subscriptions();
        let (expired, kept): (Vec<_>, Vec<_>) = self
            .offsets
            .iter()
            .partition(|(partition, offset)| !is_subscribed(partition) && counts_from.is_over(offset, retention, now));
        let is_over = kept.is_empty() && self.classic.is_empty() && self.is_recorded;
        let own = is_over.then(|| Record::GroupMetadata { group_id: group_id.clone(), value: None });
        expired.iter().map(|(partition, _)| tombstone(group_id, partition)).chain(own).collect()
    }

    fn retention(&self) -> Retention {
        let classic = &self.classic;
        if classic.is_simple() {
            Retention::OfCommit
        } else if classic.is_empty() {
            // Records of old have no time.
            classic.state_timestamp().map_or(Retention::OfCommit, Retention::Since)
        } else if classic.is_settled() && classic.subscribed_topics().is_some() {
            Retention::OfCommit
        } else {
            Retention::Forever
        }
    }
}

impl Retention {
    fn is_over(&self, offset: &CommittedOffset, retention: Duration, now: Timestamp) -> bool {
        let since = match self {
            Retention::OfCommit => offset.commit_timestamp,
            Retention::Since(timestamp) => *timestamp,
            Retention::Forever => return false,
        };
        match offset.expire_timestamp {
            Some(expire_timestamp) => now >= expire_timestamp,
            None => i128::from(now.0) - i128::from(since.0) >= retention.as_millis() as i128,
        }
    }
}
