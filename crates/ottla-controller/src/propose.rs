//! Decides requests and proposes what was decided, one proposal in flight.
//!
//! ```text
//! requests --> [queue] --> batch --> decide on image, image + 1, image + 2.. --> one entry --> commit --> apply --> answer all
//!                            ^                                                                      |
//!                            '----------------------- decided on a stale image --------------------'
//! ```
//!
//! An entry names the image that it was decided on and does nothing on any other, so nothing is speculative: after a change of leader,
//! or a proposal whose fate is not known, the requests are simply decided again. Requests are answered only after apply.

use std::collections::VecDeque;
use std::sync::Arc;

use openraft::ReadPolicy;
use openraft::errors::{ClientWriteError, ForwardToLeader, LinearizableReadError, RaftError};
use ottla_base::{Entropy, Offset};
use ottla_metadata::{Bootstrap, Context, Defaults, Image, RECORDS_PER_REQUEST_MAX, Record, Request, encode_records};
use ottla_net::timer;
use tokio::sync::{mpsc, oneshot, watch};

use crate::handle::broker_id;
use crate::raft::types::{Applied, Proposal, Raft, TypeConfig};
use crate::{Error, Options};

/// How many requests may wait to be decided. Whoever submits more waits for room.
pub(crate) const QUEUE_MAX: usize = 1024;

/// A request that waits for its answer.
pub(crate) trait Pending: Send {
    /// Decides, again if need be, and keeps the response.
    fn decide(&mut self, context: &Context<'_>) -> Vec<Record>;

    /// What was decided has come true.
    fn answer(self: Box<Self>);

    /// It has not.
    fn refuse(self: Box<Self>, error: Error);
}

/// The one kind of [`Pending`].
pub(crate) struct Submitted<R: Request> {
    request: R,
    response: Option<R::Response>,
    reply: oneshot::Sender<Result<R::Response, Error>>,
}

impl<R: Request> Submitted<R> {
    pub(crate) fn new(request: R, reply: oneshot::Sender<Result<R::Response, Error>>) -> Submitted<R> {
        Submitted { request, response: None, reply }
    }
}

impl<R: Request> Pending for Submitted<R> {
    fn decide(&mut self, context: &Context<'_>) -> Vec<Record> {
        let decision = self.request.decide(context);
        self.response = Some(decision.response);
        decision.records
    }

    fn answer(self: Box<Self>) {
        let response = self.response.expect("only what was decided is answered");
        // Who gave up waiting does not hear of it.
        let _ = self.reply.send(Ok(response));
    }

    fn refuse(self: Box<Self>, error: Error) {
        let _ = self.reply.send(Err(error));
    }
}

/// Runs until every [`Handle`](crate::Handle) is gone or the task is aborted.
pub(crate) struct Proposer {
    pub(crate) options: Options,
    pub(crate) raft: Raft,
    pub(crate) images: watch::Receiver<Arc<Image>>,
    pub(crate) requests: mpsc::Receiver<Box<dyn Pending>>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl Proposer {
    pub(crate) async fn run(mut self) {
        let mut waiting = VecDeque::new();
        loop {
            if waiting.is_empty() {
                let Some(first) = self.requests.recv().await else { return };
                waiting.push_back(first);
            }
            while waiting.len() < QUEUE_MAX {
                let Ok(next) = self.requests.try_recv() else { break };
                waiting.push_back(next);
            }
            let image = self.images.borrow().clone();
            let batch = Batch::decide(&image, &*self.entropy, &self.options.defaults, &mut waiting);
            self.propose(batch, &mut waiting).await;
        }
    }

    /// Proposes what was decided. Requests that were decided on a stale image go back to the front of `waiting`.
    async fn propose(&self, batch: Batch, waiting: &mut VecDeque<Box<dyn Pending>>) {
        let deadline = self.options.request_timeout;
        let Ok(outcome) = timer::timeout(deadline, self.commit(batch.decided_on, &batch.records)).await else {
            return batch.refuse(&Error::TimedOut { after: deadline });
        };
        match outcome {
            Ok(Applied::Accepted | Applied::Nothing) => batch.requests.into_iter().for_each(Pending::answer),
            Ok(Applied::Stale) => {
                tracing::debug!(requests = batch.requests.len(), "decided on a stale image, deciding again");
                batch.requests.into_iter().rev().for_each(|request| waiting.push_front(request));
            }
            Err(error) => batch.refuse(&error),
        }
    }

    /// Has the records committed and applied; where nothing was recorded, makes sure that the image was the quorum's newest.
    async fn commit(&self, decided_on: Offset, records: &[Record]) -> Result<Applied, Error> {
        if records.is_empty() {
            self.raft.ensure_linearizable(ReadPolicy::ReadIndex).await.map_err(read_error)?;
            let is_newest = self.images.borrow().metadata_offset == decided_on;
            return Ok(if is_newest { Applied::Nothing } else { Applied::Stale });
        }
        let mut encoded = Vec::new();
        encode_records(records, &mut encoded);
        let proposal = Proposal { decided_on, records: encoded.into() };
        Ok(self.raft.client_write(proposal).await.map_err(write_error)?.data)
    }
}

/// Requests that were decided together.
struct Batch {
    decided_on: Offset,
    records: Vec<Record>,
    requests: Vec<Box<dyn Pending>>,
}

impl Batch {
    /// Decides requests from the front of `waiting`, each on the image that those before it leave, until the records would be too many
    /// for one entry. The first entry of a cluster founds it.
    fn decide(
        image: &Arc<Image>,
        entropy: &dyn Entropy,
        defaults: &Defaults,
        waiting: &mut VecDeque<Box<dyn Pending>>,
    ) -> Batch {
        let decided_on = image.metadata_offset;
        let mut records = Bootstrap.decide(&Context { image, entropy, defaults }).records;
        let mut image = image.apply(&records, decided_on);
        let mut requests = Vec::new();
        while records.len() < RECORDS_PER_REQUEST_MAX
            && let Some(mut request) = waiting.pop_front()
        {
            let decided = request.decide(&Context { image: &image, entropy, defaults });
            image = image.apply(&decided, decided_on);
            records.extend(decided);
            requests.push(request);
        }
        Batch { decided_on, records, requests }
    }

    fn refuse(self, error: &Error) {
        self.requests.into_iter().for_each(|request| request.refuse(error.clone()));
    }
}

fn write_error(error: RaftError<TypeConfig, ClientWriteError<TypeConfig>>) -> Error {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => not_active(&forward),
        // The other one is about changes of membership.
        RaftError::APIError(_) | RaftError::Fatal(_) => Error::Stopped,
    }
}

fn read_error(error: RaftError<TypeConfig, LinearizableReadError<TypeConfig>>) -> Error {
    match error {
        RaftError::APIError(LinearizableReadError::ForwardToLeader(forward)) => not_active(&forward),
        RaftError::APIError(LinearizableReadError::QuorumNotEnough(_)) => Error::NotActive { active: None },
        RaftError::Fatal(_) => Error::Stopped,
    }
}

fn not_active(forward: &ForwardToLeader<TypeConfig>) -> Error {
    Error::NotActive { active: forward.leader_id.map(broker_id) }
}
