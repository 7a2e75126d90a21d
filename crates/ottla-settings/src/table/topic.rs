//! The settings of a topic.

use std::time::Duration;

use super::reasons::{FLUSHED_BY_ITSELF, GROWS, INTERNAL, NO_COMPACTION, NO_THROTTLE, NOT_REMOTE, ONE_NODE, OWN_LEVEL};
use super::settings;
use crate::spec::{Setting, hours, minutes, same};
use crate::typed::{CleanupPolicy, CompressionType, TimestampType};

settings! {
    /// What rules one topic's logs: the topic's own configs where it has them, the broker's settings elsewhere.
    pub struct TopicSettings {
        /// What becomes of old records: `delete` drops whole segments by age and size, `compact` keeps the last record
        /// of each key; both may be on.
        cleanup_policy: CleanupPolicy = Setting::list("cleanup.policy").one_of(&["compact", "delete"])
            .of_topic(&[same("log.cleanup.policy")]);

        /// How batches are compressed on disk; `producer` keeps what the producer chose.
        compression_type: CompressionType = Setting::string("compression.type").one_of(CompressionType::NAMES)
            .of_topic(&[same("compression.type")]);

        /// How long the files of a deleted segment stay on disk.
        file_delete_delay: Duration = Setting::long("file.delete.delay.ms").at_least(0)
            .of_topic(&[same("log.segment.delete.delay.ms")]);

        /// Bytes of the log between two entries of its offset index.
        index_interval_bytes: u32 = Setting::int("index.interval.bytes").at_least(0)
            .of_topic(&[same("log.index.interval.bytes")]);

        /// The largest batch that is accepted, compressed as it arrives.
        max_message_bytes: usize = Setting::int("max.message.bytes").at_least(0).of_topic(&[same("message.max.bytes")]);

        /// How far ahead of the broker's clock a record's timestamp may be.
        message_timestamp_after_max: Duration = Setting::long("message.timestamp.after.max.ms").at_least(0)
            .of_topic(&[same("log.message.timestamp.after.max.ms")]);

        /// How far behind the broker's clock a record's timestamp may be.
        message_timestamp_before_max: Duration = Setting::long("message.timestamp.before.max.ms").at_least(0)
            .of_topic(&[same("log.message.timestamp.before.max.ms")]);

        /// Whose clock a record's timestamp is of: the producer's, or the broker's at the append.
        message_timestamp_type: TimestampType = Setting::string("message.timestamp.type").one_of(TimestampType::NAMES)
            .of_topic(&[same("log.message.timestamp.type")]);

        /// How many replicas must be in sync for acks=all to be accepted.
        min_insync_replicas: i32 = Setting::int("min.insync.replicas").at_least(1)
            .of_topic(&[same("min.insync.replicas")]);

        /// The size of a partition above which its oldest segments go; -1 is no limit.
        retention_bytes: Option<u64> = Setting::long("retention.bytes").of_topic(&[same("log.retention.bytes")]);

        /// The age above which segments go; -1 is no limit.
        retention: Option<Duration> = Setting::long("retention.ms").at_least(-1)
            .of_topic(&[same("log.retention.ms"), minutes("log.retention.minutes"), hours("log.retention.hours")]);

        /// The size at which a segment is closed and the next begun.
        segment_bytes: u32 = Setting::int("segment.bytes").at_least(1_048_576).of_topic(&[same("log.segment.bytes")]);

        /// The largest size of an index file; a segment whose index is full is rolled.
        segment_index_bytes: u32 = Setting::int("segment.index.bytes").at_least(4)
            .of_topic(&[same("log.index.size.max.bytes")]);

        /// The most that is taken off `segment.ms` by chance, so that many segments do not roll at once.
        segment_jitter: Duration = Setting::long("segment.jitter.ms").at_least(0)
            .of_topic(&[same("log.roll.jitter.ms"), hours("log.roll.jitter.hours")]);

        /// The age at which a segment is closed and the next begun.
        segment_ms: Duration = Setting::long("segment.ms").at_least(1)
            .of_topic(&[same("log.roll.ms"), hours("log.roll.hours")]);

        /// Whether acks=all is answered from the page cache, as Kafka does, rather than once the records are on disk.
        write_caching: bool = Setting::boolean("write.caching").of_topic(&[same("log.write.caching")]).ours();
    }

    names {
        /// The level for `compression.type=gzip`; -1 is the codec's own.
        _ = Setting::int("compression.gzip.level").between_or(1, 9, -1)
            .of_topic(&[same("compression.gzip.level")])
            .without_effect(OWN_LEVEL);

        /// The level for `compression.type=lz4`.
        _ = Setting::int("compression.lz4.level").between(1, 17)
            .of_topic(&[same("compression.lz4.level")])
            .without_effect(OWN_LEVEL);

        /// The level for `compression.type=zstd`.
        _ = Setting::int("compression.zstd.level").between(-131_072, 22)
            .of_topic(&[same("compression.zstd.level")])
            .without_effect(OWN_LEVEL);

        /// Appended records after which the log is flushed to disk. Independent of it, acks=all waits for the disk
        /// unless `write.caching` is set.
        _ = Setting::long("flush.messages").at_least(1)
            .of_topic(&[same("log.flush.interval.messages")])
            .without_effect(FLUSHED_BY_ITSELF);

        /// How long an appended record may wait for a flush to disk.
        _ = Setting::long("flush.ms").at_least(0)
            .of_topic(&[same("log.flush.interval.ms"), same("log.flush.scheduler.interval.ms")])
            .without_effect(FLUSHED_BY_ITSELF);

        /// Whether a new segment's file is made at its full size.
        _ = Setting::boolean("preallocate").of_topic(&[same("log.preallocate")])
            .without_effect(GROWS);

        /// Whether a replica that is not in sync may lead where no other can, which loses acknowledged records.
        _ = Setting::boolean("unclean.leader.election.enable")
            .of_topic(&[same("unclean.leader.election.enable")])
            .without_effect(ONE_NODE);

        /// How long a tombstone is kept in a compacted log, so that a reader who began before it can see it.
        _ = Setting::long("delete.retention.ms").at_least(0).of_topic(&[same("log.cleaner.delete.retention.ms")])
            .without_effect(NO_COMPACTION);

        /// The longest that a record waits for compaction.
        _ = Setting::long("max.compaction.lag.ms").at_least(1).of_topic(&[same("log.cleaner.max.compaction.lag.ms")])
            .without_effect(NO_COMPACTION);

        /// The shortest that a record is kept before compaction may drop it.
        _ = Setting::long("min.compaction.lag.ms").at_least(0).of_topic(&[same("log.cleaner.min.compaction.lag.ms")])
            .without_effect(NO_COMPACTION);

        /// The share of the log that must be uncompacted before compaction is worth its while.
        _ = Setting::double("min.cleanable.dirty.ratio").between_decimals(0.0, 1.0)
            .of_topic(&[same("log.cleaner.min.cleanable.ratio")])
            .without_effect(NO_COMPACTION);

        /// Partitions, as partition:broker, whose replicas' reads of the leader are throttled; `*` is all.
        _ = Setting::list("leader.replication.throttled.replicas").default("").throttled_replicas().of_topic(&[])
            .without_effect(NO_THROTTLE);

        /// Partitions, as partition:broker, whose replicas are throttled when they follow; `*` is all.
        _ = Setting::list("follower.replication.throttled.replicas").default("").throttled_replicas().of_topic(&[])
            .without_effect(NO_THROTTLE);

        /// Bytes of the log that are kept on the broker's own disk where older segments are kept remotely.
        _ = Setting::long("local.retention.bytes").at_least(-2).of_topic(&[same("log.local.retention.bytes")])
            .without_effect(NOT_REMOTE);

        /// How long the log is kept on the broker's own disk where older segments are kept remotely.
        _ = Setting::long("local.retention.ms").at_least(-2).of_topic(&[same("log.local.retention.ms")])
            .without_effect(NOT_REMOTE);

        /// Whether older segments are kept remotely.
        _ = Setting::boolean("remote.storage.enable").default("false").of_topic(&[]).without_effect(NOT_REMOTE);

        /// Whether no further segments are copied to where older ones are kept remotely.
        _ = Setting::boolean("remote.log.copy.disable").default("false").of_topic(&[]).without_effect(NOT_REMOTE);

        /// Whether what is kept remotely goes when that is switched off.
        _ = Setting::boolean("remote.log.delete.on.disable").default("false").of_topic(&[]).without_effect(NOT_REMOTE);

        /// The size of a segment, free of the lower bound of `segment.bytes`.
        _ = Setting::int("internal.segment.bytes").of_topic(&[]).hidden().without_effect(INTERNAL);
    }
}
