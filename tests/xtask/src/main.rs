//! The project's chores, one file for each: `cargo xtask test`, `prove`, `planted`, `bench`, `docs`, `deny`.
//!
//! `test` is what continuous integration runs too. Chores that check never write to the tree; `docs` and `prove` write
//! what they are for. They share `command` (a program, echoed and timed), `packages` (what the tests need of the
//! machine) and `workspace` (paths and files).

use std::process::ExitCode;

use clap::Parser;

mod bench;
mod command;
mod deny;
mod docs;
mod packages;
mod planted;
mod prove;
mod test;
mod workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's chores", version)]
enum Chore {
    /// Checks everything: format, lints, unit, simulation and crash tests, and real clients against the release binary
    Test(test::Options),
    /// Runs a proof at full size and writes down what it showed, in docs/proof
    Prove(prove::Options),
    /// Plants known bugs, one after the other, and demands that the simulation or the tests find each
    Planted,
    /// Runs a benchmark against the release binary
    Bench(bench::Options),
    /// Writes what is generated: config/reference.md
    Docs,
    /// Checks licences, sources and advisories of the dependencies with cargo-deny
    Deny,
}

fn main() -> ExitCode {
    let outcome = match Chore::parse() {
        Chore::Test(options) => test::run(&options),
        Chore::Prove(options) => prove::run(&options),
        Chore::Planted => planted::run(),
        Chore::Bench(options) => bench::run(&options),
        Chore::Docs => docs::run(),
        Chore::Deny => deny::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
