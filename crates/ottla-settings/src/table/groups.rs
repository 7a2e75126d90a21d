//! Groups of the classic protocol, and what every group commits.

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

        /// How `__consumer_offsets` is compressed: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
        _ = Setting::int("offsets.topic.compression.codec").default("0").without_effect(NO_GROUPS);

        /// Bytes that are read at once when a coordinator loads `__consumer_offsets`.
        _ = Setting::int("offsets.load.buffer.size").default("5242880").at_least(1).without_effect(NO_GROUPS);

        /// How long a write to `__consumer_offsets` waits for the replicas.
        _ = Setting::int("offsets.commit.timeout.ms").default("5000").at_least(1).without_effect(NO_GROUPS);

        /// How often offsets that have outlived their retention are looked for.
        _ = Setting::long("offsets.retention.check.interval.ms").default("600000").at_least(1)
            .without_effect(NO_GROUPS);

        /// The longest text that a client may commit beside an offset.
        _ = Setting::int("offset.metadata.max.bytes").default("4096").without_effect(NO_GROUPS);

        /// The shortest session timeout that a member may ask for.
        _ = Setting::int("group.min.session.timeout.ms").default("6000").without_effect(NO_GROUPS);

        /// The longest session timeout that a member may ask for.
        _ = Setting::int("group.max.session.timeout.ms").default("1800000").without_effect(NO_GROUPS);

        /// How many members a group may have.
        _ = Setting::int("group.max.size").default("2147483647").at_least(1).without_effect(NO_GROUPS);

        /// The group protocols that are served.
        _ = Setting::list("group.coordinator.rebalance.protocols").default("classic,consumer,streams")
            .one_of(&["consumer", "classic", "share", "streams"]).without_effect(NO_GROUPS);

        /// Threads that handle the requests of groups.
        _ = Setting::int("group.coordinator.threads").default("4").at_least(1).without_effect(NO_GROUPS);

        /// Threads for work of the coordinator that may take long, such as assignments.
        _ = Setting::int("group.coordinator.background.threads").default("2").at_least(1).without_effect(NO_GROUPS);

        /// How long the coordinator gathers records before it appends them; -1 suits the wait to the load.
        _ = Setting::int("group.coordinator.append.linger.ms").default("-1").at_least(-1).without_effect(NO_GROUPS);

        /// The largest buffer that the coordinator keeps for its next batch.
        _ = Setting::int("group.coordinator.cached.buffer.max.bytes").default("1048588").at_least(524_288)
            .cluster_wide().without_effect(NO_GROUPS);
    }
}
