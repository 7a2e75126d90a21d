//! The command line: what was asked for, and nothing of how it is done.
//!
//! One file, or folder, for each command. Those that talk to a cluster do so as any client would, over `connect.rs`; `output.rs` and
//! `table.rs` show what they found, `refusal.rs` and `advice.rs` say what went wrong and what to do about it.

mod advice;
mod cluster;
mod completion;
mod config;
mod connect;
mod consume;
mod consumer_protocol;
mod culprit;
mod group;
mod health;
mod log_dump;
mod name_value;
mod offsets;
mod output;
mod place;
mod produce;
mod record_json;
mod refusal;
mod start;
mod start_screen;
mod stop_signal;
mod table;
mod time;
mod topic;

use clap::{Parser, Subcommand};

use output::StdoutClosed;

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

and then, from another terminal:

    echo hello | ottla produce greetings
    ottla consume greetings --exit";

#[derive(Debug, Subcommand)]
enum Subcommands {
    /// Start a node (what `ottla` alone does too)
    Start(start::Start),
    /// Create, list, describe and delete topics
    Topic(topic::Topic),
    /// Write records: one for each line of standard input
    Produce(produce::Produce),
    /// Read records
    Consume(consume::Consume),
    /// List, describe, reset and delete consumer groups
    Group(group::Group),
    /// Describe the cluster
    Cluster(cluster::Cluster),
    /// Describe the configuration of a broker or a topic
    Config(config::Config),
    /// Say whether a node answers: exit code 0 if it does, 1 if not
    Health(health::Health),
    /// Look into the files of a log, without a node
    Log(log_dump::Log),
    /// Print a script that completes `ottla` commands in a shell
    Completion(completion::Completion),
}

/// Does what the command line says; returns when it is done. Whoever reads standard output may stop reading: that is no error.
pub fn run(command: Command) -> anyhow::Result<()> {
    let outcome = match command.subcommand {
        None => start::run(&start::Start::default()),
        Some(Subcommands::Start(start)) => start::run(&start),
        Some(Subcommands::Topic(topic)) => topic::run(topic),
        Some(Subcommands::Produce(produce)) => produce::run(&produce),
        Some(Subcommands::Consume(consume)) => consume::run(&consume),
        Some(Subcommands::Group(group)) => group::run(group),
        Some(Subcommands::Cluster(cluster)) => cluster::run(cluster),
        Some(Subcommands::Config(config)) => config::run(config),
        Some(Subcommands::Health(health)) => health::run(&health),
        Some(Subcommands::Log(log)) => log_dump::run(&log),
        Some(Subcommands::Completion(completion)) => completion::run(&completion),
    };
    match outcome {
        Err(error) if error.is::<StdoutClosed>() => Ok(()),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        Command::command().debug_assert();
    }

    /// Every command that does something shows how.
    #[test]
    fn help_teaches_by_example() {
        fn check(command: &clap::Command) {
            if command.has_subcommands() {
                return command.get_subcommands().for_each(check);
            }
            let help = command.clone().render_long_help().to_string();
            let is_example = |line: &str| line.starts_with("    ") && line.contains("ottla ");
            assert!(help.lines().any(is_example), "no example in the help of {}:\n{help}", command.get_name());
        }
        Command::command().get_subcommands().for_each(check);
    }
}
