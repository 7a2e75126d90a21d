//! From layers to a node's own settings, and which of them do not go together.

use crate::error::{Error, Errors};
use crate::layers::{Layers, View, Written};
use crate::table::groups::Groups;
use crate::table::network::Network;
use crate::table::node::Node;
use crate::table::quorum::Quorum;
use crate::table::replication::Replication;
use crate::table::storage::Storage;
use crate::table::topics::Topics;
use crate::typed::{Endpoint, SecurityProtocol};

/// The settings of one node, by subject.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokerSettings {
    /// Who the node is.
    pub node: Node,
    /// Listeners, connections and the limits of requests.
    pub network: Network,
    /// How topics come and go.
    pub topics: Topics,
    /// Where data lies.
    pub storage: Storage,
    /// How replicas follow their leader.
    pub replication: Replication,
    /// Groups and their committed offsets.
    pub groups: Groups,
    /// The metadata quorum.
    pub quorum: Quorum,
}

impl BrokerSettings {
    /// Reads the settings of a node from its layers.
    ///
    /// # Errors
    /// Values that are not allowed, or that do not go together.
    pub fn resolve(layers: &Layers) -> Result<BrokerSettings, Errors> {
        let view = View::of_broker(layers);
        let broker = BrokerSettings {
            node: Node::read(view)?,
            network: Network::read(view)?,
            topics: Topics::read(view)?,
            storage: Storage::read(view)?,
            replication: Replication::read(view)?,
            groups: Groups::read(view)?,
            quorum: Quorum::read(view)?,
        };
        let mut conflicts = broker.listener_conflicts(layers);
        conflicts.extend(broker.size_conflict(layers));
        conflicts.extend(id_conflict(layers));
        conflicts.extend(authorizer_conflict(layers));
        if conflicts.is_empty() {
            Ok(broker)
        } else {
            Err(Errors(conflicts.into_iter().map(Error::Conflict).collect()))
        }
    }

    /// The listeners that clients are served on: all but the controllers'.
    pub fn client_listeners(&self) -> impl Iterator<Item = &Endpoint> {
        self.network.listeners.iter().filter(|endpoint| !self.is_of_controllers(&endpoint.listener))
    }

    /// The listeners that controllers talk on.
    pub fn controller_listeners(&self) -> impl Iterator<Item = &Endpoint> {
        self.network.listeners.iter().filter(|endpoint| self.is_of_controllers(&endpoint.listener))
    }

    /// The address that clients of this listener are told; `None`: the one that they came to.
    pub fn advertised(&self, listener: &str) -> Option<&Endpoint> {
        self.network.advertised_listeners.iter().flatten().find(|endpoint| endpoint.listener == listener)
    }

    /// The directory of the metadata log.
    pub fn metadata_log_dir(&self) -> &std::path::Path {
        let first_log_dir = self.storage.log_dirs.first().expect("log.dirs names at least one path");
        self.quorum.metadata_log_dir.as_ref().unwrap_or(first_log_dir)
    }

    fn is_of_controllers(&self, listener: &str) -> bool {
        self.quorum.controller_listener_names.iter().any(|name| name.eq_ignore_ascii_case(listener))
    }

    /// What is spoken on a listener; `None` where neither the map nor its name says.
    fn protocol(&self, listener: &str) -> Option<SecurityProtocol> {
        let mapped = self.network.listener_security_protocol_map.get(listener).copied();
        // Kafka maps the controllers' listeners to PLAINTEXT where the map does not name them.
        let of_controllers = self.is_of_controllers(listener).then_some(SecurityProtocol::Plaintext);
        mapped.or_else(|| SecurityProtocol::by_name(listener)).or(of_controllers)
    }

    fn listener_conflicts(&self, layers: &Layers) -> Vec<String> {
        let mut conflicts = Vec::new();
        let listeners = at(layers, "listeners");
        for Endpoint { listener, .. } in &self.network.listeners {
            match self.protocol(listener) {
                Some(SecurityProtocol::Plaintext) => {}
                Some(_) => {
                    conflicts.push(format!("{listeners}: {listener} asks for TLS or SASL, which are not served yet"))
                }
                None => conflicts.push(format!(
                    "{listeners}: no security protocol is defined for {listener}: add {listener}:PLAINTEXT to \
                     listener.security.protocol.map"
                )),
            }
        }
        if self.node.process_roles.broker && self.client_listeners().next().is_none() {
            conflicts.push(format!("{listeners}: none is left for clients beside controller.listener.names"));
        }
        let advertised = at(layers, "advertised.listeners");
        for endpoint in self.network.advertised_listeners.iter().flatten() {
            if !self.network.listeners.iter().any(|known| known.listener == endpoint.listener) {
                conflicts.push(format!("{advertised}: {} is not one of listeners", endpoint.listener));
            }
            if matches!(endpoint.host.as_str(), "" | "0.0.0.0" | "::") {
                conflicts.push(format!("{advertised}: no client can come to {endpoint}: name a host"));
            }
        }
        conflicts
    }

    fn size_conflict(&self, layers: &Layers) -> Option<String> {
        let budget = self.network.queued_max_request_bytes?;
        let largest = self.network.socket_request_max_bytes;
        (budget < largest).then(|| {
            let budget_at = at(layers, "queued.max.request.bytes");
            format!("{budget_at} ({budget}) must be at least socket.request.max.bytes ({largest}), or -1")
        })
    }
}

fn written<'a>(layers: &'a Layers, name: &str) -> Option<&'a Written> {
    layers.written().into_iter().find_map(|(_, layer)| layer.get(name))
}

/// A setting's name, behind the place where it is written.
fn at(layers: &Layers, name: &str) -> String {
    written(layers, name).map_or(name.to_owned(), |written| format!("{}{name}", written.origin))
}

/// Who asks for an authorizer does not want every client to do everything.
fn authorizer_conflict(layers: &Layers) -> Option<String> {
    let name = "authorizer.class.name";
    written(layers, name).filter(|written| !written.text.trim().is_empty()).map(|_| {
        let authorizer = at(layers, name);
        format!("{authorizer} asks for authorization, which there is not yet; unset, every client may do everything")
    })
}

/// Source: Kafka `KafkaConfig.validateValues`.
fn id_conflict(layers: &Layers) -> Option<String> {
    let text = |name| written(layers, name).map(|written| written.text.trim());
    match (text("node.id"), text("broker.id")) {
        (Some(node), Some(broker)) if node != broker => Some(format!(
            "node.id ({node}) and broker.id ({broker}) are one setting under two names: set one, or both alike"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::load;

    fn resolve(overrides: &[&str]) -> Result<BrokerSettings, String> {
        let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
        load(None, &overrides).map(|loaded| loaded.broker).map_err(|errors| errors.to_string())
    }

    #[test]
    fn a_node_without_configuration_serves_its_own_machine() {
        let broker = resolve(&[]).unwrap();
        assert_eq!(broker.node.node_id, 1);
        let listeners: Vec<String> = broker.client_listeners().map(ToString::to_string).collect();
        assert_eq!(listeners, ["PLAINTEXT://localhost:9092"]);
        assert_eq!(broker.advertised("PLAINTEXT"), None);
        assert_eq!(broker.storage.log_dirs, [PathBuf::from("./data")]);
        assert_eq!(broker.metadata_log_dir(), PathBuf::from("./data"));
    }

    #[test]
    fn log_dirs_win_over_log_dir_and_node_id_over_broker_id() {
        assert_eq!(resolve(&["log.dir=/a"]).unwrap().storage.log_dirs, [PathBuf::from("/a")]);
        let dirs = resolve(&["log.dir=/a", "log.dirs=/b, /c"]).unwrap().storage.log_dirs;
        assert_eq!(dirs, [PathBuf::from("/b"), PathBuf::from("/c")]);
        assert_eq!(resolve(&["broker.id=7"]).unwrap().node.node_id, 7);
        assert!(resolve(&["broker.id=7", "node.id=8"]).unwrap_err().contains("two names"));
        assert!(resolve(&["broker.id=7", "node.id=7"]).is_ok());
    }

    #[test]
    fn controllers_listeners_serve_no_client() {
        let broker = resolve(&["listeners=PLAINTEXT://:9092,CONTROLLER://:9093"]).unwrap();
        assert_eq!(broker.client_listeners().count(), 1);
        assert_eq!(broker.controller_listeners().map(ToString::to_string).collect::<Vec<_>>(), ["CONTROLLER://:9093"]);
        assert!(resolve(&["listeners=CONTROLLER://:9093"]).unwrap_err().contains("none is left"));
    }

    #[test]
    fn a_listener_needs_a_protocol_that_is_served() {
        assert!(resolve(&["listeners=INSIDE://:1"]).unwrap_err().contains("INSIDE:PLAINTEXT"));
        assert!(resolve(&["listeners=INSIDE://:1", "listener.security.protocol.map=inside:plaintext"]).is_ok());
        assert!(resolve(&["listeners=SASL_SSL://:1"]).unwrap_err().contains("not served yet"));
    }

    #[test]
    fn an_advertised_address_is_of_a_listener_and_can_be_reached() {
        let broker = resolve(&["advertised.listeners=PLAINTEXT://broker:1"]).unwrap();
        assert_eq!(broker.advertised("PLAINTEXT").map(ToString::to_string).as_deref(), Some("PLAINTEXT://broker:1"));
        assert!(resolve(&["advertised.listeners=PLAINTEXT://0.0.0.0:1"]).unwrap_err().contains("name a host"));
        let other = resolve(&["advertised.listeners=OTHER://broker:1"]).unwrap_err();
        assert_eq!(other, "--override: advertised.listeners: OTHER is not one of listeners");
    }

    #[test]
    fn a_node_that_cannot_keep_clients_out_does_not_pretend_to() {
        let authorizer = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer";
        assert!(resolve(&[authorizer]).unwrap_err().contains("every client may do everything"));
        assert!(resolve(&["authorizer.class.name="]).is_ok());
    }

    #[test]
    fn the_request_budget_holds_the_largest_request() {
        assert!(resolve(&["queued.max.request.bytes=1000"]).unwrap_err().contains("must be at least"));
        assert_eq!(resolve(&["queued.max.request.bytes=-1"]).unwrap().network.queued_max_request_bytes, None);
    }
}
