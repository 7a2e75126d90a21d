//! From what the network said to what the user can do about it.

use std::io;

use anyhow::{Error, anyhow};
use ottla_net::transport::Endpoint;
use ottla_net::{BrokerError, CallError, ClusterError};
use ottla_protocol::ApiKey;

/// Turns an error of the client into one line that says what to do. Others stay as they are.
pub(super) fn advise(error: Error) -> Error {
    let error = match error.downcast::<ClusterError>() {
        Ok(ClusterError::Broker(failure)) => return of_broker(failure),
        Ok(ClusterError::NoBroker(failures)) => return of_all(failures),
        Err(other) => other,
    };
    error.downcast::<BrokerError>().map_or_else(|other| other, of_broker)
}

fn of_all(mut failures: Vec<BrokerError>) -> Error {
    if failures.len() == 1 {
        return of_broker(failures.remove(0));
    }
    let refused: Vec<String> = failures.iter().filter_map(refusing_address).collect();
    if refused.len() == failures.len() {
        return nothing_listens(&refused.join(", "));
    }
    let each: Vec<String> = failures.into_iter().map(|failure| format!("{:#}", of_broker(failure))).collect();
    anyhow!("no broker can be reached: {}", each.join("; "))
}

fn of_broker(failure: BrokerError) -> Error {
    match failure {
        BrokerError::Unreachable { endpoint, source } => unreachable(&endpoint, &source),
        BrokerError::Call { endpoint, api: ApiKey::ApiVersions, source } => no_broker_there(&endpoint, &source),
        BrokerError::Call { endpoint, api, source: CallError::Closed } => {
            anyhow!("{endpoint} closed the connection while {api} waited for its answer: its log may say why")
        }
        other @ (BrokerError::Call { .. } | BrokerError::NotServed { .. }) => other.into(),
    }
}

fn unreachable(endpoint: &Endpoint, source: &io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::ConnectionRefused => nothing_listens(&endpoint.to_string()),
        io::ErrorKind::TimedOut => anyhow!("{endpoint} takes no connection in time: check --bootstrap-server"),
        _ => anyhow!("{endpoint} cannot be reached ({source}): check --bootstrap-server"),
    }
}

fn nothing_listens(addresses: &str) -> Error {
    anyhow!("nothing listens on {addresses}: start a node with `ottla`, or name another with --bootstrap-server")
}

fn refusing_address(failure: &BrokerError) -> Option<String> {
    match failure {
        BrokerError::Unreachable { endpoint, source } => {
            (source.kind() == io::ErrorKind::ConnectionRefused).then(|| endpoint.to_string())
        }
        BrokerError::NotServed { .. } | BrokerError::Call { .. } => None,
    }
}

/// What the first request tells: whether there is a broker at all.
fn no_broker_there(endpoint: &Endpoint, source: &CallError) -> Error {
    match source {
        CallError::TimedOut { .. } => {
            anyhow!("{endpoint} takes connections but does not answer: it hangs, or it is no broker")
        }
        CallError::Closed => anyhow!(
            "{endpoint} closes the connection at the first request: it is no broker, or its listener wants TLS or SASL, \
             which this command does not speak"
        ),
        CallError::Malformed(_) | CallError::Unencodable(_) => {
            anyhow!("{endpoint} does not speak Kafka's protocol ({source}): check --bootstrap-server")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreachable(kind: io::ErrorKind) -> BrokerError {
        BrokerError::Unreachable { endpoint: Endpoint::new("localhost", 9092), source: kind.into() }
    }

    fn advice(error: ClusterError) -> String {
        format!("{:#}", advise(error.into()))
    }

    #[test]
    fn a_closed_port_says_how_to_start_a_node() {
        let refused = ClusterError::NoBroker(vec![unreachable(io::ErrorKind::ConnectionRefused)]);
        assert_eq!(
            advice(refused),
            "nothing listens on localhost:9092: start a node with `ottla`, or name another with --bootstrap-server"
        );
    }

    #[test]
    fn several_closed_ports_are_told_together() {
        let closed = || unreachable(io::ErrorKind::ConnectionRefused);
        let told = advice(ClusterError::NoBroker(vec![closed(), closed()]));
        assert!(told.starts_with("nothing listens on localhost:9092, localhost:9092: start a node"), "{told}");
    }

    #[test]
    fn each_address_that_was_tried_is_told() {
        let all = vec![unreachable(io::ErrorKind::ConnectionRefused), unreachable(io::ErrorKind::TimedOut)];
        let told = advice(ClusterError::NoBroker(all));
        assert!(told.contains("nothing listens on localhost:9092"), "{told}");
        assert!(told.contains("localhost:9092 takes no connection in time"), "{told}");
    }

    #[test]
    fn what_is_no_broker_is_called_so() {
        let endpoint = Endpoint::new("localhost", 22);
        let closed = BrokerError::Call { endpoint, api: ApiKey::ApiVersions, source: CallError::Closed };
        assert!(advice(closed.into()).contains("it is no broker"));
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        assert_eq!(advise(anyhow!("other")).to_string(), "other");
    }
}
