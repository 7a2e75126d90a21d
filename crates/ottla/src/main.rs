//! The `ottla` command.

use std::process::ExitCode;

use clap::Parser;

/// jemalloc: it serves a reservation that is never touched (a forged array length, ADR 0002) and gives it back untouched.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match ottla::cli::run(ottla::cli::Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ottla: {error:#}");
            ExitCode::FAILURE
        }
    }
}
