//! A run as the Markdown table that people read, and that `docs/benchmarks.md` holds.

use std::fmt::{self, Write as _};

use crate::case::Limit;
use crate::measurement::{BUSY_SHARE, Measurement};
use crate::report::{CaseSummary, Subject, Summary, Verdict};

const HEAD: &str = "\
| case | who | CPU, µs a request | CPU-s per GB | requests/s | MB/s | p50, µs | p99, µs | against the limit |
|---|---|--:|--:|--:|--:|--:|--:|---|
";

impl Summary<'_> {
    /// The run as Markdown.
    pub(crate) fn table(&self) -> String {
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
        out.push_str(HEAD);
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
        self.medians.values().any(Measurement::is_busy)
    }

    fn write_rows(&self, out: &mut String) -> fmt::Result {
        let mut title = self.title;
        for (subject, figures) in &self.medians {
            let busy = if figures.is_busy() { " \\*" } else { "" };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_limit_is_named() {
        let limit = Limit::CpuMicrosecondsPerRequest(15.0);
        let missed = Verdict { value: 100.0, limit: 15.0, passed: false };
        assert_eq!(missed.text(limit), "100.00 of 15.00 µs: **missed**");
        let kept = Verdict { value: 9.0, limit: 15.0, passed: true };
        assert_eq!(kept.text(limit), "9.00 of 15.00 µs: kept");
    }
}
