//! `cargo xtask bench NAME`: builds the release binary and hands over to the bench program, which knows the benchmarks
//! and their options.

use crate::command::{cargo, execute};

/// Which benchmark, and what it is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The benchmark and its options; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    execute(&mut cargo(&["build", "--release", "--package", "ottla", "--package", "bench"]))?;
    execute(cargo(&["run", "--quiet", "--release", "--package", "bench", "--"]).args(&options.arguments))
}
