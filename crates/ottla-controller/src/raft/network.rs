//! The seam to the other voters, and openraft's client side over it.
//!
//! [`Peers`] carries one call to one voter. A sole voter has [`NoPeers`]; three in one process are joined by the tests' own; nodes on
//! the network come with the cluster, which gives the messages an encoding of our own.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest, TransferLeaderResponse,
    VoteRequest, VoteResponse,
};
use openraft::{AnyError, OptionalSend, RPCTypes, RaftNetworkFactory, RaftNetworkV2};
use ottla_net::timer;

use super::types::{Snapshot, TypeConfig, Vote, Voter};

/// What one voter asks of another.
pub(crate) enum Call {
    AppendEntries(AppendEntriesRequest<TypeConfig>),
    Vote(VoteRequest<TypeConfig>),
    PreVote(VoteRequest<TypeConfig>),
    InstallSnapshot(Vote, Snapshot),
    TransferLeader(TransferLeaderRequest<TypeConfig>),
}

/// What it is answered.
pub(crate) enum Reply {
    AppendEntries(AppendEntriesResponse<TypeConfig>),
    Vote(VoteResponse<TypeConfig>),
    InstallSnapshot(SnapshotResponse<TypeConfig>),
    TransferLeader(TransferLeaderResponse<TypeConfig>),
}

/// Whom a call goes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) node_id: u64,
    /// Who it must be: a node with another directory refuses.
    pub(crate) voter: Voter,
}

/// Why there is no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallError {
    /// It was not reached: try again later.
    #[error("voter {node_id} is unreachable")]
    Unreachable { node_id: u64 },
    /// It was reached, and something else than the answer came back.
    #[error("voter {node_id} did not answer: {reason}")]
    Failed { node_id: u64, reason: String },
}

pub(crate) type Replying = Pin<Box<dyn Future<Output = Result<Reply, CallError>> + Send>>;

/// Calls other voters. A call may be dropped before its reply, and its caller sets the deadline.
pub(crate) trait Peers: Send + Sync + fmt::Debug {
    fn call(&self, target: Target, call: Call) -> Replying;
}

/// The peers of a sole voter.
#[derive(Debug)]
pub(crate) struct NoPeers;

impl Peers for NoPeers {
    fn call(&self, target: Target, _call: Call) -> Replying {
        Box::pin(std::future::ready(Err(CallError::Unreachable { node_id: target.node_id })))
    }
}

/// Makes a [`Client`] for each other voter.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) node_id: u64,
    pub(crate) peers: Arc<dyn Peers>,
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Client;

    async fn new_client(&mut self, target: u64, voter: &Voter) -> Client {
        let target = Target { node_id: target, voter: *voter };
        Client { node_id: self.node_id, target, peers: self.peers.clone() }
    }
}

/// One voter, as another sees it.
#[derive(Debug)]
pub(crate) struct Client {
    node_id: u64,
    target: Target,
    peers: Arc<dyn Peers>,
}

impl Client {
    /// Calls, and takes out the reply by `expect`.
    async fn call<R>(
        &self,
        action: RPCTypes,
        deadline: Duration,
        call: Call,
        expect: impl FnOnce(Reply) -> Option<R>,
    ) -> Result<R, RPCError<TypeConfig>> {
        let (id, target) = (self.node_id, self.target.node_id);
        match timer::timeout(deadline, self.peers.call(self.target, call)).await {
            Err(_) => Err(RPCError::Timeout(Timeout { action, id, target, timeout: deadline })),
            Ok(Err(error @ CallError::Unreachable { .. })) => Err(RPCError::Unreachable(Unreachable::new(&error))),
            Ok(Err(error @ CallError::Failed { .. })) => Err(RPCError::Network(NetworkError::new(&error))),
            Ok(Ok(reply)) => expect(reply).ok_or_else(|| {
                RPCError::Network(NetworkError::new(&AnyError::error("the reply belongs to another call")))
            }),
        }
    }
}

fn vote_reply(reply: Reply) -> Option<VoteResponse<TypeConfig>> {
    match reply {
        Reply::Vote(response) => Some(response),
        _ => None,
    }
}

impl RaftNetworkV2<TypeConfig> for Client {
    type SnapshotData = Bytes;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<TypeConfig>, RPCError<TypeConfig>> {
        let call = Call::AppendEntries(rpc);
        self.call(RPCTypes::AppendEntries, option.soft_ttl(), call, |reply| match reply {
            Reply::AppendEntries(response) => Some(response),
            _ => None,
        })
        .await
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        self.call(RPCTypes::Vote, option.soft_ttl(), Call::Vote(rpc), vote_reply).await
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        self.call(RPCTypes::Vote, option.soft_ttl(), Call::PreVote(rpc), vote_reply).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let call = Call::InstallSnapshot(vote, snapshot);
        let call = self.call(RPCTypes::InstallSnapshot, option.soft_ttl(), call, |reply| match reply {
            Reply::InstallSnapshot(response) => Some(response),
            _ => None,
        });
        tokio::select! {
            biased;
            closed = cancel => Err(closed.into()),
            response = call => Ok(response?),
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RPCError<TypeConfig>> {
        let call = Call::TransferLeader(request);
        self.call(RPCTypes::TransferLeader, option.soft_ttl(), call, |reply| match reply {
            Reply::TransferLeader(response) => Some(response),
            _ => None,
        })
        .await
    }
}
