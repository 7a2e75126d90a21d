//! node-rdkafka's suite: its package has the end-to-end tests, which mocha runs.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{ClientSuite, Outcomes, limited};
use crate::home::{Home, read_file, run as run_to_end, text_files, write_file};

/// The files of tests, each run by itself. Not among them are `both` and `groups`, in which the client crashes or does not
/// come to an end, with Apache Kafka too.
const FILES: [&str; 4] = ["admin", "consumer", "producer", "producer-transaction"];

const TEST_LIMIT_MS: &str = "60000";

/// The package has librdkafka built by as many compilers as there are files.
const MODEST_MAKE: &str = "#!/bin/sh\nexec /usr/bin/make \"$@\" -j2\n";

pub(super) fn run(suite: ClientSuite, bootstrap: &str) -> Result<Outcomes> {
    let home = suite.home();
    install(suite, &home)?;
    let mut outcomes = Outcomes::default();
    for file in FILES {
        let report = home.path.join(file).with_extension("json");
        write_file(&report, "")?;
        let mut mocha = limited("node");
        mocha.args(["node_modules/mocha/bin/mocha.js", "--exit", "--timeout", TEST_LIMIT_MS, "--reporter", "json"]);
        mocha.arg("--reporter-option").arg(format!("output={}", report.display()));
        mocha.arg(format!("node_modules/node-rdkafka/e2e/{file}.spec.js")).current_dir(&home.path);
        suite.run_tests(mocha.env("KAFKA_HOST", bootstrap))?;
        let report = read_file(&report).with_context(|| format!("read the report on {file}"))?;
        add_outcomes(&mut outcomes, &report).with_context(|| format!("read the report on {file}"))?;
    }
    Ok(outcomes)
}

/// Reads a report in mocha's JSON. A hook that fails is in it as a test that does, and the tests that it was to prepare
/// are not.
fn add_outcomes(outcomes: &mut Outcomes, report: &str) -> Result<()> {
    let report: Value = serde_json::from_str(report).context("it did not come to its end")?;
    for (kind, passed) in [("passes", true), ("failures", false), ("pending", false)] {
        for test in report[kind].as_array().with_context(|| format!("a report has {kind}"))? {
            outcomes.add(test["fullTitle"].as_str().context("a test has a title")?, passed);
        }
    }
    Ok(())
}

fn install(suite: ClientSuite, home: &Home) -> Result<()> {
    let files = text_files(&suite.sources(), &["json"])?;
    home.install(&files, || {
        home.copy(&files)?;
        let programs = home.path.join("bin");
        write_file(&programs.join("make"), MODEST_MAKE)?;
        run_to_end(Command::new("chmod").arg("+x").arg(programs.join("make")))?;
        let mut npm = Command::new("npm");
        npm.args(["ci", "--no-audit", "--no-fund"]).env("JOBS", "2").env("PATH", path_beginning_with(&programs));
        run_to_end(npm.current_dir(&home.path))
    })
}

fn path_beginning_with(folder: &Path) -> OsString {
    let mut path = folder.as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_from_mochas_report() {
        let report = r#"{"passes": [{"fullTitle": "A does"}], "pending": [{"fullTitle": "A may"}],
                         "failures": [{"fullTitle": "A \"before each\" hook for \"does more\""}]}"#;
        let expected = [("A does", true), ("A may", false), ("A \"before each\" hook for \"does more\"", false)];
        let mut outcomes = Outcomes::default();
        add_outcomes(&mut outcomes, report).unwrap();
        assert_eq!(outcomes, expected.into_iter().collect());
        assert!(add_outcomes(&mut outcomes, "").is_err());
    }
}
