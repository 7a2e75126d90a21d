//! What was measured, as medians, beside the limits; as a table for people and as JSON.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::broker::Kind;
use crate::case::{Case, Limit};
use crate::machine::Machine;
use crate::replay::Replayed;

/// A window in which others used more than this share of one core is marked: its figures are not those of a quiet
/// machine.
const BUSY_SHARE: f64 = 0.15;

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

/// One window; or, of several, the median of each figure.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measurement {
    pub(crate) cpu_us_per_request: f64,
    /// Per 10^9 bytes of batches.
    pub(crate) cpu_s_per_gb: f64,
    pub(crate) requests_per_s: f64,
    pub(crate) mb_per_s: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// What neither the server nor the replayer used of the machine's CPU, write-back by the kernel included, as a
    /// share of one core.
    pub(crate) others_share: f64,
}

impl Measurement {
    pub(crate) fn new(replayed: &Replayed, cpu: Duration, others: Duration, bytes_per_request: u64) -> Measurement {
        let requests = replayed.requests as f64;
        let bytes = requests * bytes_per_request as f64;
        let wall = replayed.wall.as_secs_f64();
        Measurement {
            cpu_us_per_request: cpu.as_secs_f64() * 1e6 / requests,
            cpu_s_per_gb: cpu.as_secs_f64() * 1e9 / bytes,
            requests_per_s: requests / wall,
            mb_per_s: bytes / 1e6 / wall,
            p50_us: quantile_us(&replayed.latency, 0.50),
            p99_us: quantile_us(&replayed.latency, 0.99),
            others_share: others.as_secs_f64() / wall,
        }
    }

    fn median(windows: &[Measurement]) -> Measurement {
        let of = |figure: fn(&Measurement) -> f64| median(windows.iter().map(figure));
        Measurement {
            cpu_us_per_request: of(|window| window.cpu_us_per_request),
            cpu_s_per_gb: of(|window| window.cpu_s_per_gb),
            requests_per_s: of(|window| window.requests_per_s),
            mb_per_s: of(|window| window.mb_per_s),
            p50_us: of(|window| window.p50_us),
            p99_us: of(|window| window.p99_us),
            others_share: of(|window| window.others_share),
        }
    }

    /// One line for the progress report.
    pub(crate) fn line(&self) -> String {
        format!(
            "{:.1} µs CPU a request, {:.2} CPU-s per GB, {:.0}/s, {:.0} MB/s, p50 {:.0} µs, p99 {:.0} µs{}",
            self.cpu_us_per_request,
            self.cpu_s_per_gb,
            self.requests_per_s,
            self.mb_per_s,
            self.p50_us,
            self.p99_us,
            if self.others_share > BUSY_SHARE {
                format!(", others used {:.0} % of a core", self.others_share * 100.0)
            } else {
                String::new()
            }
        )
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
    machine: &'a Machine,
    runs: usize,
    page_cache_levelled: bool,
    cases: Vec<CaseSummary>,
}

#[derive(Debug, Serialize)]
struct CaseSummary {
    name: &'static str,
    title: &'static str,
    limit: Limit,
    medians: BTreeMap<Subject, Measurement>,
    /// Median and 99th percentile of the machine's own append and fdatasync, in µs.
    fdatasync_us: Option<(f64, f64)>,
    verdict: Option<Verdict>,
}

/// How Ottla stands to its limit, both in the limit's unit.
#[derive(Debug, Clone, Copy, Serialize)]
struct Verdict {
    value: f64,
    limit: f64,
    passed: bool,
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

    /// The report as Markdown.
    pub(crate) fn table(&self) -> String {
        self.summary().table()
    }
}

impl Summary<'_> {
    fn table(&self) -> String {
        let mut out = String::new();
        self.write_table(&mut out).expect("writing to a String does not fail");
        out
    }

    fn write_table(&self, out: &mut String) -> fmt::Result {
        let machine = self.machine;
        writeln!(
            out,
            "{}, {} cores, {:.0} GiB, Linux {}, {}; load average {:.2} at the start; medians of {}{}.\n",
            machine.processor,
            machine.cores,
            machine.memory_gib,
            machine.kernel,
            machine.file_system,
            machine.load_average,
            self.runs,
            if self.page_cache_levelled { "" } else { "; **page cache not levelled (run as root)**" }
        )?;
        writeln!(
            out,
            "| case | who | CPU, µs per request | CPU-s per GB | requests/s | MB/s | p50, µs | p99, µs | against the limit |"
        )?;
        writeln!(out, "|---|---|--:|--:|--:|--:|--:|--:|---|")?;
        for case in &self.cases {
            case.write_rows(out)?;
        }
        if self.cases.iter().any(CaseSummary::is_busy) {
            writeln!(out, "\n\\* others used more than {:.0} % of a core meanwhile.", BUSY_SHARE * 100.0)?;
        }
        Ok(())
    }
}

impl CaseSummary {
    fn is_busy(&self) -> bool {
        self.medians.values().any(|figures| figures.others_share > BUSY_SHARE)
    }

    fn write_rows(&self, out: &mut String) -> fmt::Result {
        let mut title = self.title;
        for (subject, figures) in &self.medians {
            let busy = if figures.others_share > BUSY_SHARE { " \\*" } else { "" };
            let verdict = match subject {
                Subject::Ottla => self.verdict.map_or_else(String::new, |verdict| verdict.text(self.limit)),
                Subject::Floor | Subject::Kafka => String::new(),
            };
            writeln!(
                out,
                "| {title} | {subject}{busy} | {:.1} | {:.2} | {:.0} | {:.0} | {:.0} | {:.0} | {verdict} |",
                figures.cpu_us_per_request,
                figures.cpu_s_per_gb,
                figures.requests_per_s,
                figures.mb_per_s,
                figures.p50_us,
                figures.p99_us
            )?;
            title = "";
        }
        if let Some((p50, p99)) = self.fdatasync_us {
            writeln!(out, "| {title} | fdatasync of 4 KiB | | | | | {p50:.0} | {p99:.0} | |")?;
        }
        Ok(())
    }
}

impl Verdict {
    fn text(self, limit: Limit) -> String {
        let unit = match limit {
            Limit::TimesFloor(_) => "× the floor",
            Limit::CpuMicrosecondsPerRequest(_) => "µs",
            Limit::CpuSecondsPerGb(_) => "CPU-s per GB",
            Limit::LatencyTimesFdatasync(_) => "× fdatasync",
        };
        let word = if self.passed { "kept" } else { "**missed**" };
        format!("{:.2} of {:.2} {unit}: {word}", self.value, self.limit)
    }
}

fn quantile_us(latency: &Histogram<u64>, quantile: f64) -> f64 {
    latency.value_at_quantile(quantile) as f64 / 1000.0
}

/// The middle of `values`, or the mean of the two in the middle; NaN of nothing.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values[count / 2],
        count => (values[count / 2 - 1] + values[count / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::CASES;

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
    fn median_is_the_middle_whatever_the_order() {
        assert_eq!(median([5.0, 1.0, 3.0].into_iter()), 3.0);
        assert_eq!(median([4.0, 1.0, 3.0, 2.0].into_iter()), 2.5);
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

    #[test]
    fn missed_limit_is_named_in_the_table() {
        let mut case = CaseReport::new(&CASES[0]);
        case.add(Subject::Ottla, figures(100.0, 1.0));
        let mut rows = String::new();
        case.summary().write_rows(&mut rows).unwrap();
        assert!(rows.contains("100.00 of 15.00 µs: **missed**"), "{rows}");
    }
}
