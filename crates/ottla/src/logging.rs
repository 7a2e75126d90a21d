//! The node's own log: to standard error, one line an event, coloured on a terminal.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Names the environment variable that chooses what is logged, in the syntax of `tracing` (`ottla=debug`).
const FILTER_VARIABLE: &str = "OTTLA_LOG";

/// Starts logging. Called once, by the command.
pub(crate) fn init() {
    let filter = EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new("info,openraft=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}
