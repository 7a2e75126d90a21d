//! The cases of the hot-path benchmark and the limits that they must keep. Sizes and windows are those of the table
//! that Apache Kafka was measured by, so that figures can be set side by side.

use serde::Serialize;

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Case {
    /// What the command line and the JSON call it; topics are named after it.
    pub(crate) name: &'static str,
    /// What the table calls it.
    pub(crate) title: &'static str,
    pub(crate) load: Load,
    pub(crate) connections: usize,
    /// Requests in flight on each connection.
    pub(crate) in_flight: usize,
    /// Requests in the measured window; a quarter as many warm up before it.
    pub(crate) requests: u64,
    pub(crate) limit: Limit,
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Load {
    /// One batch a request.
    Produce { batch: BatchShape, partitions: i32, acks: Acks },
    /// Cached data of one partition, `batches` whole batches a request, `working_set` bytes in turn.
    Fetch { batch: BatchShape, batches: usize, working_set: usize },
}

/// How many records of what size make a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchShape {
    pub(crate) records: usize,
    pub(crate) value_bytes: usize,
}

/// When a produce counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acks {
    /// acks=1, the leader's page cache.
    Cached,
    /// acks=all, on disk: Ottla's default; Apache Kafka's with `flush.messages=1`.
    Durable,
}

/// What a broker may use. CPU is the whole process's; GB are 10^9 bytes of batches.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Limit {
    /// CPU, as a multiple of what the floor used for the same load in the same run.
    TimesFloor(f64),
    CpuMicrosecondsPerRequest(f64),
    CpuSecondsPerGb(f64),
    /// Median latency, as a multiple of the median append of 4 KiB with fdatasync in the same run.
    LatencyTimesFdatasync(f64),
}

impl Acks {
    /// `acks` as a Produce carries it.
    pub(crate) fn wire(self) -> i16 {
        match self {
            Acks::Cached => 1,
            Acks::Durable => -1,
        }
    }
}

/// A lone small record.
pub(crate) const ONE_RECORD: BatchShape = BatchShape { records: 1, value_bytes: 100 };
/// 16 KB of 100 B records, a producer's `batch.size`.
pub(crate) const MEDIUM: BatchShape = BatchShape { records: 150, value_bytes: 100 };
/// 1 MB of 100 B records, just below the default `max.message.bytes`.
pub(crate) const LARGE_OF_SMALL: BatchShape = BatchShape { records: 9_000, value_bytes: 100 };
/// 1 MB of 1 KiB records.
pub(crate) const LARGE: BatchShape = BatchShape { records: 960, value_bytes: 1024 };

/// Every case, in the order of the table. Volumes are chosen so that a window takes about a second and its dirty pages
/// stay below the point where the kernel begins to write back by itself.
pub(crate) const CASES: &[Case] = &[
    Case {
        name: "small-1",
        title: "produce, one 100 B record a request, 1 connection, 5 in flight",
        load: Load::Produce { batch: ONE_RECORD, partitions: 1, acks: Acks::Cached },
        connections: 1,
        in_flight: 5,
        requests: 100_000,
        limit: Limit::CpuMicrosecondsPerRequest(15.0),
    },
    Case {
        name: "small-50",
        title: "produce, one 100 B record a request, 50 connections, 1 in flight each, 10 partitions",
        load: Load::Produce { batch: ONE_RECORD, partitions: 10, acks: Acks::Cached },
        connections: 50,
        in_flight: 1,
        requests: 100_000,
        limit: Limit::CpuMicrosecondsPerRequest(18.0),
    },
    Case {
        name: "batch-16k",
        title: "produce, 16 KB batches of 100 B records, 5 in flight",
        load: Load::Produce { batch: MEDIUM, partitions: 1, acks: Acks::Cached },
        connections: 1,
        in_flight: 5,
        requests: 30_000,
        limit: Limit::TimesFloor(1.4),
    },
    Case {
        name: "batch-1m-100",
        title: "produce, 1 MB batches of 100 B records, 5 in flight",
        load: Load::Produce { batch: LARGE_OF_SMALL, partitions: 1, acks: Acks::Cached },
        connections: 1,
        in_flight: 5,
        requests: 800,
        limit: Limit::TimesFloor(1.2),
    },
    Case {
        name: "batch-1m-1k",
        title: "produce, 1 MB batches of 1 KiB records, 5 in flight",
        load: Load::Produce { batch: LARGE, partitions: 1, acks: Acks::Cached },
        connections: 1,
        in_flight: 5,
        requests: 800,
        limit: Limit::TimesFloor(1.2),
    },
    Case {
        name: "fetch-4m",
        title: "fetch, 4 MB a request, cached, 1 in flight",
        load: Load::Fetch { batch: LARGE, batches: 4, working_set: 256 * 1024 * 1024 },
        connections: 1,
        in_flight: 1,
        requests: 1_000,
        limit: Limit::CpuSecondsPerGb(0.20),
    },
    Case {
        name: "fetch-16k",
        title: "fetch, 16 KB a request, cached, 1 in flight",
        load: Load::Fetch { batch: MEDIUM, batches: 1, working_set: 64 * 1024 * 1024 },
        connections: 1,
        in_flight: 1,
        requests: 50_000,
        limit: Limit::CpuMicrosecondsPerRequest(18.0),
    },
    Case {
        name: "durable",
        title: "produce, a lone 100 B record, acks=all on disk, 1 in flight",
        load: Load::Produce { batch: ONE_RECORD, partitions: 1, acks: Acks::Durable },
        connections: 1,
        in_flight: 1,
        requests: 2_000,
        limit: Limit::LatencyTimesFdatasync(3.0),
    },
];

impl Case {
    /// Requests that are sent before the window, so that buffers, caches and just-in-time compilers are warm.
    pub(crate) fn warm_up_requests(&self) -> u64 {
        self.requests / 4
    }

    /// Whether the floor has something to show here: a durable produce is compared with the machine's fdatasync
    /// instead.
    pub(crate) fn has_floor(&self) -> bool {
        !matches!(self.load, Load::Produce { acks: Acks::Durable, .. })
    }
}
