//! `cargo xtask planted`: judges the judges. Each known bug of `tests/sim/planted` is planted in a copy of the committed tree, and a judge
//! must find it; a bug that nobody finds is a failure.

use std::path::Path;
use std::process::Command;

use anyhow::ensure;

use crate::command::{cargo, command, execute, line};
use crate::workspace;

/// A bug, by the name of its patch, and who must find it.
struct Planted {
    patch: &'static str,
    /// Builds the judge, which must work: a bug that does not compile proves nothing.
    build: &'static [&'static str],
    /// Runs it, which must fail.
    judge: &'static [&'static str],
}

const BUILD_WORLD: &[&str] = &["build", "--profile", "checked", "--package", "sim"];

/// The world says itself after how many seeds it found something.
const WORLD: &[&str] =
    &["run", "--quiet", "--profile", "checked", "--package", "sim", "--", "--seeds", "0..1000", "--until-found"];

/// The same, for worlds of groups.
const WORLD_OF_GROUPS: &[&str] =
    &["run", "-q", "--profile", "checked", "-p", "sim", "--", "--groups", "--seeds", "0..1000", "--until-found"];

const PLANTED: &[Planted] = &[
    Planted { patch: "ack-before-sync", build: BUILD_WORLD, judge: WORLD },
    Planted { patch: "end-before-bytes", build: BUILD_WORLD, judge: WORLD },
    Planted { patch: "commit-before-high-watermark", build: BUILD_WORLD, judge: WORLD_OF_GROUPS },
    Planted { patch: "static-slot-for-ever", build: BUILD_WORLD, judge: WORLD_OF_GROUPS },
    // The coordinator's property test, which replays after every step, finds it as well.
    Planted { patch: "expiry-anew-after-load", build: BUILD_WORLD, judge: WORLD_OF_GROUPS },
    // Nothing truncates the log of a lone leader, so no world of one node can meet it; storage's own stories do.
    Planted {
        patch: "flush-after-truncation",
        build: &["test", "--profile", "checked", "--package", "ottla-storage", "--lib", "--no-run"],
        judge: &["test", "--profile", "checked", "--package", "ottla-storage", "--lib", "log::stories"],
    },
];

pub(crate) fn run() -> anyhow::Result<()> {
    // Not below the project: cargo would read its settings twice, and build everything anew for what comes of that.
    let tree = std::env::temp_dir().join("ottla-planted");
    let folder = tree.to_string_lossy();
    // One that an interrupted run has left is of no use, and that there is none is no error.
    let _ = execute(&mut command("git", &["worktree", "remove", "--force", &folder]));
    execute(&mut command("git", &["worktree", "add", "--detach", &folder, "HEAD"]))?;
    let judged = PLANTED.iter().try_for_each(|bug| judge(bug, &tree));
    execute(&mut command("git", &["worktree", "remove", "--force", &folder]))?;
    judged
}

fn judge(bug: &Planted, tree: &Path) -> anyhow::Result<()> {
    println!("\n== {}", bug.patch);
    let patch = workspace::root().join("tests/sim/planted").join(bug.patch).with_extension("patch");
    execute(within(tree, &mut command("git", &["checkout", "--quiet", "."])))?;
    execute(within(tree, &mut command("git", &["apply"])).arg(patch))?;
    execute(within(tree, &mut cargo(bug.build)))?;
    let mut judge = cargo(bug.judge);
    println!("$ {}", line(&judge));
    let verdict = within(tree, &mut judge).status()?;
    ensure!(!verdict.success(), "nobody found {}", bug.patch);
    println!("found: {}", bug.patch);
    Ok(())
}

/// In the copy, and built in a folder of its own: cargo tells two copies of one package apart by nothing, and what has a bug in it must
/// not be taken for what has none.
fn within<'a>(tree: &Path, command: &'a mut Command) -> &'a mut Command {
    command.current_dir(tree).env("CARGO_TARGET_DIR", workspace::target_dir().join("planted"))
}
