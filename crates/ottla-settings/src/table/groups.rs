//! Groups of the classic protocol, and what every group commits.

use std::time::Duration;

use super::reasons::{NO_CONSUMER_PROTOCOL, NO_GATHERING, NO_SUCH_THREADS};
use super::settings;
use crate::spec::Setting;

settings! {
    /// Groups and their committed offsets.
    pub struct Groups {
        /// Partitions of `__consumer_offsets`.
        offsets_topic_num_partitions: i32 = Setting::int("offsets.topic.num.partitions").default("50").at_least(1);

        /// Replicas of `__consumer_offsets`; as many as there are brokers where there are fewer when it is created.
        offsets_topic_replication_factor: i32 =
            Setting::short("offsets.topic.replication.factor").default("3").at_least(1);

        /// The size at which a segment of `__consumer_offsets` is closed.
        offsets_topic_segment_bytes: i32 =
            Setting::int("offsets.topic.segment.bytes").default("104857600").at_least(1);

        /// How long the offsets of a group that is empty are kept.
        offsets_retention_minutes: u32 = Setting::int("offsets.retention.minutes").default("10080").at_least(1);

        /// How often offsets that have outlived their retention are looked for.
        offsets_retention_check_interval: Duration =
            Setting::long("offsets.retention.check.interval.ms").default("600000").at_least(1);

        /// Bytes that are read at once when a coordinator loads `__consumer_offsets`.
        offsets_load_buffer_size: usize = Setting::int("offsets.load.buffer.size").default("5242880").at_least(1);

        /// How long a write to `__consumer_offsets` waits for the replicas.
        offsets_commit_timeout: Duration = Setting::int("offsets.commit.timeout.ms").default("5000").at_least(1);

        /// The longest text that a client may commit beside an offset.
        offset_metadata_max_bytes: usize = Setting::int("offset.metadata.max.bytes").default("4096").at_least(0);

        /// How long a new group waits for further members before its first rebalance.
        group_initial_rebalance_delay: Duration = Setting::int("group.initial.rebalance.delay.ms").default("100").at_least(0)
            .kafka_has(Some("3000"), "a lone consumer need not wait, and members that come later are taken in by a rebalance");

        /// The shortest session timeout that a member may ask for.
        group_min_session_timeout: Duration = Setting::int("group.min.session.timeout.ms").default("6000").at_least(0);

        /// The longest session timeout that a member may ask for.
        group_max_session_timeout: Duration =
            Setting::int("group.max.session.timeout.ms").default("1800000").at_least(0);

        /// How many members a group may have.
        group_max_size: usize = Setting::int("group.max.size").default("2147483647").at_least(1);
    }

    names {
        /// How `__consumer_offsets` is compressed: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
        _ = Setting::int("offsets.topic.compression.codec").default("0").without_effect(NO_GATHERING);

        /// The group protocols that are served.
        _ = Setting::list("group.coordinator.rebalance.protocols").default("classic,consumer,streams")
            .one_of(&["consumer", "classic", "share", "streams"]).without_effect(NO_CONSUMER_PROTOCOL);

        /// Threads that handle the requests of groups.
        _ = Setting::int("group.coordinator.threads").default("4").at_least(1).without_effect(NO_SUCH_THREADS);

        /// Threads for work of the coordinator that may take long, such as assignments.
        _ = Setting::int("group.coordinator.background.threads").default("2").at_least(1).without_effect(NO_SUCH_THREADS);

        /// How long the coordinator gathers records before it appends them; -1 suits the wait to the load.
        _ = Setting::int("group.coordinator.append.linger.ms").default("-1").at_least(-1).without_effect(NO_GATHERING);

        /// The largest buffer that the coordinator keeps for its next batch.
        _ = Setting::int("group.coordinator.cached.buffer.max.bytes").default("1048588").at_least(524_288)
            .cluster_wide().without_effect(NO_GATHERING);
    }
}
