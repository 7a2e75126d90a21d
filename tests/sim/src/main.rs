//! Runs seeds: one to look at, a range, or as many as a time allows.

use std::ops::Range;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use sim::{Outcome, Summary, Workload, hear_panics, run_guarded, run_seeds};

/// How often progress is told, in seeds.
const PROGRESS: u64 = 20;

/// Whole nodes in one thread from one seed, with faults.
#[derive(Debug, Parser)]
struct Arguments {
    /// Worlds of groups and their offsets instead of records.
    #[arg(long)]
    groups: bool,
    /// Runs this seed alone.
    #[arg(long, conflicts_with_all = ["seeds", "minutes"])]
    seed: Option<u64>,
    /// With --seed: prints everything that happens, and what the node logs.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Runs these seeds, FIRST..END.
    #[arg(long, value_parser = parse_range)]
    seeds: Option<Range<u64>>,
    /// Ends after so many minutes of real time.
    #[arg(long)]
    minutes: Option<u64>,
    /// How many seeds run at once.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Ends with the first seed in which something is wrong.
    #[arg(long)]
    until_found: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    hear_panics();
    match arguments.seed {
        Some(seed) => run_one(&arguments, seed),
        None => run_many(&arguments),
    }
}

impl Arguments {
    fn workload(&self) -> Workload {
        if self.groups { Workload::Groups } else { Workload::Records }
    }
}

fn run_one(arguments: &Arguments, seed: u64) -> ExitCode {
    if arguments.trace {
        let filter = tracing_subscriber::EnvFilter::new("debug,openraft=warn");
        tracing_subscriber::fmt().without_time().with_ansi(false).with_env_filter(filter).init();
    }
    let outcome = run_guarded(arguments.workload(), seed, arguments.trace);
    let Outcome { trace_hash, simulated, acknowledged, polled, committed, faults, .. } = &outcome;
    println!(
        "seed {seed}: {simulated:?}, {acknowledged} acknowledged, {polled} polled, {committed} committed, {faults} faults"
    );
    println!("trace {trace_hash:016x}, {} lines", outcome.trace.len());
    outcome.violations.iter().for_each(|violation| println!("{violation}"));
    if outcome.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::disallowed_methods, reason = "the time that a person waits")]
fn run_many(arguments: &Arguments) -> ExitCode {
    let begin = std::time::Instant::now();
    let time = arguments.minutes.map(|minutes| Duration::from_secs(60 * minutes));
    let seeds = arguments.seeds.clone().unwrap_or(0..if time.is_some() { u64::MAX } else { 100 });
    let first = seeds.start;
    let mut failed = 0u64;
    let summary = run_seeds(arguments.workload(), seeds, arguments.threads, |outcome| {
        if !outcome.violations.is_empty() {
            failed += 1;
            println!("seed {}: {}", outcome.seed, outcome.violations[0]);
        }
        let done = outcome.seed - first + 1;
        if done.is_multiple_of(PROGRESS) {
            println!("{done} seeds in {:?}, {failed} failed", begin.elapsed());
        }
        let is_found = arguments.until_found && failed > 0;
        !is_found && time.is_none_or(|time| begin.elapsed() < time)
    });
    let Summary { seeds, failed, simulated, acknowledged, polled, committed, faults } = summary;
    println!(
        "{seeds} seeds, {simulated:?} simulated in {:?}: {acknowledged} acknowledged, {polled} polled, \
         {committed} committed, {faults} faults, {} failed",
        begin.elapsed(),
        failed.len()
    );
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn parse_range(text: &str) -> anyhow::Result<Range<u64>> {
    let (first, end) = text.split_once("..").context("FIRST..END")?;
    Ok(first.parse()?..end.parse()?)
}
