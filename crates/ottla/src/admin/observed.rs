//! [`Observed`]: the parts of a started node that the pages look at.

use std::path::PathBuf;
use std::sync::Arc;

use ottla_base::{BrokerEpoch, BrokerId};
use ottla_net::{Acceptor, RequestMemory, TaskScope};
use ottla_replica::Replicas;
use ottla_server::{Broker, Coordinators, PublishedImage};
use ottla_storage::{DirectoryHealth, Flusher};

use crate::log_store::LogStore;

/// The parts of a started node that the pages look at. They are the node's own; nothing is done to them from here.
pub(crate) struct Observed {
    /// Who the node is.
    pub(crate) broker_id: BrokerId,
    /// Its registration.
    pub(crate) broker_epoch: BrokerEpoch,
    /// Its cluster.
    pub(crate) cluster_id: String,
    /// How many files the process may have open.
    pub(crate) open_files_max: u64,
    /// The metadata that the node has taken up.
    pub(crate) published: PublishedImage,
    /// The partitions that it has.
    pub(crate) replicas: Arc<Replicas>,
    /// The groups that it coordinates.
    pub(crate) coordinators: Arc<Coordinators>,
    /// The log directories.
    pub(crate) directories: Vec<Directory>,
    /// What takes connections.
    pub(crate) acceptor: Acceptor,
    /// What requests may hold.
    pub(crate) memory: RequestMemory,
    /// What answers requests.
    pub(crate) broker: Arc<Broker>,
    /// The scope of the clients' connections, which stops first.
    pub(crate) connections: TaskScope,
}

/// One log directory.
pub(crate) struct Directory {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Whether it is in service.
    pub(crate) health: DirectoryHealth,
    /// What makes its logs durable.
    pub(crate) flusher: Flusher,
}

impl Directory {
    /// That of these logs.
    pub(crate) fn of(logs: &LogStore) -> Directory {
        let directory = logs.directory();
        Directory {
            path: directory.path().to_owned(),
            health: directory.health().clone(),
            flusher: logs.flusher().clone(),
        }
    }
}
