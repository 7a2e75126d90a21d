//! Segments that are kept remotely (KIP-405).

use super::reasons::NOT_REMOTE;
use super::settings;
use crate::spec::Setting;

settings! {
    names {
        /// Whether older segments can be kept remotely.
        _ = Setting::boolean("remote.log.storage.system.enable").default("false").without_effect(NOT_REMOTE);

        /// The Java class of the remote storage.
        _ = Setting::string("remote.log.storage.manager.class.name").non_empty().without_effect(NOT_REMOTE);

        /// Where the jars of `remote.log.storage.manager.class.name` are.
        _ = Setting::string("remote.log.storage.manager.class.path").without_effect(NOT_REMOTE);

        /// What the names of the settings of the remote storage itself begin with.
        _ = Setting::string("remote.log.storage.manager.impl.prefix").default("rsm.config.").non_empty()
            .without_effect(NOT_REMOTE);

        /// The Java class that knows which segments are kept remotely.
        _ = Setting::string("remote.log.metadata.manager.class.name")
            .default("org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager")
            .non_empty().without_effect(NOT_REMOTE);

        /// Where the jars of `remote.log.metadata.manager.class.name` are.
        _ = Setting::string("remote.log.metadata.manager.class.path").without_effect(NOT_REMOTE);

        /// What the names of the settings of `remote.log.metadata.manager.class.name` itself begin with.
        _ = Setting::string("remote.log.metadata.manager.impl.prefix").default("rlmm.config.").non_empty()
            .without_effect(NOT_REMOTE);

        /// The listener on which that class talks to its broker.
        _ = Setting::string("remote.log.metadata.manager.listener.name").non_empty().without_effect(NOT_REMOTE);

        /// How much the remote storage may say of one segment.
        _ = Setting::int("remote.log.metadata.custom.metadata.max.bytes").default("128").at_least(0)
            .without_effect(NOT_REMOTE);

        /// How often segments to copy or delete are looked for.
        _ = Setting::long("remote.log.manager.task.interval.ms").default("30000").at_least(1)
            .without_effect(NOT_REMOTE);

        /// Threads that copy segments.
        _ = Setting::int("remote.log.manager.copier.thread.pool.size").default("10").at_least(1).cluster_wide()
            .without_effect(NOT_REMOTE);

        /// Threads that delete what has outlived its retention.
        _ = Setting::int("remote.log.manager.expiration.thread.pool.size").default("10").at_least(1).cluster_wide()
            .without_effect(NOT_REMOTE);

        /// Threads in which followers learn what is kept remotely.
        _ = Setting::int("remote.log.manager.follower.thread.pool.size").default("2").at_least(1).cluster_wide()
            .without_effect(NOT_REMOTE);

        /// The older name of `remote.log.manager.follower.thread.pool.size`.
        _ = Setting::int("remote.log.manager.thread.pool.size").default("2").at_least(1).without_effect(NOT_REMOTE);

        /// Bytes that are copied in a second.
        _ = Setting::long("remote.log.manager.copy.max.bytes.per.second").default("9223372036854775807").at_least(1)
            .cluster_wide().without_effect(NOT_REMOTE);

        /// In how many windows of time copied bytes are counted.
        _ = Setting::int("remote.log.manager.copy.quota.window.num").default("11").at_least(1)
            .without_effect(NOT_REMOTE);

        /// How long each window of `remote.log.manager.copy.quota.window.num` is.
        _ = Setting::int("remote.log.manager.copy.quota.window.size.seconds").default("1").at_least(1)
            .without_effect(NOT_REMOTE);

        /// Bytes that are fetched in a second.
        _ = Setting::long("remote.log.manager.fetch.max.bytes.per.second").default("9223372036854775807").at_least(1)
            .cluster_wide().without_effect(NOT_REMOTE);

        /// In how many windows of time fetched bytes are counted.
        _ = Setting::int("remote.log.manager.fetch.quota.window.num").default("11").at_least(1)
            .without_effect(NOT_REMOTE);

        /// How long each window of `remote.log.manager.fetch.quota.window.num` is.
        _ = Setting::int("remote.log.manager.fetch.quota.window.size.seconds").default("1").at_least(1)
            .without_effect(NOT_REMOTE);

        /// The disk that fetched index files may take.
        _ = Setting::long("remote.log.index.file.cache.total.size.bytes").default("1073741824").at_least(1)
            .cluster_wide().without_effect(NOT_REMOTE);

        /// Threads that read what is kept remotely.
        _ = Setting::int("remote.log.reader.threads").default("10").at_least(1).cluster_wide()
            .without_effect(NOT_REMOTE);

        /// How many reads may wait for a thread.
        _ = Setting::int("remote.log.reader.max.pending.tasks").default("100").at_least(1).without_effect(NOT_REMOTE);

        /// How long a Fetch waits for what is kept remotely.
        _ = Setting::int("remote.fetch.max.wait.ms").default("500").at_least(1).cluster_wide()
            .without_effect(NOT_REMOTE);

        /// How long a ListOffsets waits for what is kept remotely.
        _ = Setting::long("remote.list.offsets.request.timeout.ms").default("30000").at_least(1).cluster_wide()
            .without_effect(NOT_REMOTE);
    }
}
