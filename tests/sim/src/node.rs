//! [`SimNode`]: one real node over simulated seams, with a power button.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ottla::{Environment, Node};
use ottla_base::{Entropy, SeededEntropy};
use ottla_net::transport::{SimNetwork, SimTransport};
use ottla_settings::load;
use ottla_storage::disk::sim::SimDisk;
use tokio::runtime::Handle;

use crate::clock::SimClock;
use crate::workers::SimWorkers;

/// The port that nodes listen on, each on its own address.
pub const PORT: u16 = 9092;

/// The longest that a worker waits before a job, and again before its completion.
const WORKER_DELAY_MAX: Duration = Duration::from_millis(20);

/// A simulated process may have this many files open: few, so that files are closed and opened again all the time.
const OPEN_FILES_MAX: u64 = 24;

/// A machine that runs a node, or could.
pub struct SimNode {
    network: SimNetwork,
    transport: SimTransport,
    entropy: SeededEntropy,
    clock: Arc<SimClock>,
    overrides: Vec<String>,
    disk: Arc<SimDisk>,
    running: Option<Running>,
}

struct Running {
    node: Node,
    workers: SimWorkers,
}

impl SimNode {
    /// A machine at `address` with the disk `disk`, powered off. `overrides` are the settings that its node starts with.
    pub fn new(
        network: &SimNetwork,
        address: IpAddr,
        disk: Arc<SimDisk>,
        clock: Arc<SimClock>,
        overrides: Vec<String>,
        entropy: SeededEntropy,
    ) -> SimNode {
        let transport = network.host(&format!("node-{address}"), address);
        SimNode { network: network.clone(), transport, entropy, clock, overrides, disk, running: None }
    }

    /// Where clients find it.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.transport.address(), PORT)
    }

    /// Its disk.
    pub fn disk(&self) -> &Arc<SimDisk> {
        &self.disk
    }

    /// Its clock.
    pub fn clock(&self) -> &SimClock {
        &self.clock
    }

    /// The workers of the node that runs, if one does.
    pub fn workers(&self) -> Option<&SimWorkers> {
        self.running.as_ref().map(|running| &running.workers)
    }

    /// Whether a node runs.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Starts the node. Errors: it does not start, which is for the caller to judge.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        assert!(self.running.is_none(), "a machine runs one node");
        self.network.power_on(self.transport.address());
        let workers = SimWorkers::new(self.entropy.fork(), WORKER_DELAY_MAX);
        let environment = Environment {
            clock: self.clock.clone(),
            entropy: Arc::new(self.entropy.fork()) as Arc<dyn Entropy>,
            workers: Arc::new(workers.clone()),
            disk: self.disk.clone(),
            open_files_max: OPEN_FILES_MAX,
            transport: Arc::new(self.transport.clone()),
            data: Handle::current(),
            control: Handle::current(),
        };
        let listeners = format!("listeners=PLAINTEXT://{}", self.address());
        let overrides: Vec<_> = [listeners, "log.dirs=/data".to_owned()].into_iter().chain(self.overrides.clone()).collect();
        let loaded = load(None, &overrides).context("the world's own settings")?;
        match Node::start(environment, loaded).await {
            Ok(node) => {
                self.running = Some(Running { node, workers });
                Ok(())
            }
            Err(error) => {
                workers.crash();
                Err(error)
            }
        }
    }

    /// Resolves with the reason when the node ends by itself; never where none runs.
    pub async fn failed(&self) -> anyhow::Error {
        match &self.running {
            Some(running) => running.node.failed().await,
            None => std::future::pending().await,
        }
    }

    /// Cuts the power: the node is gone, and of what it had not synced the seed decides what is left.
    pub async fn crash(&mut self) {
        let seed = self.entropy.next_u64();
        self.end().await;
        self.disk = self.disk.crash(seed);
    }

    /// Kills the process; the machine, and with it the page cache, goes on.
    pub async fn kill(&mut self) {
        self.end().await;
        self.disk = self.disk.kill();
    }

    /// Stops the node in order.
    pub async fn stop(&mut self) {
        if let Some(Running { node, .. }) = self.running.take() {
            node.stop().await;
            self.network.power_off(self.transport.address());
            self.disk = self.disk.kill();
        }
    }

    async fn end(&mut self) {
        self.network.power_off(self.transport.address());
        if let Some(Running { node, workers }) = self.running.take() {
            workers.crash();
            node.kill().await;
        }
    }
}
