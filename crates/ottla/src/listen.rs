//! From `listeners`, and other settings that name addresses, to bound sockets.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context;
use ottla_net::Limits;
use ottla_net::transport::{Listener, Transport};
use ottla_settings::{BrokerSettings, Endpoint};
use tokio::runtime;

/// How many eighths of the process's descriptors connections may have. Segments have a half, and what is left is for all the rest.
const CONNECTIONS_EIGHTHS: u64 = 3;

/// So many connections are taken, however few descriptors there are.
const CONNECTIONS_MIN: usize = 64;

/// A socket that is bound and whose connections nobody takes yet.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) name: Arc<str>,
    pub(crate) address: SocketAddr,
    pub(crate) listener: Box<dyn Listener>,
}

/// Why there is no listening at an address.
#[derive(Debug, thiserror::Error)]
#[error("listen on {address} ({setting})")]
pub(crate) struct ListenError {
    /// The address.
    pub(crate) address: SocketAddr,
    /// What asks for it, as it may be set: `listeners=PLAINTEXT://localhost:9092`.
    pub(crate) setting: String,
    /// What the system said.
    pub(crate) source: io::Error,
}

impl ListenError {
    /// Whether somebody else listens there.
    pub(crate) fn is_taken(&self) -> bool {
        self.source.kind() == io::ErrorKind::AddrInUse
    }
}

/// Binds every client listener on the runtime that will serve it.
pub(crate) async fn bind(
    transport: &dyn Transport,
    settings: &BrokerSettings,
    data: &runtime::Handle,
) -> anyhow::Result<Vec<Bound>> {
    let mut listening = Vec::new();
    for endpoint in settings.client_listeners() {
        let Endpoint { listener: name, host, port } = endpoint;
        let bound = bind_host(transport, host, *port, &format!("listeners={endpoint}"), data).await?;
        listening.extend(bound.into_iter().map(|listener| Bound {
            name: name.as_str().into(),
            address: listener.local_address(),
            listener,
        }));
    }
    Ok(listening)
}

/// Binds a host's `port` on the runtime that will serve it. A host with several addresses has a socket for each; one of them is enough
/// where the machine does not have the others, as without IPv6. `setting` is what asks for it.
pub(crate) async fn bind_host(
    transport: &dyn Transport,
    host: &str,
    port: u16,
    setting: &str,
    runtime: &runtime::Handle,
) -> anyhow::Result<Vec<Box<dyn Listener>>> {
    let mut listening = Vec::new();
    let mut failure = None;
    for address in addresses(host, port).await.with_context(|| format!("look up the host of {setting}"))? {
        let _runtime = runtime.enter();
        match transport.bind(address) {
            Ok(listener) => listening.push(listener),
            Err(source) => {
                let error = ListenError { address, setting: setting.to_owned(), source };
                if error.is_taken() {
                    return Err(error.into());
                }
                failure = Some(error);
            }
        }
    }
    match failure {
        Some(error) if listening.is_empty() => return Err(error.into()),
        Some(ListenError { address, source, .. }) => {
            tracing::debug!(%address, error = %source, "this address is left out");
        }
        None => {}
    }
    Ok(listening)
}

/// The addresses that a host stands for. An empty one is every address of the machine.
async fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let both = |v4: Ipv4Addr, v6: Ipv6Addr| vec![SocketAddr::from((v4, port)), SocketAddr::from((v6, port))];
    match host {
        "" => return Ok(both(Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED)),
        "localhost" => return Ok(both(Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST)),
        host => {
            if let Ok(address) = host.parse::<IpAddr>() {
                return Ok(vec![SocketAddr::from((address, port))]);
            }
        }
    }
    Ok(tokio::net::lookup_host((host, port)).await?.collect())
}

/// What a client may cost, as the settings have it. However many connections they allow, the logs and the quorum keep the larger part of
/// the `open_files_max` descriptors: clients must not keep the node from writing.
pub(crate) fn limits(settings: &BrokerSettings, open_files_max: u64) -> Limits {
    let network = &settings.network;
    let share = usize::try_from(open_files_max / 8 * CONNECTIONS_EIGHTHS).unwrap_or(usize::MAX);
    let defaults = Limits::default();
    Limits {
        record_frame_bytes_max: network.socket_request_max_bytes,
        plain_frame_bytes_max: defaults.plain_frame_bytes_max.min(network.socket_request_max_bytes),
        idle_max: network.connections_max_idle.unwrap_or(std::time::Duration::MAX),
        connections_max: network.max_connections.min(share.max(CONNECTIONS_MIN)),
        connections_per_ip_max: network.max_connections_per_ip,
        ..defaults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_logs() {
        let settings = |settings: &[String]| ottla_settings::load(None, settings).unwrap().broker;
        assert_eq!(limits(&settings(&[]), 1024).connections_max, 384);
        assert_eq!(limits(&settings(&[]), 24).connections_max, CONNECTIONS_MIN);
        assert_eq!(limits(&settings(&["max.connections=10".to_owned()]), 1024).connections_max, 10);
    }
}
