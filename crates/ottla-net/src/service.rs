//! [`Service`]: what the accepting side asks of the layer that knows requests.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use ottla_protocol::Encoded;

use crate::MemoryPermit;

/// Answers the requests of any number of connections.
pub trait Service: Send + Sync {
    /// Takes one request and does its ordered part. Requests of one connection come in the order in which they were sent; the next
    /// comes when this call is over, whether or not the reply is there.
    ///
    /// Runs in the connection's own task: it must not block, and what it does is what the next request sees. Slices of the frame that
    /// are kept past the call keep a receive buffer alive that would be used again: copy what is small.
    fn call(&self, connection: &ConnectionInfo, frame: Frame) -> Staged;
}

/// What becomes of a request after its ordered part.
pub enum Staged {
    /// The reply is there.
    Done(Encoded),
    /// There is none, and the client expects none (a Produce with acks=0).
    NoReply,
    /// The reply comes later. The future is dropped unfinished when the connection ends.
    Later(Pin<Box<dyn Future<Output = Reply> + Send>>),
    /// The connection is to end: the request is not one, or has no answer. Replies to earlier requests are sent first.
    Close,
}

/// What a [`Staged::Later`] ends with.
#[derive(Debug)]
pub enum Reply {
    /// Send this.
    Send(Encoded),
    /// Send nothing more, and end the connection once the replies to earlier requests are sent.
    Close,
}

/// A request as it came: header and body, without the length before them.
#[derive(Debug)]
pub struct Frame {
    /// The bytes, a slice of the connection's receive buffer.
    pub bytes: Bytes,
    /// The memory that was charged for them and for what they decode to. Drop it as soon as they are no longer held: a Produce once it
    /// is appended, not once it is acknowledged.
    pub memory: MemoryPermit,
}

/// Where a connection comes from and arrived.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// Tells it from all others of this node's run.
    pub id: ConnectionId,
    /// The listener that it came to, by its name in `listeners`.
    pub listener: Arc<str>,
    /// The client's address.
    pub peer_address: SocketAddr,
    /// The address that the client came to.
    pub local_address: SocketAddr,
}

/// Numbers the connections that a node accepted in one run, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

impl Staged {
    /// A reply that `future` has in the end.
    pub fn later(future: impl Future<Output = Reply> + Send + 'static) -> Staged {
        Staged::Later(Box::pin(future))
    }
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Staged::Done(reply) => f.debug_tuple("Done").field(reply).finish(),
            Staged::NoReply => f.write_str("NoReply"),
            Staged::Later(_) => f.write_str("Later"),
            Staged::Close => f.write_str("Close"),
        }
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionId({})", self.0)
    }
}
