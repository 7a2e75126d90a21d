//! kafka-python's suite: its source distribution has the integration tests, which pytest runs.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::{ClientSuite, Outcomes, limited};
use crate::home::{Home, make_folder, read_file, run as run_to_end, text_files, write_file};

const PACKAGE: &str = "kafka-python==3.0.12";
const FOLDER: &str = "kafka_python-3.0.12";

/// The version whose APIs the client and its tests reckon with.
const KAFKA_VERSION: &str = "4.1.0";

/// Far more than a test takes: one of them waits for ten seconds.
const TEST_LIMIT_SECONDS: &str = "60";

/// Of a test's name, what all have in common.
const COMMON: &str = "test/integration/";

/// A race in the client: one without a group that subscribes while it is answered about no topic at all takes that for an answer about its
/// topic, does not ask again, and reads nothing. A defect of the broker's would have to be there in each attempt.
const ATTEMPTS_AGAIN: &str = "5";

pub(super) fn run(suite: ClientSuite, bootstrap: &str) -> Result<Outcomes> {
    let home = suite.home();
    install(suite, &home)?;
    let written = home.path.join("outcomes");
    write_file(&written, "")?;
    let mut pytest = limited(home.path.join("venv/bin/pytest"));
    pytest.args([COMMON, "-p", "outcomes", "-p", "no:cacheprovider", "-q", "--tb=short", "--show-capture=no"]);
    pytest.args(["--reruns", ATTEMPTS_AGAIN, "--rerun-except", "IncompatibleBrokerVersion"]);
    pytest.args(["--timeout", TEST_LIMIT_SECONDS, "--timeout-method=signal"]).current_dir(home.path.join(FOLDER));
    pytest.env("PYTHONPATH", suite.sources()).env("PYTHONDONTWRITEBYTECODE", "1").env("OUTCOMES", &written);
    // Where it would find a Kafka to start, if it were not told of one that runs.
    pytest.env("KAFKA_ROOT", home.path.join("no-kafka")).env("KAFKA_VERSION", KAFKA_VERSION);
    suite.run_tests(pytest.env("KAFKA_URI", format!("kafka://{bootstrap}")))?;
    parse(&read_file(&written).context("read the outcomes")?)
}

/// Lines of `OUTCOME TEST`, several for each test.
fn parse(text: &str) -> Result<Outcomes> {
    let mut outcomes = Outcomes::default();
    for line in text.lines() {
        let (outcome, test) = line.split_once(' ').with_context(|| format!("an outcome: {line}"))?;
        outcomes.add(test.strip_prefix(COMMON).unwrap_or(test), outcome == "passed");
    }
    Ok(outcomes)
}

fn install(suite: ClientSuite, home: &Home) -> Result<()> {
    let sources = suite.sources();
    home.install(&text_files(&sources, &["txt", "py"])?, || {
        home.python_packages(&sources.join("requirements.txt"))?;
        let mut download = Command::new(home.path.join("venv/bin/pip"));
        download.args(["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:"]);
        run_to_end(download.arg(PACKAGE).current_dir(&home.path))?;
        run_to_end(Command::new("tar").args(["-xzf", &format!("{FOLDER}.tar.gz")]).current_dir(&home.path))?;
        // What the distribution leaves out.
        let tests = home.path.join(FOLDER).join("test");
        write_file(&tests.join("__init__.py"), "")?;
        write_file(&tests.join("service.py"), &read_file(&sources.join("service.py")).context("read service.py")?)?;
        make_folder(&home.path.join("no-kafka"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_with_a_part_that_does_not_pass_does_not() {
        let text = "passed test/integration/a.py::t\npassed test/integration/a.py::t\nfailed test/integration/a.py::t\n\
                    skipped test/integration/b.py::t[x]\npassed test/integration/c.py::t\n";
        let outcomes = parse(text).unwrap();
        assert_eq!((outcomes.passed(), outcomes.not_passed()), (1, 2));
        assert!(parse("passed\n").is_err());
    }
}
