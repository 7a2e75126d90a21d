//! [`Connect`]: how a command reaches a cluster, and the runtime that it does so on.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use ottla_base::OsEntropy;
use ottla_net::transport::{Endpoint, TcpTransport};
use ottla_net::{
    BrokerClient, BrokerError, ClientOptions, ClusterClient, ClusterClientOptions, ClusterError, CoordinatorError,
    Retry, TaskScope,
};
use tokio::runtime::Builder;

use super::advice;
use super::refusal::Refusal;

/// Kafka's port, where an address names none.
pub(super) const DEFAULT_PORT: u16 = 9092;

/// How long a command tries where nothing else is said: what Kafka's own clients take for a request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where the cluster is.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Connect {
    /// A broker's address, or several with commas between; the others are found through them
    #[arg(
        short,
        long,
        value_name = "HOST:PORT",
        default_value = "localhost:9092",
        value_delimiter = ',',
        value_parser = endpoint
    )]
    bootstrap_server: Vec<Endpoint>,

    /// How long to try before giving up [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    timeout: Option<Duration>,
}

/// A cluster, and how long to try.
pub(super) struct Session {
    /// The client.
    pub(super) cluster: ClusterClient,
    /// How long one operation may take, tries and all.
    pub(super) timeout: Duration,
    /// Whether any operation has succeeded.
    has_succeeded: Cell<bool>,
}

impl Connect {
    /// Runs `command` on a runtime of its own, with a client that has connected to nobody yet.
    pub(super) fn run<T>(&self, command: impl AsyncFnOnce(&Session) -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.run_within(TIMEOUT, command)
    }

    /// The same, for a command that has another `timeout` where the user gives none.
    pub(super) fn run_within<T>(
        &self,
        timeout: Duration,
        command: impl AsyncFnOnce(&Session) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let runtime = Builder::new_current_thread().enable_all().build().context("start the runtime")?;
        let timeout = self.timeout.unwrap_or(timeout);
        let scope = TaskScope::new("command", runtime.handle().clone(), Arc::new(OsEntropy));
        let options = ClusterClientOptions {
            bootstrap: self.bootstrap_server.clone(),
            client: ClientOptions::default(),
            request_max: timeout,
        };
        let cluster = ClusterClient::new(Arc::new(TcpTransport), options, scope);
        let session = Session { cluster, timeout, has_succeeded: Cell::new(false) };
        runtime.block_on(command(&session)).map_err(advice::advise)
    }
}

impl Session {
    /// The same, as requests carry it.
    pub(super) fn timeout_ms(&self) -> i32 {
        i32::try_from(self.timeout.as_millis()).unwrap_or(i32::MAX)
    }

    /// The broker that coordinates `group` now, on the connection that all requests to it share.
    pub(super) async fn coordinator(&self, group: &str) -> anyhow::Result<BrokerClient> {
        let endpoint = self.coordinator_endpoint(group).await?;
        Ok(self.cluster.connection(&endpoint).await.map_err(ClusterError::from)?)
    }

    /// Where that broker is.
    pub(super) async fn coordinator_endpoint(&self, group: &str) -> anyhow::Result<Endpoint> {
        self.cluster.coordinator(group, self.timeout).await.map_err(|error| match error {
            CoordinatorError::Cluster(error) => error.into(),
            CoordinatorError::Refused { code, words } => match Refusal::check(code, words.as_ref()) {
                Err(refusal) => refusal.into(),
                Ok(()) => unreachable!("a refusal has an error's code"),
            },
        })
    }

    /// Does `operation` until it succeeds, fails for good, or the time is over. That nobody can be reached is for good where nothing has
    /// succeeded yet: whoever types a wrong address should not wait for it.
    pub(super) async fn retrying<T>(&self, mut operation: impl AsyncFnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let mut retry = Retry::within(self.timeout);
        loop {
            match operation().await {
                Err(error) if self.is_transient(&error) && retry.pause().await => {}
                outcome => {
                    self.has_succeeded.set(self.has_succeeded.get() || outcome.is_ok());
                    return outcome;
                }
            }
        }
    }

    /// Whether the same may go well in a moment, here or at another broker.
    pub(super) fn is_transient(&self, error: &anyhow::Error) -> bool {
        let is_unreachable = matches!(error.downcast_ref(), Some(ClusterError::NoBroker(_)));
        let is_refused_for_now = error.downcast_ref::<Refusal>().is_some_and(Refusal::is_transient);
        let is_worth_waiting_for = self.has_succeeded.get() || !is_unreachable;
        is_refused_for_now || (is_worth_waiting_for && is_network_failure(error))
    }
}

/// Whether there was no answer, and may be one in a moment.
pub(super) fn is_network_failure(error: &anyhow::Error) -> bool {
    let of_cluster = error.downcast_ref().is_some_and(ClusterError::is_retriable);
    of_cluster || error.downcast_ref().is_some_and(BrokerError::is_retriable)
}

fn endpoint(text: &str) -> anyhow::Result<Endpoint> {
    let (host, port) = match text.rsplit_once(':') {
        // Colons within an address of version 6 that has no brackets, and so no port.
        Some((host, _)) if host.contains(':') && !host.starts_with('[') => (text, None),
        Some((_, port)) if port.ends_with(']') => (text, None),
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => port.parse().with_context(|| format!("{port:?} is no port: give HOST:PORT"))?,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() {
        bail!("there is no host: give HOST:PORT");
    }
    Ok(Endpoint::new(host, port))
}

fn seconds(text: &str) -> anyhow::Result<Duration> {
    let seconds: f64 = text.parse().context("give a number of seconds")?;
    if seconds <= 0.0 {
        bail!("give more than 0 seconds");
    }
    Duration::try_from_secs_f64(seconds).context("give fewer seconds")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_kafkas_tools_read_them() {
        let check =
            |text: &str, host: &str, port| assert_eq!(endpoint(text).unwrap(), Endpoint::new(host, port), "{text}");
        check("localhost:9093", "localhost", 9093);
        check("localhost", "localhost", 9092);
        check("10.0.0.1:9092", "10.0.0.1", 9092);
        check("[::1]:9093", "::1", 9093);
        check("[::1]", "::1", 9092);
        check("fe80::1", "fe80::1", 9092);
        for wrong in ["", ":9092", "localhost:", "localhost:port", "localhost:99999"] {
            assert!(endpoint(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn time_is_given_in_seconds() {
        assert_eq!(seconds("2").unwrap(), Duration::from_secs(2));
        assert_eq!(seconds("0.5").unwrap(), Duration::from_millis(500));
        for wrong in ["0", "-1", "soon", "1e400", "NaN"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
