//! What a start says of itself for whoever sees it for the first time: which version it is, and how to produce the first record.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::connect::DEFAULT_PORT;

/// The program and its version.
pub(super) fn version() -> String {
    format!("ottla {}", env!("CARGO_PKG_VERSION"))
}

/// How to write a first record to a node that listens on `addresses`, and how to read it; a line each.
pub(super) fn first_steps(addresses: &[SocketAddr]) -> [String; 2] {
    let option = bootstrap_option(addresses);
    [
        format!("write a first record:  echo hello | ottla produce greetings{option}"),
        format!("and read it:           ottla consume greetings --exit{option}"),
    ]
}

/// What a command on this machine needs to find the node: nothing where it listens on the port that commands try.
fn bootstrap_option(addresses: &[SocketAddr]) -> String {
    let is_found = |address: &SocketAddr| {
        let ip = address.ip();
        address.port() == DEFAULT_PORT && (ip.is_loopback() || ip.is_unspecified())
    };
    match addresses.first() {
        Some(first) if !addresses.iter().any(is_found) => {
            let ip = if first.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { first.ip() };
            format!(" --bootstrap-server {}", SocketAddr::new(ip, first.port()))
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_where_the_node_is_unless_they_find_it_themselves() {
        let check = |addresses: &[&str], option: &str| {
            let addresses: Vec<SocketAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
            assert_eq!(bootstrap_option(&addresses), option, "{addresses:?}");
        };
        check(&["127.0.0.1:9092", "[::1]:9092"], "");
        check(&["0.0.0.0:9092"], "");
        check(&["0.0.0.0:9192"], " --bootstrap-server 127.0.0.1:9192");
        check(&["127.0.0.1:9192"], " --bootstrap-server 127.0.0.1:9192");
        check(&["[::1]:9192"], " --bootstrap-server [::1]:9192");
        check(&["10.0.0.1:9092"], " --bootstrap-server 10.0.0.1:9092");
    }
}
