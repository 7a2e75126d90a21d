//! `cargo xtask test`: everything that must hold before a change lands.
//!
//! Real clients need packages of the machine (`packages`). Without them the rest runs, and what was skipped is listed;
//! under `CI=true` they are installed without asking, and a skip is a failure.

use std::process::Command;
use std::time::Duration;

use anyhow::ensure;

use crate::command::{cargo, execute, now};
use crate::{packages, workspace};

/// What to install, and what to run.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Install what is missing without asking
    #[arg(long)]
    yes: bool,
}

/// What became of one step.
struct Outcome {
    step: &'static str,
    took: Duration,
    /// Why it, or a part of it, did not run.
    skipped: Option<String>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    let missing = packages::provide(options.yes || in_ci)?;
    let without_clients = (!missing.is_empty()).then(|| format!("needs {}", missing.join(", ")));
    let mut outcomes = Vec::new();
    for (step, needs_packages, mut command) in steps(missing.is_empty()) {
        println!("\n== {step}");
        let skipped = without_clients.clone().filter(|_| needs_packages);
        let started = now();
        match &skipped {
            Some(why) => println!("skipped: {why}"),
            None => execute(&mut command)?,
        }
        outcomes.push(Outcome { step, took: started.elapsed(), skipped });
    }
    report(&outcomes);
    ensure!(!in_ci || outcomes.iter().all(|outcome| outcome.skipped.is_none()), "CI may skip nothing");
    Ok(())
}

/// The steps in their order: what fails fast comes first. The second says whether a step needs the packages.
fn steps(with_clients: bool) -> Vec<(&'static str, bool, Command)> {
    let scope: &[&str] = if with_clients { &["--workspace"] } else { &["--workspace", "--exclude", "e2e"] };
    // In the profile of the tests, so that build scripts, librdkafka's long one among them, run once.
    let lint = [&["clippy", "--profile", "checked"], scope, &["--all-targets", "--", "-D", "warnings"]].concat();
    let binary = workspace::target_dir().join("release/ottla");
    let mut end_to_end = cargo(&["test", "--profile", "checked", "--package", "e2e"]);
    end_to_end.env("OTTLA_BIN", binary);
    vec![
        ("format", false, cargo(&["fmt", "--all", "--check"])),
        ("lint", false, cargo(&lint)),
        (
            "unit, simulation and crash tests",
            false,
            cargo(&["test", "--profile", "checked", "--workspace", "--exclude", "e2e"]),
        ),
        ("release binary", false, cargo(&["build", "--release", "--package", "ottla"])),
        ("real clients", true, end_to_end),
    ]
}

fn report(outcomes: &[Outcome]) {
    println!();
    for Outcome { step, took, skipped } in outcomes {
        match skipped {
            None => println!("{:>5} s  {step}", took.as_secs()),
            Some(why) => println!("skipped  {step}: {why}"),
        }
    }
}
