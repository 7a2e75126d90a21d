//! openraft's calls to other voters, over the seam [`Peers`].

use std::future::Future;
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
use crate::handle::broker_id;
use crate::peers::{Call, CallError, Peers, Request, Response, Target};

/// Makes a [`Client`] for each other voter.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) node_id: u64,
    pub(crate) peers: Arc<dyn Peers>,
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Client;

    async fn new_client(&mut self, target: u64, voter: &Voter) -> Client {
        let target = Target { node_id: broker_id(target), directory_id: voter.directory_id };
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
        request: Request,
        expect: impl FnOnce(Response) -> Option<R>,
    ) -> Result<R, RPCError<TypeConfig>> {
        let (id, target) = (self.node_id, self.target.node_id.0 as u64);
        match timer::timeout(deadline, self.peers.call(self.target, Call(request))).await {
            Err(_) => Err(RPCError::Timeout(Timeout { action, id, target, timeout: deadline })),
            Ok(Err(error @ CallError::Unreachable { .. })) => Err(RPCError::Unreachable(Unreachable::new(&error))),
            Ok(Err(error)) => Err(RPCError::Network(NetworkError::new(&error))),
            Ok(Ok(reply)) => expect(reply.0).ok_or_else(|| {
                RPCError::Network(NetworkError::new(&AnyError::error("the reply belongs to another call")))
            }),
        }
    }
}

fn vote_of(response: Response) -> Option<VoteResponse<TypeConfig>> {
    match response {
        Response::Vote(response) => Some(response),
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
        let request = Request::AppendEntries(rpc);
        self.call(RPCTypes::AppendEntries, option.soft_ttl(), request, |response| match response {
            Response::AppendEntries(response) => Some(response),
            _ => None,
        })
        .await
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        self.call(RPCTypes::Vote, option.soft_ttl(), Request::Vote(rpc), vote_of).await
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<VoteResponse<TypeConfig>, RPCError<TypeConfig>> {
        self.call(RPCTypes::Vote, option.soft_ttl(), Request::PreVote(rpc), vote_of).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        let request = Request::InstallSnapshot(vote, snapshot);
        let call = self.call(RPCTypes::InstallSnapshot, option.soft_ttl(), request, |response| match response {
            Response::InstallSnapshot(response) => Some(response),
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
        rpc: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<TypeConfig>, RPCError<TypeConfig>> {
        let request = Request::TransferLeader(rpc);
        self.call(RPCTypes::TransferLeader, option.soft_ttl(), request, |response| match response {
            Response::TransferLeader(response) => Some(response),
            _ => None,
        })
        .await
    }
}
