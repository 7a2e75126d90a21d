//! Share groups and the coordinator of their state (KIP-932).

use super::reasons::NO_SHARE_GROUPS;
use super::settings;
use crate::spec::Setting;

settings! {
    names {
        /// A member that is silent for so long leaves its group.
        _ = Setting::int("group.share.session.timeout.ms").default("45000").at_least(1).without_effect(NO_SHARE_GROUPS);

        /// The least that a group's own `share.session.timeout.ms` may be.
        _ = Setting::int("group.share.min.session.timeout.ms").default("45000").at_least(1)
            .without_effect(NO_SHARE_GROUPS);

        /// The most that a group's own `share.session.timeout.ms` may be.
        _ = Setting::int("group.share.max.session.timeout.ms").default("60000").at_least(1)
            .without_effect(NO_SHARE_GROUPS);

        /// How often members are told to send heartbeats.
        _ = Setting::int("group.share.heartbeat.interval.ms").default("5000").at_least(1)
            .without_effect(NO_SHARE_GROUPS);

        /// The least that a group's own `share.heartbeat.interval.ms` may be.
        _ = Setting::int("group.share.min.heartbeat.interval.ms").default("5000").at_least(1)
            .without_effect(NO_SHARE_GROUPS);

        /// The most that a group's own `share.heartbeat.interval.ms` may be.
        _ = Setting::int("group.share.max.heartbeat.interval.ms").default("15000").at_least(1)
            .without_effect(NO_SHARE_GROUPS);

        /// The shortest time between two assignments of a group.
        _ = Setting::int("group.share.assignment.interval.ms").default("1000").at_least(0).cluster_wide()
            .without_effect(NO_SHARE_GROUPS);

        /// The least that a group's own `share.assignment.interval.ms` may be.
        _ = Setting::int("group.share.min.assignment.interval.ms").default("0").at_least(0)
            .without_effect(NO_SHARE_GROUPS);

        /// The most that a group's own `share.assignment.interval.ms` may be.
        _ = Setting::int("group.share.max.assignment.interval.ms").default("15000").at_least(0)
            .without_effect(NO_SHARE_GROUPS);

        /// How many members a group may have.
        _ = Setting::int("group.share.max.size").default("200").between(1, 1000).without_effect(NO_SHARE_GROUPS);

        /// How partitions are assigned, by name: exactly one.
        _ = Setting::list("group.share.assignors").default("simple").without_effect(NO_SHARE_GROUPS);

        /// How many share sessions the broker keeps.
        _ = Setting::int("group.share.max.share.sessions").default("2000").at_least(1).without_effect(NO_SHARE_GROUPS);

        /// How often a record is delivered before it is given up.
        _ = Setting::int("group.share.delivery.count.limit").default("5").between(2, 10)
            .without_effect(NO_SHARE_GROUPS);

        /// The least that a group's own `share.delivery.count.limit` may be.
        _ = Setting::int("group.share.min.delivery.count.limit").default("2").between(2, 5)
            .without_effect(NO_SHARE_GROUPS);

        /// The most that a group's own `share.delivery.count.limit` may be.
        _ = Setting::int("group.share.max.delivery.count.limit").default("10").between(5, 25)
            .without_effect(NO_SHARE_GROUPS);

        /// How long a member has a record to itself before another may get it.
        _ = Setting::int("group.share.record.lock.duration.ms").default("30000").between(1000, 3_600_000)
            .without_effect(NO_SHARE_GROUPS);

        /// The least that a group's own `share.record.lock.duration.ms` may be.
        _ = Setting::int("group.share.min.record.lock.duration.ms").default("15000").between(1000, 30_000)
            .without_effect(NO_SHARE_GROUPS);

        /// The most that a group's own `share.record.lock.duration.ms` may be.
        _ = Setting::int("group.share.max.record.lock.duration.ms").default("60000").between(30_000, 3_600_000)
            .without_effect(NO_SHARE_GROUPS);

        /// How many records of a partition may be with members at a time.
        _ = Setting::int("group.share.partition.max.record.locks").default("2000").between(100, 10_000)
            .without_effect(NO_SHARE_GROUPS);

        /// The least that a group's own `share.partition.max.record.locks` may be.
        _ = Setting::int("group.share.min.partition.max.record.locks").default("100").between(100, 2000)
            .without_effect(NO_SHARE_GROUPS);

        /// The most that a group's own `share.partition.max.record.locks` may be.
        _ = Setting::int("group.share.max.partition.max.record.locks").default("4000").between(2000, 10_000)
            .without_effect(NO_SHARE_GROUPS);

        /// Partitions of `__share_group_state`.
        _ = Setting::int("share.coordinator.state.topic.num.partitions").default("50").at_least(1)
            .without_effect(NO_SHARE_GROUPS);

        /// Replicas of `__share_group_state`.
        _ = Setting::short("share.coordinator.state.topic.replication.factor").default("3").at_least(1)
            .without_effect(NO_SHARE_GROUPS);

        /// How many replicas of `__share_group_state` must be in sync for it to be written.
        _ = Setting::short("share.coordinator.state.topic.min.isr").default("2").at_least(1)
            .without_effect(NO_SHARE_GROUPS);

        /// The size at which a segment of `__share_group_state` is closed.
        _ = Setting::int("share.coordinator.state.topic.segment.bytes").default("104857600").at_least(1)
            .without_effect(NO_SHARE_GROUPS);

        /// How `__share_group_state` is compressed: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
        _ = Setting::int("share.coordinator.state.topic.compression.codec").default("0")
            .without_effect(NO_SHARE_GROUPS);

        /// Bytes that are read at once when a coordinator loads `__share_group_state`.
        _ = Setting::int("share.coordinator.load.buffer.size").default("5242880").at_least(1)
            .without_effect(NO_SHARE_GROUPS);

        /// How many changes of a partition's state are written between two records of all of it.
        _ = Setting::int("share.coordinator.snapshot.update.records.per.snapshot").default("500").between(0, 500)
            .without_effect(NO_SHARE_GROUPS);

        /// Threads that handle the requests of the share coordinator.
        _ = Setting::int("share.coordinator.threads").default("1").at_least(1).without_effect(NO_SHARE_GROUPS);

        /// How long a write to `__share_group_state` waits for the replicas.
        _ = Setting::int("share.coordinator.write.timeout.ms").default("5000").at_least(1)
            .without_effect(NO_SHARE_GROUPS);

        /// How long the coordinator gathers records before it appends them; -1 suits the wait to the load.
        _ = Setting::int("share.coordinator.append.linger.ms").default("-1").at_least(-1)
            .without_effect(NO_SHARE_GROUPS);

        /// The largest buffer that the coordinator keeps for its next batch.
        _ = Setting::int("share.coordinator.cached.buffer.max.bytes").default("1048588").at_least(524_288)
            .cluster_wide().without_effect(NO_SHARE_GROUPS);
    }
}
