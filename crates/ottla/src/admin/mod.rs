//! The admin listener: `/metrics` for Prometheus, and `/healthz` for whoever sends clients to nodes or restarts them.
//!
//! - `http.rs`: HTTP over the transport's sockets, within bounds. `pages.rs`: what is answered to which path.
//! - `health.rs`: whether the node serves, and why not. `metrics/`: what it counts, in Prometheus' text.
//! - `observed.rs`: the parts of the node that the pages look at.
//!
//! All of it runs on the control runtime and waits for no lock that a disk can hold up: a node whose disk stands still says so.

mod health;
mod http;
mod metrics;
mod observed;
mod pages;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use ottla_net::TaskScope;
use ottla_net::transport::{Listener, Transport};
use ottla_settings::HttpEndpoint;
use tokio::runtime;

use crate::listen::{ListenError, bind_host};

pub(crate) use observed::{Directory, Observed};

/// Where the pages are unless `admin.listeners` says otherwise.
const DEFAULT_HOST: &str = "localhost";
const DEFAULT_PORT: u16 = 9644;

/// The admin listener of one node. Its tasks end with the scope that it was started in.
pub(crate) struct Admin {
    observed: Arc<OnceLock<Observed>>,
    /// Where it listens; nowhere where that is what was asked for, or the default port is taken.
    addresses: Vec<SocketAddr>,
}

impl Admin {
    /// Listens where `admin.listeners` says, `asked`, and answers that the node is starting. Where nothing is said it listens on the default
    /// port if that is free: nobody asked for it, so two nodes on one machine are no error.
    ///
    /// Errors: what was asked for cannot be had.
    pub(crate) async fn start(
        transport: &dyn Transport,
        asked: Option<&[HttpEndpoint]>,
        scope: &TaskScope,
        control: &runtime::Handle,
    ) -> anyhow::Result<Admin> {
        let listeners = match asked {
            Some(endpoints) => bind_all(transport, endpoints, control).await?,
            None => bind_default(transport, control).await,
        };
        let addresses = listeners.iter().map(|listener| listener.local_address()).collect();
        let observed = Arc::new(OnceLock::new());
        http::serve(listeners, &observed, scope);
        Ok(Admin { observed, addresses })
    }

    /// Shows the node from now on: it has started.
    pub(crate) fn show(&self, observed: Observed) {
        assert!(self.observed.set(observed).is_ok(), "a node starts once");
    }

    /// Tells the operator where the pages are.
    pub(crate) fn announce(&self) {
        if !self.addresses.is_empty() {
            let addresses: Vec<_> = self.addresses.iter().map(|address| format!("http://{address}")).collect();
            tracing::info!("/metrics and /healthz are at {}", addresses.join(" and "));
        }
    }
}

async fn bind_all(
    transport: &dyn Transport,
    endpoints: &[HttpEndpoint],
    control: &runtime::Handle,
) -> anyhow::Result<Vec<Box<dyn Listener>>> {
    let mut listeners = Vec::new();
    for endpoint in endpoints {
        let HttpEndpoint { host, port } = endpoint;
        listeners.extend(bind_host(transport, host, *port, &format!("admin.listeners={endpoint}"), control).await?);
    }
    Ok(listeners)
}

async fn bind_default(transport: &dyn Transport, control: &runtime::Handle) -> Vec<Box<dyn Listener>> {
    let setting = "the default of admin.listeners";
    bind_host(transport, DEFAULT_HOST, DEFAULT_PORT, setting, control).await.unwrap_or_else(|error| {
        match error.downcast_ref::<ListenError>() {
            Some(taken) if taken.is_taken() => tracing::warn!(
                "{} is taken, so there are no /metrics and no /healthz of this node: set admin.listeners to have them elsewhere, or to \
                 nothing",
                taken.address
            ),
            _ => tracing::warn!(error = format!("{error:#}"), "there are no /metrics and no /healthz"),
        }
        Vec::new()
    })
}

#[cfg(test)]
mod tests {
    use ottla_base::SeededEntropy;
    use ottla_net::transport::{Endpoint, Stream, TcpTransport};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::runtime::Handle;

    use super::*;

    /// One at a free port, of a node that is starting.
    async fn admin(scope: &TaskScope) -> Admin {
        let endpoint = HttpEndpoint { host: "127.0.0.1".to_owned(), port: 0 };
        Admin::start(&TcpTransport, Some(&[endpoint]), scope, &Handle::current()).await.expect("a free port")
    }

    fn scope() -> TaskScope {
        TaskScope::new("test", Handle::current(), Arc::new(SeededEntropy::new(1)))
    }

    async fn connect(admin: &Admin) -> Box<dyn Stream> {
        TcpTransport.connect(&Endpoint::from(admin.addresses[0])).await.expect("it listens")
    }

    /// What comes back to `request`, until the connection is closed.
    async fn ask(mut stream: Box<dyn Stream>, request: &[u8]) -> String {
        stream.write_all(request).await.expect("it is read from");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("it is answered and closed");
        answer
    }

    #[tokio::test]
    async fn a_starting_node_says_so_and_a_connection_is_for_one_request() {
        let scope = scope();
        let admin = admin(&scope).await;
        let answer = ask(connect(&admin).await, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.ends_with("{\"status\":\"unhealthy\",\"reason\":\"the node is starting\"}\n"), "{answer}");
        let answer = ask(connect(&admin).await, b"no request\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }

    #[tokio::test]
    async fn a_head_has_a_bound() {
        let scope = scope();
        let admin = admin(&scope).await;
        let request = [b"GET /healthz HTTP/1.1\r\nA: ".as_slice(), &[b'x'; 100_000]].concat();
        let mut stream = connect(&admin).await;
        // It may be refused while it is still sent.
        let _ = stream.write_all(&request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!String::from_utf8_lossy(&answer).contains("HTTP/1.1 503"), "it was not read to its end");
    }

    #[tokio::test]
    async fn there_are_so_many_connections_and_not_one_more() {
        let scope = scope();
        let admin = admin(&scope).await;
        let mut silent = Vec::new();
        for _ in 0..http::CONNECTIONS_MAX {
            silent.push(connect(&admin).await);
        }
        let mut refused = connect(&admin).await;
        assert_eq!(refused.read(&mut [0; 1]).await.expect("it is closed"), 0);

        let answer = ask(silent.pop().expect("there are some"), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "those that have a place are served: {answer}");
    }

    #[tokio::test]
    async fn two_nodes_may_start_on_one_machine() {
        let scope = scope();
        let start = async || Admin::start(&TcpTransport, None, &scope, &Handle::current()).await;
        // Whoever has the default port, this node or another, the next does without.
        let _first = start().await.expect("nobody asked for the port");
        let second = start().await.expect("nobody asked for the port");
        assert!(second.addresses.is_empty());
    }
}
