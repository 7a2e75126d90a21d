//! `history FILE`: judges a history written as JSON lines. Exit code 0: clean; 1: not; 2: it could not be judged.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use history::{History, Report};

/// Judges a history of what clients of a partitioned log tried and were told.
#[derive(Parser)]
struct Arguments {
    /// JSON lines, one event each; `-` reads standard input.
    file: PathBuf,
}

fn main() -> ExitCode {
    match judge(&Arguments::parse()) {
        Ok(report) => {
            println!("{report}");
            if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("history: {error:#}");
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a tool that reads the file it is given; no simulation runs it")]
fn judge(arguments: &Arguments) -> anyhow::Result<Report> {
    let path = &arguments.file;
    let history = if path.as_os_str() == "-" {
        History::read(io::stdin().lock())?
    } else {
        let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
        History::read(BufReader::new(file)).with_context(|| format!("read {}", path.display()))?
    };
    Ok(history::check(&history))
}
