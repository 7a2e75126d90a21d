//! [`World`]: nodes, a network and clients, all from one seed, on one thread with paused time.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use ottla_base::{Entropy, SeededEntropy};
use ottla_net::TaskScope;
use ottla_net::transport::SimNetwork;
use ottla_storage::disk::sim::{SimDisk, SimOptions as DiskOptions};
use tokio::runtime::{Builder, Handle, RngSeed};

use crate::client::Connection;
use crate::clock::SimClock;
use crate::journal::Journal;
use crate::node::SimNode;
use crate::options::Options;

/// Nodes on simulated machines, and everything around them.
pub struct World {
    /// What it is made of.
    pub options: Options,
    /// Its machines, powered off at first.
    pub nodes: Vec<SimNode>,
    /// What lies between them and their clients.
    pub network: SimNetwork,
    /// A clock that no fault touches.
    pub clock: Arc<SimClock>,
    /// What happened.
    pub journal: Journal,
    /// The clients' tasks.
    pub clients: TaskScope,
    /// All that is still to be drawn.
    pub entropy: SeededEntropy,
    client_count: u8,
}

/// Runs `story` on a runtime whose time is paused and whose every choice follows from `seed`.
pub fn simulate<F: Future>(seed: u64, story: impl FnOnce() -> F) -> F::Output {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).rng_seed(RngSeed::from_bytes(&seed.to_le_bytes())).build();
    runtime.expect("a runtime without threads needs nothing of the system").block_on(async move { story().await })
}

impl World {
    /// A world of one node with `options`. To be called in [`simulate`]. With `prints`, the trace is printed as it comes.
    pub fn new(options: Options, entropy: SeededEntropy, prints: bool) -> World {
        let network = SimNetwork::new(options.network.clone(), Arc::new(entropy.fork()));
        let journal = Journal::new(&options.topics, prints);
        let disk = SimDisk::new(DiskOptions { seed: entropy.next_u64(), ..options.disk });
        let clock = Arc::new(SimClock::new());
        let address = IpAddr::from(Ipv4Addr::new(10, 0, 0, 1));
        let node = SimNode::new(&network, address, disk, clock, options.node.clone(), entropy.fork());
        let clients = TaskScope::new("clients", Handle::current(), Arc::new(entropy.fork()));
        let clock = Arc::new(SimClock::new());
        World { options, nodes: vec![node], network, clock, journal, clients, entropy, client_count: 0 }
    }

    /// The one node of a world of one.
    pub fn node(&mut self) -> &mut SimNode {
        &mut self.nodes[0]
    }

    /// A client on a host of its own, not connected.
    pub fn client(&mut self) -> Connection {
        self.client_count += 1;
        let address = IpAddr::from(Ipv4Addr::new(10, 0, 1, self.client_count));
        let host = self.network.host(&format!("client-{}", self.client_count), address);
        Connection::new(host, self.nodes[0].address(), self.clients.clone(), self.entropy.fork())
    }

    /// Ends every client, and cuts the power of every node for good.
    pub async fn end(&mut self) {
        self.clients.abort();
        self.clients.ended().await;
        for node in &mut self.nodes {
            Box::pin(node.crash()).await;
        }
    }

    /// How long the world has been.
    pub fn elapsed(&self) -> Duration {
        self.journal.elapsed()
    }
}
