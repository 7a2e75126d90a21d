//! The verdict on one history.

use std::collections::BTreeMap;
use std::fmt;

use crate::anomalies::Anomaly;
use crate::history::History;
use crate::index::Index;
use crate::measures::Measures;

/// A run that proved nothing, whatever it shows. Such a run has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortfall {
    /// No record's send was acknowledged.
    NothingWritten,
    /// No poll returned a record.
    NothingRead,
    /// No fault was injected.
    NoFault,
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NothingWritten => "no write was acknowledged",
            Self::NothingRead => "no record was read",
            Self::NoFault => "no fault was injected",
        })
    }
}

/// What the checker has to say.
#[derive(Debug)]
pub struct Report {
    /// Why the run proves nothing; empty if it does.
    pub shortfalls: Vec<Shortfall>,
    /// What no broker may show.
    pub anomalies: Vec<Anomaly>,
    /// What Kafka's promises allow and is still worth knowing.
    pub notes: Vec<Anomaly>,
    /// How much was done.
    pub measures: Measures,
}

impl Report {
    /// Whether the run did something and nothing was wrong with it.
    pub fn is_clean(&self) -> bool {
        self.shortfalls.is_empty() && self.anomalies.is_empty()
    }
}

/// Judges `history`. Takes time in proportion to its length, but for the sorting of offsets.
pub fn check(history: &History) -> Report {
    let index = Index::new(history.operations());
    let measures = Measures::of(history, &index);
    let (notes, anomalies) = Anomaly::find_all(&index).into_iter().partition(Anomaly::is_allowed);
    Report { shortfalls: shortfalls(&measures), anomalies, notes, measures }
}

/// How often each name occurs.
fn counts(list: &[Anomaly]) -> BTreeMap<&'static str, usize> {
    list.iter().fold(BTreeMap::new(), |mut counts, anomaly| {
        *counts.entry(anomaly.name()).or_default() += 1;
        counts
    })
}

fn shortfalls(measures: &Measures) -> Vec<Shortfall> {
    let missing = [
        (measures.acknowledged, Shortfall::NothingWritten),
        (measures.polled, Shortfall::NothingRead),
        (measures.faults, Shortfall::NoFault),
    ];
    missing.into_iter().filter(|(count, _)| *count == 0).map(|(_, shortfall)| shortfall).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// The first anomalies tell the story.
        const LINES: usize = 20;
        let Measures { operations, acknowledged, polled, faults, worst_lag_ns, repeated } = &self.measures;
        writeln!(f, "{operations} operations, {acknowledged} records acknowledged, {polled} polled, {faults} faults")?;
        if let Some((lag_ns, process, key)) = worst_lag_ns {
            writeln!(f, "worst lag {} ms ({process}, {key})", lag_ns / 1_000_000)?;
        }
        if repeated.records > 0 {
            writeln!(f, "{} records consumed more than once, at most {} times", repeated.records, repeated.most)?;
        }
        for shortfall in &self.shortfalls {
            writeln!(f, "FAILED: {shortfall}")?;
        }
        for (name, count) in counts(&self.notes) {
            writeln!(f, "allowed: {count} times {name}")?;
        }
        for (name, count) in counts(&self.anomalies) {
            writeln!(f, "FAILED: {count} times {name}")?;
        }
        for anomaly in self.anomalies.iter().take(LINES) {
            writeln!(f, "  {anomaly}")?;
        }
        write!(f, "{}", if self.is_clean() { "clean" } else { "NOT clean" })
    }
}
