//! Consumer groups whose coordinator assigns partitions (KIP-848).

use super::reasons::NO_CONSUMER_PROTOCOL;
use super::settings;
use crate::spec::Setting;

settings! {
    names {
        /// A member that is silent for so long leaves its group.
        _ = Setting::int("group.consumer.session.timeout.ms").default("45000").at_least(1)
            .without_effect(NO_CONSUMER_PROTOCOL);

        /// The least that a group's own `consumer.session.timeout.ms` may be.
        _ = Setting::int("group.consumer.min.session.timeout.ms").default("45000").at_least(1)
            .without_effect(NO_CONSUMER_PROTOCOL);

        /// The most that a group's own `consumer.session.timeout.ms` may be.
        _ = Setting::int("group.consumer.max.session.timeout.ms").default("60000").at_least(1)
            .without_effect(NO_CONSUMER_PROTOCOL);

        /// How often members are told to send heartbeats.
        _ = Setting::int("group.consumer.heartbeat.interval.ms").default("5000").at_least(1)
            .without_effect(NO_CONSUMER_PROTOCOL);

        /// The least that a group's own `consumer.heartbeat.interval.ms` may be.
        _ = Setting::int("group.consumer.min.heartbeat.interval.ms").default("5000").at_least(1)
            .without_effect(NO_CONSUMER_PROTOCOL);

        /// The most that a group's own `consumer.heartbeat.interval.ms` may be.
        _ = Setting::int("group.consumer.max.heartbeat.interval.ms").default("15000").at_least(1)
            .without_effect(NO_CONSUMER_PROTOCOL);

        /// The shortest time between two assignments of a group.
        _ = Setting::int("group.consumer.assignment.interval.ms").default("1000").at_least(0).cluster_wide()
            .without_effect(NO_CONSUMER_PROTOCOL);

        /// The least that a group's own `consumer.assignment.interval.ms` may be.
        _ = Setting::int("group.consumer.min.assignment.interval.ms").default("0").at_least(0)
            .without_effect(NO_CONSUMER_PROTOCOL);

        /// The most that a group's own `consumer.assignment.interval.ms` may be.
        _ = Setting::int("group.consumer.max.assignment.interval.ms").default("15000").at_least(0)
            .without_effect(NO_CONSUMER_PROTOCOL);

        /// How many members a group may have.
        _ = Setting::int("group.consumer.max.size").default("2147483647").at_least(1)
            .without_effect(NO_CONSUMER_PROTOCOL);

        /// How partitions are assigned, by name; the first is for members that do not choose.
        _ = Setting::list("group.consumer.assignors").default("uniform,range").without_effect(NO_CONSUMER_PROTOCOL);

        /// Which way a group with members may change its protocol: from the classic one (`upgrade`), back to it
        /// (`downgrade`), both, or neither.
        _ = Setting::string("group.consumer.migration.policy").default("bidirectional")
            .one_of_any_case(&["DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"])
            .without_effect(NO_CONSUMER_PROTOCOL);
    }
}
