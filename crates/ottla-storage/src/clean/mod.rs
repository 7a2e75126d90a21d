//! Getting rid of records that are no longer wanted. Compaction is not here yet: logs with `cleanup.policy=compact` are kept whole.

mod retention;

pub use retention::{Deletion, Reason};
