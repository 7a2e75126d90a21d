//! Suites in crates of Rust's registry: cargo gets the crate and builds its integration tests, each a program of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{ClientSuite, Outcomes, limited};
use crate::home::{Home, read_file, run as run_to_end, run_text, write_file};

/// A workspace of its own, whatever folder it lies in.
const APART: &str = "\n[workspace]\n";

/// Tests of one program that run at the same time.
const THREADS: &str = "--test-threads=4";

/// A crate with its tests in it.
pub(super) struct Crate {
    pub(super) version: &'static str,
    /// Packages that its lock file has in a version that does not build with a current compiler, and one that does.
    pub(super) updates: &'static [(&'static str, &'static str)],
    /// What its tests are told in their environment, beside the broker.
    pub(super) variables: &'static [(&'static str, &'static str)],
    /// Tests that pass or fail by how busy the machine is, by any broker.
    pub(super) left_out: &'static [&'static str],
    /// The variable that names the broker.
    pub(super) broker_variable: &'static str,
}

pub(super) fn run(suite: ClientSuite, package: &Crate, bootstrap: &str) -> Result<Outcomes> {
    let home = suite.home();
    install(suite, package, &home)?;
    let mut outcomes = Outcomes::default();
    for program in build(&home)? {
        let mut tests = limited(&program.path);
        tests.arg(THREADS).envs(package.variables.iter().copied()).env(package.broker_variable, bootstrap);
        tests.args(package.left_out.iter().flat_map(|test| ["--skip", test]));
        let words = suite.run_tests(tests.current_dir(copy(&home)))?;
        ensure!(words.contains("\ntest result: "), "{} did not come to its end:\n{words}", program.name);
        add_outcomes(&mut outcomes, &program.name, &words);
    }
    Ok(outcomes)
}

/// Reads libtest's lines, `test NAME ... ok`.
fn add_outcomes(outcomes: &mut Outcomes, program: &str, words: &str) {
    let lines = words.lines().filter_map(|line| line.strip_prefix("test ")?.split_once(" ... "));
    for (test, outcome) in lines {
        outcomes.add(format!("{program}::{}", test.trim_end_matches(" - should panic")), outcome == "ok");
    }
}

/// A program of tests, and the name of its source.
struct Program {
    name: String,
    path: PathBuf,
}

/// Copies the crate out of cargo's cache, where a package that needs it brings it.
fn install(suite: ClientSuite, package: &Crate, home: &Home) -> Result<()> {
    let name = suite.name();
    let manifest = format!(
        "[package]\nname = \"needs-{name}\"\n\n[lib]\npath = \"lib.rs\"\n\n[dependencies]\n{name} = \"={}\"\n{APART}",
        package.version
    );
    let recipe = [("Cargo.toml".into(), manifest), ("lib.rs".into(), String::new())];
    home.install(&recipe, || {
        home.copy(&recipe)?;
        let metadata = run_text(cargo(home, &home.path).args(["metadata", "--format-version", "1"]))?;
        let manifest = manifest_path(&metadata, name)?;
        let folder = Path::new(&manifest).parent().context("a manifest lies in a folder")?;
        run_to_end(Command::new("cp").arg("-r").arg(folder).arg(copy(home)))?;
        let manifest = copy(home).join("Cargo.toml");
        let text = read_file(&manifest).context("read the crate's manifest")?;
        write_file(&manifest, &format!("{text}{APART}"))?;
        for (dependency, version) in package.updates {
            run_to_end(cargo(home, &copy(home)).args(["update", "--package", dependency, "--precise", version]))?;
        }
        Ok(())
    })
}

/// Where in cargo's cache the manifest of `package` is.
fn manifest_path(metadata: &str, package: &str) -> Result<String> {
    let metadata: Value = serde_json::from_str(metadata).context("read cargo's metadata")?;
    let packages = metadata["packages"].as_array().context("metadata names packages")?;
    let found = packages.iter().find(|found| found["name"] == package);
    Ok(found.and_then(|found| found["manifest_path"].as_str()).context("the package is among them")?.to_owned())
}

fn build(home: &Home) -> Result<Vec<Program>> {
    let mut build = cargo(home, &copy(home));
    build.args(["test", "--test", "*", "--no-run", "--message-format", "json"]);
    let messages = run_text(&mut build)?;
    let mut programs: Vec<Program> = messages.lines().filter_map(program).collect();
    programs.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(programs)
}

/// The program that one of cargo's messages tells of.
fn program(message: &str) -> Option<Program> {
    let message: Value = serde_json::from_str(message).ok()?;
    let path = message["executable"].as_str()?.into();
    Some(Program { name: message["target"]["name"].as_str()?.to_owned(), path })
}

/// Cargo in `folder`. It builds small, apart from the project, and beside the home, so that another recipe does not build
/// librdkafka anew.
fn cargo(home: &Home, folder: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.env("CARGO_TARGET_DIR", home.beside("target")).current_dir(folder);
    command.envs([("CARGO_PROFILE_DEV_DEBUG", "0"), ("CARGO_INCREMENTAL", "0"), ("RUSTFLAGS", "")]);
    command
}

fn copy(home: &Home) -> PathBuf {
    home.path.join("crate")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_from_what_libtest_prints() {
        let words = "\nrunning 4 tests\ntest a::b ... ok\ntest c - should panic ... ok\ntest d ... FAILED\n\
                     test e ... ignored, needs more\n\ntest result: FAILED. 2 passed\n";
        let mut outcomes = Outcomes::default();
        add_outcomes(&mut outcomes, "p", words);
        let expected = [("p::a::b", true), ("p::c", true), ("p::d", false), ("p::e", false)];
        assert_eq!(outcomes, expected.into_iter().collect());
    }
}
