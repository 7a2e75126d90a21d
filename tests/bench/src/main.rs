//! Benchmarks of the broker as a process: a replayer of prebuilt requests, the floor it is compared with, and the costs
//! inside.
//!
//! `hot_path` is the run: it takes `case` by case, prepares its `workload` and `topics`, starts a `broker` or the
//! `floor`, drives it with `replay`, reads CPU time with `process` and the state of the `machine`, and hands `report`
//! what came out. `micro` measures single functions in this process. The method and the figures are in
//! `docs/benchmarks.md`.

mod batches;
mod broker;
mod case;
mod disk;
mod floor;
mod hot_path;
mod machine;
mod measurement;
mod micro;
mod prebuilt;
mod process;
mod profile;
mod replay;
mod report;
mod table;
mod topics;
mod workload;

use clap::{Parser, Subcommand};

/// Measures the broker's hot path.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure produce and fetch on the floor, on Ottla and on an Apache Kafka
    HotPath(hot_path::Options),
    /// Measure what single steps of the hot path cost inside a process
    Micro(micro::Options),
    /// Be the floor: receive, CRC, write, answer
    Floor(floor::Options),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::HotPath(options) => hot_path::run(&options),
        Command::Micro(options) => micro::run(&options),
        Command::Floor(options) => floor::run(&options),
    }
}
