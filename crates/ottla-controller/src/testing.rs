//! Voters in one process for tests: simulated disks, drawn delays, paused time. One seed gives one run.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ottla_base::{
    BrokerId, Clock, Completion, DirectoryId, Entropy, Incarnation, Instant, Job, Lane, Saturated, SeededEntropy,
    Timestamp, Uuid, Workers,
};
use ottla_metadata::{Listener, RegisterBroker};
use ottla_net::{TaskScope, timer};
use ottla_storage::Ballast;
use ottla_storage::disk::sim::{SimDisk, SimOptions};
use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle as Runtime};
use tokio::sync::mpsc;

use crate::{Call, CallError, Handle, Options, Peers, Reply, Replying, Seams, StartError, Target};

/// Runs `test` on one thread, with paused time and a seeded scheduler.
pub(crate) fn simulate<T>(seed: u64, test: impl Future<Output = T>) -> T {
    let seed = tokio::runtime::RngSeed::from_bytes(&seed.to_le_bytes());
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).rng_seed(seed).build();
    runtime.expect("a runtime without I/O").block_on(test)
}

/// The runtime's paused time, and a wall clock that goes with it.
#[derive(Debug)]
pub(crate) struct SimClock {
    origin: timer::Instant,
}

impl SimClock {
    pub(crate) fn new() -> SimClock {
        SimClock { origin: timer::now() }
    }
}

impl Clock for SimClock {
    fn now(&self) -> Instant {
        Instant(timer::now() - self.origin)
    }

    fn wall(&self) -> Timestamp {
        Timestamp(1_700_000_000_000 + self.now().0.as_millis() as i64)
    }
}

/// Runs each job after a drawn delay and its completion after another, those of a lane in order.
#[derive(Debug)]
pub(crate) struct SimWorkers {
    lanes: BTreeMap<Lane, mpsc::Sender<Job>>,
}

impl SimWorkers {
    pub(crate) fn new(scope: &TaskScope, entropy: &SeededEntropy) -> SimWorkers {
        let lane = |lane| {
            let (sender, mut jobs) = mpsc::channel::<Job>(1024);
            let entropy = entropy.fork();
            scope.spawn(async move {
                while let Some(job) = jobs.recv().await {
                    timer::sleep(Duration::from_millis(entropy.below(3))).await;
                    let completion: Completion = job();
                    timer::sleep(Duration::from_millis(entropy.below(3))).await;
                    completion();
                }
            });
            (lane, sender)
        };
        SimWorkers { lanes: [Lane::QuorumFlush, Lane::Background].map(lane).into() }
    }
}

impl Workers for SimWorkers {
    fn submit(&self, lane: Lane, job: Job) -> Result<(), Saturated> {
        self.lanes[&lane].try_send(job).map_err(|error| Saturated(error.into_inner()))
    }
}

pub(crate) const DIRECTORY: &str = "/data/quorum";

pub(crate) fn options(node_id: i32) -> Options {
    Options::new(BrokerId(node_id), PathBuf::from(DIRECTORY), directory_id(node_id))
}

fn directory_id(node_id: i32) -> DirectoryId {
    DirectoryId(Uuid([node_id as u8 + 1; 16]))
}

pub(crate) fn seams(scope: &TaskScope, disk: &Arc<SimDisk>, workers: Arc<dyn Workers>) -> Seams {
    Seams { scope: scope.clone(), disk: disk.clone(), workers, clock: Arc::new(SimClock::new()), ballast: None }
}

/// A node that can lose its power.
pub(crate) struct Node {
    pub(crate) disk: Arc<SimDisk>,
    pub(crate) scope: TaskScope,
    pub(crate) handle: Handle,
}

impl Node {
    /// Starts the sole voter on `disk`.
    pub(crate) async fn start(disk: Arc<SimDisk>, seed: u64, options: Options) -> Result<Node, StartError> {
        Node::start_with_ballast(disk, seed, options, None).await
    }

    pub(crate) async fn start_with_ballast(
        disk: Arc<SimDisk>,
        seed: u64,
        options: Options,
        ballast: Option<Arc<Ballast>>,
    ) -> Result<Node, StartError> {
        let (scope, seams) = Node::surroundings(&disk, seed);
        let seams = Seams { ballast, ..seams };
        let handle = scope.enter(Handle::start(options, seams)).await?;
        Ok(Node { disk, scope, handle })
    }

    fn surroundings(disk: &Arc<SimDisk>, seed: u64) -> (TaskScope, Seams) {
        let entropy = SeededEntropy::new(seed);
        let workers_entropy = entropy.fork();
        let scope = TaskScope::new("node", Runtime::current(), Arc::new(entropy));
        let workers = Arc::new(SimWorkers::new(&scope, &workers_entropy));
        let seams = seams(&scope, disk, workers);
        (scope, seams)
    }

    /// Takes the power away; what `seed` leaves is on the disk that comes back.
    pub(crate) async fn crash(self, seed: u64) -> Arc<SimDisk> {
        let disk = self.disk.crash(seed);
        self.scope.abort();
        self.scope.ended().await;
        disk
    }

    /// Stops in order; everything that was written is on the disk that comes back.
    pub(crate) async fn stop(self) -> Arc<SimDisk> {
        self.handle.stop().await;
        self.scope.abort();
        self.scope.ended().await;
        self.disk.kill()
    }
}

pub(crate) fn new_disk() -> Arc<SimDisk> {
    SimDisk::new(SimOptions::default())
}

/// A request that records something each time: another incarnation of broker 7.
pub(crate) fn registration(start: u64) -> RegisterBroker {
    let mut incarnation = [7; 16];
    incarnation[..8].copy_from_slice(&start.to_be_bytes());
    RegisterBroker {
        broker_id: BrokerId(7),
        incarnation: Incarnation(Uuid(incarnation)),
        start_counter: start,
        clean_shutdown: true,
        directories: vec![DirectoryId(Uuid([7; 16]))],
        listeners: vec![Listener { name: "PLAINTEXT".into(), host: "localhost".into(), port: 9092 }],
        rack: None,
    }
}

/// Voters 1, 2 and 3, joined by a network of drawn delays that can be cut, and the trace of what happened.
pub(crate) struct Cluster {
    pub(crate) network: Arc<Network>,
    pub(crate) nodes: BTreeMap<i32, Node>,
    pub(crate) entropy: SeededEntropy,
}

#[derive(Debug)]
pub(crate) struct Network {
    entropy: SeededEntropy,
    origin: timer::Instant,
    state: Mutex<NetworkState>,
}

#[derive(Debug, Default)]
struct NetworkState {
    nodes: BTreeMap<i32, (Handle, TaskScope)>,
    cut_off: BTreeSet<i32>,
    calls: BTreeMap<&'static str, usize>,
    trace: Vec<String>,
}

impl Network {
    pub(crate) fn trace(&self, event: impl std::fmt::Display) {
        let at = (timer::now() - self.origin).as_micros();
        self.state.lock().trace.push(format!("{at} {event}"));
    }

    pub(crate) fn take_trace(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().trace)
    }

    /// How many calls of this kind were answered.
    pub(crate) fn calls(&self, kind: &str) -> usize {
        self.state.lock().calls.get(kind).copied().unwrap_or(0)
    }

    /// Lets no call from or to the node through.
    pub(crate) fn cut_off(&self, node_id: i32) {
        self.trace(format_args!("cut off {node_id}"));
        self.state.lock().cut_off.insert(node_id);
    }

    pub(crate) fn heal(&self) {
        self.trace("heal");
        self.state.lock().cut_off.clear();
    }

    fn reach(&self, from: i32, to: i32) -> Result<(Handle, TaskScope), CallError> {
        let state = self.state.lock();
        let is_cut = state.cut_off.contains(&from) || state.cut_off.contains(&to);
        let node = state.nodes.get(&to).filter(|_| !is_cut);
        node.cloned().ok_or(CallError::Unreachable { node_id: BrokerId(to) })
    }

    async fn delay(&self) {
        timer::sleep(Duration::from_millis(self.entropy.below(8))).await;
    }

    async fn carry(self: Arc<Self>, from: i32, target: Target, call: Call) -> Result<Reply, CallError> {
        let (to, kind) = (target.node_id.0, call.kind());
        self.delay().await;
        if self.entropy.one_in(33) {
            self.trace(format_args!("lost {kind} {from} -> {to}"));
            return std::future::pending().await;
        }
        let (handle, scope) = self.reach(from, to)?;
        self.trace(format_args!("{kind} {from} -> {to}"));
        let reply = scope.enter(handle.answer(target, call)).await?;
        *self.state.lock().calls.entry(kind).or_default() += 1;
        self.delay().await;
        self.reach(to, from)?;
        Ok(reply)
    }
}

/// The network as one node sees it.
#[derive(Debug)]
struct Port {
    node_id: i32,
    network: Arc<Network>,
}

impl Peers for Port {
    fn call(&self, target: Target, call: Call) -> Replying {
        Box::pin(self.network.clone().carry(self.node_id, target, call))
    }
}

impl Cluster {
    pub(crate) async fn start(seed: u64, disks: BTreeMap<i32, Arc<SimDisk>>) -> Cluster {
        let entropy = SeededEntropy::new(seed);
        let state = Mutex::default();
        let network = Arc::new(Network { entropy: entropy.fork(), origin: timer::now(), state });
        let mut cluster = Cluster { network, nodes: BTreeMap::new(), entropy };
        for (node_id, disk) in disks {
            cluster.boot(node_id, disk).await;
        }
        cluster
    }

    pub(crate) async fn of_three(seed: u64) -> Cluster {
        Cluster::start(seed, [1, 2, 3].map(|node_id| (node_id, new_disk())).into()).await
    }

    pub(crate) async fn boot(&mut self, node_id: i32, disk: Arc<SimDisk>) {
        self.network.trace(format_args!("boot {node_id}"));
        let (scope, seams) = Node::surroundings(&disk, self.entropy.next_u64());
        let voters = [1, 2, 3].map(|id| (BrokerId(id), directory_id(id))).into();
        let peers = Arc::new(Port { node_id, network: self.network.clone() });
        let options = Options { snapshot_record_bytes: 2000, ..options(node_id) };
        let started = scope.enter(Handle::start_voter(options, seams, voters, peers)).await;
        let handle = started.expect("its disk is sound");
        self.network.state.lock().nodes.insert(node_id, (handle.clone(), scope.clone()));
        self.nodes.insert(node_id, Node { disk, scope, handle });
    }

    pub(crate) async fn crash(&mut self, node_id: i32) -> Arc<SimDisk> {
        self.network.trace(format_args!("crash {node_id}"));
        self.network.state.lock().nodes.remove(&node_id);
        let seed = self.entropy.next_u64();
        self.nodes.remove(&node_id).expect("it runs").crash(seed).await
    }

    /// The id of the active controller, as soon as one of those that can be reached is.
    pub(crate) async fn active(&self) -> i32 {
        loop {
            let cut_off = self.network.state.lock().cut_off.clone();
            let mut running = self.nodes.iter().filter(|(node_id, _)| !cut_off.contains(node_id));
            if let Some((node_id, _)) = running.find(|(_, node)| node.handle.is_active()) {
                return *node_id;
            }
            timer::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// The quorum's directory.
pub(crate) fn directory() -> &'static Path {
    Path::new(DIRECTORY)
}
