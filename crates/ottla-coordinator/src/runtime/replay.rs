//! The judge of the crate's invariant: a shard that is loaded from what was recorded is, in all that is recorded, the one that lives.

use std::sync::Arc;

use ottla_base::{LeaderEpoch, SeededEntropy, Timestamp};

use super::Shard;
use crate::Now;
use crate::group::Group;
use crate::testing::{MemoryLog, RETENTION, config};

impl Shard<MemoryLog> {
    pub(crate) fn writer(&self) -> &MemoryLog {
        &self.writer
    }

    pub(crate) fn writer_mut(&mut self) -> &mut MemoryLog {
        &mut self.writer
    }

    /// Loads the shard's log anew and compares.
    pub(crate) fn assert_replays(&self, now: Now) {
        let entropy = Arc::new(SeededEntropy::new(1));
        let (loaded, report) = Shard::load(self.writer.clone(), LeaderEpoch(0), config(), entropy, now).unwrap();
        assert_eq!(report.skipped, []);
        assert_eq!(loaded.answer((), Vec::new()).wait_for, self.answer((), Vec::new()).wait_for);
        for (group_id, _) in loaded.groups.iter() {
            assert!(self.groups.get(group_id).is_some(), "{group_id} is on disk only");
        }
        for (group_id, live) in self.groups.iter() {
            match loaded.groups.get(group_id) {
                Some(replayed) => assert_same(group_id, live, replayed, now.wall),
                None => {
                    let is_recorded = live.is_recorded || !live.offsets.is_empty() || live.classic.is_empty();
                    assert!(!is_recorded, "{group_id} is in memory only");
                }
            }
        }
    }
}

fn assert_same(group_id: &Arc<str>, live: &Group, replayed: &Group, wall: Timestamp) {
    assert_eq!(live.offsets, replayed.offsets, "{group_id}");
    assert_eq!(live.is_recorded, replayed.is_recorded, "{group_id}");
    let judge =
        |group: &Group, after_ms: i64| group.expire(group_id, RETENTION, Timestamp(wall.0.saturating_add(after_ms)));
    let retention_ms = RETENTION.as_millis() as i64;
    let spans = [-1, 0, 1].map(|half| half * retention_ms / 2).into_iter().chain([
        retention_ms - 1,
        retention_ms,
        2 * retention_ms,
    ]);
    if live.classic.is_settled() {
        assert!(replayed.classic.is_settled(), "{group_id}");
        assert_eq!(live.classic.metadata(), replayed.classic.metadata(), "{group_id}");
        for after_ms in spans {
            assert_eq!(judge(live, after_ms), judge(replayed, after_ms), "{group_id} {after_ms} ms from now");
        }
    } else {
        // While a group rebalances, memory is ahead of the records, and nothing ends.
        for after_ms in spans {
            assert_eq!(judge(live, after_ms), [], "{group_id} {after_ms} ms from now");
        }
    }
}
