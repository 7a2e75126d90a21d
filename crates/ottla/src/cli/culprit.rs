//! Who has what a start needs: which process listens on a port, or holds a lock.
//!
//! Linux tells in `/proc`, of other users' processes only to root. What it does not tell is left out: this is advice, and never an error.
#![expect(clippy::disallowed_methods, reason = "reads the kernel's own words under /proc, no file of a log")]

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// The state of a socket that listens, in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    id: u32,
    /// The name of its program, where the kernel tells.
    name: Option<String>,
}

impl Process {
    /// The process with this id.
    pub(super) fn with_id(id: u32) -> Process {
        let name = fs::read_to_string(format!("/proc/{id}/comm")).ok().map(|name| name.trim().to_owned());
        Process { id, name }
    }

    /// The process that listens on `address`, or on its port at every address.
    pub(super) fn listening_on(address: SocketAddr) -> Option<Process> {
        let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
            .into_iter()
            .filter_map(|table| fs::read_to_string(table).ok())
            .flat_map(|table| listening_sockets(&table, address))
            .collect();
        let processes = fs::read_dir("/proc").ok()?.flatten();
        let ids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        ids.into_iter().find(|id| holds_socket(*id, &inodes)).map(Process::with_id)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "process {} ({name})", self.id),
            None => write!(f, "process {}", self.id),
        }
    }
}

/// The inodes of the sockets that listen on `address`, as a table of the kernel's lists them: number, local address, remote address,
/// state, and the inode as the tenth field.
fn listening_sockets(table: &str, address: SocketAddr) -> Vec<String> {
    let sockets = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
        let local = socket_address(local)?;
        let takes_it = local.port() == address.port() && (local.ip() == address.ip() || local.ip().is_unspecified());
        (takes_it && *state == LISTENING).then(|| (*inode).to_owned())
    });
    sockets.collect()
}

/// `0100007F:2384`: words of 32 bits as this machine's memory has them, in hexadecimal, and the port.
fn socket_address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let word = |at: usize| u32::from_str_radix(ip.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    let ip = match ip.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(0)?)),
        32 => {
            let bytes: Vec<u8> = [word(0)?, word(8)?, word(16)?, word(24)?].concat();
            IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

fn holds_socket(process_id: u32, inodes: &[String]) -> bool {
    let Ok(open) = fs::read_dir(Path::new("/proc").join(process_id.to_string()).join("fd")) else { return false };
    let links = open.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    let is_one = |link: &Path| {
        let socket = link.to_str().and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']'));
        socket.is_some_and(|inode| inodes.iter().any(|known| known == inode))
    };
    links.into_iter().any(|link| is_one(&link))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_net::transport::{TcpTransport, Transport};

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2384 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0
   1: 00000000:2385 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 100 0 0 10 0
   2: 0100007F:2384 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000     0        0 4713 1 0000000000000000 100 0 0 10 0
";

    #[test]
    #[cfg(target_endian = "little")]
    fn listening_sockets_are_found_by_address_or_by_port_alone() {
        let check = |address: &str, inodes: &[&str]| {
            assert_eq!(listening_sockets(TABLE, address.parse().unwrap()), inodes, "{address}");
        };
        check("127.0.0.1:9092", &["4711"]);
        check("127.0.0.2:9092", &[]);
        check("127.0.0.1:9093", &["4712"]);
        check("127.0.0.1:9094", &[]);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn addresses_of_version_6_are_read() {
        assert_eq!(socket_address("00000000000000000000000001000000:2384"), Some("[::1]:9092".parse().unwrap()));
        for wrong in ["", ":", "01:2384", "0100007F:", "xx00007F:2384"] {
            assert_eq!(socket_address(wrong), None, "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn this_process_is_found_by_what_it_listens_on() {
        let listener = TcpTransport.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let found = Process::listening_on(listener.local_address()).unwrap();
        assert_eq!(found, Process::with_id(std::process::id()));
        assert!(found.name.is_some());
    }
}
