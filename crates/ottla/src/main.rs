//! The `ottla` command.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;

/// jemalloc: it serves a reservation that is never touched (a forged array length, ADR 0002) and gives it back untouched.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// What the process ends with when an invariant of its own is broken; what Rust's own runtime ends with.
const PANIC_EXIT_CODE: i32 = 101;

fn main() -> ExitCode {
    end_on_panic();
    match ottla::cli::run(ottla::cli::Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody may be listening, which is no reason to panic.
            let _ = writeln!(std::io::stderr(), "ottla: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A panic means that something that must hold does not: going on could lose or invent data, and a start recovers from what is on disk.
/// Without this, a task or a worker would end alone and whoever waits for it would wait for ever.
fn end_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::exit(PANIC_EXIT_CODE);
    }));
}
