//! Settings that Kafka keeps to its own tests; DescribeConfigs does not show them.

use super::reasons::{INTERNAL, NO_CONSUMER_PROTOCOL, NO_SHARE_GROUPS, NOT_REMOTE, ONE_NODE};
use super::settings;
use crate::spec::Setting;

settings! {
    names {
        /// Whether versions of requests are served that are not released yet.
        _ = Setting::boolean("unstable.api.versions.enable").default("false").hidden()
            .without_effect("only versions that Kafka has released are served");

        /// Whether versions of features are served that are not released yet.
        _ = Setting::boolean("unstable.feature.versions.enable").default("false").hidden()
            .without_effect("only features that Kafka has released are served");

        /// How long a start may take.
        _ = Setting::long("server.max.startup.time.ms").default("9223372036854775807").at_least(0).hidden()
            .without_effect(INTERNAL);

        /// How long a node runs before the tasks of its logs begin.
        _ = Setting::long("log.initial.task.delay.ms").default("30000").at_least(0).hidden().without_effect(INTERNAL);

        /// How often producers that are silent are looked for.
        _ = Setting::int("producer.id.expiration.check.interval.ms").default("600000").at_least(1).hidden()
            .without_effect(INTERNAL);

        /// How often the controller looks for partitions to give an unclean leader.
        _ = Setting::long("unclean.leader.election.interval.ms").default("300000").at_least(1).hidden()
            .without_effect(ONE_NODE);

        /// How often the controller logs how long its events take.
        _ = Setting::long("controller.performance.sample.period.ms").default("60000").at_least(100).hidden()
            .without_effect(INTERNAL);

        /// An event of the controller that takes longer is logged by itself.
        _ = Setting::long("controller.performance.always.log.threshold.ms").default("2000").at_least(0).hidden()
            .without_effect(INTERNAL);

        /// The size of a segment of the metadata log, free of its lower bound.
        _ = Setting::int("internal.metadata.log.segment.bytes").hidden().without_effect(INTERNAL);

        /// The largest batch of the metadata log.
        _ = Setting::int("internal.metadata.max.batch.size.in.bytes").default("8388608").hidden()
            .without_effect(INTERNAL);

        /// How long a deleted file of the metadata log stays on disk, in milliseconds.
        _ = Setting::long("internal.metadata.delete.delay.millis").default("60000").hidden().without_effect(INTERNAL);

        /// How often the topics that a group's pattern fits are looked for.
        _ = Setting::int("group.consumer.regex.refresh.interval.ms").default("600000").at_least(10_000).hidden()
            .without_effect(NO_CONSUMER_PROTOCOL);

        /// How long a share group's state is waited for before it is asked for again.
        _ = Setting::int("group.share.initialize.retry.interval.ms").default("30000").at_least(1).hidden()
            .without_effect(NO_SHARE_GROUPS);

        /// The Java class that keeps the state of share groups.
        _ = Setting::string("group.share.persister.class.name")
            .default("org.apache.kafka.server.share.persister.DefaultStatePersister").hidden()
            .without_effect(NO_SHARE_GROUPS);

        /// How often the state of partitions that do not change is written anew.
        _ = Setting::int("share.coordinator.cold.partition.snapshot.interval.ms").default("300000").at_least(1)
            .hidden().without_effect(NO_SHARE_GROUPS);

        /// How often what is no longer needed of `__share_group_state` goes.
        _ = Setting::int("share.coordinator.state.topic.prune.interval.ms").default("300000").at_least(1).hidden()
            .without_effect(NO_SHARE_GROUPS);

        /// How long a fetched index file that is not used is kept; -1 is no limit.
        _ = Setting::long("remote.log.index.file.cache.ttl.ms").default("900000").at_least(-1).hidden()
            .without_effect(NOT_REMOTE);

        /// How long the first rest is after a task that failed.
        _ = Setting::long("remote.log.manager.task.retry.backoff.ms").default("500").at_least(1).hidden()
            .without_effect(NOT_REMOTE);

        /// How long a rest after a task that failed is at most.
        _ = Setting::long("remote.log.manager.task.retry.backoff.max.ms").default("30000").at_least(1).hidden()
            .without_effect(NOT_REMOTE);

        /// The share of a rest that is added to it or taken off by chance, at most.
        _ = Setting::double("remote.log.manager.task.retry.jitter").default("0.2").between_decimals(0.0, 0.5).hidden()
            .without_effect(NOT_REMOTE);
    }
}
