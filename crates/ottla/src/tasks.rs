//! What a node does while nobody asks: checkpoints, retention, the removal of what was deleted, and the watch over syncs.
//!
//! One loop with one tick for each log directory; its work is a job on the workers, so that a slow disk delays nothing but its own next
//! tick. It ends when the directory fails.

use std::sync::Arc;
use std::time::Duration;

use ottla_base::{Clock, Instant, Lane, Offset, PartitionIndex, TopicId, Workers};
use ottla_net::{TaskScope, offload, timer};
use ottla_replica::{Partition, Replicas};
use ottla_settings::BrokerSettings;
use ottla_storage::{Checkpoint, ReplaceError};

use crate::log_store::LogStore;
use crate::removals::Removal;

/// The housekeeping of one log directory.
pub(crate) struct Housekeeping {
    pub(crate) logs: Arc<LogStore>,
    /// Those of the other directories, too.
    pub(crate) replicas: Arc<Replicas>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) intervals: Intervals,
}

/// How often what nobody waits for (`write.caching=true`) is made durable, which bounds what a start after a crash has to recover.
const FLUSH_INTERVAL: Duration = Duration::from_secs(60);

/// How often a sync's age is looked at while there is one.
const SYNC_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// How often it is looked whether there is one: a node at rest should not wake.
const SYNC_CHECK_AT_REST_MAX: Duration = Duration::from_secs(5);

/// How often what is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Intervals {
    /// `log.flush.offset.checkpoint.interval.ms`: also how often the rest is looked at.
    pub(crate) recovery_point_checkpoint: Duration,
    /// `replica.high.watermark.checkpoint.interval.ms`.
    pub(crate) high_watermark_checkpoint: Duration,
    /// `log.retention.check.interval.ms`.
    pub(crate) retention_check: Duration,
    /// About `log.dir.failure.timeout.ms` where that is short, so that no sync is overdue for long before somebody looks.
    pub(crate) sync_check_at_rest: Duration,
}

impl Intervals {
    /// As the settings have them.
    pub(crate) fn of(settings: &BrokerSettings) -> Intervals {
        Intervals {
            recovery_point_checkpoint: settings.storage.log_flush_offset_checkpoint_interval,
            high_watermark_checkpoint: settings.replication.replica_high_watermark_checkpoint_interval,
            retention_check: settings.storage.log_retention_check_interval,
            sync_check_at_rest: settings
                .storage
                .log_dir_failure_timeout
                .clamp(SYNC_CHECK_INTERVAL, SYNC_CHECK_AT_REST_MAX),
        }
    }
}

/// What the loop remembers from one tick to the next.
struct Round {
    housekeeping: Arc<Housekeeping>,
    high_watermarks_at: Instant,
    retention_at: Instant,
    flush_at: Instant,
    /// Where the logs stood at the last tick that wrote all that there was to write; `None` where something is left to be written.
    seen: Option<Vec<Stand>>,
}

/// How far a partition has come in all that is checkpointed.
type Stand = (TopicId, PartitionIndex, u64, [Offset; 3]);

impl Housekeeping {
    /// Starts the loop in `scope`.
    pub(crate) fn start(self, workers: Arc<dyn Workers>, scope: &TaskScope) -> Arc<Housekeeping> {
        let this = Arc::new(self);
        let housekeeping = this.clone();
        let stopping = scope.stopping();
        let work = async move {
            let now = housekeeping.clock.now();
            let Intervals { recovery_point_checkpoint, high_watermark_checkpoint, retention_check, .. } =
                housekeeping.intervals;
            let mut round = Round {
                high_watermarks_at: now + high_watermark_checkpoint,
                retention_at: now + retention_check,
                flush_at: now + FLUSH_INTERVAL,
                seen: None,
                housekeeping,
            };
            loop {
                timer::sleep(recovery_point_checkpoint).await;
                if round.housekeeping.is_offline() {
                    return;
                }
                if round.has_nothing_to_do() {
                    continue;
                }
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
            let is_at_rest = self.logs.flusher().is_idle();
            timer::sleep(if is_at_rest { self.intervals.sync_check_at_rest } else { SYNC_CHECK_INTERVAL }).await;
            if self.is_offline() {
                return;
            }
            self.logs.flusher().check_overdue(self.clock.now());
        }
    }

    fn is_offline(&self) -> bool {
        self.logs.directory().health().failure().is_some()
    }

    fn partitions(&self) -> Vec<Arc<Partition>> {
        self.logs.partitions(&self.replicas)
    }

    /// Closes the logs and writes every checkpoint. Errors: the next start has to recover.
    pub(crate) fn close(&self) -> anyhow::Result<()> {
        let closed = self.logs.close(&self.replicas);
        // Also where some log is not closed: what is written down about the others is right.
        let written = self.write_all_checkpoints();
        closed?;
        written?;
        self.logs.check_all_are_whole(&self.replicas)
    }

    fn write_all_checkpoints(&self) -> Result<(), ReplaceError> {
        self.write_recovery_points()?;
        self.write_offsets(Checkpoint::LogStartOffset)?;
        self.write_offsets(Checkpoint::HighWatermark)
    }

    /// Where the logs stand now. Waits for no log's lock, and so for no disk.
    fn stands(&self) -> Vec<Stand> {
        let stand = |partition: &Arc<Partition>| {
            let log = partition.log();
            let offsets = [log.log_start_offset(), log.durable_offset(), partition.high_watermark()];
            (partition.topic_id(), partition.topic_partition().partition, log.generation(), offsets)
        };
        self.partitions().iter().map(stand).collect()
    }

    /// Takes what retention no longer keeps out of all logs; its files go after their delay.
    fn retain(&self, now: Instant) {
        for partition in self.partitions() {
            match partition.retain(self.clock.wall()) {
                Err(ottla_replica::Error::Deleted) => {}
                Ok(deletion) if deletion.is_empty() => {}
                Ok(deletion) => {
                    tracing::info!(
                        partition = %partition.topic_partition(), segments = deletion.segment_count(), bytes = deletion.bytes(),
                        log_start_offset = %partition.log().log_start_offset(), why = %deletion.reason(), "retention deletes"
                    );
                    self.logs.removals().add(now + deletion.delay, Removal::Segments(deletion));
                }
                Err(error) => {
                    tracing::error!(partition = %partition.topic_partition(), %error, "retention leaves segments where they are");
                }
            }
        }
    }

    /// Writes the recovery points where they have moved, then tells the logs that they stand.
    fn write_recovery_points(&self) -> Result<(), ReplaceError> {
        let mut points = Vec::new();
        let is_news = self.logs.checkpoints().replace(Checkpoint::RecoveryPoint, || {
            let partitions = self.partitions().into_iter();
            points = partitions.map(|partition| (partition.recovery_point(), partition)).collect();
            points.iter().map(|(point, partition)| (partition.topic_partition().clone(), point.offset)).collect()
        })?;
        for (point, partition) in points.into_iter().filter(|_| is_news) {
            match partition.on_checkpointed(point) {
                Ok(()) | Err(ottla_replica::Error::Deleted) => {}
                Err(error) => {
                    tracing::error!(partition = %partition.topic_partition(), %error, "the next start recovers more than it must");
                }
            }
        }
        Ok(())
    }

    fn write_offsets(&self, checkpoint: Checkpoint) -> Result<(), ReplaceError> {
        let offset = |partition: &Partition| match checkpoint {
            Checkpoint::RecoveryPoint => partition.recovery_point().offset,
            Checkpoint::LogStartOffset => partition.log().log_start_offset(),
            Checkpoint::HighWatermark => partition.high_watermark(),
        };
        let gather = || {
            let partitions = self.partitions();
            partitions.iter().map(|partition| (partition.topic_partition().clone(), offset(partition))).collect()
        };
        self.logs.checkpoints().replace(checkpoint, gather).map(drop)
    }
}

impl Round {
    /// Whether a tick would change nothing: a node at rest need not wake a worker for that.
    fn has_nothing_to_do(&self) -> bool {
        let now = self.housekeeping.clock.now();
        now < self.retention_at.min(self.flush_at)
            && self.housekeeping.logs.removals().is_empty()
            && self.seen.as_ref().is_some_and(|seen| *seen == self.housekeeping.stands())
    }

    /// One tick; blocks.
    fn run(mut self) -> Round {
        let now = self.housekeeping.clock.now();
        let stands = self.housekeeping.stands();
        self.housekeeping.logs.removals().run_due(self.housekeeping.logs.directory(), now);
        if now >= self.retention_at {
            self.retention_at = now + self.housekeeping.intervals.retention_check;
            self.housekeeping.retain(now);
        }
        if now >= self.flush_at {
            self.flush_at = now + FLUSH_INTERVAL;
            self.housekeeping.partitions().iter().for_each(Partition::flush);
        }
        let mut is_all_written = is_written(self.housekeeping.write_recovery_points())
            & is_written(self.housekeeping.write_offsets(Checkpoint::LogStartOffset));
        if now >= self.high_watermarks_at {
            self.high_watermarks_at = now + self.housekeeping.intervals.high_watermark_checkpoint;
            is_all_written &= is_written(self.housekeeping.write_offsets(Checkpoint::HighWatermark));
        } else {
            is_all_written &= self.seen.as_ref() == Some(&stands);
        }
        self.seen = is_all_written.then_some(stands);
        self
    }
}

fn is_written(written: Result<(), ReplaceError>) -> bool {
    if let Err(error) = &written {
        tracing::error!(%error, "a checkpoint is not written: the next start recovers more");
    }
    written.is_ok()
}
