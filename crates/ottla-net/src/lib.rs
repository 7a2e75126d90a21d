//! Frames in and out of sockets, real and simulated; limits.
//!
//! The accepting side is [`Acceptor`]: it hands each frame of each connection to a [`Service`] and sends the replies in request order.
//! [`Client`] is the other side; [`BrokerClient`] agrees with its broker on versions, and [`ClusterClient`] finds the broker that a
//! request is for. Both sides run over a [`Transport`](transport::Transport), of which there is the operating system's and a
//! simulated one. All tasks of a node are spawned in its [`TaskScope`], and everything that waits does so through [`timer`].
//!
//! To follow a request, read `connection.rs`, then `frame.rs` and `limits.rs`.
//!
//! **Architecture invariant:** net knows frames, no API's policy. The accepting side reads a request's key (for how much a frame may weigh)
//! and of a message nothing at all; the client reads the three messages that routing needs, ApiVersions, Metadata and FindCoordinator.

mod acceptor;
mod client;
mod connection;
mod frame;
mod limits;
mod offload;
mod outbox;
mod replies;
mod service;
mod signal;
mod tasks;
pub mod timer;
mod traffic;
pub mod transport;

pub use acceptor::{Acceptor, AcceptorCounts};
pub use client::{
    BrokerClient, BrokerError, CallError, Client, ClientOptions, ClusterClient, ClusterClientOptions, ClusterError,
    CoordinatorError, Retry, Topics,
};
pub use frame::{FrameDecoder, FrameError, FrameHead, FrameSizes};
pub use limits::{Limits, MemoryPermit, RequestMemory};
pub use offload::offload;
pub use service::{ConnectionId, ConnectionInfo, Frame, Reply, Service, Staged};
pub use tasks::TaskScope;
