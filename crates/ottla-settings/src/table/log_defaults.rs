//! Broker settings that give topics their defaults. A topic setting of `topic.rs` names each as its synonym; no field
//! reads them.

use super::reasons::{FLUSHED_BY_ITSELF, GROWS, NO_COMPACTION, NOT_REMOTE, ONE_NODE, OWN_LEVEL};
use super::settings;
use crate::spec::Setting;
use crate::typed::{CompressionType, TimestampType};

settings! {
    names {
        /// What becomes of old records: `delete` drops whole segments by age and size, `compact` keeps the last record
        /// of each key.
        _ = Setting::list("log.cleanup.policy").default("delete").one_of(&["compact", "delete"]).cluster_wide();

        /// How batches are compressed on disk; `producer` keeps what the producer chose.
        _ = Setting::string("compression.type").default("producer").one_of(CompressionType::NAMES).cluster_wide();

        /// The level for `compression.type=gzip`; -1 is the codec's own.
        _ = Setting::int("compression.gzip.level").default("-1").between_or(1, 9, -1).cluster_wide()
            .without_effect(OWN_LEVEL);

        /// The level for `compression.type=lz4`.
        _ = Setting::int("compression.lz4.level").default("9").between(1, 17).cluster_wide()
            .without_effect(OWN_LEVEL);

        /// The level for `compression.type=zstd`.
        _ = Setting::int("compression.zstd.level").default("3").between(-131_072, 22).cluster_wide()
            .without_effect(OWN_LEVEL);

        /// How long a tombstone is kept in a compacted log, so that a reader who began before it can see it.
        _ = Setting::long("log.cleaner.delete.retention.ms").default("86400000").at_least(0).cluster_wide()
            .without_effect(NO_COMPACTION);

        /// How long the files of a deleted segment stay on disk.
        _ = Setting::long("log.segment.delete.delay.ms").default("60000").at_least(0).cluster_wide();

        /// Appended records after which a log is flushed to disk. Independent of it, acks=all waits for the disk unless
        /// `log.write.caching` is set.
        _ = Setting::long("log.flush.interval.messages").default("9223372036854775807").at_least(1).cluster_wide()
            .without_effect(FLUSHED_BY_ITSELF);

        /// How long an appended record may wait for a flush to disk. Without it, `log.flush.scheduler.interval.ms`
        /// counts.
        _ = Setting::long("log.flush.interval.ms").cluster_wide()
            .without_effect(FLUSHED_BY_ITSELF);

        /// The older name of `log.flush.interval.ms`.
        _ = Setting::long("log.flush.scheduler.interval.ms").default("9223372036854775807")
            .without_effect(FLUSHED_BY_ITSELF);

        /// Bytes of a log between two entries of its offset index.
        _ = Setting::int("log.index.interval.bytes").default("4096").at_least(0).cluster_wide();

        /// The largest size of an index file; a segment whose index is full is rolled.
        _ = Setting::int("log.index.size.max.bytes").default("10485760").at_least(4).cluster_wide();

        /// Bytes of a log that are kept on the broker's own disk where older segments are kept remotely.
        _ = Setting::long("log.local.retention.bytes").default("-2").at_least(-2).cluster_wide()
            .without_effect(NOT_REMOTE);

        /// How long a log is kept on the broker's own disk where older segments are kept remotely.
        _ = Setting::long("log.local.retention.ms").default("-2").at_least(-2).cluster_wide()
            .without_effect(NOT_REMOTE);

        /// The longest that a record waits for compaction.
        _ = Setting::long("log.cleaner.max.compaction.lag.ms").default("9223372036854775807").at_least(1)
            .cluster_wide()
            .without_effect(NO_COMPACTION);

        /// The shortest that a record is kept before compaction may drop it.
        _ = Setting::long("log.cleaner.min.compaction.lag.ms").default("0").at_least(0).cluster_wide()
            .without_effect(NO_COMPACTION);

        /// The share of a log that must be uncompacted before compaction is worth its while.
        _ = Setting::double("log.cleaner.min.cleanable.ratio").default("0.5").between_decimals(0.0, 1.0).cluster_wide()
            .without_effect(NO_COMPACTION);

        /// The largest batch that is accepted, compressed as it arrives.
        _ = Setting::int("message.max.bytes").default("1048588").at_least(0).cluster_wide();

        /// How far ahead of the broker's clock a record's timestamp may be.
        _ = Setting::long("log.message.timestamp.after.max.ms").default("3600000").at_least(0).cluster_wide();

        /// How far behind the broker's clock a record's timestamp may be.
        _ = Setting::long("log.message.timestamp.before.max.ms").default("9223372036854775807").at_least(0)
            .cluster_wide();

        /// Whose clock a record's timestamp is of: the producer's, or the broker's at the append.
        _ = Setting::string("log.message.timestamp.type").default("CreateTime").one_of(TimestampType::NAMES)
            .cluster_wide();

        /// How many replicas must be in sync for acks=all to be accepted.
        _ = Setting::int("min.insync.replicas").default("1").at_least(1).cluster_wide();

        /// Whether a new segment's file is made at its full size.
        _ = Setting::boolean("log.preallocate").default("false").cluster_wide()
            .without_effect(GROWS);

        /// The size of a partition above which its oldest segments go; -1 is no limit.
        _ = Setting::long("log.retention.bytes").default("-1").cluster_wide();

        /// The age above which segments go; -1 is no limit. Wins over `log.retention.minutes` and
        /// `log.retention.hours`.
        _ = Setting::long("log.retention.ms").cluster_wide();

        /// The age above which segments go. Wins over `log.retention.hours`.
        _ = Setting::int("log.retention.minutes");

        /// The age above which segments go.
        _ = Setting::int("log.retention.hours").default("168");

        /// The size at which a segment is closed and the next begun.
        _ = Setting::int("log.segment.bytes").default("1073741824").at_least(1_048_576).cluster_wide();

        /// The age at which a segment is closed and the next begun. Wins over `log.roll.hours`.
        _ = Setting::long("log.roll.ms").cluster_wide();

        /// The age at which a segment is closed and the next begun.
        _ = Setting::int("log.roll.hours").default("168").at_least(1);

        /// The most that is taken off a segment's age limit by chance, so that many do not roll at once. Wins over
        /// `log.roll.jitter.hours`.
        _ = Setting::long("log.roll.jitter.ms").cluster_wide();

        /// The most that is taken off a segment's age limit by chance, so that many do not roll at once.
        _ = Setting::int("log.roll.jitter.hours").default("0").at_least(0);

        /// Whether a replica that is not in sync may lead where no other can, which loses acknowledged records.
        _ = Setting::boolean("unclean.leader.election.enable").default("false").cluster_wide()
            .without_effect(ONE_NODE);

        /// Whether acks=all is answered from the page cache, as Kafka does, rather than once the records are on disk.
        _ = Setting::boolean("log.write.caching").default("false").cluster_wide().ours();
    }
}
