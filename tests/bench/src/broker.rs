//! A broker under measurement: Ottla, started here on an empty directory, or an Apache Kafka that somebody started
//! beside it.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use testkit::Launcher;

use crate::case::Acks;

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
    started: Option<testkit::Broker>,
}

impl Broker {
    /// Starts an Ottla binary with its data in `data`. Acks come from the page cache where a topic does not ask for
    /// more; `overrides` are further settings as `name=value`.
    pub(crate) fn start(binary: Option<&Path>, data: &Path, overrides: &[String]) -> Result<Broker> {
        let mut launcher = Launcher::default().data_dir(data).setting("log.write.caching", true);
        if let Some(binary) = binary {
            // The broker runs in a directory of its own.
            launcher = launcher.binary(&std::path::absolute(binary).context("find the broker's binary")?);
        }
        for setting in overrides {
            let (name, value) = setting.split_once('=').with_context(|| format!("{setting:?} is not name=value"))?;
            launcher = launcher.setting(name, value);
        }
        let started = launcher.start()?;
        Ok(Broker { kind: Kind::Ottla, address: started.address(), pid: started.pid(), started: Some(started) })
    }

    /// An Apache Kafka of one node that runs already, here on this machine.
    pub(crate) fn external(address: SocketAddr, pid: u32) -> Broker {
        Broker { kind: Kind::Kafka, address, pid, started: None }
    }

    /// Whether the process is ours: then its data goes with it.
    pub(crate) fn is_started_here(&self) -> bool {
        self.started.is_some()
    }

    /// The topic configuration with which this broker acknowledges as `acks` tells.
    pub(crate) fn topic_configs(&self, acks: Acks) -> &'static [(&'static str, &'static str)] {
        match (self.kind, acks) {
            (_, Acks::Cached) => &[],
            (Kind::Ottla, Acks::Durable) => &[("write.caching", "false")],
            (Kind::Kafka, Acks::Durable) => &[("flush.messages", "1")],
        }
    }

    /// Stops the broker if it was started here.
    pub(crate) fn stop(self) -> Result<()> {
        self.started.map_or(Ok(()), |mut broker| broker.stop())
    }
}
