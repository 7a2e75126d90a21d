//! [`Client`]: a connection to a broker, with any number of requests in flight.
//!
//! Built on it: [`BrokerClient`], which picks versions, and [`ClusterClient`], which picks brokers.

mod broker_client;
mod cluster_client;
mod coordinator;
mod retry;

pub use broker_client::{BrokerClient, BrokerError};
pub use cluster_client::{ClusterClient, ClusterClientOptions, ClusterError, Topics};
pub use coordinator::CoordinatorError;
pub use retry::Retry;

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use ottla_protocol::messages::StrBytes;
use ottla_protocol::{Encoded, Malformed, Request, RequestHeader, Unencodable};
use tokio::io::AsyncReadExt;
use tokio::sync::{mpsc, oneshot};

use crate::frame::FrameSizes;
use crate::outbox::Outbox;
use crate::timer;
use crate::transport::{Endpoint, Stream, Transport};
use crate::{FrameDecoder, FrameError, TaskScope};

/// With this much unsent no more requests are taken from those who call.
const UNSENT_BYTES_MAX: usize = 1024 * 1024;

/// How a client connection behaves.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// `client.id`, which the broker's logs and quotas see.
    pub client_id: StrBytes,
    /// How many requests may be without a response; those beyond wait to be sent.
    pub requests_in_flight_max: usize,
    /// The largest response, in bytes: no broker makes us take more.
    pub response_bytes_max: usize,
}

impl Default for ClientOptions {
    fn default() -> ClientOptions {
        let client_id = StrBytes::from_static_str("ottla");
        ClientOptions { client_id, requests_in_flight_max: 64, response_bytes_max: 128 * 1024 * 1024 }
    }
}

/// Why a call has no response. After all but a timeout and an unencodable request the connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No response in time. It may still come, and is then dropped: what was asked for may have happened.
    #[error("no response within {within:?}")]
    TimedOut {
        /// The time that the call had.
        within: Duration,
    },
    /// The connection is over. A request that was sent may have been carried out.
    #[error("the connection is closed")]
    Closed,
    /// The broker answered something that is no response.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The request does not exist in that version.
    #[error(transparent)]
    Unencodable(#[from] Unencodable),
}

/// A connection to one broker. Clones share it; it closes with the last of them.
#[derive(Clone, Debug)]
pub struct Client {
    requests: mpsc::Sender<Outgoing>,
    next_correlation_id: Arc<AtomicI32>,
    client_id: StrBytes,
}

/// A request on its way to the connection's task.
#[derive(Debug)]
struct Outgoing {
    message: Encoded,
    correlation_id: i32,
    /// Whom to give the response; nobody where there is none.
    response: Option<oneshot::Sender<Bytes>>,
}

impl Client {
    /// Opens a connection to `peer`, within `within`. What it does in the background is a task of `scope`.
    ///
    /// Errors: those of [`Transport::connect`], and `TimedOut`.
    pub async fn connect(
        transport: &dyn Transport,
        peer: &Endpoint,
        options: ClientOptions,
        within: Duration,
        scope: &TaskScope,
    ) -> io::Result<Client> {
        let stream = timer::timeout(within, transport.connect(peer)).await.map_err(|_| io::ErrorKind::TimedOut)??;
        Ok(Client::over(stream, options, scope))
    }

    /// A client on a connection that is open.
    pub fn over(stream: Box<dyn Stream>, options: ClientOptions, scope: &TaskScope) -> Client {
        let (requests, queue) = mpsc::channel(options.requests_in_flight_max);
        let mut driver = Driver {
            stream,
            queue,
            queue_open: true,
            decoder: FrameDecoder::new(FrameSizes::of_responses(options.response_bytes_max)),
            outbox: Outbox::default(),
            in_flight: VecDeque::new(),
            in_flight_max: options.requests_in_flight_max,
        };
        scope.spawn(async move {
            let end = poll_fn(|context| driver.poll_end(context)).await;
            tracing::debug!(peer = %driver.stream.peer_address(), reason = ?end.err(), "client connection over");
        });
        Client { requests, next_correlation_id: Arc::default(), client_id: options.client_id }
    }

    /// Sends `request` in `version` and waits up to `within` for the response. Requests go out in the order of the calls.
    pub async fn call<R: Request>(
        &self,
        version: i16,
        request: &R,
        within: Duration,
    ) -> Result<R::Response, CallError> {
        let (response, answered) = oneshot::channel();
        let exchange = async {
            self.enqueue(version, request, Some(response)).await?;
            answered.await.map_err(|_| CallError::Closed)
        };
        let frame = timer::timeout(within, exchange).await.map_err(|_| CallError::TimedOut { within })??;
        let (_, response) = ottla_protocol::Response::decode(version, frame)?;
        Ok(response)
    }

    /// Sends a `request` that has no response: a Produce with acks=0. Returns once it is queued, for which it waits up to `within`.
    pub async fn send<R: Request>(&self, version: i16, request: &R, within: Duration) -> Result<(), CallError> {
        let queued = self.enqueue(version, request, None);
        timer::timeout(within, queued).await.map_err(|_| CallError::TimedOut { within })?
    }

    /// Whether the connection is known to be over.
    pub fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    async fn enqueue<R: Request>(
        &self,
        version: i16,
        request: &R,
        response: Option<oneshot::Sender<Bytes>>,
    ) -> Result<(), CallError> {
        let correlation_id = self.next_correlation_id.fetch_add(1, Ordering::Relaxed);
        let client_id = Some(self.client_id.clone());
        let header = RequestHeader { api_key: R::KEY, api_version: version, correlation_id, client_id };
        let message = request.encode(&header)?;
        self.requests.send(Outgoing { message, correlation_id, response }).await.map_err(|_| CallError::Closed)
    }
}

/// Why the connection's task ends, where it is not that all clients are gone.
#[derive(Debug)]
#[expect(dead_code, reason = "read by Debug, for the log")]
enum Broken {
    ByBroker,
    /// A response that answers no request, or not the oldest.
    OutOfOrder {
        correlation_id: Option<i32>,
    },
    Frame(FrameError),
    Io(io::Error),
}

/// The connection's task.
struct Driver {
    stream: Box<dyn Stream>,
    queue: mpsc::Receiver<Outgoing>,
    queue_open: bool,
    decoder: FrameDecoder,
    outbox: Outbox,
    /// Who waits for a response, in the order in which brokers answer.
    in_flight: VecDeque<(i32, oneshot::Sender<Bytes>)>,
    in_flight_max: usize,
}

impl Driver {
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        loop {
            self.take_requests(context);
            let sent = match self.outbox.poll_send(context, &mut *self.stream) {
                Poll::Ready(Err(e)) => return Poll::Ready(Err(Broken::Io(e))),
                sent => sent.is_ready(),
            };
            if !self.queue_open && sent && self.in_flight.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let mut space = self.decoder.space();
            match pin!(self.stream.read_buf(&mut space)).poll(context) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Broken::ByBroker)),
                Poll::Ready(Ok(_)) => self.hand_out_responses()?,
                Poll::Ready(Err(e)) => return Poll::Ready(Err(Broken::Io(e))),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn take_requests(&mut self, context: &mut Context<'_>) {
        while self.queue_open && self.in_flight.len() < self.in_flight_max && self.outbox.bytes() < UNSENT_BYTES_MAX {
            match self.queue.poll_recv(context) {
                Poll::Ready(Some(Outgoing { message, correlation_id, response })) => {
                    self.outbox.push(message);
                    self.in_flight.extend(response.map(|response| (correlation_id, response)));
                }
                Poll::Ready(None) => self.queue_open = false,
                Poll::Pending => return,
            }
        }
    }

    fn hand_out_responses(&mut self) -> Result<(), Broken> {
        while let Some(frame) = self.decoder.next_frame().map_err(Broken::Frame)? {
            self.hand_out(frame)?;
        }
        Ok(())
    }

    fn hand_out(&mut self, frame: Bytes) -> Result<(), Broken> {
        let correlation_id = frame.first_chunk().map(|id| i32::from_be_bytes(*id));
        match self.in_flight.pop_front() {
            Some((expected, waiting)) if correlation_id == Some(expected) => {
                // Nobody waits any more where the call had its deadline.
                let _ = waiting.send(frame);
                Ok(())
            }
            _ => Err(Broken::OutOfOrder { correlation_id }),
        }
    }
}
