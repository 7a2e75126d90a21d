//! How replicas follow their leader.

use std::time::Duration;

use super::reasons::{NO_JVM, NOT_REMOTE, ONE_NODE};
use super::settings;
use crate::spec::Setting;

settings! {
    /// How replicas follow their leader.
    pub struct Replication {
        /// How often the high watermarks of partitions are written down.
        replica_high_watermark_checkpoint_interval: Duration =
            Setting::long("replica.high.watermark.checkpoint.interval.ms")
            .default("5000").at_least(1);
    }

    names {
        /// A replica that has not caught up with its leader for so long is no longer in sync.
        _ = Setting::long("replica.lag.time.max.ms").default("30000").without_effect(ONE_NODE);

        /// Fetchers for each broker that replicas are read from.
        _ = Setting::int("num.replica.fetchers").default("1").at_least(1).cluster_wide().without_effect(ONE_NODE);

        /// How long a replica's Fetch waits for records.
        _ = Setting::int("replica.fetch.wait.max.ms").default("500").without_effect(ONE_NODE);

        /// Bytes that a replica's Fetch waits for.
        _ = Setting::int("replica.fetch.min.bytes").default("1").without_effect(ONE_NODE);

        /// Bytes that a replica asks for of one partition.
        _ = Setting::int("replica.fetch.max.bytes").default("1048576").at_least(0).without_effect(ONE_NODE);

        /// Bytes that a replica asks for in one Fetch.
        _ = Setting::int("replica.fetch.response.max.bytes").default("10485760").at_least(0).without_effect(ONE_NODE);

        /// How long a replica rests after a failed Fetch.
        _ = Setting::int("replica.fetch.backoff.ms").default("1000").at_least(0).without_effect(ONE_NODE);

        /// How long a replica waits for its leader's socket.
        _ = Setting::int("replica.socket.timeout.ms").default("30000").without_effect(ONE_NODE);

        /// Size of a replica's receive buffer in the kernel.
        _ = Setting::int("replica.socket.receive.buffer.bytes").default("65536").without_effect(ONE_NODE);

        /// A Java class that chooses the replica to read from.
        _ = Setting::string("replica.selector.class").without_effect(NO_JVM);

        /// Whether leadership goes back to the preferred replicas by itself.
        _ = Setting::boolean("auto.leader.rebalance.enable").default("true").without_effect(ONE_NODE);

        /// How often it is looked whether leadership should go back.
        _ = Setting::long("leader.imbalance.check.interval.seconds").default("300").at_least(1)
            .without_effect(ONE_NODE);

        /// Whether a broker that stops hands its leaderships over first.
        _ = Setting::boolean("controlled.shutdown.enable").default("true").without_effect(ONE_NODE);

        /// Whether an empty follower begins after what is kept remotely.
        _ = Setting::boolean("follower.fetch.last.tiered.offset.enable").default("false").cluster_wide()
            .without_effect(NOT_REMOTE);
    }
}
