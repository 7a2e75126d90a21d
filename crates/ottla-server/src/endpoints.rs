//! [`Viewpoint`]: where brokers are reached, as the client that asks is told it.

use std::net::SocketAddr;
use std::sync::Arc;

use ottla_base::BrokerId;
use ottla_metadata::Image;
use ottla_net::ConnectionInfo;
use ottla_settings::BrokerSettings;

/// The address by which a client reaches a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// A name, or an address without brackets.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
}

/// From where a client looks at the cluster: it sees each broker by the listener that it came to itself.
#[derive(Clone, Debug)]
pub(crate) struct Viewpoint {
    listener: Arc<str>,
    own_id: BrokerId,
    own_endpoint: Endpoint,
}

impl Viewpoint {
    /// That of a client of this node. It reaches this node as `advertised.listeners` says, and where that says nothing, by the address
    /// that it came to: what has just worked for it.
    pub(crate) fn new(own_id: BrokerId, settings: &BrokerSettings, connection: &ConnectionInfo) -> Viewpoint {
        let own_endpoint = match settings.advertised(&connection.listener) {
            Some(advertised) => Endpoint { host: advertised.host.clone(), port: advertised.port },
            None => Endpoint::from(connection.local_address),
        };
        Viewpoint { listener: connection.listener.clone(), own_id, own_endpoint }
    }

    /// Where the broker is reached; `None` for one that has no such listener.
    pub(crate) fn endpoint(&self, broker: &ottla_metadata::Broker) -> Option<Endpoint> {
        if broker.broker_id == self.own_id {
            return Some(self.own_endpoint.clone());
        }
        let listener = broker.listener(&self.listener)?;
        Some(Endpoint { host: listener.host.clone(), port: listener.port })
    }

    /// The broker that clients are told is the controller: any that lives, as in Kafka, since each has what is asked of the controller
    /// decided. Itself, where it lives.
    pub(crate) fn controller_id(&self, image: &Image) -> Option<BrokerId> {
        let alive = || image.brokers.unfenced().map(|broker| broker.broker_id);
        alive().find(|broker_id| *broker_id == self.own_id).or_else(|| alive().next())
    }
}

/// An IPv4 address that came to an IPv6 socket is named as what it is.
impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Endpoint {
        Endpoint { host: address.ip().to_canonical().to_string(), port: address.port() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own_endpoint(overrides: &[&str], local_address: &str) -> (String, u16) {
        let settings = crate::testing::settings(overrides).broker;
        let connection = crate::testing::connection_to(local_address);
        let Endpoint { host, port } = Viewpoint::new(BrokerId(1), &settings, &connection).own_endpoint;
        (host, port)
    }

    #[test]
    fn a_client_is_told_the_address_that_it_came_to() {
        assert_eq!(own_endpoint(&[], "192.168.1.5:9092"), ("192.168.1.5".to_owned(), 9092));
        assert_eq!(own_endpoint(&[], "[::1]:9092"), ("::1".to_owned(), 9092));
        assert_eq!(own_endpoint(&[], "[::ffff:10.1.2.3]:9092"), ("10.1.2.3".to_owned(), 9092));
    }

    #[test]
    fn what_is_advertised_for_its_listener_wins() {
        let overrides = ["listeners=PLAINTEXT://:9092", "advertised.listeners=PLAINTEXT://logs.example.com:19092"];
        assert_eq!(own_endpoint(&overrides, "192.168.1.5:9092"), ("logs.example.com".to_owned(), 19092));
    }
}
