//! Groups of Kafka Streams clients (KIP-1071).

use super::reasons::NO_STREAMS_GROUPS;
use super::settings;
use crate::spec::Setting;

settings! {
    names {
        /// A member that is silent for so long leaves its group.
        _ = Setting::int("group.streams.session.timeout.ms").default("45000").at_least(1)
            .without_effect(NO_STREAMS_GROUPS);

        /// The least that a group's own `streams.session.timeout.ms` may be.
        _ = Setting::int("group.streams.min.session.timeout.ms").default("45000").at_least(1)
            .without_effect(NO_STREAMS_GROUPS);

        /// The most that a group's own `streams.session.timeout.ms` may be.
        _ = Setting::int("group.streams.max.session.timeout.ms").default("60000").at_least(1)
            .without_effect(NO_STREAMS_GROUPS);

        /// How often members are told to send heartbeats.
        _ = Setting::int("group.streams.heartbeat.interval.ms").default("5000").at_least(1)
            .without_effect(NO_STREAMS_GROUPS);

        /// The least that a group's own `streams.heartbeat.interval.ms` may be.
        _ = Setting::int("group.streams.min.heartbeat.interval.ms").default("5000").at_least(1)
            .without_effect(NO_STREAMS_GROUPS);

        /// The most that a group's own `streams.heartbeat.interval.ms` may be.
        _ = Setting::int("group.streams.max.heartbeat.interval.ms").default("15000").at_least(1)
            .without_effect(NO_STREAMS_GROUPS);

        /// The shortest time between two assignments of a group.
        _ = Setting::int("group.streams.assignment.interval.ms").default("1000").at_least(0).cluster_wide()
            .without_effect(NO_STREAMS_GROUPS);

        /// The least that a group's own `streams.assignment.interval.ms` may be.
        _ = Setting::int("group.streams.min.assignment.interval.ms").default("0").at_least(0)
            .without_effect(NO_STREAMS_GROUPS);

        /// The most that a group's own `streams.assignment.interval.ms` may be.
        _ = Setting::int("group.streams.max.assignment.interval.ms").default("15000").at_least(0)
            .without_effect(NO_STREAMS_GROUPS);

        /// How long a new group waits for further members before its first assignment.
        _ = Setting::int("group.streams.initial.rebalance.delay.ms").default("3000").at_least(0)
            .without_effect(NO_STREAMS_GROUPS);

        /// How many members a group may have.
        _ = Setting::int("group.streams.max.size").default("2147483647").at_least(1).without_effect(NO_STREAMS_GROUPS);

        /// How many members beside a task's own keep a copy of its state.
        _ = Setting::int("group.streams.num.standby.replicas").default("0").at_least(0)
            .without_effect(NO_STREAMS_GROUPS);

        /// The most that a group's own `streams.num.standby.replicas` may be.
        _ = Setting::int("group.streams.max.standby.replicas").default("2").at_least(0)
            .without_effect(NO_STREAMS_GROUPS);
    }
}
