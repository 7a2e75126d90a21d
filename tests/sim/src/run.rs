//! One seed, from its options to its verdict.
//!
//! ```text
//! start ► topics ► clients and trouble ► heal ► every client is served ► groups' finale ► drain ► power cut ► drain
//! ```

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic;
use std::sync::Arc;
use std::time::Duration;

use history::Report;
use ottla_base::SeededEntropy;
use ottla_net::timer;
use tokio::sync::watch;

use crate::client::{Admin, Consumer, Phase, Producer, Rowdy, Surroundings, drain, topics};
use crate::group_finale::Finale;
use crate::group_run::GroupRun;
use crate::invariants::{Held, Watch, epochs, kept, offsets};
use crate::journal::{PartitionId, trace_hash};
use crate::nemesis::{Nemesis, has_struck};
use crate::options::{Options, Promise};
use crate::verdict;
use crate::world::{World, simulate};

/// How long after the trouble until every client must have been served.
const SERVED_WITHIN: Duration = Duration::from_secs(60);

/// How long reading everything may take: a Fetch gives what one segment has, and some worlds have small segments and slow workers.
const DRAINED_WITHIN: Duration = Duration::from_secs(900);

/// The first losses tell the story.
const LOST_TOLD_MAX: usize = 20;

/// What came out of a seed.
#[derive(Debug)]
pub struct Outcome {
    /// Which.
    pub seed: u64,
    /// What was wrong; empty where all is well.
    pub violations: Vec<String>,
    /// One line for each event.
    pub trace: Vec<String>,
    /// Differs where traces differ.
    pub trace_hash: u64,
    /// Simulated time.
    pub simulated: Duration,
    /// Records acknowledged.
    pub acknowledged: usize,
    /// Records read.
    pub polled: usize,
    /// Commits of offsets acknowledged.
    pub committed: usize,
    /// Faults injected.
    pub faults: usize,
}

thread_local! {
    /// What panicked on this thread: a node's task that panics ends alone, and nobody would hear of it.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Has panics of every later run counted as violations. Once for a process.
pub fn hear_panics() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        before(panic);
        PANICS.with_borrow_mut(|panics| panics.push(panic.to_string()));
    }));
}

/// What a world is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// Records: producers, consumers, topics.
    Records,
    /// Groups and their committed offsets, with some records beside.
    Groups,
}

/// Runs `seed` on this thread. With `prints`, its trace is printed as it comes.
pub fn run(workload: Workload, seed: u64, prints: bool) -> Outcome {
    PANICS.take();
    simulate(seed, || async move {
        let entropy = SeededEntropy::new(seed);
        let options = match workload {
            Workload::Records => Options::draw(&entropy),
            Workload::Groups => Options::draw_with_groups(&entropy),
        };
        let mut world = World::new(options, entropy, prints);
        world.journal.trace(format_args!("seed {seed}: {:?}", world.options));
        let watch = Watch::new(world.journal.clone());
        let groups = world.options.groups.clone().map(|plan| GroupRun::new(&world, plan, watch.clone()));
        let mut run = Run { watch, groups, drains: Vec::new() };
        let report = run.story(&mut world).await;
        let committed = run.groups.map_or(0, |groups| groups.ledger.counts().0);
        outcome(seed, &world, report, committed)
    })
}

struct Run {
    watch: Watch,
    groups: Option<GroupRun>,
    /// When each drain began, and what it found.
    drains: Vec<(Duration, BTreeMap<PartitionId, Held>)>,
}

impl Run {
    /// Returns the checker's report, where the run came so far.
    async fn story(&mut self, world: &mut World) -> Option<Report> {
        if let Err(error) = timer::timeout(SERVED_WITHIN, self.begin(world)).await {
            world.journal.violation(format_args!("a new node does not serve: {error}"));
            return None;
        }
        let (phase, _) = watch::channel(Phase::Trouble);
        let clients = self.start_clients(world, &phase);
        let (addresses, tasks): (Vec<_>, Vec<_>) = clients.into_iter().unzip();
        let mut nemesis = Nemesis::new(world, addresses);
        let until = world.elapsed() + world.options.trouble;
        Box::pin(nemesis.trouble(world, until)).await;
        Box::pin(nemesis.heal(world)).await;
        phase.send_replace(Phase::Healed);
        let served_by = timer::now() + SERVED_WITHIN;
        for (name, task) in tasks {
            if timer::timeout(served_by.duration_since(timer::now()), task).await.is_err() {
                world
                    .journal
                    .violation(format_args!("{name} is not served within {SERVED_WITHIN:?} after the trouble"));
            }
        }
        world.clients.abort();
        world.clients.ended().await;
        if let Some(groups) = &self.groups {
            Box::pin(Finale::new(groups, world, &mut nemesis).play()).await;
            groups.judge(world);
        }
        self.drain(world).await?;
        let report = self.judge_history(world);
        Box::pin(nemesis.power_cycle(world)).await;
        self.drain(world).await?;
        self.judge_last_drain(world);
        report
    }

    async fn begin(&mut self, world: &mut World) {
        if let Err(error) = Box::pin(world.node().start()).await {
            world.journal.violation(format_args!("a new node does not start: {error:#}"));
        }
        let mut connection = world.client();
        for topic in world.options.topics.clone() {
            topics::create(&mut connection, &world.journal, &topic.name, topic.partitions, &topic.configs).await;
        }
        if let Some(groups) = &self.groups {
            groups.begin(world).await;
        }
    }

    /// Starts all clients; returns their addresses, names and tasks.
    fn start_clients(&self, world: &mut World, phase: &watch::Sender<Phase>) -> Vec<Client> {
        let Options { producers, consumers, admins, rowdies, .. } = world.options.clone();
        let mut clients = Vec::new();
        for (number, plan) in producers.into_iter().enumerate() {
            let producer = Producer::new(
                Surroundings::new(world, format!("producer-{number}"), &self.watch, phase.subscribe()),
                plan,
            );
            clients.push((format!("producer-{number}"), producer.address(), world.clients.spawn(producer.run())));
        }
        for number in 0..consumers {
            let consumer =
                Consumer::new(Surroundings::new(world, format!("consumer-{number}"), &self.watch, phase.subscribe()));
            clients.push((format!("consumer-{number}"), consumer.address(), world.clients.spawn(consumer.run())));
        }
        for number in 0..admins {
            let admin = Admin::new(Surroundings::new(world, format!("admin-{number}"), &self.watch, phase.subscribe()));
            clients.push((format!("admin-{number}"), admin.address(), world.clients.spawn(admin.run())));
        }
        for number in 0..rowdies {
            let rowdy = Rowdy::new(Surroundings::new(world, format!("rowdy-{number}"), &self.watch, phase.subscribe()));
            clients.push((format!("rowdy-{number}"), rowdy.address(), world.clients.spawn(rowdy.run())));
        }
        if let Some(groups) = &self.groups {
            clients.extend(groups.start_clients(world, phase));
        }
        clients.into_iter().map(|(name, address, task)| (address, (name, task))).collect()
    }

    /// Reads everything; `None` where that does not come to an end.
    async fn drain(&mut self, world: &mut World) -> Option<()> {
        world.clients =
            ottla_net::TaskScope::new("drain", tokio::runtime::Handle::current(), Arc::new(world.entropy.fork()));
        let begin = world.elapsed();
        let (_phase, healed) = watch::channel(Phase::Healed);
        let mut around = Surroundings::new(world, "drain".to_owned(), &self.watch, healed);
        match timer::timeout(DRAINED_WITHIN, Box::pin(drain::drain(&mut around))).await {
            Ok(held) => {
                self.drains.push((begin, held));
                Some(())
            }
            Err(_) => {
                world.journal.violation(format_args!("not everything can be read within {DRAINED_WITHIN:?}"));
                None
            }
        }
    }

    fn judge_history(&self, world: &World) -> Option<Report> {
        let (_, held) = self.drains.last().expect("it comes after a drain");
        let until = world.elapsed();
        let judged = world.journal.with_record(|record| verdict::judge(record, &world.options.topics, until, held));
        match judged {
            Ok(report) => {
                for anomaly in &report.anomalies {
                    world.journal.violation(format_args!("{anomaly}"));
                }
                for shortfall in &report.shortfalls {
                    world.journal.violation(format_args!("the run proves nothing: {shortfall}"));
                }
                Some(report)
            }
            Err(malformed) => {
                world.journal.violation(format_args!("the history is malformed: {malformed}"));
                None
            }
        }
    }

    /// Judges what is there in the end, after a last power cut.
    fn judge_last_drain(&self, world: &World) {
        let topics = &world.options.topics;
        for (at, held) in &self.drains {
            let lost = world.journal.with_record(|record| kept::check(record, topics, *at, held));
            for what in lost.into_iter().take(LOST_TOLD_MAX) {
                world.journal.violation(format_args!("{what}"));
            }
            for (partition, held) in held {
                if let Err(what) = offsets::check_held(held).and_then(|()| epochs::check(&held.batches)) {
                    world.journal.violation(format_args!("{partition}: {what}"));
                }
            }
        }
        if !has_struck(&world.journal) {
            world.journal.violation(format_args!("the run proves nothing: no fault was injected"));
        }
        let is_promised = |promise: Promise| promise != Promise::Cached;
        assert!(
            topics.iter().any(|topic| is_promised(topic.promise)),
            "every world has a topic that keeps what it has"
        );
    }
}

type Client = (std::net::IpAddr, (String, tokio::task::JoinHandle<()>));

fn outcome(seed: u64, world: &World, report: Option<Report>, committed: usize) -> Outcome {
    for panic in PANICS.take() {
        world.journal.violation(format_args!("{panic}"));
    }
    let (acknowledged, polled, faults) = report
        .map_or((0, 0, 0), |report| (report.measures.acknowledged, report.measures.polled, report.measures.faults));
    world.journal.with_record(|record| Outcome {
        seed,
        violations: record.violations.clone(),
        trace_hash: trace_hash(&record.trace),
        trace: record.trace.clone(),
        simulated: world.elapsed(),
        acknowledged,
        polled,
        committed,
        faults,
    })
}
