//! The figures of one window, and medians of several.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::replay::Replayed;

/// A window in which others used more than this share of one core is marked: its figures are not those of a quiet
/// machine.
pub(crate) const BUSY_SHARE: f64 = 0.15;

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
    /// What the server used and the replayer saw in one window, in which each request moved `bytes_per_request`.
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

    /// The median of each figure for itself.
    pub(crate) fn median(windows: &[Measurement]) -> Measurement {
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

    /// Whether others used so much of the machine meanwhile that latency and throughput are not those of a quiet one.
    pub(crate) fn is_busy(&self) -> bool {
        self.others_share > BUSY_SHARE
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
            if self.is_busy() {
                format!(", others used {:.0} % of a core", self.others_share * 100.0)
            } else {
                String::new()
            }
        )
    }
}

/// A quantile of nanoseconds, in µs.
pub(crate) fn quantile_us(latency: &Histogram<u64>, quantile: f64) -> f64 {
    latency.value_at_quantile(quantile) as f64 / 1000.0
}

/// The middle of `values`, or the mean of the two in the middle; NaN of nothing.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
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

    #[test]
    fn median_is_the_middle_whatever_the_order() {
        assert_eq!(median([5.0, 1.0, 3.0].into_iter()), 3.0);
        assert_eq!(median([4.0, 1.0, 3.0, 2.0].into_iter()), 2.5);
    }
}
