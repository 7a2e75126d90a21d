//! A broker under measurement: Ottla, started here on an empty directory, or an Apache Kafka that somebody started beside it.
#![expect(clippy::disallowed_types, reason = "a free port is found by binding one")]

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::case::Acks;
use crate::client::Client;
use crate::process::Running;

/// Which broker it is; it decides how a topic is told when to acknowledge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ottla,
    Kafka,
}

/// A running broker.
#[derive(Debug)]
pub(crate) struct Broker {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    pub(crate) pid: u32,
    /// The process, when it was started here.
    running: Option<Running>,
}

impl Broker {
    /// Starts the Ottla binary with its data in `data` (created by it) and waits until it accepts connections. Acks come from the page cache
    /// where a topic does not ask for more; `overrides` are further `name=value` settings.
    pub(crate) fn start(binary: &Path, data: &Path, overrides: &[String]) -> Result<Broker> {
        let address = free_address()?;
        let mut command = Command::new(binary);
        command.arg("start").stdin(Stdio::null()).stdout(Stdio::null());
        let own = [
            format!("log.dirs={}", data.display()),
            format!("listeners=PLAINTEXT://{address}"),
            "log.write.caching=true".to_owned(),
        ];
        for setting in own.iter().chain(overrides) {
            command.args(["--override", setting]);
        }
        let child = command.spawn().with_context(|| format!("start {}", binary.display()))?;
        let mut running = Running::new(child);
        Client::connect(address, || running.check_alive()).context("wait for the broker")?;
        Ok(Broker { kind: Kind::Ottla, address, pid: running.pid(), running: Some(running) })
    }

    /// An Apache Kafka of one node that runs already, here on this machine.
    pub(crate) fn external(address: SocketAddr, pid: u32) -> Broker {
        Broker { kind: Kind::Kafka, address, pid, running: None }
    }

    /// A connection of its own for topics.
    pub(crate) fn client(&self) -> Result<Client> {
        Client::connect(self.address, || Ok(()))
    }

    /// The topic configuration with which this broker acknowledges as `acks` tells.
    pub(crate) fn topic_configs(&self, acks: Acks) -> &'static [(&'static str, &'static str)] {
        match (self.kind, acks) {
            (_, Acks::Cached) => &[],
            (Kind::Ottla, Acks::Durable) => &[("write.caching", "false")],
            (Kind::Kafka, Acks::Durable) => &[("flush.messages", "1")],
        }
    }

    /// Whether the process is ours: then its data goes with it.
    pub(crate) fn is_started_here(&self) -> bool {
        self.running.is_some()
    }

    /// Stops the broker if it was started here.
    pub(crate) fn stop(self) -> Result<()> {
        self.running.map_or(Ok(()), Running::stop)
    }
}

fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    listener.local_addr().context("find a free port")
}
