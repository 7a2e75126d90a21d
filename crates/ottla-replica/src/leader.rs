//! [`Leader`]: what a partition's leader decides, without I/O.
//!
//! It knows the leader epoch, the in-sync replicas and where each of them counts, and from that alone the high watermark. It does not
//! know the log: its owner, [`crate::Partition`], tells it how far the local log has come.

use ottla_base::{BrokerId, LeaderEpoch, Offset};

/// What a replica must have done with a record before it counts towards the high watermark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counts {
    /// Made it durable: the record survives a power cut on that replica.
    Durable,
    /// Appended it to its page cache, as Kafka does (`write.caching=true`).
    Appended,
}

/// How far the local replica has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The log end offset.
    pub(crate) end: Offset,
    /// The durable offset, at most `end`.
    pub(crate) durable: Offset,
}

/// What the metadata says about a partition whose leader is this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leadership {
    /// The epoch of this leadership; every batch that it appends carries it.
    pub leader_epoch: LeaderEpoch,
    /// The in-sync replicas; this node is one of them.
    pub isr: Vec<BrokerId>,
    /// How many replicas the partition has.
    pub replication_factor: usize,
    /// What counts: the partition's `durable_acks` flag.
    pub counts: Counts,
}

/// The in-sync replicas are fewer than `acks=all` needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{in_sync} replicas are in sync and {needed} are needed")]
pub struct NotEnoughReplicas {
    /// The size of the ISR.
    pub in_sync: usize,
    /// The effective `min.insync.replicas`.
    pub needed: usize,
}

/// The leader of one partition in one leader epoch.
#[derive(Debug)]
pub(crate) struct Leader {
    leadership: Leadership,
    min_in_sync_replicas: usize,
    high_watermark: Offset,
}

impl Leader {
    /// Begins a leadership at the high watermark that the replica knew before.
    pub(crate) fn new(leadership: Leadership, min_in_sync_replicas: usize, high_watermark: Offset) -> Leader {
        Leader { leadership, min_in_sync_replicas, high_watermark }
    }

    /// The metadata of this leadership.
    pub(crate) fn leadership(&self) -> &Leadership {
        &self.leadership
    }

    /// The first offset that is not known to count on every in-sync replica.
    pub(crate) fn high_watermark(&self) -> Offset {
        self.high_watermark
    }

    /// Takes up a changed `min.insync.replicas`.
    pub(crate) fn set_min_in_sync_replicas(&mut self, min_in_sync_replicas: usize) {
        self.min_in_sync_replicas = min_in_sync_replicas;
    }

    /// Whether `acks=all` may be promised. A setting above the replication factor asks for all replicas and no more, as in Kafka.
    pub(crate) fn check_in_sync_replicas(&self) -> Result<(), NotEnoughReplicas> {
        let needed = self.min_in_sync_replicas.min(self.leadership.replication_factor);
        let in_sync = self.leadership.isr.len();
        if in_sync < needed { Err(NotEnoughReplicas { in_sync, needed }) } else { Ok(()) }
    }

    /// Learns how far the local log has come and moves the high watermark to the smallest offset that counts on every in-sync replica.
    ///
    /// It does not move while the ISR is below the effective minimum (KIP-966), and never goes back.
    pub(crate) fn on_local_progress(&mut self, local: Progress) {
        assert!(local.durable <= local.end, "nothing is durable that was not appended");
        if self.check_in_sync_replicas().is_err() || self.leadership.isr.len() > 1 {
            // Remote members count once they report; until one does, only the local replica's own progress is known.
            return;
        }
        let counted = match self.leadership.counts {
            Counts::Durable => local.durable,
            Counts::Appended => local.end,
        };
        self.high_watermark = self.high_watermark.max(counted);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leadership(isr: &[i32], counts: Counts) -> Leadership {
        let isr: Vec<_> = isr.iter().copied().map(BrokerId).collect();
        Leadership { leader_epoch: LeaderEpoch(3), replication_factor: isr.len(), isr, counts }
    }

    fn progress(end: i64, durable: i64) -> Progress {
        Progress { end: Offset(end), durable: Offset(durable) }
    }

    #[test]
    fn durable_acks_count_by_the_durable_offset_and_cached_ones_by_the_end() {
        let mut durable = Leader::new(leadership(&[1], Counts::Durable), 1, Offset(0));
        durable.on_local_progress(progress(10, 4));
        assert_eq!(durable.high_watermark(), Offset(4));

        let mut cached = Leader::new(leadership(&[1], Counts::Appended), 1, Offset(0));
        cached.on_local_progress(progress(10, 4));
        assert_eq!(cached.high_watermark(), Offset(10));
    }

    #[test]
    fn the_high_watermark_never_goes_back() {
        let mut leader = Leader::new(leadership(&[1], Counts::Durable), 1, Offset(8));
        leader.on_local_progress(progress(10, 4));
        assert_eq!(leader.high_watermark(), Offset(8));
    }

    #[test]
    fn a_minimum_above_the_replication_factor_asks_for_all_replicas() {
        let leader = Leader::new(leadership(&[1], Counts::Durable), 2, Offset(0));
        assert_eq!(leader.check_in_sync_replicas(), Ok(()));
    }

    #[test]
    fn an_isr_below_the_minimum_is_refused_and_holds_the_high_watermark() {
        let mut leadership = leadership(&[1], Counts::Durable);
        leadership.replication_factor = 3;
        let mut leader = Leader::new(leadership, 2, Offset(0));
        assert_eq!(leader.check_in_sync_replicas(), Err(NotEnoughReplicas { in_sync: 1, needed: 2 }));
        leader.on_local_progress(progress(5, 5));
        assert_eq!(leader.high_watermark(), Offset(0));
    }
}
