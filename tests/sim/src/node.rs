//! [`SimNode`]: one real node over simulated seams, with a power button.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ottla::{Environment, Node};
use ottla_base::{Entropy, SeededEntropy};
use ottla_net::timer;
use ottla_net::transport::{SimNetwork, SimTransport};
use ottla_settings::load;
use ottla_storage::disk::Disk;
use ottla_storage::disk::sim::SimDisk;
use tokio::runtime::Handle;

use crate::clock::SimClock;
use crate::workers::SimWorkers;

/// The port that nodes listen on, each on its own address.
pub const PORT: u16 = 9092;

/// A simulated process may have this many files open: few, so that files are closed and opened again all the time.
const OPEN_FILES_MAX: u64 = 24;

/// What a node is besides its address and its disk.
#[derive(Clone, Debug)]
pub struct NodeOptions {
    /// The settings that it starts with, each `name=value`.
    pub settings: Vec<String>,
    /// The longest that a worker waits before a job, and again before its completion.
    pub worker_delay_max: Duration,
}

impl Default for NodeOptions {
    fn default() -> NodeOptions {
        NodeOptions { settings: Vec::new(), worker_delay_max: Duration::from_millis(20) }
    }
}

/// A machine that runs a node, or could.
pub struct SimNode {
    network: SimNetwork,
    transport: SimTransport,
    entropy: SeededEntropy,
    clock: Arc<SimClock>,
    options: NodeOptions,
    disk: Arc<SimDisk>,
    /// Those of the node that runs or starts.
    workers: Option<SimWorkers>,
    running: Option<Node>,
}

impl SimNode {
    /// A machine at `address` with the disk `disk`, powered off.
    pub fn new(
        network: &SimNetwork,
        address: IpAddr,
        disk: Arc<SimDisk>,
        clock: Arc<SimClock>,
        options: NodeOptions,
        entropy: SeededEntropy,
    ) -> SimNode {
        let transport = network.host(&format!("node-{address}"), address);
        SimNode { network: network.clone(), transport, entropy, clock, options, disk, workers: None, running: None }
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

    /// The workers of the node that runs or starts, if one does.
    pub fn workers(&self) -> Option<&SimWorkers> {
        self.workers.as_ref()
    }

    /// Whether a node runs.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// How many bytes its files take.
    pub fn used_bytes(&self) -> u64 {
        let space = self.disk.file_system(Path::new("/")).and_then(|file_system| file_system.space());
        space.map_or(0, |space| space.total - space.free)
    }

    /// Starts the node. Errors: it does not start, which is for the caller to judge; so is how long it may take. A start that is given up
    /// by dropping it is to be followed by [`SimNode::crash`] or [`SimNode::kill`].
    pub async fn start(&mut self) -> anyhow::Result<()> {
        assert!(self.running.is_none(), "a machine runs one node");
        self.network.power_on(self.transport.address());
        let workers = SimWorkers::new(self.entropy.fork(), self.options.worker_delay_max);
        self.workers = Some(workers.clone());
        let environment = Environment {
            clock: self.clock.clone(),
            entropy: Arc::new(self.entropy.fork()) as Arc<dyn Entropy>,
            workers: Arc::new(workers),
            disk: self.disk.clone(),
            open_files_max: OPEN_FILES_MAX,
            transport: Arc::new(self.transport.clone()),
            data: Arc::new([Handle::current()]),
            control: Handle::current(),
        };
        let listeners = format!("listeners=PLAINTEXT://{}", self.address());
        let own = [listeners, "admin.listeners=".to_owned(), "log.dirs=/data".to_owned()];
        let settings: Vec<_> = own.into_iter().chain(self.options.settings.iter().cloned()).collect();
        let loaded = load(None, &settings).context("the world's own settings")?;
        // Boxed, because a start has many states and those that await it should not have to hold them all.
        self.running = Some(Box::pin(Node::start(environment, loaded)).await?);
        Ok(())
    }

    /// Resolves with the reason when the node ends by itself; never where none runs.
    pub async fn failed(&self) -> anyhow::Error {
        match &self.running {
            Some(node) => node.failed().await,
            None => std::future::pending().await,
        }
    }

    /// Ends the power after `ios` more I/Os, or after `at_most` where the node does not do as many. Nobody hears from it in between.
    /// What it had not synced the seed decides.
    pub async fn crash_within(&mut self, ios: u64, at_most: Duration) {
        self.network.power_off(self.transport.address());
        self.disk.lose_power_at(self.disk.io_count() + ios);
        timer::sleep(at_most).await;
        self.crash().await;
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
        if let Some(node) = self.running.take() {
            Box::pin(node.stop()).await;
        }
        self.kill().await;
    }

    async fn end(&mut self) {
        self.network.power_off(self.transport.address());
        if let Some(workers) = self.workers.take() {
            workers.crash();
        }
        if let Some(node) = self.running.take() {
            node.kill().await;
        }
    }
}
