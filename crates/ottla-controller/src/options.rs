//! What a controller is told when it starts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ottla_base::{BrokerId, Clock, DirectoryId, Workers};
use ottla_metadata::Defaults;
use ottla_net::TaskScope;
use ottla_storage::Ballast;
use ottla_storage::disk::Disk;

/// The settings of a controller.
#[derive(Clone, Debug)]
pub struct Options {
    /// `node.id`.
    pub node_id: BrokerId,
    /// Where the quorum's files lie: a folder of its own, created when missing. Whoever locks the log directory around it locks it too.
    pub directory: PathBuf,
    /// The id of the log directory around it: a voter that comes back with another one is another voter.
    pub directory_id: DirectoryId,
    /// What decisions rest on where nothing is set dynamically.
    pub defaults: Defaults,
    /// `metadata.log.max.record.bytes.between.snapshots`: a snapshot is taken after so many bytes of records.
    pub snapshot_record_bytes: u64,
    /// `controller.quorum.election.timeout.ms`: without word from a leader for this long, and up to as long again, a voter stands for
    /// election. A sole voter waits for nothing.
    pub election_timeout: Duration,
    /// How long a request may wait for its decision to be committed and applied.
    pub request_timeout: Duration,
    /// `log.dir.failure.timeout.ms`: a sync of the quorum's log that is out for longer has failed.
    pub sync_age_max: Duration,
}

impl Options {
    /// Kafka's defaults for the node `node_id`, whose quorum lies in `directory`.
    pub fn new(node_id: BrokerId, directory: PathBuf, directory_id: DirectoryId) -> Options {
        Options {
            node_id,
            directory,
            directory_id,
            defaults: Defaults::default(),
            snapshot_record_bytes: 20 << 20,
            election_timeout: Duration::from_secs(1),
            request_timeout: Duration::from_secs(30),
            sync_age_max: Duration::from_secs(30),
        }
    }
}

/// What a controller works with.
#[derive(Clone, Debug)]
pub struct Seams {
    /// The node's tasks, on the control runtime. Its entropy is what ids, placements and elections are drawn from.
    pub scope: TaskScope,
    /// Where the files lie.
    pub disk: Arc<dyn Disk>,
    /// Runs the quorum's syncs on [`ottla_base::Lane::QuorumFlush`], and writes its snapshots.
    pub workers: Arc<dyn Workers>,
    /// Tells the time of log entries, and how long a sync is out.
    pub clock: Arc<dyn Clock>,
    /// Room for the quorum's log when the disk is full, so that a topic can be deleted then.
    pub ballast: Option<Arc<Ballast>>,
}
