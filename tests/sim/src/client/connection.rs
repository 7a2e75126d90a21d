//! [`Connection`]: a client's one connection to a node, opened again when it breaks.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ottla_base::{Entropy, SeededEntropy};
use ottla_net::transport::{Endpoint, SimTransport};
use ottla_net::{CallError, Client, ClientOptions, TaskScope, timer};
use ottla_protocol::Request;

/// How long a client waits for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(1);

/// The longest that a client waits before it tries again.
const BACKOFF_MS_MAX: u64 = 200;

/// A client's host, and its connection where it has one.
#[derive(Debug)]
pub struct Connection {
    host: SimTransport,
    peer: SocketAddr,
    scope: TaskScope,
    entropy: SeededEntropy,
    client: Option<Client>,
}

impl Connection {
    /// A client at `host` of the node at `peer`, not connected. `scope` has its background tasks.
    pub fn new(host: SimTransport, peer: SocketAddr, scope: TaskScope, entropy: SeededEntropy) -> Connection {
        Connection { host, peer, scope, entropy, client: None }
    }

    /// The client's address.
    pub fn address(&self) -> IpAddr {
        self.host.address()
    }

    /// The client's host.
    pub(crate) fn host(&self) -> &SimTransport {
        &self.host
    }

    /// Where it connects to.
    pub(crate) fn peer(&self) -> Endpoint {
        self.peer.into()
    }

    /// The connection, opened where there is none; `None` where that does not work now.
    pub async fn client(&mut self) -> Option<Client> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            let options = ClientOptions::default();
            let peer = self.peer();
            let connected = Client::connect(&self.host, &peer, options, CONNECT_MAX, &self.scope);
            self.client = Box::pin(connected).await.ok();
        }
        self.client.clone()
    }

    /// Gives up the connection, whatever is under way on it.
    pub fn close(&mut self) {
        self.client = None;
    }

    /// Asks once. After an error the connection is a new one.
    pub async fn call<R: Request>(
        &mut self,
        version: i16,
        request: &R,
        within: Duration,
    ) -> Result<R::Response, CallError> {
        let client = self.client().await.ok_or(CallError::Closed)?;
        let answer = client.call(version, request, within).await;
        if answer.is_err() {
            self.close();
        }
        answer
    }

    /// Rests before another try.
    pub async fn back_off(&self) {
        timer::sleep(Duration::from_millis(1 + self.entropy.below(BACKOFF_MS_MAX))).await;
    }
}
