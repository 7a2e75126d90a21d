//! [`PartitionConfig`]: what a topic's settings mean for one of its partitions.

use ottla_records::Rules;
use ottla_storage::LogConfig;

/// What a topic's settings mean for one of its partitions. Where they come from is none of this crate's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionConfig {
    /// What a produced batch must be.
    pub rules: Rules,
    /// How the log is kept.
    pub log: LogConfig,
    /// `write.caching`: acks are to come from the page cache. What they come from *is* the metadata's to say ([`crate::Counts`]).
    pub write_caching: bool,
    /// `min.insync.replicas`, 1 or more.
    pub min_in_sync_replicas: usize,
}
