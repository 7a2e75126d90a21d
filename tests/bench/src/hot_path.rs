//! The hot-path benchmark: every case on the floor, on Ottla and, where asked, on an Apache Kafka, in turn, several
//! rounds, one report.
//!
//! The order of a round is case by case, so that what is compared was measured within seconds of one another; who comes
//! first changes from round to round. The page cache is levelled before every measurement. Round 0 warms everything up
//! and is not counted; a round after the last one is for the profiler.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::broker::Broker;
use crate::case::{CASES, Case, Load};
use crate::machine::{self, Machine, MachineTime};
use crate::measurement::Measurement;
use crate::process::{CpuTime, Running};
use crate::profile::Profiler;
use crate::replay::Replayer;
use crate::report::{CaseReport, Report, Subject};
use crate::workload::{self, Workload};
use crate::{batches, disk, topics};

/// Appends per round of the fdatasync probe.
const PROBE_APPENDS: usize = 500;

/// Memory that is warmed before every measurement, for sockets and small things.
const WARM_MIN_BYTES: u64 = 256 * 1024 * 1024;

/// Memory that is warmed besides, in multiples of what a measurement writes: the kernel takes some from elsewhere.
const WARM_TIMES: u64 = 3;

/// What to measure.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The broker's binary; by default what `OTTLA_BIN` names or `cargo build --release` made
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
    #[arg(long = "case", value_name = "NAME", value_parser = case_names())]
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
    /// After the measured rounds, record a profile of every broker in every case with `perf`, into this directory
    #[arg(long, value_name = "DIRECTORY")]
    perf: Option<PathBuf>,
    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
}

fn case_names() -> clap::builder::PossibleValuesParser {
    clap::builder::PossibleValuesParser::new(CASES.iter().map(|case| case.name))
}

/// Measures, prints the report, and fails if a limit was missed.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.runs > 0, "--runs must be at least 1");
    let is_chosen = |case: &&Case| options.cases.is_empty() || options.cases.iter().any(|name| name == case.name);
    let cases: Vec<&Case> = CASES.iter().filter(is_chosen).collect();
    let rounds = 1 + options.runs + usize::from(options.perf.is_some());

    let data = disk::temporary_directory(&options.dir)?;
    let machine = Machine::describe(data.path())?;
    let brokers = brokers(options, data.path())?;
    let bytes: u64 = cases.iter().map(|case| workload::bytes_written(case, rounds)).sum::<Result<u64>>()?;
    disk::demand_space(data.path(), bytes * brokers.len().max(1) as u64)?;

    let reports = cases.iter().map(|case| CaseReport::new(case)).collect();
    let profiler = options.perf.as_deref().map(Profiler::new).transpose()?;
    let mut bench = Bench { data, brokers, runs: options.runs, profiler, reports, levelled: true };
    bench.prepare(&cases)?;
    for round in 0..rounds {
        for (index, case) in cases.iter().enumerate() {
            bench.measure_everyone(index, case, round)?;
        }
    }
    let levelled = bench.levelled;
    let report = Report { machine, runs: options.runs, levelled, cases: bench.finish(&cases, rounds)? };
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report.summary()).context("write JSON")?);
    } else {
        print!("{}", report.summary().table());
    }
    ensure!(report.is_within_limits(), "a limit was missed");
    Ok(())
}

fn brokers(options: &Options, data: &Path) -> Result<Vec<Broker>> {
    let mut brokers = Vec::new();
    if !options.without_broker {
        brokers.push(Broker::start(options.broker.as_deref(), &data.join("ottla"), &options.overrides)?);
    }
    if let (Some(address), Some(pid)) = (options.kafka, options.kafka_pid) {
        brokers.push(Broker::external(address, pid));
    }
    Ok(brokers)
}

struct Bench {
    data: TempDir,
    brokers: Vec<Broker>,
    /// Rounds 1 to this one are counted, a later one is profiled.
    runs: usize,
    profiler: Option<Profiler>,
    reports: Vec<CaseReport>,
    /// Whether the page cache could be levelled every time so far.
    levelled: bool,
}

impl Bench {
    /// Fills what the fetch cases read: a topic on every broker, a file for the floor.
    fn prepare(&self, cases: &[&Case]) -> Result<()> {
        for case in cases {
            let Load::Fetch { batch, working_set, .. } = case.load else { continue };
            let bytes = batches::build(batch)?;
            let count = working_set / bytes.len();
            disk::write_repeated(&self.served_file(case), &bytes, count)?;
            let fetches = workload::fetches(case)?;
            let topic = workload::topic(case, 0);
            for broker in &self.brokers {
                topics::create_filled(broker.address, &topic, &bytes, count as u64)?;
                topics::check_fetches(broker.address, &topic, &fetches.offsets, fetches.bytes)?;
            }
        }
        Ok(())
    }

    fn measure_everyone(&mut self, index: usize, case: &Case, round: usize) -> Result<()> {
        let subjects = self.brokers.len() + 1;
        for turn in 0..subjects {
            // Everyone comes first in some round.
            match (turn + round) % subjects {
                0 if case.has_floor() => self.measure_floor(index, case, round)?,
                0 => self.probe_disk(index, case, round)?,
                other => self.measure_broker(index, case, round, other - 1)?,
            }
        }
        Ok(())
    }

    fn probe_disk(&mut self, index: usize, case: &Case, round: usize) -> Result<()> {
        self.levelled &= level(self.data.path(), case)?;
        let latency = machine::probe_fdatasync(self.data.path(), PROBE_APPENDS)?;
        if self.is_counted(round) {
            self.reports[index].fdatasync.push(latency);
        }
        Ok(())
    }

    fn measure_floor(&mut self, index: usize, case: &Case, round: usize) -> Result<()> {
        let workload = Workload::new(case, round)?;
        let written = self.data.path().join("floor");
        disk::create(&written)?;
        self.levelled &= level(self.data.path(), case)?;
        let (floor, address) = self.start_floor(case, &workload, &written)?;
        let measurement = measure(case, address, floor.pid(), &workload)
            .with_context(|| format!("measure the floor, {}", case.name))?;
        drop(floor);
        disk::remove(&written)?;
        self.record(index, case, round, Subject::Floor, measurement);
        Ok(())
    }

    fn measure_broker(&mut self, index: usize, case: &Case, round: usize, broker: usize) -> Result<()> {
        let broker = &self.brokers[broker];
        let subject = Subject::from(broker.kind);
        if let Load::Produce { batch, partitions, acks } = case.load {
            let configs = broker.topic_configs(acks);
            let topic = workload::topic(case, round);
            topics::create(broker.address, &topic, partitions, configs, &batches::build(batch)?)?;
        }
        let workload = Workload::new(case, round)?;
        self.levelled &= level(self.data.path(), case)?;
        let recording = match &self.profiler {
            Some(profiler) if round > self.runs => Some(profiler.record(broker.pid, case.name, subject)?),
            _ => None,
        };
        let measurement = measure(case, broker.address, broker.pid, &workload)
            .with_context(|| format!("measure {subject}, {}", case.name))?;
        if let Some(recording) = recording {
            recording.finish()?;
        }
        self.record(index, case, round, subject, measurement);
        Ok(())
    }

    fn record(&mut self, index: usize, case: &Case, round: usize, subject: Subject, measurement: Measurement) {
        eprintln!("round {round}, {}, {subject}: {}", case.name, measurement.line());
        if self.is_counted(round) {
            self.reports[index].add(subject, measurement);
        }
    }

    fn is_counted(&self, round: usize) -> bool {
        (1..=self.runs).contains(&round)
    }

    fn start_floor(&self, case: &Case, workload: &Workload, written: &Path) -> Result<(Running, SocketAddr)> {
        let first = workload.requests.first().context("no requests")?;
        let mut command = Command::new(std::env::current_exe().context("find this program")?);
        command.arg("floor").arg("--directory").arg(written);
        command.arg("--answer-bytes").arg(first.expected.length.to_string());
        if let Load::Fetch { .. } = case.load {
            command.arg("--serve").arg(self.served_file(case));
            command.arg("--slice-bytes").arg(workload.bytes_per_request.to_string());
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("start the floor")?;
        let output = child.stdout.take().context("take the floor's output")?;
        let floor = Running::new(child);
        let port: u16 = disk::first_line(output)?.trim().parse().context("read the floor's port")?;
        Ok((floor, SocketAddr::from(([127, 0, 0, 1], port))))
    }

    fn served_file(&self, case: &Case) -> PathBuf {
        self.data.path().join(format!("served-{}", case.name))
    }

    /// Stops the brokers that were started here, tidies up the others, and gives the reports.
    fn finish(self, cases: &[&Case], rounds: usize) -> Result<Vec<CaseReport>> {
        for broker in self.brokers {
            if !broker.is_started_here() {
                for topic in cases.iter().flat_map(|case| workload::topics(case, rounds)) {
                    topics::delete(broker.address, &topic)?;
                }
            }
            broker.stop()?;
        }
        Ok(self.reports)
    }
}

/// Brings memory to the state that every measurement begins with: an empty page cache, and what the case will take of it backed by the
/// host. Whether that was permitted.
fn level(data: &Path, case: &Case) -> Result<bool> {
    let levelled = machine::level_page_cache();
    disk::warm_memory(data, WARM_MIN_BYTES + WARM_TIMES * workload::bytes_written(case, 1)?)?;
    Ok(levelled)
}

fn measure(case: &Case, address: SocketAddr, pid: u32, workload: &Workload) -> Result<Measurement> {
    let mut replayer = Replayer::connect(address, case.connections, case.in_flight, &workload.requests)?;
    replayer.run(case.warm_up_requests())?;
    let own_pid = std::process::id();
    let (machine, own, server) = (MachineTime::now()?, CpuTime::of(own_pid)?, CpuTime::of(pid)?);
    let replayed = replayer.run(case.requests)?;
    let cpu = CpuTime::of(pid)?.since(&server);
    let own = CpuTime::of(own_pid)?.since(&own);
    let others = MachineTime::now()?.since(machine).saturating_sub(cpu + own);
    Ok(Measurement::new(&replayed, cpu, others, workload.bytes_per_request))
}
