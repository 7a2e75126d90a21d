//! What single steps of the hot path cost inside a process: where the CPU of a request can go besides the kernel.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the real clock")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use ottla_base::Offset;
use ottla_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use ottla_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use ottla_protocol::messages::{FetchRequest, FetchResponse, ProduceRequest, ProduceResponse};
use ottla_protocol::{Request, RequestHeader, Response};
use ottla_records::{Header, Rules, validate};
use testkit::requests::{self, FETCH_VERSION, PRODUCE_VERSION, topic_name};

use crate::batches;
use crate::case::{BatchShape, LARGE, LARGE_OF_SMALL, MEDIUM, ONE_RECORD};

/// One sample runs for about this long.
const SAMPLE: Duration = Duration::from_millis(20);

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Samples of each step; the table shows the fastest and the median
    #[arg(long, default_value_t = 15)]
    samples: usize,
    /// Measure only steps whose name contains this
    #[arg(long, default_value = "")]
    filter: String,
}

/// Measures every step and prints a table.
pub(crate) fn run(options: &Options) -> Result<()> {
    println!("| step | fastest, ns | median, ns | GB/s |\n|---|--:|--:|--:|");
    let bench = Bench { samples: options.samples.max(1), filter: &options.filter };
    for (name, shape) in
        [("100 B", ONE_RECORD), ("16 KB of 100 B", MEDIUM), ("1 MB of 100 B", LARGE_OF_SMALL), ("1 MB of 1 KiB", LARGE)]
    {
        batch_steps(&bench, name, shape)?;
    }
    produce_steps(&bench)?;
    fetch_steps(&bench)
}

fn batch_steps(bench: &Bench<'_>, name: &str, shape: BatchShape) -> Result<()> {
    let batch = batches::build(shape)?;
    let now = Header::read(&batch).context("read a batch's header")?.max_timestamp;
    let rules = Rules::default();
    validate(batch.clone(), &rules, now).context("validate a batch")?;
    bench.step(&format!("CRC-32C of a batch, {name}"), batch.len(), || crc32c::crc32c(&batch));
    bench.step(&format!("validate a batch, CRC included, {name}"), batch.len(), || {
        validate(batch.clone(), &rules, now).is_ok()
    });
    Ok(())
}

fn produce_steps(bench: &Bench<'_>) -> Result<()> {
    let request = requests::produce("bench-topic", 0, batches::build(ONE_RECORD)?, 1);
    let frame = requests::frame(PRODUCE_VERSION, 1, &request)?;
    bench.step("decode a Produce of one batch", frame.len(), || decode::<ProduceRequest>(&frame));
    bench.step("build and encode a ProduceResponse", 0, || {
        let partition = PartitionProduceResponse::default().with_index(0).with_base_offset(1_000_000);
        let topic = TopicProduceResponse::default()
            .with_name(request.topic_data[0].name.clone())
            .with_partition_responses(vec![partition]);
        ProduceResponse::default().with_responses(vec![topic]).encode(PRODUCE_VERSION, 1).is_ok()
    });
    Ok(())
}

fn fetch_steps(bench: &Bench<'_>) -> Result<()> {
    let request = requests::fetch("bench-topic", 0, Offset(1_000_000), 1 << 20, 500);
    let frame = requests::frame(FETCH_VERSION, 1, &request)?;
    bench.step("decode a Fetch of one partition", frame.len(), || decode::<FetchRequest>(&frame));
    for (name, shape) in [("16 KB", MEDIUM), ("1 MB", LARGE)] {
        let records = batches::build(shape)?;
        bench.step(&format!("build and encode a FetchResponse, {name} of records"), 0, || {
            let partition = PartitionData::default().with_high_watermark(2_000_000).with_records(Some(records.clone()));
            let topic = FetchableTopicResponse::default()
                .with_topic(topic_name("bench-topic"))
                .with_partitions(vec![partition]);
            FetchResponse::default().with_responses(vec![topic]).encode(FETCH_VERSION, 1).is_ok()
        });
    }
    Ok(())
}

/// Header and body, as the server does.
fn decode<R: Request>(frame: &Bytes) -> bool {
    let mut body = frame.clone();
    RequestHeader::decode(&mut body).is_ok_and(|header| R::decode(header.api_version, body).is_ok())
}

struct Bench<'a> {
    samples: usize,
    filter: &'a str,
}

impl Bench<'_> {
    /// Measures `step`, which handles `bytes` bytes where a rate makes sense and 0 where none does, and prints its row.
    fn step<T>(&self, name: &str, bytes: usize, mut step: impl FnMut() -> T) {
        if !name.contains(self.filter) {
            return;
        }
        let repetitions = repetitions(&mut step);
        let mut nanoseconds: Vec<f64> =
            (0..self.samples).map(|_| time(repetitions, &mut step).as_nanos() as f64 / repetitions as f64).collect();
        nanoseconds.sort_by(f64::total_cmp);
        let (fastest, median) = (nanoseconds[0], nanoseconds[nanoseconds.len() / 2]);
        let rate = if bytes > 0 { format!("{:.1}", bytes as f64 / fastest) } else { String::new() };
        println!("| {name} | {fastest:.0} | {median:.0} | {rate} |");
    }
}

/// How often `step` runs in [`SAMPLE`]; finding out warms it up.
fn repetitions<T>(step: &mut impl FnMut() -> T) -> u32 {
    let mut repetitions = 1;
    while time(repetitions, step) < SAMPLE {
        repetitions *= 2;
    }
    repetitions
}

fn time<T>(repetitions: u32, step: &mut impl FnMut() -> T) -> Duration {
    let begun = Instant::now();
    for _ in 0..repetitions {
        black_box(step());
    }
    begun.elapsed()
}
