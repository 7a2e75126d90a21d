//! [`Handle`]: the quorum, as the rest of the node sees it.

use std::sync::Arc;

use ottla_base::{BrokerId, Uuid};
use ottla_metadata::{Image, Request};
use ottla_net::{TaskScope, timer};
use tokio::sync::{mpsc, oneshot, watch};

use crate::propose::{Pending, Submitted};
use crate::raft::log_store::LogFiles;
use crate::raft::types::Raft;
use crate::{Error, Failure, Options};

/// A running controller. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) options: Options,
    pub(crate) raft: Raft,
    pub(crate) files: LogFiles,
    pub(crate) requests: mpsc::Sender<Box<dyn Pending>>,
    pub(crate) images: watch::Receiver<Arc<Image>>,
    pub(crate) failure: watch::Receiver<Option<Failure>>,
    /// The quorum's tasks.
    pub(crate) scope: TaskScope,
}

impl Handle {
    /// Has `request` decided, and answers once what was decided is committed by the quorum, on disk, and in the image that
    /// [`Handle::image`] gives. Requests that arrive while one proposal is on its way are decided together, in the order of arrival.
    ///
    /// Errors: see [`Error`]; after [`Error::TimedOut`] and [`Error::Stopped`] the request may have been carried out.
    pub async fn submit<R: Request>(&self, request: R) -> Result<R::Response, Error> {
        let after = self.inner.options.request_timeout;
        let answer = async {
            let (reply, answer) = oneshot::channel();
            let pending = Box::new(Submitted::new(request, reply));
            self.inner.requests.send(pending).await.map_err(|_| Error::Stopped)?;
            answer.await.unwrap_or(Err(Error::Stopped))
        };
        timer::timeout(after, answer).await.unwrap_or(Err(Error::TimedOut { after }))
    }

    /// The newest image that this node has applied.
    pub fn image(&self) -> Arc<Image> {
        self.inner.images.borrow().clone()
    }

    /// The images as they are applied. A receiver that is slow misses some and sees the newest.
    pub fn images(&self) -> watch::Receiver<Arc<Image>> {
        self.inner.images.clone()
    }

    /// The cluster's id; `None` only on a voter of a cluster that is not founded yet.
    pub fn cluster_id(&self) -> Option<Uuid> {
        self.inner.images.borrow().cluster_id
    }

    /// Whether this controller is the active one, as far as it knows.
    pub fn is_active(&self) -> bool {
        self.inner.raft.is_leader()
    }

    /// The active controller, as far as this one knows.
    pub async fn active(&self) -> Option<BrokerId> {
        self.inner.raft.current_leader().await.map(broker_id)
    }

    /// Resolves when the quorum can no longer go on: its disk is full or has failed, or what it holds makes no sense. The node ends.
    pub async fn failed(&self) -> Failure {
        let mut failure = self.inner.failure.clone();
        let failed = failure.wait_for(Option::is_some).await.map(|failure| failure.clone());
        match failed {
            Ok(failure) => failure.expect("waited for one"),
            // The quorum was stopped in order: that is no failure.
            Err(_) => std::future::pending().await,
        }
    }

    /// Stops the quorum and makes all it has durable. Requests under way are answered [`Error::Stopped`].
    pub async fn stop(&self) {
        if let Err(error) = self.inner.raft.shutdown().await {
            tracing::warn!(%error, "the metadata quorum did not stop in order");
        }
        if let Err(error) = self.inner.files.close() {
            tracing::warn!(%error, "the metadata log was not closed in order");
        }
        self.inner.scope.abort();
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Controller").field("node_id", &self.options.node_id).finish_non_exhaustive()
    }
}

/// The broker id of a Raft node: voters are numbered by `node.id`.
pub(crate) fn broker_id(node_id: u64) -> BrokerId {
    BrokerId(i32::try_from(node_id).expect("node ids come from broker ids"))
}
