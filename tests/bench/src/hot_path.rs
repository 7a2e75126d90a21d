//! The hot-path benchmark: every case on the floor, on Ottla and, where asked, on an Apache Kafka, in turn, several rounds, one report.
//!
//! The order of a round is case by case, so that what is compared was measured within seconds of one another; who comes first changes from
//! round to round. The page cache is levelled before every measurement. The first round warms everything up and is thrown away.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use crate::batches;
use crate::broker::Broker;
use crate::case::{CASES, Case, Load};
use crate::disk;
use crate::machine::{self, Machine, MachineTime};
use crate::process::{CpuTime, Running};
use crate::replay::Replayer;
use crate::report::{CaseReport, Measurement, Report, Subject};
use crate::requests::{self, Prebuilt};

/// Appends per round of the fdatasync probe.
const PROBE_APPENDS: usize = 500;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The broker's binary; by default `ottla` beside this program
    #[arg(long, value_name = "PATH")]
    broker: Option<PathBuf>,
    /// Measure no Ottla: only the floor, and Apache Kafka if it is given
    #[arg(long, conflicts_with = "broker")]
    without_broker: bool,
    /// A further setting for the broker (repeatable)
    #[arg(long = "override", value_name = "NAME=VALUE")]
    overrides: Vec<String>,
    /// Measured rounds; the table shows medians
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Measure only this case (repeatable)
    #[arg(long = "case", value_name = "NAME", value_parser = clap::builder::PossibleValuesParser::new(CASES.iter().map(|case| case.name)))]
    cases: Vec<String>,
    /// Where data is written: a disk, not a tmpfs
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    /// An Apache Kafka to measure in the same run
    #[arg(long, value_name = "ADDRESS:PORT", requires = "kafka_pid")]
    kafka: Option<SocketAddr>,
    /// Its process id
    #[arg(long, requires = "kafka")]
    kafka_pid: Option<u32>,
    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
}

/// Measures, prints the report, and fails if a limit was missed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let cases: Vec<&Case> = CASES
        .iter()
        .filter(|case| options.cases.is_empty() || options.cases.iter().any(|name| name == case.name))
        .collect();
    ensure!(options.runs > 0, "--runs must be at least 1");
    let data = disk::temporary_directory(&options.dir)?;
    let machine = Machine::describe(data.path())?;
    let brokers = brokers(options, data.path())?;
    disk::demand_space(data.path(), bytes_written(&cases, options.runs + 1)? * brokers.len().max(1) as u64)?;

    let mut bench =
        Bench { data, brokers, reports: cases.iter().map(|case| CaseReport::new(case)).collect(), levelled: true };
    bench.prepare(&cases)?;
    for round in 0..=options.runs {
        for (index, case) in cases.iter().enumerate() {
            bench.measure_everyone(index, case, round)?;
        }
    }
    let report =
        Report { machine, runs: options.runs, levelled: bench.levelled, cases: bench.finish(&cases, options.runs)? };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report.summary()).context("write JSON")?);
    } else {
        print!("{}", report.table());
    }
    ensure!(report.is_within_limits(), "a limit was missed");
    Ok(())
}

fn brokers(options: &Options, data: &Path) -> Result<Vec<Broker>> {
    let mut brokers = Vec::new();
    if !options.without_broker {
        let binary = match &options.broker {
            Some(binary) => binary.clone(),
            None => std::env::current_exe().context("find this program")?.with_file_name("ottla"),
        };
        brokers.push(Broker::start(&binary, &data.join("ottla"), &options.overrides)?);
    }
    if let (Some(address), Some(pid)) = (options.kafka, options.kafka_pid) {
        brokers.push(Broker::external(address, pid));
    }
    Ok(brokers)
}

/// Bytes that one broker's topics hold at the end of a run. Nothing is deleted in between: the work of deleting would fall into a window.
fn bytes_written(cases: &[&Case], rounds: usize) -> Result<u64> {
    let mut bytes = 0;
    for case in cases {
        bytes += match case.load {
            Load::Produce { batch, .. } => {
                let requests = case.requests + case.warm_up_requests();
                requests * batches::build(batch)?.len() as u64 * rounds as u64
            }
            Load::Fetch { working_set, .. } => working_set as u64,
        };
    }
    Ok(bytes)
}

struct Bench {
    data: TempDir,
    brokers: Vec<Broker>,
    reports: Vec<CaseReport>,
    levelled: bool,
}

/// The requests of a case against one topic, and how many bytes of batches one of them moves.
struct Prepared {
    requests: Vec<Prebuilt>,
    bytes_per_request: u64,
}

impl Bench {
    /// Fills what the fetch cases read: a topic on every broker, a file for the floor.
    fn prepare(&self, cases: &[&Case]) -> Result<()> {
        for case in cases {
            let Load::Fetch { batch, working_set, .. } = case.load else { continue };
            let bytes = batches::build(batch)?;
            let count = working_set / bytes.len();
            disk::write_repeated(&self.served_file(case), &bytes, count)?;
            for broker in &self.brokers {
                let topic = fetch_topic(case);
                broker.client()?.create_topic(&topic, 1, &[], &bytes)?;
                let produce = requests::produce(&topic, 0, bytes.clone(), 1)?;
                // The first batch is there already: it showed that the topic takes writes.
                Replayer::connect(broker.address, 1, 5, &[produce])?.run(count as u64 - 1)?;
                check_fetches(broker, case)?;
            }
        }
        Ok(())
    }

    fn measure_everyone(&mut self, index: usize, case: &Case, round: usize) -> Result<()> {
        let subjects = self.brokers.len() + 1;
        for turn in 0..subjects {
            // Everyone comes first in some round.
            match (turn + round) % subjects {
                0 => self.measure_floor(index, case, round)?,
                other => self.measure_broker(index, case, round, other - 1)?,
            }
        }
        Ok(())
    }

    fn measure_floor(&mut self, index: usize, case: &Case, round: usize) -> Result<()> {
        if !case.has_floor() {
            self.levelled &= machine::level_page_cache();
            let latency = machine::probe_fdatasync(self.data.path(), PROBE_APPENDS)?;
            if round > 0 {
                self.reports[index].fdatasync.push(latency);
            }
            return Ok(());
        }
        let prepared = prepare_requests(case, &topic(case, round))?;
        let written = self.data.path().join("floor");
        disk::create(&written)?;
        self.levelled &= machine::level_page_cache();
        let (floor, address) = self.start_floor(case, &prepared, &written)?;
        let measurement = measure(case, address, floor.pid(), &prepared)
            .with_context(|| format!("measure the floor, {}", case.name))?;
        floor.stop()?;
        disk::remove(&written)?;
        self.record(index, case, round, Subject::Floor, measurement);
        Ok(())
    }

    fn measure_broker(&mut self, index: usize, case: &Case, round: usize, broker: usize) -> Result<()> {
        let broker = &self.brokers[broker];
        let topic = topic(case, round);
        if let Load::Produce { batch, partitions, acks } = case.load {
            broker.client()?.create_topic(&topic, partitions, broker.topic_configs(acks), &batches::build(batch)?)?;
        }
        let prepared = prepare_requests(case, &topic)?;
        self.levelled &= machine::level_page_cache();
        let subject = Subject::from(broker.kind);
        let measurement = measure(case, broker.address, broker.pid, &prepared)
            .with_context(|| format!("measure {subject}, {}", case.name))?;
        self.record(index, case, round, subject, measurement);
        Ok(())
    }

    fn record(&mut self, index: usize, case: &Case, round: usize, subject: Subject, measurement: Measurement) {
        eprintln!("round {round}, {}, {subject}: {}", case.name, measurement.line());
        if round > 0 {
            self.reports[index].add(subject, measurement);
        }
    }

    fn start_floor(&self, case: &Case, prepared: &Prepared, written: &Path) -> Result<(Running, SocketAddr)> {
        let first = prepared.requests.first().context("no requests")?;
        let mut command = Command::new(std::env::current_exe().context("find this program")?);
        command.arg("floor").arg("--directory").arg(written);
        command.arg("--answer-bytes").arg(first.expected.length.to_string());
        if let Load::Fetch { .. } = case.load {
            command.arg("--serve").arg(self.served_file(case));
            command.arg("--slice-bytes").arg(prepared.bytes_per_request.to_string());
        }
        let mut child = command.stdout(Stdio::piped()).spawn().context("start the floor")?;
        let output = child.stdout.take().context("take the floor's output")?;
        let floor = Running::new(child);
        let port: u16 = disk::first_line(output)?.trim().parse().context("read the floor's port")?;
        Ok((floor, SocketAddr::from(([127, 0, 0, 1], port))))
    }

    fn served_file(&self, case: &Case) -> PathBuf {
        self.data.path().join(format!("served-{}", case.name))
    }

    /// Stops or tidies up the brokers and gives the reports.
    fn finish(self, cases: &[&Case], runs: usize) -> Result<Vec<CaseReport>> {
        for broker in self.brokers {
            if !broker.is_started_here() {
                let mut client = broker.client()?;
                for case in cases {
                    match case.load {
                        Load::Fetch { .. } => client.delete_topic(&fetch_topic(case))?,
                        Load::Produce { .. } => {
                            (0..=runs).try_for_each(|round| client.delete_topic(&topic(case, round)))?
                        }
                    }
                }
            }
            broker.stop()?;
        }
        Ok(self.reports)
    }
}

/// The topic of a case; a produce has a fresh one in each round.
fn topic(case: &Case, round: usize) -> String {
    match case.load {
        Load::Produce { .. } => format!("bench-{}-{round}", case.name),
        Load::Fetch { .. } => fetch_topic(case),
    }
}

fn fetch_topic(case: &Case) -> String {
    format!("bench-{}", case.name)
}

fn prepare_requests(case: &Case, topic: &str) -> Result<Prepared> {
    match case.load {
        Load::Produce { batch, partitions, acks } => {
            let bytes = batches::build(batch)?;
            let requests = (0..partitions)
                .map(|partition| requests::produce(topic, partition, bytes.clone(), acks.wire()))
                .collect::<Result<_>>()?;
            Ok(Prepared { requests, bytes_per_request: bytes.len() as u64 })
        }
        Load::Fetch { .. } => {
            let (offsets, bytes_per_request) = fetches(case)?;
            let requests =
                offsets.map(|offset| requests::fetch(topic, offset, bytes_per_request)).collect::<Result<_>>()?;
            Ok(Prepared { requests, bytes_per_request: bytes_per_request as u64 })
        }
    }
}

/// The offsets that a fetch case reads from, and the bytes that it reads from each.
fn fetches(case: &Case) -> Result<(impl Iterator<Item = i64>, usize)> {
    let Load::Fetch { batch, batches, working_set } = case.load else { bail!("{} fetches nothing", case.name) };
    let batch_bytes = batches::build(batch)?.len();
    let count = working_set / batch_bytes / batches;
    let records = batch.records * batches;
    Ok(((0..count).map(move |index| (index * records) as i64), batch_bytes * batches))
}

/// Reads the whole working set once and looks at what came, which the replayer does not.
fn check_fetches(broker: &Broker, case: &Case) -> Result<()> {
    let mut client = broker.client()?;
    let (mut offsets, bytes) = fetches(case)?;
    offsets.try_for_each(|offset| client.check_fetch(&fetch_topic(case), offset, bytes))
}

fn measure(case: &Case, address: SocketAddr, pid: u32, prepared: &Prepared) -> Result<Measurement> {
    let mut replayer = Replayer::connect(address, case.connections, case.in_flight, &prepared.requests)?;
    replayer.run(case.warm_up_requests())?;
    let own_pid = std::process::id();
    let (machine, own, server) = (MachineTime::now()?, CpuTime::of(own_pid)?, CpuTime::of(pid)?);
    let replayed = replayer.run(case.requests)?;
    let cpu = CpuTime::of(pid)?.since(&server);
    let own = CpuTime::of(own_pid)?.since(&own);
    let others = MachineTime::now()?.since(machine).saturating_sub(cpu + own);
    Ok(Measurement::new(&replayed, cpu, others, prepared.bytes_per_request))
}
