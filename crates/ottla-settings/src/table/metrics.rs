//! What a node measures, and who is told.

use super::reasons::{NO_JVM, NO_SAMPLES};
use super::settings;
use crate::spec::Setting;

settings! {
    names {
        /// Java classes that are told of metrics.
        _ = Setting::list("metric.reporters").default("org.apache.kafka.common.metrics.JmxReporter").cluster_wide()
            .without_effect(NO_JVM);

        /// Java classes that are told of metrics in their older form.
        _ = Setting::list("kafka.metrics.reporters").default("").without_effect(NO_JVM);

        /// How often `kafka.metrics.reporters` ask for metrics.
        _ = Setting::int("kafka.metrics.polling.interval.secs").default("10").at_least(1).without_effect(NO_JVM);

        /// How many samples a metric is made of.
        _ = Setting::int("metrics.num.samples").default("2").at_least(1).without_effect(NO_SAMPLES);

        /// How long a sample is taken.
        _ = Setting::long("metrics.sample.window.ms").default("30000").at_least(1).without_effect(NO_SAMPLES);

        /// How much is measured: INFO, DEBUG or TRACE.
        _ = Setting::string("metrics.recording.level").default("INFO").without_effect(NO_SAMPLES);

        /// The most that a client may push of its own metrics at a time (KIP-714).
        _ = Setting::int("telemetry.max.bytes").default("1048576").at_least(1)
            .without_effect("clients' own metrics are not taken yet");
    }
}
