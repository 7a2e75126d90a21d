//! Consumer groups, their offsets, and share groups.

use super::reasons::NO_GROUPS;
use super::settings;
use crate::spec::Setting;

settings! {
    names {
        /// Partitions of `__consumer_offsets`.
        _ = Setting::int("offsets.topic.num.partitions").default("50").at_least(1).without_effect(NO_GROUPS);

        /// Replicas of `__consumer_offsets`.
        _ = Setting::short("offsets.topic.replication.factor").default("3").at_least(1).without_effect(NO_GROUPS);

        /// The size at which a segment of `__consumer_offsets` is closed.
        _ = Setting::int("offsets.topic.segment.bytes").default("104857600").at_least(1).without_effect(NO_GROUPS);

        /// How long the offsets of a group that is empty are kept.
        _ = Setting::int("offsets.retention.minutes").default("10080").at_least(1).without_effect(NO_GROUPS);

        /// How long a new group waits for further members before its first rebalance.
        _ = Setting::int("group.initial.rebalance.delay.ms").default("3000").without_effect(NO_GROUPS);

        /// Replicas of `__share_group_state`.
        _ = Setting::short("share.coordinator.state.topic.replication.factor").default("3").at_least(1)
            .without_effect(NO_GROUPS);

        /// How many replicas of `__share_group_state` must be in sync for it to be written.
        _ = Setting::short("share.coordinator.state.topic.min.isr").default("2").at_least(1).without_effect(NO_GROUPS);
    }
}
