//! [`LogEnvironment`]: what the logs of one disk share.

use std::sync::Arc;

use ottla_base::Entropy;

use crate::disk::Disk;
use crate::segment_cache::SegmentCache;

/// What logs share, those of all log directories of a node: the disk, chance, and how many files they may have open.
#[derive(Debug)]
pub struct LogEnvironment {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) segment_cache: SegmentCache,
}

impl LogEnvironment {
    /// Logs on `disk` that keep at most `open_segments_max` segment files open (each with at most one map), as far as they can, and
    /// never fewer than one. A few more descriptors are open for moments: leave a reserve.
    pub fn new(disk: Arc<dyn Disk>, entropy: Arc<dyn Entropy>, open_segments_max: usize) -> Arc<LogEnvironment> {
        let segment_cache = SegmentCache::new(open_segments_max);
        Arc::new(LogEnvironment { disk, entropy, segment_cache })
    }
}
