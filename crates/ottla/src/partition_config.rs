//! What a topic's settings mean for its partitions.

use ottla_records::{Compression, Origin, Rules, TimestampType};
use ottla_replica::PartitionConfig;
use ottla_settings::{BrokerSettings, CompressionType, TopicSettings};
use ottla_storage::LogConfig;

/// What `topic`'s settings mean for its partitions on a node with the settings `broker`.
pub(crate) fn partition_config(topic: &TopicSettings, broker: &BrokerSettings) -> PartitionConfig {
    let min_in_sync_replicas = usize::try_from(topic.min_insync_replicas).unwrap_or(1);
    PartitionConfig {
        rules: rules(topic, broker),
        log: log_config(topic, broker),
        write_caching: topic.write_caching,
        min_in_sync_replicas,
    }
}

fn rules(topic: &TopicSettings, broker: &BrokerSettings) -> Rules {
    Rules {
        origin: Origin::Client,
        max_message_bytes: topic.max_message_bytes,
        segment_bytes: topic.segment_bytes as usize,
        decoded_bytes_max: broker.storage.max_decompressed_message_bytes,
        compression: compression(topic),
        zstd_is_allowed: true,
        timestamp_type: match topic.message_timestamp_type {
            ottla_settings::TimestampType::CreateTime => TimestampType::CreateTime,
            ottla_settings::TimestampType::LogAppendTime => TimestampType::LogAppendTime,
        },
        timestamp_before_max_ms: millis(topic.message_timestamp_before_max),
        timestamp_after_max_ms: millis(topic.message_timestamp_after_max),
        is_compacted: topic.cleanup_policy.compact,
    }
}

fn compression(topic: &TopicSettings) -> Option<Compression> {
    match topic.compression_type {
        CompressionType::Producer => None,
        CompressionType::Uncompressed => Some(Compression::None),
        CompressionType::Gzip => Some(Compression::Gzip),
        CompressionType::Snappy => Some(Compression::Snappy),
        CompressionType::Lz4 => Some(Compression::Lz4),
        CompressionType::Zstd => Some(Compression::Zstd),
    }
}

fn log_config(topic: &TopicSettings, broker: &BrokerSettings) -> LogConfig {
    LogConfig {
        segment_bytes: topic.segment_bytes,
        segment_ms: millis(topic.segment_ms).unsigned_abs(),
        segment_jitter_ms: millis(topic.segment_jitter).unsigned_abs(),
        segment_index_bytes: topic.segment_index_bytes,
        index_interval_bytes: topic.index_interval_bytes,
        // A compacted log is kept whole until there is compaction, whatever else its policy names.
        delete_old_segments: topic.cleanup_policy.delete && !topic.cleanup_policy.compact,
        retention_ms: topic.retention.map(|span| millis(span).unsigned_abs()),
        retention_bytes: topic.retention_bytes,
        file_delete_delay: topic.file_delete_delay,
        producer_id_expiration_ms: millis(broker.storage.producer_id_expiration).unsigned_abs(),
    }
}

/// Whole milliseconds, at the most what Kafka's 64-bit settings can say.
pub(crate) fn millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
