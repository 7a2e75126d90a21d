//! The network seam: who can be listened to and connected to.
//!
//! [`TcpTransport`] is the operating system's; [`SimNetwork`] gives each simulated host one of its own. What both promise stands in one
//! suite of tests that both run (`suite.rs`).

mod sim;
#[cfg(test)]
mod suite;
mod tcp;

pub use sim::{SimNetwork, SimOptions, SimTransport, Then};
pub use tcp::TcpTransport;

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

/// A future that a seam returns.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A host's access to the network.
pub trait Transport: Send + Sync + fmt::Debug {
    /// Listens on `address`; port 0 takes a free one. Connections are queued from now on. To be called within a runtime.
    ///
    /// Errors: `AddrInUse` where somebody listens there, `AddrNotAvailable` where the address is not this host's.
    fn bind(&self, address: SocketAddr) -> io::Result<Box<dyn Listener>>;

    /// Opens a connection to `peer`, by the first of its addresses that takes it. Has no deadline: the caller sets one.
    ///
    /// Errors: `ConnectionRefused` where nobody listens. A name that is not found (as that of a container which is down) is
    /// `HostUnreachable`: to be tried again, not fatal.
    fn connect(&self, peer: &Endpoint) -> BoxFuture<io::Result<Box<dyn Stream>>>;
}

/// Hands out the connections that come to one address.
pub trait Listener: Send + fmt::Debug {
    /// The next connection. Errors concern one connection or, where descriptors are short, a moment: the listener goes on.
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Box<dyn Stream>>>;

    /// Where it listens, with the port that it really has.
    fn local_address(&self) -> SocketAddr;
}

/// One connection. Bytes arrive in order or not at all; end of file is the peer's orderly close; a reset is an error.
///
/// Nothing is delayed to be sent together with later bytes.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + fmt::Debug {
    /// This side's address.
    fn local_address(&self) -> SocketAddr;

    /// The other side's address.
    fn peer_address(&self) -> SocketAddr;
}

/// Waits for `listener`'s next connection. Dropping the future loses none.
pub async fn accept(listener: &mut dyn Listener) -> io::Result<Box<dyn Stream>> {
    poll_fn(|context| listener.poll_accept(context)).await
}

/// Where a node can be reached: a host's name or address, and a port.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// A name, or an IP address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Endpoint {
    /// `host`, port `port`.
    pub fn new(host: impl Into<String>, port: u16) -> Endpoint {
        Endpoint { host: host.into(), port }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Endpoint {
        Endpoint::new(address.ip().to_string(), address.port())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
