//! [`Outcomes`]: what became of a suite's tests, held against the list of those that are not expected to pass.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};

use super::{ClientSuite, sources};
use crate::home::read_file;

/// Each test of a suite, by its name, and whether it passed. One that was skipped did not.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcomes(BTreeMap<String, bool>);

impl<T: Into<String>> FromIterator<(T, bool)> for Outcomes {
    fn from_iter<I: IntoIterator<Item = (T, bool)>>(tests: I) -> Self {
        let mut outcomes = Self::default();
        tests.into_iter().for_each(|(test, passed)| outcomes.add(test, passed));
        outcomes
    }
}

impl Outcomes {
    /// Adds what became of a test, or of a part of it: a test passes with all its parts.
    pub(super) fn add(&mut self, test: impl Into<String>, passed: bool) {
        *self.0.entry(test.into()).or_insert(true) &= passed;
    }

    /// How many passed.
    pub fn passed(&self) -> usize {
        self.0.values().filter(|passed| **passed).count()
    }

    /// How many did not.
    pub fn not_passed(&self) -> usize {
        self.0.len() - self.passed()
    }

    /// Demands that exactly those tests did not pass that `tests/suites/expected` lists for `suite`.
    pub fn check_against_list(&self, suite: ClientSuite) -> Result<()> {
        let path = sources().join("expected").join(suite.name()).with_extension("txt");
        let text = read_file(&path).with_context(|| format!("read {}", path.display()))?;
        let differences = self.differences(&parse(&text)?);
        ensure!(differences.is_empty(), "{} differs from {}:\n{differences}", suite.name(), path.display());
        Ok(())
    }

    fn differences(&self, listed: &BTreeSet<&str>) -> String {
        let mut differences = String::new();
        let mut say = |test: &str, what: &str| writeln!(differences, "{what}: {test}").expect("a string takes all");
        for (test, passed) in &self.0 {
            match (passed, listed.contains(test.as_str())) {
                (true, false) | (false, true) => {}
                (false, false) => say(test, "does not pass and is not listed"),
                (true, true) => say(test, "passes and is listed still"),
            }
        }
        for test in listed.iter().filter(|test| !self.0.contains_key(**test)) {
            say(test, "is listed and did not run");
        }
        differences
    }
}

/// The tests of a list. A line that is not indented is the reason of those below it, and ends with a colon. Errors: a
/// test has no reason or is listed twice, or a reason has no test.
fn parse(text: &str) -> Result<BTreeSet<&str>> {
    let mut listed = BTreeSet::new();
    let mut reason: Option<(&str, usize)> = None;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(test) = line.strip_prefix("    ") {
            let (_, tests) = reason.as_mut().with_context(|| format!("{test} has no reason"))?;
            *tests += 1;
            ensure!(listed.insert(test), "{test} is listed twice");
        } else {
            ensure!(line.ends_with(':'), "a reason ends with a colon: {line}");
            ensure_used(reason)?;
            reason = Some((line, 0));
        }
    }
    ensure_used(reason)?;
    Ok(listed)
}

fn ensure_used(reason: Option<(&str, usize)>) -> Result<()> {
    let unused = reason.filter(|(_, tests)| *tests == 0);
    ensure!(unused.is_none(), "a reason without a test: {unused:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "X is not served:\n    a\n    b: with a colon\n\nNo broker passes it:\n    c\n";

    fn outcomes<const N: usize>(tests: [(&str, bool); N]) -> Outcomes {
        tests.into_iter().collect()
    }

    #[test]
    fn exactly_what_is_listed_may_fail() {
        let listed = parse(LIST).unwrap();
        let as_listed = [("a", false), ("b: with a colon", false), ("c", false), ("d", true)];
        assert_eq!(outcomes(as_listed).differences(&listed), "");
        let others = outcomes([("a", true), ("b: with a colon", false), ("d", false)]);
        let differences = "passes and is listed still: a\ndoes not pass and is not listed: d\n\
                           is listed and did not run: c\n";
        assert_eq!(others.differences(&listed), differences);
    }

    #[test]
    fn a_test_passes_with_all_its_parts() {
        let outcomes = outcomes([("a", true), ("a", false), ("a", true), ("b", true), ("b", true)]);
        assert_eq!((outcomes.passed(), outcomes.not_passed()), (1, 1));
    }

    #[test]
    fn a_list_is_complete_and_says_nothing_twice() {
        for broken in ["    a\n", "R:\n    a\n    a\n", "R:\nS:\n    a\n", "R:\n", "R\n    a\n"] {
            assert!(parse(broken).is_err(), "{broken}");
        }
    }
}
