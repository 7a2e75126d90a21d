//! What a node does while nobody asks: checkpoints, retention, the removal of what was deleted, and the watch over syncs.
//!
//! One loop with one tick; its work is a job on the workers, so that a slow disk delays nothing but the next tick.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ottla_base::{Clock, Instant, Lane, Offset, TopicPartition, Workers};
use ottla_net::{TaskScope, offload, timer};
use ottla_replica::{Partition, Replicas};
use ottla_settings::BrokerSettings;
use ottla_storage::{Checkpoint, RecoveryPoint, ReplaceError};

use crate::log_store::LogStore;
use crate::removals::{Removal, Removals};

/// The node's housekeeping.
pub(crate) struct Housekeeping {
    pub(crate) logs: Arc<LogStore>,
    pub(crate) replicas: Arc<Replicas>,
    pub(crate) removals: Arc<Removals>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) intervals: Intervals,
}

/// How often what nobody waits for (`write.caching=true`) is made durable, which bounds what a start after a crash has to recover.
const FLUSH_INTERVAL: Duration = Duration::from_secs(60);

/// How often a sync's age is looked at.
const SYNC_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How often what is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Intervals {
    /// `log.flush.offset.checkpoint.interval.ms`: also how often the rest is looked at.
    pub(crate) recovery_point_checkpoint: Duration,
    /// `replica.high.watermark.checkpoint.interval.ms`.
    pub(crate) high_watermark_checkpoint: Duration,
    /// `log.retention.check.interval.ms`.
    pub(crate) retention_check: Duration,
}

impl Intervals {
    /// As the settings have them.
    pub(crate) fn of(settings: &BrokerSettings) -> Intervals {
        Intervals {
            recovery_point_checkpoint: settings.storage.log_flush_offset_checkpoint_interval,
            high_watermark_checkpoint: settings.replication.replica_high_watermark_checkpoint_interval,
            retention_check: settings.storage.log_retention_check_interval,
        }
    }
}

/// What the loop remembers from one tick to the next.
struct Round {
    housekeeping: Arc<Housekeeping>,
    written: BTreeMap<Checkpoint, BTreeMap<TopicPartition, Offset>>,
    high_watermarks_at: Instant,
    retention_at: Instant,
    flush_at: Instant,
}

impl Housekeeping {
    /// Starts the loop in `scope`.
    pub(crate) fn start(self, workers: Arc<dyn Workers>, scope: &TaskScope) -> Arc<Housekeeping> {
        let this = Arc::new(self);
        let housekeeping = this.clone();
        let stopping = scope.stopping();
        let work = async move {
            let now = housekeeping.clock.now();
            let Intervals { recovery_point_checkpoint, high_watermark_checkpoint, retention_check } =
                housekeeping.intervals;
            let mut round = Round {
                high_watermarks_at: now + high_watermark_checkpoint,
                retention_at: now + retention_check,
                flush_at: now + FLUSH_INTERVAL,
                written: BTreeMap::new(),
                housekeeping,
            };
            loop {
                timer::sleep(recovery_point_checkpoint).await;
                round = offload(&*workers, Lane::Background, move || round.run()).await;
            }
        };
        scope.spawn(async move {
            tokio::select! {
                biased;
                () = stopping => (),
                () = work => (),
            }
        });
        scope.spawn(this.clone().watch_over_syncs());
        this
    }

    /// Takes the directory offline when a sync does not come back. Not on the workers: what keeps the sync may keep them too.
    async fn watch_over_syncs(self: Arc<Self>) {
        loop {
            timer::sleep(SYNC_CHECK_INTERVAL).await;
            self.logs.flusher().check_overdue(self.clock.now());
        }
    }

    /// Writes every checkpoint, whatever was written before. For a stop.
    pub(crate) fn write_all_checkpoints(&self) -> Result<(), ReplaceError> {
        self.write_recovery_points(&self.recovery_points())?;
        for checkpoint in [Checkpoint::LogStartOffset, Checkpoint::HighWatermark] {
            self.logs.directory().write_checkpoint(checkpoint, &self.offsets(checkpoint))?;
        }
        Ok(())
    }

    /// Takes what retention no longer keeps out of all logs; its files go after their delay.
    fn retain(&self, now: Instant) {
        for partition in self.replicas.all() {
            match partition.retain(self.clock.wall()) {
                Ok(deletion) if deletion.is_empty() => {}
                Ok(deletion) => self.removals.add(now + deletion.delay, Removal::Segments(deletion)),
                Err(error) => {
                    tracing::error!(partition = %partition.topic_partition(), %error, "retention leaves segments where they are");
                }
            }
        }
    }

    fn recovery_points(&self) -> RecoveryPoints {
        self.replicas.all().into_iter().map(|partition| (partition.recovery_point(), partition)).collect()
    }

    /// Writes the recovery points, then tells the logs that they stand.
    fn write_recovery_points(&self, points: &RecoveryPoints) -> Result<(), ReplaceError> {
        self.logs.directory().write_checkpoint(Checkpoint::RecoveryPoint, &offsets_of(points))?;
        for (point, partition) in points {
            if let Err(error) = partition.on_checkpointed(*point) {
                tracing::error!(partition = %partition.topic_partition(), %error, "the next start recovers more than it must");
            }
        }
        Ok(())
    }

    fn offsets(&self, checkpoint: Checkpoint) -> BTreeMap<TopicPartition, Offset> {
        let offset = |partition: &Partition| match checkpoint {
            Checkpoint::RecoveryPoint => partition.recovery_point().offset,
            Checkpoint::LogStartOffset => partition.log().log_start_offset(),
            Checkpoint::HighWatermark => partition.high_watermark(),
        };
        self.replicas.all().iter().map(|partition| (partition.topic_partition().clone(), offset(partition))).collect()
    }
}

/// Where recovery of each partition would begin.
type RecoveryPoints = Vec<(RecoveryPoint, Arc<Partition>)>;

fn offsets_of(points: &RecoveryPoints) -> BTreeMap<TopicPartition, Offset> {
    points.iter().map(|(point, partition)| (partition.topic_partition().clone(), point.offset)).collect()
}

impl Round {
    /// One tick; blocks.
    fn run(mut self) -> Round {
        let now = self.housekeeping.clock.now();
        self.housekeeping.removals.run_due(self.housekeeping.logs.directory(), now);
        if now >= self.retention_at {
            self.retention_at = now + self.housekeeping.intervals.retention_check;
            self.housekeeping.retain(now);
        }
        if now >= self.flush_at {
            self.flush_at = now + FLUSH_INTERVAL;
            self.housekeeping.replicas.all().iter().for_each(Partition::flush);
        }
        let points = self.housekeeping.recovery_points();
        let housekeeping = self.housekeeping.clone();
        self.write_if_changed(Checkpoint::RecoveryPoint, offsets_of(&points), || {
            housekeeping.write_recovery_points(&points)
        });
        self.write_offsets_if_changed(Checkpoint::LogStartOffset);
        if now >= self.high_watermarks_at {
            self.high_watermarks_at = now + self.housekeeping.intervals.high_watermark_checkpoint;
            self.write_offsets_if_changed(Checkpoint::HighWatermark);
        }
        self
    }

    fn write_offsets_if_changed(&mut self, checkpoint: Checkpoint) {
        let offsets = self.housekeeping.offsets(checkpoint);
        let logs = self.housekeeping.logs.clone();
        self.write_if_changed(checkpoint, offsets.clone(), || logs.directory().write_checkpoint(checkpoint, &offsets));
    }

    fn write_if_changed(
        &mut self,
        checkpoint: Checkpoint,
        offsets: BTreeMap<TopicPartition, Offset>,
        write: impl FnOnce() -> Result<(), ReplaceError>,
    ) {
        if self.written.get(&checkpoint) == Some(&offsets) {
            return;
        }
        match write() {
            Ok(()) => drop(self.written.insert(checkpoint, offsets)),
            Err(error) => tracing::error!(%error, "a checkpoint is not written: the next start recovers more"),
        }
    }
}
