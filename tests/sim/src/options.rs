//! [`Options`]: everything about a run that the seed decides beforehand.
//!
//! Each seed draws its own settings, workload and set of faults ("swarm testing"): a run with few kinds of faults goes deeper into each
//! than a run with all of them.

use std::time::Duration;

use ottla_base::{Entropy, SeededEntropy};
use ottla_net::transport::SimOptions as NetworkOptions;
use ottla_records::Compression;
use ottla_storage::disk::sim::SimOptions as DiskOptions;

use crate::group_options::GroupsPlan;
use crate::nemesis::Fault;
use crate::node::NodeOptions;

/// Room on a disk where nothing is wrong with it.
const DISK_BYTES: u64 = 256 << 20;

/// What a run is made of.
#[derive(Clone, Debug)]
pub struct Options {
    /// The network between clients and nodes.
    pub network: NetworkOptions,
    /// Each node's disk.
    pub disk: DiskOptions,
    /// Each node.
    pub node: NodeOptions,
    /// The topics that exist throughout.
    pub topics: Vec<TopicPlan>,
    /// Whoever writes.
    pub producers: Vec<ProducerPlan>,
    /// How many clients read.
    pub consumers: usize,
    /// How many clients create and delete topics of their own.
    pub admins: usize,
    /// How many clients do what no good client does.
    pub rowdies: usize,
    /// The groups, in a world that has them.
    pub groups: Option<GroupsPlan>,
    /// The faults that may come, none twice.
    pub faults: Vec<Fault>,
    /// How long faults go on.
    pub trouble: Duration,
    /// The longest time between two faults.
    pub respite_max: Duration,
}

/// What clients may rely on, which rules how a topic's history is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// What acks=all acknowledged, and what anybody has read, stays.
    Durable,
    /// The same, until the power goes (`write.caching=true`).
    Cached,
    /// The same as `Durable`, until retention drops it.
    Trimmed,
}

/// A topic that exists throughout.
#[derive(Clone, Debug)]
pub struct TopicPlan {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: i32,
    /// What its clients may rely on.
    pub promise: Promise,
    /// Its own configs.
    pub configs: Vec<(&'static str, String)>,
}

/// How one producer writes.
#[derive(Clone, Copy, Debug)]
pub struct ProducerPlan {
    /// -1, 0 or 1, as on the wire.
    pub acks: i16,
    /// Whether it has a producer id, and then tries each batch again until it knows what became of it.
    pub is_idempotent: bool,
    /// How it compresses.
    pub compression: Compression,
    /// The most records in a batch.
    pub batch_records_max: u64,
    /// The most bytes in a record.
    pub record_bytes_max: u64,
    /// The longest that it rests between two bursts.
    pub rest_max: Duration,
    /// How long it waits for an answer.
    pub patience: Duration,
}

impl Options {
    /// A world without clients, topics or faults of its own, for a story that brings them.
    pub fn quiet() -> Options {
        Options {
            network: NetworkOptions::default(),
            disk: DiskOptions { capacity: Some(DISK_BYTES), ..DiskOptions::default() },
            node: NodeOptions::default(),
            topics: Vec::new(),
            producers: Vec::new(),
            consumers: 0,
            admins: 0,
            rowdies: 0,
            groups: None,
            faults: Vec::new(),
            trouble: Duration::ZERO,
            respite_max: Duration::ZERO,
        }
    }

    /// What the seed that `entropy` comes from decides.
    pub fn draw(entropy: &SeededEntropy) -> Options {
        let one_of = |choices: &[u64]| choices[entropy.below(choices.len() as u64) as usize];
        let network = NetworkOptions {
            latency_ms_min: 0,
            latency_ms_max: one_of(&[0, 1, 3, 10]),
            window_bytes: one_of(&[16 << 10, 64 << 10]) as usize,
            torn_one_in: one_of(&[0, 2, 8]),
        };
        let disk = DiskOptions {
            seed: entropy.next_u64(),
            capacity: Some(DISK_BYTES),
            has_syncfs: entropy.one_in(2),
            has_allocate: !entropy.one_in(4),
            effects_max: one_of(&[16, 128, 512]) as usize,
        };
        let mut settings = vec![
            "auto.create.topics.enable=false".to_owned(),
            format!("log.flush.offset.checkpoint.interval.ms={}", one_of(&[200, 1000, 5000])),
            format!("replica.high.watermark.checkpoint.interval.ms={}", one_of(&[500, 5000])),
            format!("log.retention.check.interval.ms={}", one_of(&[1000, 5000])),
            format!("log.segment.delete.delay.ms={}", one_of(&[0, 1000, 60_000])),
            format!("log.dir.failure.timeout.ms={}", one_of(&[10_000, 30_000])),
            format!("log.index.interval.bytes={}", one_of(&[0, 1, 512, 4096])),
            format!("log.index.size.max.bytes={}", one_of(&[24, 160, 1600, 10 << 20])),
            format!("log.roll.ms={}", one_of(&[2000, 20_000, 604_800_000])),
            format!("log.segment.bytes={}", 1 << 20),
            format!("socket.request.max.bytes={}", 2 << 20),
            format!("queued.max.request.bytes={}", one_of(&[2 << 20, 8 << 20, 128 << 20])),
            format!("metadata.log.max.record.bytes.between.snapshots={}", one_of(&[2000, 20 << 20])),
        ];
        if disk.seed.is_multiple_of(4) {
            settings.push("log.dirs=/data,/more".to_owned());
        }
        Options {
            network,
            disk,
            node: NodeOptions { settings, worker_delay_max: Duration::from_millis(one_of(&[0, 5, 20, 100])) },
            topics: draw_topics(entropy),
            producers: draw_producers(entropy),
            consumers: 1 + entropy.below(3) as usize,
            admins: entropy.below(2) as usize,
            rowdies: entropy.below(3) as usize,
            groups: None,
            faults: draw_faults(entropy),
            trouble: Duration::from_secs(60),
            respite_max: Duration::from_millis(one_of(&[1000, 3000, 8000])),
        }
    }
}

fn draw_topics(entropy: &SeededEntropy) -> Vec<TopicPlan> {
    let plan =
        |name: String, promise, configs| TopicPlan { name, partitions: 1 + entropy.below(3) as i32, promise, configs };
    let mut topics: Vec<_> =
        (0..1 + entropy.below(2)).map(|n| plan(format!("durable-{n}"), Promise::Durable, Vec::new())).collect();
    if entropy.one_in(2) {
        topics.push(plan("cached".to_owned(), Promise::Cached, vec![("write.caching", "true".to_owned())]));
    }
    if entropy.one_in(3) {
        let kept = 5_000 + entropy.below(50_000);
        topics.push(plan("trimmed".to_owned(), Promise::Trimmed, vec![("retention.bytes", kept.to_string())]));
    }
    topics
}

/// One that may retry without harm and asks for all there is; the others are of any kind.
fn draw_producers(entropy: &SeededEntropy) -> Vec<ProducerPlan> {
    const CODECS: [Compression; 5] =
        [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];
    let plan = |is_idempotent: bool, acks: i16| ProducerPlan {
        acks,
        is_idempotent,
        compression: if entropy.one_in(2) { Compression::None } else { CODECS[entropy.below(5) as usize] },
        batch_records_max: 1 + entropy.below(20),
        record_bytes_max: [16, 200, 1000, 4000][entropy.below(4) as usize],
        rest_max: Duration::from_millis([100, 300, 1000][entropy.below(3) as usize]),
        patience: Duration::from_millis([1500, 5000, 20_000][entropy.below(3) as usize]),
    };
    let others = (0..entropy.below(4)).map(|_| match entropy.below(5) {
        0 => plan(true, 1),
        1 | 2 => plan(true, -1),
        _ => plan(false, entropy.below(3) as i16 - 1),
    });
    std::iter::once(plan(true, -1)).chain(others).collect()
}

/// Always a way for the node to end, and a few of the rest.
fn draw_faults(entropy: &SeededEntropy) -> Vec<Fault> {
    let mut faults = vec![if entropy.one_in(3) { Fault::Kill } else { Fault::PowerCut }];
    let others = Fault::ALL.iter().filter(|fault| !faults.contains(fault));
    let share = 2 + entropy.below(4);
    let others: Vec<_> = others.copied().filter(|_| entropy.one_in(share)).collect();
    faults.extend(others);
    faults
}
