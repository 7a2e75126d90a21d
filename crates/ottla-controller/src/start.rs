//! Starts a controller: files, Raft, election, and the first entry of a new cluster.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use openraft::errors::{InitializeError, RaftError};
use openraft::{Config, ServerState, SnapshotPolicy};
use ottla_base::{BrokerId, DirectoryId};
use ottla_metadata::Bootstrap;
use ottla_net::TaskScope;
use tokio::runtime;
use tokio::sync::{mpsc, watch};

use crate::handle::{Handle, Inner};
use crate::peers::{NoPeers, Peers};
use crate::propose::{Proposer, QUEUE_MAX};
use crate::raft::log_store::LogStore;
use crate::raft::network::Network;
use crate::raft::snapshot::SnapshotFile;
use crate::raft::state_machine::StateMachine;
use crate::raft::types::{Raft, TypeConfig, Voter};
use crate::{Error, Options, Seams, StartError, upkeep};

/// A leader is heard from this many times within an election timeout.
const HEARTBEATS_PER_ELECTION_TIMEOUT: u64 = 5;
/// How many entries stay in the log behind a snapshot, for voters that are a little behind.
const ENTRIES_KEPT_BEHIND_SNAPSHOT: u64 = 1000;
/// How many entries go to another voter in one message.
const ENTRIES_PER_MESSAGE_MAX: u64 = 300;

impl Handle {
    /// Starts the sole controller of a cluster, and founds the cluster where the quorum's directory is empty. When it returns, this
    /// controller is the active one and the cluster has its id.
    ///
    /// Must be called on the control runtime. Errors: [`StartError`]; every one of them is final.
    pub async fn start(options: Options, seams: Seams) -> Result<Handle, StartError> {
        let voters = BTreeMap::from([(options.node_id, options.directory_id)]);
        let election_max = options.request_timeout;
        let handle = Handle::start_voter(options, seams, voters, Arc::new(NoPeers)).await?;
        let elected =
            handle.inner.raft.wait(Some(election_max)).state(ServerState::Leader, "a sole voter elects itself").await;
        elected.map_err(|error| StartError::Raft { reason: error.to_string() })?;
        match handle.submit(Bootstrap).await {
            Ok(_cluster_id) => Ok(handle),
            Err(error) => Err(handle.start_failed(error)),
        }
    }

    /// Starts one of `voters`, all of which are told the same voters at their first start; later the quorum's own membership holds.
    /// Returns before there is an active controller. The first request founds the cluster.
    ///
    /// Must be called on the control runtime. Errors: [`StartError`]; every one of them is final.
    pub async fn start_voter(
        options: Options,
        seams: Seams,
        voters: BTreeMap<BrokerId, DirectoryId>,
        peers: Arc<dyn Peers>,
    ) -> Result<Handle, StartError> {
        let scope = seams.scope.child("controller", runtime::Handle::current());
        let store = LogStore::open(&options, &seams)?;
        let file = SnapshotFile::new(seams.disk.clone(), seams.workers.clone(), &options.directory);
        let machine = StateMachine::open(file)
            .map_err(|error| StartError::Files { directory: options.directory.clone(), reason: error.to_string() })?;
        let (images, upkeep, files) = (machine.images(), machine.upkeep(), store.files());
        let network = Network { node_id: raft_id(options.node_id), peers };
        let config = Arc::new(raft_config(&options));
        let raft = scope.enter(Raft::new(raft_id(options.node_id), config, network, store, machine)).await;
        let raft = raft.map_err(|error| StartError::Raft { reason: error.to_string() })?;

        let (requests, queue) = mpsc::channel(QUEUE_MAX);
        let (failure_sender, failure) = watch::channel(None);
        scope.spawn(upkeep::watch_for_failure(raft.clone(), failure_sender));
        scope.spawn(upkeep::keep_up(raft.clone(), options.clone(), upkeep));
        scope.spawn({
            let files = files.clone();
            async move { files.watch_for_overdue_syncs().await }
        });
        let proposer = Proposer {
            options: options.clone(),
            raft: raft.clone(),
            images: images.clone(),
            requests: queue,
            entropy: scope.entropy().clone(),
        };
        scope.spawn(proposer.run());
        campaign(&scope, &raft, &voters).await?;
        Ok(Handle { inner: Arc::new(Inner { options, raft, files, requests, images, failure, scope }) })
    }

    /// Why the first request of a start came to nothing.
    fn start_failed(&self, error: Error) -> StartError {
        self.inner.scope.abort();
        let failure = self.inner.failure.borrow().clone();
        StartError::Raft { reason: failure.map_or_else(|| error.to_string(), |failure| failure.reason) }
    }
}

fn raft_id(node_id: BrokerId) -> u64 {
    u64::try_from(node_id.0).expect("node.id is 0 or more")
}

fn raft_config(options: &Options) -> Config {
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1);
    let election_timeout = millis(options.election_timeout).max(2 * HEARTBEATS_PER_ELECTION_TIMEOUT);
    let config = Config {
        cluster_name: "ottla".to_owned(),
        election_timeout_min: election_timeout,
        election_timeout_max: election_timeout * 2,
        heartbeat_interval: election_timeout / HEARTBEATS_PER_ELECTION_TIMEOUT,
        max_payload_entries: ENTRIES_PER_MESSAGE_MAX,
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: ENTRIES_KEPT_BEHIND_SNAPSHOT,
        enable_pre_vote: Some(true),
        // A leader that lost unsynced entries must not go on in its old term and write others at the same place.
        enable_leader_restore: Some(false),
        ..Config::default()
    };
    config.validate().expect("the election timeout is several heartbeats long")
}

/// Founds the quorum where this voter is new; and where it is the only one, has it elected at once.
async fn campaign(scope: &TaskScope, raft: &Raft, voters: &BTreeMap<BrokerId, DirectoryId>) -> Result<(), StartError> {
    let member = |(id, dir): (&BrokerId, &DirectoryId)| (raft_id(*id), Voter { directory_id: *dir });
    let members: BTreeMap<_, _> = voters.iter().map(member).collect();
    let founded = scope.enter(raft.initialize(members)).await;
    match founded {
        Ok(()) => return Ok(()),
        // It has been founded before, by this voter or by another.
        Err(RaftError::APIError(InitializeError::NotAllowed(_))) => {}
        Err(error) => return Err(StartError::Raft { reason: error.to_string() }),
    }
    if voters.len() == 1 {
        let elected = raft.trigger().elect(false).await;
        elected.map_err(|error: openraft::errors::Fatal<TypeConfig>| StartError::Raft { reason: error.to_string() })?;
    }
    Ok(())
}
