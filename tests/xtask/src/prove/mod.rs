//! `cargo xtask prove NAME`: a proof at full size.
//!
//! A proof is a test that holds for any number of cases: seeds, kills, crash images. It is run in rounds until its goal
//! is reached or the time is up; each round gets the cases to run as `PROVE_CASES=FIRST..END` in its environment, and
//! prints what it counted as lines of the form `proved: NAME NUMBER`. Each round that held is added to
//! `docs/proof/NAME.md` (`page`), from which the next run, perhaps on another commit and machine, goes on.

mod method;
mod page;
mod registry;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, bail};

use self::page::{Page, Row};
use self::registry::{PROOFS, Proof};
use crate::command::{command, execute, execute_reading, now, output};

/// Which proof, and how much of it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The proof
    #[arg(required_unless_present = "list")]
    name: Option<String>,
    /// Show the proofs, and how far each has come
    #[arg(long)]
    list: bool,
    /// Begin no further round after so many minutes
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Prove a tenth of the full size again, whatever was proved before: after a change to what it proves
    #[arg(long)]
    again: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    if options.list {
        return list();
    }
    let name = options.name.as_deref().expect("clap demands a name without --list");
    match PROOFS.iter().find(|proof| proof.name == name) {
        Some(proof) => prove(proof, options),
        None => bail!("there is no proof {name}; cargo xtask prove --list shows them"),
    }
}

fn list() -> anyhow::Result<()> {
    for proof in PROOFS {
        let proved = Page::read(proof)?.total(proof.counted);
        println!("{}: {proved} of {} {}\n    {}", proof.name, proof.goal, proof.counted, proof.shows);
    }
    Ok(())
}

fn prove(proof: &Proof, options: &Options) -> anyhow::Result<()> {
    let started = now();
    let limit = Duration::from_secs(options.minutes * 60);
    let (commit, machine) = (commit()?, machine());
    let mut page = Page::read(proof)?;
    let goal = if options.again { page.total(proof.counted) + proof.goal.div_ceil(10) } else { proof.goal };
    if let Some(mut preparation) = proof.method.preparation() {
        execute(&mut preparation)?;
    }
    while page.total(proof.counted) < goal && started.elapsed() < limit {
        let first = page.total("cases");
        let row = round(proof, first, &commit, &machine).with_context(|| {
            format!("{} does not hold; to see it again: PROVE_CASES={first}..{}", proof.name, first + proof.round)
        })?;
        page.add(row);
        page.write(proof)?;
        println!("{}: {} of {goal} {}", proof.name, page.total(proof.counted), proof.counted);
    }
    Ok(())
}

/// Runs the cases from `first`; an error says that one did not hold.
fn round(proof: &Proof, first: u64, commit: &str, machine: &str) -> anyhow::Result<Row> {
    let started = now();
    let mut counts = BTreeMap::from([("cases".to_owned(), proof.round)]);
    let mut round = proof.method.round(first..first + proof.round)?;
    execute_reading(&mut round, |line| {
        if let Some((name, number)) = counted(line) {
            *counts.entry(name.to_owned()).or_default() += number;
        }
    })?;
    let seconds = started.elapsed().as_secs();
    Ok(Row { date: today(), commit: commit.to_owned(), machine: machine.to_owned(), first, counts, seconds })
}

/// What a line `proved: NAME NUMBER` says.
fn counted(line: &str) -> Option<(&str, u64)> {
    let (name, number) = line.trim().strip_prefix("proved: ")?.rsplit_once(' ')?;
    Some((name, number.parse().ok()?))
}

/// The commit, marked where the tree differs from it.
fn commit() -> anyhow::Result<String> {
    let commit = output(&mut command("git", &["rev-parse", "--short=10", "HEAD"])).context("ask git for the commit")?;
    let changed = output(&mut command("git", &["status", "--porcelain", "--untracked-files=no"]));
    Ok(if changed.is_some_and(|files| !files.is_empty()) { format!("{commit} with changes") } else { commit })
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = output(&mut command("uname", &["-sr"])).unwrap_or_else(|| std::env::consts::OS.to_owned());
    // Without what its builder added to the version.
    format!("{cores} cores, {}", kernel.split('-').next().unwrap_or_default())
}

fn today() -> String {
    output(&mut command("date", &["-u", "+%F"])).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_counts_is_told_from_others() {
        assert_eq!(counted("proved: images 20011"), Some(("images", 20011)));
        assert_eq!(counted("proved: acked records 5"), Some(("acked records", 5)));
        assert_eq!(counted("proved: images many"), None);
        assert_eq!(counted("test crash_images ... ok"), None);
    }

    #[test]
    fn a_proof_has_a_name_of_its_own_and_something_to_do() {
        for (i, proof) in PROOFS.iter().enumerate() {
            assert!(PROOFS[..i].iter().all(|other| other.name != proof.name), "{}", proof.name);
            assert!(proof.goal > 0 && proof.round > 0, "{}", proof.name);
        }
    }
}
