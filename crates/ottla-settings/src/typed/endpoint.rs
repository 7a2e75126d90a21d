//! Addresses of listeners: `NAME://host:port`, and of the admin listener: `http://host:port`.

use std::collections::BTreeMap;
use std::fmt;

use super::{FromValue, elements};
use crate::value::Value;

/// A listener's name with the address that it is bound to, or that clients are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The listener's name, in capitals; it is also its security protocol where `listener.security.protocol.map` does
    /// not say otherwise.
    pub listener: String,
    /// A host name or address, an IPv6 address without its brackets; empty for every address of the machine.
    pub host: String,
    /// The port; 0 lets the system choose.
    pub port: u16,
}

impl Endpoint {
    /// Reads `NAME://host:port`; the host may be empty or `[an IPv6 address]` (Kafka
    /// `SocketServerConfigs.listenerListToEndPoints`).
    fn parse(text: &str) -> Option<Endpoint> {
        let (listener, address) = text.split_once("://")?;
        let (host, port) = parse_address(address).filter(|_| !listener.is_empty())?;
        Some(Endpoint { listener: listener.to_ascii_uppercase(), host: host.to_owned(), port })
    }
}

/// Reads `host:port`; the host may be empty or `[an IPv6 address]`.
fn parse_address(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let host = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.strip_suffix(']').filter(|host| host.contains(':'))?,
        // An IPv6 address without brackets does not tell where its port begins.
        None => Some(host).filter(|host| !host.contains(':'))?,
    };
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-%._:".contains(c);
    host.chars().all(is_allowed).then_some((host, port))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Endpoint { listener, host, port } = self;
        match host.contains(':') {
            true => write!(f, "{listener}://[{host}]:{port}"),
            false => write!(f, "{listener}://{host}:{port}"),
        }
    }
}

/// Every listener at most once.
impl FromValue for Vec<Endpoint> {
    fn from_value(value: &Value) -> Result<Self, String> {
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for text in elements(value)? {
            let endpoint = Endpoint::parse(text)
                .ok_or_else(|| format!("{text} is not an address of the form NAME://host:port, NAME://[ipv6]:port"))?;
            if endpoints.iter().any(|known| known.listener == endpoint.listener) {
                return Err(format!("Each listener must have a different name, and {} comes twice", endpoint.listener));
            }
            endpoints.push(endpoint);
        }
        match endpoints.is_empty() {
            true => Err("Value must name at least one listener".to_owned()),
            false => Ok(endpoints),
        }
    }
}

/// An address that HTTP is spoken on: `http://host:port`, written as Kafka Connect writes its `admin.listeners`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpEndpoint {
    /// A host name or address, an IPv6 address without its brackets; empty for every address of the machine.
    pub host: String,
    /// The port; 0 lets the system choose.
    pub port: u16,
}

impl HttpEndpoint {
    fn parse(text: &str) -> Option<HttpEndpoint> {
        let (scheme, address) = text.split_once("://")?;
        let (host, port) = parse_address(address).filter(|_| scheme.eq_ignore_ascii_case("http"))?;
        Some(HttpEndpoint { host: host.to_owned(), port })
    }
}

impl fmt::Display for HttpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HttpEndpoint { host, port } = self;
        match host.contains(':') {
            true => write!(f, "http://[{host}]:{port}"),
            false => write!(f, "http://{host}:{port}"),
        }
    }
}

/// An empty list is no listener at all.
impl FromValue for Vec<HttpEndpoint> {
    fn from_value(value: &Value) -> Result<Self, String> {
        let not_one = |text: &str| format!("{text} is not an address of the form http://host:port, http://[ipv6]:port");
        elements(value)?.iter().map(|text| HttpEndpoint::parse(text).ok_or_else(|| not_one(text))).collect()
    }
}

/// What is spoken on a listener's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityProtocol {
    /// Kafka's frames on bare TCP.
    Plaintext,
    /// Over TLS.
    Ssl,
    /// On bare TCP, after SASL authentication.
    SaslPlaintext,
    /// Over TLS, after SASL authentication.
    SaslSsl,
}

impl SecurityProtocol {
    /// By Kafka's name, in any case.
    pub(crate) fn by_name(name: &str) -> Option<SecurityProtocol> {
        match name.to_ascii_uppercase().as_str() {
            "PLAINTEXT" => Some(SecurityProtocol::Plaintext),
            "SSL" => Some(SecurityProtocol::Ssl),
            "SASL_PLAINTEXT" => Some(SecurityProtocol::SaslPlaintext),
            "SASL_SSL" => Some(SecurityProtocol::SaslSsl),
            _ => None,
        }
    }
}

impl FromValue for SecurityProtocol {
    fn from_value(value: &Value) -> Result<Self, String> {
        let by_name = match value {
            Value::Text(name) => SecurityProtocol::by_name(name),
            _ => None,
        };
        by_name.ok_or_else(|| "String must be one of: PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL".to_owned())
    }
}

/// `listener.security.protocol.map`: `NAME:PROTOCOL` pairs, separated by commas.
impl FromValue for BTreeMap<String, SecurityProtocol> {
    fn from_value(value: &Value) -> Result<Self, String> {
        let Value::Text(text) = value else { return Err("Value must be a text".to_owned()) };
        let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (listener, protocol) = pair.split_once(':').unwrap_or((pair, ""));
                let protocol = SecurityProtocol::by_name(protocol.trim()).ok_or_else(|| {
                    format!("{pair} is not NAME:PROTOCOL, PROTOCOL one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL")
                })?;
                Ok((listener.trim().to_ascii_uppercase(), protocol))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, &str, u16)>) {
        let read = Endpoint::parse(text);
        let parts = read.as_ref().map(|e| (e.listener.as_str(), e.host.as_str(), e.port));
        assert_eq!(parts, expected, "{text:?}");
    }

    #[test]
    fn addresses_are_read_as_kafka_writes_them() {
        check("PLAINTEXT://:9092", Some(("PLAINTEXT", "", 9092)));
        check("plaintext://localhost:9092", Some(("PLAINTEXT", "localhost", 9092)));
        check("INTERNAL://[::1]:19092", Some(("INTERNAL", "::1", 19092)));
        check("A://0.0.0.0:0", Some(("A", "0.0.0.0", 0)));
        for bad in
            ["localhost:9092", "://h:1", "A://h", "A://h:x", "A://h:65536", "A://::1:9092", "A://[h]:1", "A://a b:1"]
        {
            check(bad, None);
        }
    }

    #[test]
    fn the_admin_listeners_addresses_are_of_http_and_may_be_none() {
        let read = |texts: &[&str]| {
            let list = Value::List(texts.iter().map(|text| (*text).to_owned()).collect());
            Vec::<HttpEndpoint>::from_value(&list)
        };
        assert_eq!(read(&[]), Ok(Vec::new()));
        let several = ["http://localhost:9644", "http://:0", "http://[::1]:9644"];
        let printed: Vec<String> = read(&several).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(printed, several);
        for bad in ["localhost:9644", "https://localhost:9644", "http://localhost", "http://::1:9644", "http://a/b:1"] {
            assert!(read(&[bad]).unwrap_err().starts_with(bad), "{bad}");
        }
    }

    #[test]
    fn an_address_prints_as_it_is_written() {
        for text in ["PLAINTEXT://:9092", "PLAINTEXT://broker-1.example:9092", "X://[fe80::1%eth0]:1"] {
            assert_eq!(Endpoint::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_listener_comes_once() {
        let list = |texts: &[&str]| Value::List(texts.iter().map(|text| (*text).to_owned()).collect());
        assert!(Vec::<Endpoint>::fits(&list(&["A://:1", "B://:1"])).is_ok());
        assert!(Vec::<Endpoint>::fits(&list(&["A://:1", "a://:2"])).is_err());
        assert!(Vec::<Endpoint>::fits(&list(&[])).is_err());
    }

    #[test]
    fn the_protocol_map_is_pairs_of_known_protocols() {
        let read = |text: &str| BTreeMap::<String, SecurityProtocol>::from_value(&Value::Text(text.to_owned()));
        let map = read("CONTROLLER:PLAINTEXT, internal:sasl_ssl").unwrap();
        assert_eq!(map["INTERNAL"], SecurityProtocol::SaslSsl);
        assert_eq!(map.len(), 2);
        assert!(read("A:TLS").is_err());
        assert!(read("A").is_err());
    }
}
