//! `docs/proof/NAME.md`: what was shown so far, one row for each commit and machine.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, anyhow};

use super::registry::Proof;
use crate::workspace;

/// Rounds that held, on one commit and machine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) date: String,
    pub(crate) commit: String,
    pub(crate) machine: String,
    /// The first case.
    pub(crate) first: u64,
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) seconds: u64,
}

impl Row {
    fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    fn is_continued_by(&self, next: &Row) -> bool {
        let same = |row: &Row| (row.date.clone(), row.commit.clone(), row.machine.clone());
        same(self) == same(next) && self.first + self.count("cases") == next.first
    }

    fn line(&self) -> String {
        let counts: Vec<String> = self.counts.iter().map(|(name, number)| format!("{name} {number}")).collect();
        let Row { date, commit, machine, first, seconds, .. } = self;
        format!("| {date} | {commit} | {machine} | {first} | {} | {seconds} |\n", counts.join(", "))
    }

    fn parse(line: &str) -> Option<Row> {
        let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
        let [date, commit, machine, first, counts, seconds] = cells[..] else { return None };
        let counts = counts.split(',').map(|count| {
            let (name, number) = count.trim().rsplit_once(' ')?;
            Some((name.to_owned(), number.parse().ok()?))
        });
        Some(Row {
            date: date.to_owned(),
            commit: commit.to_owned(),
            machine: machine.to_owned(),
            first: first.parse().ok()?,
            counts: counts.collect::<Option<_>>()?,
            seconds: seconds.parse().ok()?,
        })
    }
}

const HEAD: &str = "| date | commit | machine | first case | counts | seconds |\n|---|---|---|---|---|---|\n";

/// The rows of a proof's page, oldest first.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Page(Vec<Row>);

impl Page {
    pub(crate) fn read(proof: &Proof) -> anyhow::Result<Page> {
        let text = workspace::read(&path(proof)).with_context(|| format!("read {}", path(proof).display()))?;
        Page::parse(&text.unwrap_or_default()).with_context(|| format!("read {}", path(proof).display()))
    }

    pub(crate) fn write(&self, proof: &Proof) -> anyhow::Result<()> {
        workspace::write(&path(proof), &self.text(proof)).with_context(|| format!("write {}", path(proof).display()))
    }

    /// The sum of a count over all rows.
    pub(crate) fn total(&self, name: &str) -> u64 {
        self.0.iter().map(|row| row.count(name)).sum()
    }

    /// Adds a round: to the last row, where it goes on from there.
    pub(crate) fn add(&mut self, row: Row) {
        match self.0.last_mut().filter(|last| last.is_continued_by(&row)) {
            None => self.0.push(row),
            Some(last) => {
                last.seconds += row.seconds;
                for (name, number) in row.counts {
                    *last.counts.entry(name).or_default() += number;
                }
            }
        }
    }

    fn text(&self, proof: &Proof) -> String {
        let Proof { name, shows, counted, goal, .. } = proof;
        let rows: String = self.0.iter().map(Row::line).collect();
        format!(
            "# Proof: {name}\n\n{shows}\n\n{} {counted}, none of which failed; the goal is {goal}. `cargo xtask prove \
             {name}` goes on from here.\n\n{HEAD}{rows}",
            self.total(counted)
        )
    }

    fn parse(text: &str) -> anyhow::Result<Page> {
        let rows = text.split_once(HEAD).map_or("", |(_, rows)| rows).lines();
        rows.map(|line| Row::parse(line).ok_or_else(|| anyhow!("no row of the table: {line}")))
            .collect::<Result<_, _>>()
            .map(Page)
    }
}

fn path(proof: &Proof) -> PathBuf {
    workspace::root().join("docs/proof").join(proof.name).with_extension("md")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prove::method::Method;

    const PROOF: Proof = Proof {
        name: "p",
        shows: "It holds.",
        method: Method::Test { package: "p", file: "p" },
        counted: "images",
        goal: 100,
        round: 10,
    };

    fn row(commit: &str, first: u64, cases: u64, images: u64) -> Row {
        let counts = BTreeMap::from([("cases".to_owned(), cases), ("images".to_owned(), images)]);
        Row { date: "2026-01-02".into(), commit: commit.into(), machine: "2 cores".into(), first, counts, seconds: 3 }
    }

    #[test]
    fn rounds_add_up_over_commits_and_survive_the_page() {
        let mut page = Page::default();
        page.add(row("aaa", 0, 10, 17));
        page.add(row("aaa", 10, 10, 20));
        page.add(row("bbb with changes", 20, 10, 5));
        assert_eq!((page.0.len(), page.total("cases"), page.total("images")), (2, 30, 42));
        assert_eq!(page.0[0].seconds, 6);
        assert_eq!(Page::parse(&page.text(&PROOF)).unwrap(), page);
    }

    #[test]
    fn a_page_that_is_not_there_has_no_rows_and_a_broken_one_is_an_error() {
        assert_eq!(Page::parse("").unwrap(), Page::default());
        assert!(Page::parse(&format!("{HEAD}| 1 | 2 |\n")).is_err());
    }
}
