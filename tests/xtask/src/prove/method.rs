//! How a round of a proof is run.

use std::ops::Range;
use std::process::Command;

use crate::command::cargo;
use crate::workspace;

/// What runs the cases.
pub(crate) enum Method {
    /// The tests in one file of a package, optimised and with every check on.
    Test { package: &'static str, file: &'static str },
    /// One unit test of a package, in the same profile; its path in the crate.
    Unit { package: &'static str, test: &'static str },
    /// The tests in one file of `tests/e2e`, against the release binary; those too that take too long for every change.
    RealBinary { file: &'static str },
    /// A target of `tests/fuzz`; it needs cargo-fuzz. A case is one second.
    Fuzz { target: &'static str },
}

impl Method {
    /// What must be built before the first round.
    pub(crate) fn preparation(&self) -> Option<Command> {
        match self {
            Method::RealBinary { .. } => Some(cargo(&["build", "--release", "--package", "ottla"])),
            Method::Test { .. } | Method::Unit { .. } | Method::Fuzz { .. } => None,
        }
    }

    /// The command that runs these cases. Errors: the folder of a fuzz target's corpus cannot be made.
    pub(crate) fn round(&self, cases: Range<u64>) -> std::io::Result<Command> {
        let mut command = match self {
            Method::Test { package, file } => test(package, file),
            Method::Unit { package, test } => unit(package, test),
            Method::RealBinary { file } => {
                let mut tests = test("e2e", file);
                tests.arg("--include-ignored");
                tests
            }
            Method::Fuzz { target } => fuzz(target, cases.end - cases.start)?,
        };
        command.env("PROVE_CASES", format!("{}..{}", cases.start, cases.end));
        command.env("OTTLA_BIN", workspace::target_dir().join("release/ottla"));
        Ok(command)
    }
}

fn test(package: &str, file: &str) -> Command {
    cargo(&["test", "--profile", "checked", "--package", package, "--test", file, "--", "--nocapture"])
}

fn unit(package: &str, test: &str) -> Command {
    cargo(&["test", "--profile", "checked", "--package", package, "--lib", test, "--", "--exact", "--nocapture"])
}

/// Without a limit on single allocations: what a target allocates, it bounds itself.
fn fuzz(target: &str, seconds: u64) -> std::io::Result<Command> {
    let folder = |kind: &str| format!("tests/fuzz/{kind}/{target}");
    workspace::make_folder(&workspace::root().join(folder("corpus")))?;
    let mut command =
        cargo(&["fuzz", "run", "--fuzz-dir", "tests/fuzz", target, &folder("corpus"), &folder("seeds"), "--"]);
    command.args(["-malloc_limit_mb=0", &format!("-max_total_time={seconds}")]);
    // Lets the stable compiler take the sanitizer's flags.
    command.env("RUSTC_BOOTSTRAP", "1");
    Ok(command)
}
