//! The topics that brokers write themselves.

/// The name that the metadata log has in Kafka; no topic can have it.
pub(crate) const CLUSTER_METADATA: &str = "__cluster_metadata";

/// Groups and their committed offsets.
pub(crate) const CONSUMER_OFFSETS: &str = "__consumer_offsets";

/// Whether the topic is one that brokers write. Source: Kafka `Topic.isInternal`.
pub(crate) fn is_internal(topic: &str) -> bool {
    matches!(topic, CONSUMER_OFFSETS | "__transaction_state" | "__share_group_state")
}
