//! The seam to the other voters: calls go out through [`Peers`] and are answered by [`Handle::answer`].
//!
//! Calls and replies are sealed: whoever carries them looks at their kind and no further. A sole voter has [`NoPeers`]. Nodes on a
//! network come with the cluster, which gives calls and replies an encoding of our own.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use ottla_base::{BrokerId, DirectoryId};

use crate::Handle;
use crate::raft::types::{Snapshot, TypeConfig, Vote};

/// Whom a call goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The voter.
    pub node_id: BrokerId,
    /// Where its log lies: a node that came back with another directory has forgotten its votes, and refuses.
    pub directory_id: DirectoryId,
}

/// What one voter asks of another.
#[derive(Debug)]
pub struct Call(pub(crate) Request);

/// What it is answered.
#[derive(Debug)]
pub struct Reply(pub(crate) Response);

#[derive(Debug)]
pub(crate) enum Request {
    AppendEntries(AppendEntriesRequest<TypeConfig>),
    Vote(VoteRequest<TypeConfig>),
    PreVote(VoteRequest<TypeConfig>),
    InstallSnapshot(Vote, Snapshot),
    TransferLeader(TransferLeaderRequest<TypeConfig>),
}

#[derive(Debug)]
pub(crate) enum Response {
    AppendEntries(AppendEntriesResponse<TypeConfig>),
    Vote(VoteResponse<TypeConfig>),
    InstallSnapshot(SnapshotResponse<TypeConfig>),
    TransferLeader(TransferLeaderResponse<TypeConfig>),
}

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// It was not reached: try again later.
    #[error("voter {node_id} is unreachable")]
    Unreachable {
        /// The voter.
        node_id: BrokerId,
    },
    /// The node there is not the voter that was meant.
    #[error("node {node_id} is another voter than was called: its log lies in {found}")]
    OtherVoter {
        /// The voter.
        node_id: BrokerId,
        /// The directory that it has.
        found: DirectoryId,
    },
    /// It was reached, and has stopped.
    #[error("voter {node_id} did not answer: {reason}")]
    Failed {
        /// The voter.
        node_id: BrokerId,
        /// Its words.
        reason: String,
    },
}

/// A reply on its way.
pub type Replying = Pin<Box<dyn Future<Output = Result<Reply, CallError>> + Send>>;

/// Calls other voters. A call may be dropped before its reply, and its caller sets the deadline.
pub trait Peers: Send + Sync + fmt::Debug {
    /// Carries `call` to `target`, which answers it by [`Handle::answer`].
    fn call(&self, target: Target, call: Call) -> Replying;
}

/// The peers of a sole voter.
#[derive(Debug)]
pub struct NoPeers;

impl Peers for NoPeers {
    fn call(&self, target: Target, _call: Call) -> Replying {
        Box::pin(std::future::ready(Err(CallError::Unreachable { node_id: target.node_id })))
    }
}

impl Call {
    /// What it is, for traces and metrics.
    pub fn kind(&self) -> &'static str {
        match self.0 {
            Request::AppendEntries(_) => "append-entries",
            Request::Vote(_) => "vote",
            Request::PreVote(_) => "pre-vote",
            Request::InstallSnapshot(..) => "install-snapshot",
            Request::TransferLeader(_) => "transfer-leader",
        }
    }
}

impl Handle {
    /// Answers what another voter asks of `target`. To be called in the node's task scope.
    ///
    /// Errors: `OtherVoter` where `target` is not this voter, `Failed` where this one has stopped.
    pub async fn answer(&self, target: Target, call: Call) -> Result<Reply, CallError> {
        let (options, raft) = (&self.inner.options, &self.inner.raft);
        let (node_id, found) = (options.node_id, options.directory_id);
        if target != (Target { node_id, directory_id: found }) {
            return Err(CallError::OtherVoter { node_id, found });
        }
        let response = match call.0 {
            Request::AppendEntries(request) => {
                raft.append_entries(request).await.map(Response::AppendEntries).map_err(|error| error.to_string())
            }
            Request::Vote(request) => raft.vote(request).await.map(Response::Vote).map_err(|error| error.to_string()),
            Request::PreVote(request) => {
                raft.pre_vote(request).await.map(Response::Vote).map_err(|error| error.to_string())
            }
            Request::InstallSnapshot(vote, snapshot) => {
                let response = raft.install_full_snapshot(vote, snapshot).await;
                response.map(Response::InstallSnapshot).map_err(|error| error.to_string())
            }
            Request::TransferLeader(request) => {
                let response = raft.handle_transfer_leader(request).await;
                response.map(Response::TransferLeader).map_err(|error| error.to_string())
            }
        };
        response.map(Reply).map_err(|reason| CallError::Failed { node_id, reason })
    }
}
