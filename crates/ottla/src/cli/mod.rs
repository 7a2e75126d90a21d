//! The command line: what was asked for, and nothing of how it is done.

mod start;

use clap::{Parser, Subcommand};

/// A partitioned log broker that speaks Kafka's wire protocol.
#[derive(Debug, Parser)]
#[command(name = "ottla", version, about, long_about = LONG_ABOUT)]
pub struct Command {
    #[command(subcommand)]
    subcommand: Option<Subcommands>,
}

const LONG_ABOUT: &str = "A partitioned log broker that speaks Kafka's wire protocol.

`ottla` alone starts one node with its data in ./data, listening on 127.0.0.1:9092 and [::1]:9092:

    ottla
    echo hello | kcat -b localhost:9092 -P -t greetings
    kcat -b localhost:9092 -C -t greetings -e";

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Start a node (what `ottla` alone does too)
    Start(start::Start),
}

/// Does what the command line says; returns when it is done.
pub fn run(command: Command) -> anyhow::Result<()> {
    match command.subcommand {
        None => start::run(&start::Start::default()),
        Some(Subcommands::Start(start)) => start::run(&start),
    }
}
