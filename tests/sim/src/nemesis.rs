//! [`Nemesis`]: brings trouble to a world, one fault after the other, and takes it back.
//!
//! It keeps an agenda of what is due when. A node that ends by itself is a violation unless its disk was made to fail.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ottla_base::{Entropy, Lane, SeededEntropy};
use ottla_net::timer;
use ottla_net::transport::{SimNetwork, Then};
use ottla_storage::disk::sim::SyncFault;
use ottla_storage::disk::{Disk, EntryKind};

use crate::journal::Journal;
use crate::node::SimNode;
use crate::world::World;

/// What may be done to a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The power goes, after some more I/Os.
    PowerCut,
    /// `kill -9`.
    Kill,
    /// A stop in order.
    Stop,
    /// Jobs of one kind do not start for a while.
    HoldLane,
    /// The next sync fails.
    FailSync,
    /// The next write fails.
    FailWrite,
    /// There is no descriptor for the next file.
    FailOpen,
    /// Part of a file cannot be read.
    FailReads,
    /// The disk is full.
    FillDisk,
    /// A client and the node do not hear each other.
    Cut,
    /// One of the two does not hear the other.
    CutOneWay,
    /// A client's connections are reset.
    Reset,
    /// They are reset in the middle of something.
    BreakOff,
    /// A client reads slowly.
    SlowLink,
    /// The node's wall clock jumps.
    ClockJump,
}

impl Fault {
    /// All of them.
    pub const ALL: &[Fault] = &[
        Fault::PowerCut,
        Fault::Kill,
        Fault::Stop,
        Fault::HoldLane,
        Fault::FailSync,
        Fault::FailWrite,
        Fault::FailOpen,
        Fault::FailReads,
        Fault::FillDisk,
        Fault::Cut,
        Fault::CutOneWay,
        Fault::Reset,
        Fault::BreakOff,
        Fault::SlowLink,
        Fault::ClockJump,
    ];
}

const LANES: [Lane; 4] = [Lane::Flush, Lane::QuorumFlush, Lane::ColdRead, Lane::Background];

/// How long a node may take to start where nothing hinders it.
const START_MAX: Duration = Duration::from_secs(60);

/// How long a stop may take where nothing hinders it.
const STOP_MAX: Duration = Duration::from_secs(20);

/// The longest that a fault lasts which does not end by itself, in milliseconds.
const FAULT_MS_MAX: u64 = 8000;

/// The longest that a machine is down, in milliseconds.
const DOWN_MS_MAX: u64 = 3000;

/// A wall clock is wrong by up to this, in milliseconds: less than the hour that a record may be ahead of it.
const SKEW_MS_MAX: u64 = 3_000_000;

/// What is due at some time.
#[derive(Clone, Copy, Debug)]
enum Due {
    Strike,
    Start(usize),
    Release(usize, Lane),
    GrantRoom(usize),
    Heal(IpAddr, IpAddr),
    SpeedUp(IpAddr, IpAddr),
}

/// Brings trouble.
pub(crate) struct Nemesis {
    entropy: SeededEntropy,
    faults: Vec<Fault>,
    respite_max: Duration,
    clients: Vec<IpAddr>,
    agenda: BTreeMap<(Duration, u64), Due>,
    next_number: u64,
    /// For each node, whether its disk was made to fail since its machine was last without power.
    disk_is_bad: Vec<bool>,
}

/// How a node came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Power,
    Process,
}

impl Nemesis {
    pub(crate) fn new(world: &World, clients: Vec<IpAddr>) -> Nemesis {
        Nemesis {
            entropy: world.entropy.fork(),
            faults: world.options.faults.clone(),
            respite_max: world.options.respite_max,
            clients,
            agenda: BTreeMap::new(),
            next_number: 0,
            disk_is_bad: vec![false; world.nodes.len()],
        }
    }

    /// Brings trouble until `until` of the world's time.
    pub(crate) async fn trouble(&mut self, world: &mut World, until: Duration) {
        self.plan_strike(world);
        while world.journal.elapsed() < until {
            let ((due, _), _) = self.agenda.first_key_value().expect("the next strike is always planned");
            let pause = due.min(&until).saturating_sub(world.journal.elapsed());
            tokio::select! {
                biased;
                (node, reason) = first_failure(&world.nodes) => self.on_failure(world, node, &reason).await,
                () = timer::sleep(pause) => self.do_what_is_due(world).await,
            }
        }
    }

    /// Takes every fault back and has every node run.
    pub(crate) async fn heal(&mut self, world: &mut World) {
        world.journal.trace(format_args!("the trouble is over"));
        self.agenda.clear();
        for index in 0..world.nodes.len() {
            let address = world.nodes[index].address().ip();
            for client in &self.clients {
                heal_link(&world.network, *client, address);
            }
            let node = &mut world.nodes[index];
            node.clock().set_skew_ms(0);
            node.disk().set_capacity(world.options.disk.capacity);
            if let Some(workers) = node.workers() {
                LANES.iter().for_each(|lane| workers.release(*lane));
            }
            if self.disk_is_bad[index] {
                self.cut_power(world, index).await;
            }
            if !world.nodes[index].is_running() {
                self.start(world, index).await;
            }
        }
    }

    /// Cuts the power of every node and starts them again.
    pub(crate) async fn power_cycle(&mut self, world: &mut World) {
        for index in 0..world.nodes.len() {
            self.cut_power(world, index).await;
            self.start(world, index).await;
        }
    }

    /// Ends every node in one way or another and starts it again.
    pub(crate) async fn restart(&mut self, world: &mut World) {
        for index in 0..world.nodes.len() {
            match self.entropy.below(3) {
                0 => self.cut_power(world, index).await,
                1 => {
                    world.journal.fault(format_args!("kill -9"));
                    Box::pin(world.nodes[index].kill()).await;
                }
                _ => {
                    world.journal.fault(format_args!("stop"));
                    self.stop(world, index).await;
                }
            }
            self.start(world, index).await;
        }
    }

    fn plan(&mut self, world: &World, after: Duration, due: Due) {
        self.next_number += 1;
        self.agenda.insert((world.journal.elapsed() + after, self.next_number), due);
    }

    fn plan_strike(&mut self, world: &World) {
        let respite_ms = u64::try_from(self.respite_max.as_millis()).expect("a short time");
        let after = self.entropy.below(respite_ms);
        self.plan(world, Duration::from_millis(after), Due::Strike);
    }

    fn plan_end(&mut self, world: &World, due: Due) {
        let after = 1 + self.entropy.below(FAULT_MS_MAX);
        self.plan(world, Duration::from_millis(after), due);
    }

    fn plan_start(&mut self, world: &World, node: usize) {
        let after = self.entropy.below(DOWN_MS_MAX);
        self.plan(world, Duration::from_millis(after), Due::Start(node));
    }

    async fn do_what_is_due(&mut self, world: &mut World) {
        let Some(entry) = self.agenda.first_entry() else { return };
        if entry.key().0 > world.journal.elapsed() {
            return;
        }
        match entry.remove() {
            Due::Strike => {
                let node = self.entropy.below(world.nodes.len() as u64) as usize;
                let fault = self.faults[self.entropy.below(self.faults.len() as u64) as usize];
                self.strike(world, node, fault).await;
                self.plan_strike(world);
            }
            Due::Start(node) => self.start_or_not(world, node).await,
            Due::Release(node, lane) => {
                world.journal.trace(format_args!("{lane:?} goes on"));
                if let Some(workers) = world.nodes[node].workers() {
                    workers.release(lane);
                }
            }
            Due::GrantRoom(node) => {
                world.journal.trace(format_args!("there is room again"));
                world.nodes[node].disk().set_capacity(world.options.disk.capacity);
            }
            Due::Heal(from, to) => {
                world.journal.trace(format_args!("{from} is heard by {to} again"));
                world.network.heal(from, to);
            }
            Due::SpeedUp(from, to) => world.network.set_rate(from, to, None),
        }
    }

    async fn strike(&mut self, world: &mut World, index: usize, fault: Fault) {
        if !world.nodes[index].is_running() {
            return;
        }
        let journal = world.journal.clone();
        let client = self.clients[self.entropy.below(self.clients.len() as u64) as usize];
        let node = world.nodes[index].address().ip();
        match fault {
            Fault::PowerCut => {
                let (ios, ms) = (self.entropy.below(30), self.entropy.below(60));
                journal.fault(format_args!("power cut within {ios} I/Os"));
                self.count_power_cut(world, index);
                Box::pin(world.nodes[index].crash_within(ios, Duration::from_millis(ms))).await;
                self.plan_start(world, index);
            }
            Fault::Kill => {
                journal.fault(format_args!("kill -9"));
                Box::pin(world.nodes[index].kill()).await;
                self.plan_start(world, index);
            }
            Fault::Stop => {
                journal.fault(format_args!("stop"));
                self.stop(world, index).await;
                self.plan_start(world, index);
            }
            Fault::HoldLane => {
                let lane = LANES[self.entropy.below(LANES.len() as u64) as usize];
                journal.fault(format_args!("{lane:?} is held"));
                if let Some(workers) = world.nodes[index].workers() {
                    workers.hold(lane);
                }
                self.plan_end(world, Due::Release(index, lane));
            }
            Fault::FailSync => {
                let fault = if self.entropy.one_in(2) { SyncFault::DropsPages } else { SyncFault::KeepsPages };
                journal.fault(format_args!("the next sync fails: {fault:?}"));
                self.disk_is_bad[index] = true;
                world.nodes[index].disk().fail_next_sync(fault);
            }
            Fault::FailWrite => {
                journal.fault(format_args!("the next write fails"));
                self.disk_is_bad[index] = true;
                world.nodes[index].disk().fail_next_write();
            }
            Fault::FailOpen => {
                journal.fault(format_args!("no descriptor for the next file"));
                self.disk_is_bad[index] = true;
                world.nodes[index].disk().fail_next_open();
            }
            Fault::FailReads => self.fail_reads(world, index),
            Fault::FillDisk => {
                let room = self.entropy.below(100_000);
                journal.fault(format_args!("the disk has room for {room} bytes"));
                self.disk_is_bad[index] = true;
                let used = world.nodes[index].used_bytes();
                world.nodes[index].disk().set_capacity(Some(used + room));
                self.plan_end(world, Due::GrantRoom(index));
            }
            Fault::Cut => {
                journal.fault(format_args!("{client} and {node} do not hear each other"));
                world.network.cut(client, node);
                world.network.cut(node, client);
                self.plan_end(world, Due::Heal(client, node));
                self.plan_end(world, Due::Heal(node, client));
            }
            Fault::CutOneWay => {
                let (from, to) = if self.entropy.one_in(2) { (client, node) } else { (node, client) };
                journal.fault(format_args!("{from} is not heard by {to}"));
                world.network.cut(from, to);
                self.plan_end(world, Due::Heal(from, to));
            }
            Fault::Reset => {
                journal.fault(format_args!("the connections of {client} are reset"));
                world.network.reset(client, node);
            }
            Fault::BreakOff => {
                let (from, to) = if self.entropy.one_in(2) { (client, node) } else { (node, client) };
                let bytes = self.entropy.below(3000) as usize;
                journal.fault(format_args!("the connections of {client} break after {bytes} bytes from {from}"));
                world.network.break_after(from, to, bytes, Then::Reset);
            }
            Fault::SlowLink => {
                let rate = 1 + self.entropy.below(200);
                journal.fault(format_args!("{client} gets {rate} bytes a millisecond"));
                world.network.set_rate(node, client, Some(rate));
                self.plan_end(world, Due::SpeedUp(node, client));
            }
            Fault::ClockJump => {
                let skew_ms = self.entropy.below(2 * SKEW_MS_MAX) as i64 - SKEW_MS_MAX as i64;
                journal.fault(format_args!("the clock is ahead by {skew_ms} ms"));
                world.nodes[index].clock().set_skew_ms(skew_ms);
            }
        }
    }

    /// Part of a segment or an index cannot be read, until the power goes.
    fn fail_reads(&mut self, world: &World, index: usize) {
        let disk = world.nodes[index].disk();
        let mut files = Vec::new();
        for folder in disk.list(std::path::Path::new("/data")).unwrap_or_default().into_iter().filter(|it| it.is_dir) {
            let folder = std::path::Path::new("/data").join(folder.name);
            files.extend(disk.list(&folder).unwrap_or_default().into_iter().map(|file| folder.join(file.name)));
        }
        if files.is_empty() {
            return;
        }
        let path = files.swap_remove(self.entropy.below(files.len() as u64) as usize);
        let Ok(Some(EntryKind::File { len })) = disk.entry(&path) else { return };
        let from = self.entropy.below(len + 1);
        let bytes = from..from + 1 + self.entropy.below(10_000);
        world.journal.fault(format_args!("bytes {bytes:?} of {} cannot be read", path.display()));
        self.disk_is_bad[index] = disk.fail_reads(&path, bytes).is_ok() || self.disk_is_bad[index];
    }

    async fn on_failure(&mut self, world: &mut World, index: usize, reason: &anyhow::Error) {
        match self.disk_is_bad[index] {
            true => world.journal.trace(format_args!("the node has ended: {reason:#}")),
            false => world.journal.violation(format_args!("the node has ended by itself: {reason:#}")),
        }
        self.end_somehow(world, index).await;
        self.plan_start(world, index);
    }

    /// A node that has ended is a process that is gone, or a machine that somebody has switched off and on.
    async fn end_somehow(&mut self, world: &mut World, index: usize) -> Ended {
        if self.entropy.one_in(2) {
            world.journal.trace(format_args!("its process ends"));
            Box::pin(world.nodes[index].kill()).await;
            return Ended::Process;
        }
        self.cut_power(world, index).await;
        Ended::Power
    }

    async fn cut_power(&mut self, world: &mut World, index: usize) {
        world.journal.fault(format_args!("power cut"));
        self.count_power_cut(world, index);
        Box::pin(world.nodes[index].crash()).await;
    }

    /// Without power, faults of a disk go; only a full one stays full.
    fn count_power_cut(&mut self, world: &World, index: usize) {
        world.journal.power_cut();
        self.disk_is_bad[index] = world.nodes[index].disk().options().capacity != world.options.disk.capacity;
    }

    async fn stop(&mut self, world: &mut World, index: usize) {
        let stopped = timer::timeout(STOP_MAX, Box::pin(world.nodes[index].stop())).await.is_ok();
        if stopped {
            return;
        }
        let is_held = self.agenda.values().any(|due| matches!(due, Due::Release(node, _) if *node == index));
        if !is_held && !self.disk_is_bad[index] {
            world.journal.violation(format_args!("a stop takes longer than {STOP_MAX:?}"));
        }
        Box::pin(world.nodes[index].kill()).await;
    }

    /// Starts a node, and now and then ends it while it starts.
    async fn start_or_not(&mut self, world: &mut World, index: usize) {
        if world.nodes[index].is_running() {
            return;
        }
        if !self.entropy.one_in(4) {
            return self.start(world, index).await;
        }
        let patience = Duration::from_millis(self.entropy.below(300));
        world.journal.start();
        let started = timer::timeout(patience, Box::pin(world.nodes[index].start())).await;
        if matches!(started, Ok(Ok(()))) {
            return world.journal.trace(format_args!("the node runs"));
        }
        world.journal.fault(format_args!("a start ends before its time"));
        self.end_somehow(world, index).await;
        self.plan_start(world, index);
    }

    async fn start(&mut self, world: &mut World, index: usize) {
        world.journal.start();
        let error = match timer::timeout(START_MAX, Box::pin(world.nodes[index].start())).await {
            Ok(Ok(())) => return world.journal.trace(format_args!("the node runs")),
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => format!("it takes longer than {START_MAX:?}"),
        };
        match self.disk_is_bad[index] {
            true => world.journal.trace(format_args!("the node does not start: {error}")),
            false => world.journal.violation(format_args!("the node does not start: {error}")),
        }
        self.end_somehow(world, index).await;
        self.plan_start(world, index);
    }
}

async fn first_failure(nodes: &[SimNode]) -> (usize, anyhow::Error) {
    let failures = nodes.iter().enumerate().map(|(index, node)| Box::pin(async move { (index, node.failed().await) }));
    futures_util::future::select_all(failures).await.0
}

fn heal_link(network: &SimNetwork, one: IpAddr, other: IpAddr) {
    for (from, to) in [(one, other), (other, one)] {
        network.heal(from, to);
        network.set_rate(from, to, None);
    }
}

/// Whether the journal has any fault: a run without one proves nothing.
pub(crate) fn has_struck(journal: &Journal) -> bool {
    journal
        .with_record(|record| record.entries.iter().any(|entry| matches!(entry.event, crate::journal::Event::Fault(_))))
}
