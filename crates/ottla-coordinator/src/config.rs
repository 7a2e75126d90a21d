//! [`Config`]: the settings that the coordinator of a shard is run with.

use std::time::Duration;

/// What the settings say about groups. The names of the settings stand beside the fields; the defaults are the settings' table's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// How long the first rebalance of an empty group waits for more members: `group.initial.rebalance.delay.ms`.
    pub initial_rebalance_delay: Duration,
    /// The shortest session that a member may ask for: `group.min.session.timeout.ms`.
    pub session_timeout_min: Duration,
    /// The longest: `group.max.session.timeout.ms`.
    pub session_timeout_max: Duration,
    /// The most members of a group: `group.max.size`.
    pub members_max: usize,
    /// The longest metadata of a committed offset, in UTF-16 units as Kafka counts it: `offset.metadata.max.bytes`.
    pub offset_metadata_max: usize,
    /// How long an offset outlives its group's last member, or its own commit: `offsets.retention.minutes`.
    pub offsets_retention: Duration,
    /// How often offsets that are due are looked for: `offsets.retention.check.interval.ms`.
    pub offsets_retention_check_interval: Duration,
}
