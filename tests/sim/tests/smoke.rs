//! A node starts, stops and survives both kinds of end.
// A whole node is one deep future, whose layout an optimised build computes at once.
#![recursion_limit = "256"]

use std::sync::Arc;
use std::time::Duration;

use ottla_base::SeededEntropy;
use ottla_net::transport::{SimNetwork, SimOptions};
use ottla_storage::disk::sim::{SimDisk, SimOptions as DiskOptions};
use sim::{NodeOptions, SimClock, SimNode};

#[tokio::test(start_paused = true)]
async fn a_node_starts_again_after_a_stop_a_kill_and_a_power_cut() {
    let entropy = SeededEntropy::new(1);
    let network = SimNetwork::new(SimOptions::default(), Arc::new(entropy.fork()));
    let disk = SimDisk::new(DiskOptions::default());
    let address = "10.0.0.1".parse().unwrap();
    let mut node =
        SimNode::new(&network, address, disk, Arc::new(SimClock::new()), NodeOptions::default(), entropy.fork());
    for round in 0..4 {
        let started = ottla_net::timer::timeout(Duration::from_secs(30), Box::pin(node.start())).await;
        started.expect("in time").unwrap_or_else(|error| panic!("round {round}: {error:#}"));
        match round {
            0 => Box::pin(node.stop()).await,
            1 => Box::pin(node.kill()).await,
            _ => Box::pin(node.crash()).await,
        }
    }
}
