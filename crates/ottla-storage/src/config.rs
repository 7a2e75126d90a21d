//! [`LogConfig`]: the settings of one partition's log. Where they come from is none of this crate's business.

use std::time::Duration;

/// The settings of one partition's log, named as Kafka names them. They may change while the log is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// `segment.bytes`: a segment is rolled before it grows past this. At most `i32::MAX`, as positions are 32-bit in an index.
    pub segment_bytes: u32,
    /// `segment.ms`: a segment is rolled when its first batch is older than this.
    pub segment_ms: u64,
    /// `segment.jitter.ms`: at most this much is taken off `segment_ms`, drawn for each segment.
    pub segment_jitter_ms: u64,
    /// `segment.index.bytes`: a segment is rolled when one of its indexes would grow past this.
    pub segment_index_bytes: u32,
    /// `index.interval.bytes`: one index entry for at least so many bytes of batches.
    pub index_interval_bytes: u32,
    /// `cleanup.policy` names `delete`: retention by time and size applies.
    pub delete_old_segments: bool,
    /// `retention.ms`: inactive segments whose newest record is older are deleted. `None` keeps them for ever.
    pub retention_ms: Option<u64>,
    /// `retention.bytes`: the oldest inactive segments are deleted while the rest holds at least this. `None` sets no bound.
    pub retention_bytes: Option<u64>,
    /// `file.delete.delay.ms`: how long the files of a deleted segment stay for those that still read them.
    pub file_delete_delay: Duration,
    /// `producer.id.expiration.ms`: a producer that appended nothing for so long is forgotten.
    pub producer_id_expiration_ms: u64,
}

impl LogConfig {
    /// The most entries that a segment's offset index may have.
    pub(crate) fn offset_index_entries_max(&self) -> u32 {
        self.segment_index_bytes / crate::index::OFFSET_ENTRY_LEN as u32
    }

    /// The most entries that a segment's time index may have.
    pub(crate) fn time_index_entries_max(&self) -> u32 {
        self.segment_index_bytes / crate::index::TIME_ENTRY_LEN as u32
    }
}

impl Default for LogConfig {
    /// Kafka's defaults.
    fn default() -> LogConfig {
        const DAY_MS: u64 = 24 * 60 * 60 * 1000;
        LogConfig {
            segment_bytes: 1 << 30,
            segment_ms: 7 * DAY_MS,
            segment_jitter_ms: 0,
            segment_index_bytes: 10 << 20,
            index_interval_bytes: 4096,
            delete_old_segments: true,
            retention_ms: Some(7 * DAY_MS),
            retention_bytes: None,
            file_delete_delay: Duration::from_secs(60),
            producer_id_expiration_ms: DAY_MS,
        }
    }
}
