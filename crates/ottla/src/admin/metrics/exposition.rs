//! [`Exposition`]: Prometheus' text format, version 0.0.4, which every scraper reads.
//!
//! Source: "Exposition formats", prometheus.io.

use std::fmt::{Display, Write};
use std::iter::repeat;

use ottla_base::{BUCKET_BOUNDS, DurationCounts};

/// What may be done with a family's values.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Only grows, from 0 at the node's start. Its name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets.
    Histogram,
}

/// A text under way.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

/// The samples of one name.
pub(super) struct Family<'a> {
    text: &'a mut Exposition,
    name: &'static str,
}

impl Exposition {
    /// Begins a family. `help` is a sentence or two.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        assert_eq!(matches!(kind, Kind::Counter), name.ends_with("_total"), "a counter's name says so: {name}");
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let help = help.replace('\\', r"\\").replace('\n', r"\n");
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
        Family { text: self, name }
    }

    /// A family of one value.
    pub(super) fn counter(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.family(name, Kind::Counter, help).sample(&[], value);
    }

    /// A family of one value.
    pub(super) fn gauge(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.family(name, Kind::Gauge, help).sample(&[], value);
    }

    /// The text.
    pub(super) fn finish(self) -> String {
        self.0
    }

    fn line(&mut self, line: impl Display) {
        writeln!(self.0, "{line}").expect("writing to a string cannot fail");
    }
}

impl Family<'_> {
    /// Adds a value.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        self.suffixed("", labels, value)
    }

    /// Adds a histogram, in seconds.
    pub(super) fn durations(&mut self, labels: &[(&str, &str)], durations: &DurationCounts) -> &mut Self {
        let bounds = BUCKET_BOUNDS.iter().map(|bound| bound.as_secs_f64().to_string()).chain(repeat("+Inf".to_owned()));
        let mut total = 0;
        for (bound, count) in bounds.zip(durations.counts) {
            total += count;
            let labels = [labels, &[("le", &bound)]].concat();
            self.suffixed("_bucket", &labels, total);
        }
        self.suffixed("_sum", labels, durations.sum.as_secs_f64());
        // Of the same look at the counts, so that it equals the last bucket.
        self.suffixed("_count", labels, total)
    }

    fn suffixed(&mut self, suffix: &str, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        let label = |(name, value): &(&str, &str)| {
            let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            format!("{name}=\"{value}\"")
        };
        let labels: Vec<String> = labels.iter().map(label).collect();
        let name = self.name;
        match labels.is_empty() {
            true => self.text.line(format_args!("{name}{suffix} {value}")),
            false => self.text.line(format_args!("{name}{suffix}{{{}}} {value}", labels.join(","))),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ottla_base::DurationHistogram;

    use super::*;

    #[test]
    fn a_family_has_its_help_its_type_and_its_samples() {
        let mut text = Exposition::default();
        text.counter("a_total", "What a\nis.", 3);
        text.family("b", Kind::Gauge, "Of b.").sample(&[("x", "1"), ("y", "2")], 0.5).sample(&[], 7);
        let expected = "# HELP a_total What a\\nis.\n# TYPE a_total counter\na_total 3\n\
                        # HELP b Of b.\n# TYPE b gauge\nb{x=\"1\",y=\"2\"} 0.5\nb 7\n";
        assert_eq!(text.finish(), expected);
    }

    #[test]
    fn a_labels_value_may_be_anything() {
        let mut text = Exposition::default();
        text.family("g", Kind::Gauge, "Of groups.").sample(&[("group", "a\"b\\c\nd")], 1);
        assert!(text.finish().ends_with("\ng{group=\"a\\\"b\\\\c\\nd\"} 1\n"));
    }

    #[test]
    fn buckets_hold_those_before_them_and_the_last_holds_all() {
        let histogram = DurationHistogram::default();
        for millis in [0, 1, 1, 60_000] {
            histogram.record(Duration::from_millis(millis));
        }
        let mut text = Exposition::default();
        text.family("t_seconds", Kind::Histogram, "Of time.").durations(&[("api", "Fetch")], &histogram.counts());
        let text = text.finish();
        for line in [
            "t_seconds_bucket{api=\"Fetch\",le=\"0.00005\"} 1",
            "t_seconds_bucket{api=\"Fetch\",le=\"0.0005\"} 1",
            "t_seconds_bucket{api=\"Fetch\",le=\"0.001\"} 3",
            "t_seconds_bucket{api=\"Fetch\",le=\"30\"} 3",
            "t_seconds_bucket{api=\"Fetch\",le=\"+Inf\"} 4",
            "t_seconds_sum{api=\"Fetch\"} 60.002",
            "t_seconds_count{api=\"Fetch\"} 4",
        ] {
            assert!(text.lines().any(|written| written == line), "{line} in\n{text}");
        }
    }
}
