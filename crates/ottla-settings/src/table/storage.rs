//! Where data lies, and what keeps it in order.

use std::path::PathBuf;
use std::time::Duration;

use super::reasons::NO_COMPACTION;
use super::settings;
use crate::spec::{Setting, same};

settings! {
    /// Where data lies, and what keeps it in order.
    pub struct Storage {
        /// The directories that partitions are kept in, separated by commas; without it, `log.dir`. A new partition goes where there are
        /// the fewest, and stays there.
        log_dirs: Vec<PathBuf> = Setting::list("log.dirs").or(&[same("log.dir")]);

        /// How long a write or flush may take before its directory counts as failed.
        log_dir_failure_timeout: Duration = Setting::long("log.dir.failure.timeout.ms").default("30000").at_least(1);

        /// Threads for work that blocks: recovery after an unclean stop, cold reads, retention, deletion.
        num_recovery_threads_per_data_dir: usize = Setting::int("num.recovery.threads.per.data.dir").default("2")
            .at_least(1)
            .cluster_wide();

        /// How often each partition's old segments are looked for.
        log_retention_check_interval: Duration = Setting::long("log.retention.check.interval.ms").default("300000")
            .at_least(1);

        /// How often the point up to which logs are on disk is written down.
        log_flush_offset_checkpoint_interval: Duration = Setting::int("log.flush.offset.checkpoint.interval.ms")
            .default("1000")
            .at_least(1)
            .kafka_has(Some("60000"), "a restart reads only what was written since, and the point stands for what was acknowledged");

        /// How long the state of a producer that is silent is kept, so that its retries are recognised.
        producer_id_expiration: Duration = Setting::int("producer.id.expiration.ms").default("86400000").at_least(1)
            .cluster_wide();

        /// The most bytes that one batch may have decompressed; a larger one is refused like one that is too large.
        max_decompressed_message_bytes: usize = Setting::int("max.decompressed.message.bytes").default("134217728")
            .at_least(1024).ours();
    }

    names {
        /// Threads for what is not urgent: cold reads, retention, deletion.
        _ = Setting::int("background.threads").default("10").at_least(1).cluster_wide()
            .without_effect("what blocks shares the threads of num.recovery.threads.per.data.dir");

        /// How often the first offsets of logs are written down.
        _ = Setting::int("log.flush.start.offset.checkpoint.interval.ms")
            .default("60000").at_least(0)
            .without_effect("first offsets are written down with the high watermarks");

        /// The directory that partitions are kept in, where `log.dirs` is not set.
        _ = Setting::list("log.dir").default("./data")
            .kafka_has(Some("/tmp/kafka-logs"), "data in /tmp is gone after a restart of the machine");

        /// Directories that get no new partitions.
        _ = Setting::list("cordoned.log.dirs").default("").per_broker()
            .without_effect("directories are not cordoned yet");

        /// Whether compaction runs.
        _ = Setting::boolean("log.cleaner.enable").default("true").without_effect(NO_COMPACTION);

        /// Threads that compact logs.
        _ = Setting::int("log.cleaner.threads").default("1").at_least(0).cluster_wide().without_effect(NO_COMPACTION);

        /// How long compaction rests when there is nothing to do.
        _ = Setting::long("log.cleaner.backoff.ms").default("15000").at_least(0).cluster_wide()
            .without_effect(NO_COMPACTION);

        /// Memory for the keys of the logs under compaction.
        _ = Setting::long("log.cleaner.dedupe.buffer.size").default("134217728").cluster_wide()
            .without_effect(NO_COMPACTION);

        /// How full that memory may get.
        _ = Setting::double("log.cleaner.io.buffer.load.factor").default("0.9").cluster_wide()
            .without_effect(NO_COMPACTION);

        /// Memory for compaction's reads and writes.
        _ = Setting::int("log.cleaner.io.buffer.size").default("524288").at_least(0).cluster_wide()
            .without_effect(NO_COMPACTION);

        /// Bytes that compaction reads and writes in a second.
        _ = Setting::double("log.cleaner.io.max.bytes.per.second").default("1.7976931348623157E308").cluster_wide()
            .without_effect(NO_COMPACTION);

        /// Threads that move replicas from one of `log.dirs` to another; without it, one for each.
        _ = Setting::int("num.replica.alter.log.dirs.threads")
            .without_effect("replicas are not moved between directories yet");
    }
}
