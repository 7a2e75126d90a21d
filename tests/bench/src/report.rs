//! A run: every case's measurements, their medians and how they stand to the limits. It is what `--json` prints.

use std::collections::BTreeMap;
use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::broker::Kind;
use crate::case::{Case, Limit};
use crate::machine::Machine;
use crate::measurement::{Measurement, median, quantile_us};

/// Who was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Subject {
    Floor,
    Ottla,
    Kafka,
}

impl From<Kind> for Subject {
    fn from(kind: Kind) -> Subject {
        match kind {
            Kind::Ottla => Subject::Ottla,
            Kind::Kafka => Subject::Kafka,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Subject::Floor => "floor",
            Subject::Ottla => "Ottla",
            Subject::Kafka => "Kafka",
        })
    }
}

/// Everything that was measured of one case.
#[derive(Debug)]
pub(crate) struct CaseReport {
    name: &'static str,
    title: &'static str,
    limit: Limit,
    windows: BTreeMap<Subject, Vec<Measurement>>,
    /// The fdatasync probe of each round, where the case is about durability.
    pub(crate) fdatasync: Vec<Histogram<u64>>,
}

impl CaseReport {
    pub(crate) fn new(case: &Case) -> CaseReport {
        CaseReport {
            name: case.name,
            title: case.title,
            limit: case.limit,
            windows: BTreeMap::new(),
            fdatasync: Vec::new(),
        }
    }

    pub(crate) fn add(&mut self, subject: Subject, measurement: Measurement) {
        self.windows.entry(subject).or_default().push(measurement);
    }

    fn summary(&self) -> CaseSummary {
        let medians: BTreeMap<Subject, Measurement> =
            self.windows.iter().map(|(&subject, windows)| (subject, Measurement::median(windows))).collect();
        let fdatasync = |quantile: f64| median(self.fdatasync.iter().map(|probe| quantile_us(probe, quantile)));
        let fdatasync_us = (!self.fdatasync.is_empty()).then(|| (fdatasync(0.50), fdatasync(0.99)));
        let floor = medians.get(&Subject::Floor);
        let verdict =
            medians.get(&Subject::Ottla).and_then(|ottla| Verdict::of(self.limit, ottla, floor, fdatasync_us));
        CaseSummary { name: self.name, title: self.title, limit: self.limit, medians, fdatasync_us, verdict }
    }
}

/// A whole run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    pub(crate) runs: usize,
    /// Whether the page cache could be levelled before every measurement.
    pub(crate) levelled: bool,
    pub(crate) cases: Vec<CaseReport>,
}

/// The form in which a run is printed and kept.
#[derive(Debug, Serialize)]
pub(crate) struct Summary<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) runs: usize,
    pub(crate) page_cache_levelled: bool,
    pub(crate) cases: Vec<CaseSummary>,
}

/// One case: the median of each figure, by who was measured.
#[derive(Debug, Serialize)]
pub(crate) struct CaseSummary {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) limit: Limit,
    pub(crate) medians: BTreeMap<Subject, Measurement>,
    /// Median and 99th percentile of the machine's own append and fdatasync, in µs.
    pub(crate) fdatasync_us: Option<(f64, f64)>,
    pub(crate) verdict: Option<Verdict>,
}

/// How Ottla stands to its limit, both in the limit's unit.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Verdict {
    pub(crate) value: f64,
    pub(crate) limit: f64,
    pub(crate) passed: bool,
}

impl Verdict {
    /// None when what the limit is relative to was not measured.
    fn of(
        limit: Limit,
        ottla: &Measurement,
        floor: Option<&Measurement>,
        fdatasync_us: Option<(f64, f64)>,
    ) -> Option<Verdict> {
        let (value, limit) = match limit {
            Limit::TimesFloor(limit) => (ottla.cpu_us_per_request / floor?.cpu_us_per_request, limit),
            Limit::CpuMicrosecondsPerRequest(limit) => (ottla.cpu_us_per_request, limit),
            Limit::CpuSecondsPerGb(limit) => (ottla.cpu_s_per_gb, limit),
            Limit::LatencyTimesFdatasync(limit) => (ottla.p50_us / fdatasync_us?.0, limit),
        };
        Some(Verdict { value, limit, passed: value <= limit })
    }
}

impl Report {
    /// Medians and verdicts.
    pub(crate) fn summary(&self) -> Summary<'_> {
        Summary {
            machine: &self.machine,
            runs: self.runs,
            page_cache_levelled: self.levelled,
            cases: self.cases.iter().map(CaseReport::summary).collect(),
        }
    }

    /// False if a limit was missed; a case without Ottla misses none.
    pub(crate) fn is_within_limits(&self) -> bool {
        self.cases.iter().all(|case| case.summary().verdict.is_none_or(|verdict| verdict.passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(cpu_us_per_request: f64, p50_us: f64) -> Measurement {
        Measurement {
            cpu_us_per_request,
            cpu_s_per_gb: 1.0,
            requests_per_s: 1.0,
            mb_per_s: 1.0,
            p50_us,
            p99_us: 1.0,
            others_share: 0.0,
        }
    }

    fn passed(
        limit: Limit,
        ottla: Measurement,
        floor: Option<Measurement>,
        fdatasync: Option<(f64, f64)>,
    ) -> Option<bool> {
        Verdict::of(limit, &ottla, floor.as_ref(), fdatasync).map(|verdict| verdict.passed)
    }

    #[test]
    fn limit_relative_to_the_floor_uses_the_floor_of_the_run() {
        assert_eq!(passed(Limit::TimesFloor(1.2), figures(12.0, 1.0), Some(figures(10.0, 1.0)), None), Some(true));
        assert_eq!(passed(Limit::TimesFloor(1.2), figures(12.1, 1.0), Some(figures(10.0, 1.0)), None), Some(false));
        assert_eq!(passed(Limit::TimesFloor(1.2), figures(12.0, 1.0), None, None), None, "nothing to compare with");
    }

    #[test]
    fn durable_limit_compares_medians_of_latency() {
        assert_eq!(
            passed(Limit::LatencyTimesFdatasync(3.0), figures(1.0, 300.0), None, Some((100.0, 900.0))),
            Some(true)
        );
        assert_eq!(
            passed(Limit::LatencyTimesFdatasync(3.0), figures(1.0, 301.0), None, Some((100.0, 900.0))),
            Some(false)
        );
    }
}
