//! From layers and a topic's configs to what rules its logs.

use std::collections::BTreeMap;

use crate::error::{Error, Origin};
use crate::layers::{Layers, View, parse};
use crate::table::topic::TopicSettings;
use crate::value::Value;

impl TopicSettings {
    /// What rules a topic with these configs. Also how configs are checked before a topic gets them (CreateTopics,
    /// AlterConfigs).
    ///
    /// # Errors
    /// The first of the configs, by name, that is unknown or whose value is not allowed; or two that do not go
    /// together. Kafka answers each with `INVALID_CONFIG`. Source: Kafka `LogConfig.validate`.
    pub fn resolve(layers: &Layers, configs: &BTreeMap<String, String>) -> Result<TopicSettings, Error> {
        configs.iter().try_for_each(|(name, text)| check(layers, name, text))?;
        let view = View::of_topic(layers, configs);
        check_compaction_lags(layers, view)?;
        TopicSettings::read(view)
    }

    /// What rules a topic that is there, with what is wrong with its configs. They were checked when it got them, but
    /// perhaps by a newer version; what this one does not know or take is passed over, and everything else holds.
    pub fn of_existing(layers: &Layers, configs: &BTreeMap<String, String>) -> (TopicSettings, Vec<Error>) {
        let mut known = configs.clone();
        let mut errors = Vec::new();
        known.retain(|name, text| match check(layers, name, text) {
            Ok(()) => true,
            Err(error) => {
                errors.push(error);
                false
            }
        });
        let settings = TopicSettings::read(View::of_topic(layers, &known));
        (settings.expect("layers and configs were checked"), errors)
    }
}

fn check(layers: &Layers, name: &str, text: &str) -> Result<(), Error> {
    let setting = layers.table.topic(name).ok_or_else(|| layers.table.unknown_topic_setting(name))?;
    parse(setting, text, &Origin::Request).map(|_| ())
}

fn check_compaction_lags(layers: &Layers, view: View<'_>) -> Result<(), Error> {
    let value = |name| view.value(layers.table.topic(name).expect("it stands in the table"));
    match (value("min.compaction.lag.ms")?, value("max.compaction.lag.ms")?) {
        (Value::Whole(min), Value::Whole(max)) if min > max => Err(Error::Conflict(format!(
            "conflict topic config setting min.compaction.lag.ms ({min}) > max.compaction.lag.ms ({max})"
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{CleanupPolicy, load};

    fn configs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn resolve(overrides: &[&str], pairs: &[(&str, &str)]) -> Result<TopicSettings, String> {
        let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
        let layers = load(None, &overrides).unwrap().layers;
        TopicSettings::resolve(&layers, &configs(pairs)).map_err(|error| error.to_string())
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_topic_that_says_nothing_has_kafkas_defaults() {
        let topic = resolve(&[], &[]).unwrap();
        assert_eq!(topic.cleanup_policy, CleanupPolicy { delete: true, compact: false });
        assert_eq!(
            (topic.segment_bytes, topic.segment_index_bytes, topic.index_interval_bytes),
            (1 << 30, 10 << 20, 4096)
        );
        assert_eq!((topic.retention, topic.retention_bytes), (Some(168 * HOUR), None));
        assert_eq!((topic.segment_ms, topic.segment_jitter), (168 * HOUR, Duration::ZERO));
        assert_eq!(topic.max_message_bytes, 1_048_588);
        assert!(!topic.write_caching);
    }

    #[test]
    fn a_finer_unit_wins_whatever_the_order() {
        let retention = |overrides: &[&str]| resolve(overrides, &[]).unwrap().retention;
        assert_eq!(retention(&["log.retention.hours=2"]), Some(2 * HOUR));
        assert_eq!(retention(&["log.retention.minutes=30", "log.retention.hours=2"]), Some(HOUR / 2));
        assert_eq!(retention(&["log.retention.hours=2", "log.retention.minutes=30", "log.retention.ms=-1"]), None);
        assert_eq!(retention(&["log.retention.hours=-1"]), None);
        assert_eq!(resolve(&["log.roll.hours=1"], &[]).unwrap().segment_ms, HOUR);
        assert_eq!(resolve(&["log.roll.hours=1", "log.roll.ms=7"], &[]).unwrap().segment_ms, Duration::from_millis(7));
    }

    #[test]
    fn a_topics_own_config_wins_over_the_brokers() {
        let topic = resolve(&["log.segment.bytes=2000000"], &[("segment.bytes", "3000000")]).unwrap();
        assert_eq!(topic.segment_bytes, 3_000_000);
        assert_eq!(resolve(&["log.segment.bytes=2000000"], &[]).unwrap().segment_bytes, 2_000_000);
        assert!(resolve(&["log.write.caching=true"], &[]).unwrap().write_caching);
    }

    #[test]
    fn a_dynamic_config_wins_over_a_static_synonym_and_a_broker_over_the_cluster() {
        let layers = load(None, &["log.retention.ms=1".to_owned(), "log.roll.ms=1".to_owned()]).unwrap().layers;
        let cluster = configs(&[("log.retention.hours", "2"), ("log.roll.ms", "2"), ("from.a.newer.version", "1")]);
        let layers = layers.with_dynamic(&cluster, &configs(&[("log.roll.ms", "3")]));
        let topic = TopicSettings::resolve(&layers, &BTreeMap::new()).unwrap();
        assert_eq!((topic.retention, topic.segment_ms), (Some(2 * HOUR), Duration::from_millis(3)));
    }

    #[test]
    fn a_bad_config_is_refused_in_kafkas_words() {
        let refused = |name, value| resolve(&[], &[(name, value)]).unwrap_err();
        assert_eq!(
            refused("segment.bytes", "5"),
            "Invalid value 5 for configuration segment.bytes: Value must be at least 1048576"
        );
        assert_eq!(refused("nope", "1"), "Unknown topic config name: nope");
        assert_eq!(
            refused("segment.byte", "1"),
            "Unknown topic config name: segment.byte (did you mean segment.bytes?)"
        );
        let lags = [("min.compaction.lag.ms", "10"), ("max.compaction.lag.ms", "5")];
        let conflict = "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)";
        assert_eq!(resolve(&[], &lags).unwrap_err(), conflict);
    }

    #[test]
    fn what_a_newer_version_wrote_is_passed_over_and_the_rest_holds() {
        let configs = configs(&[("retention.ms", "-1"), ("segment.bytes", "5"), ("from.a.newer.version", "1")]);
        let (topic, errors) = TopicSettings::of_existing(&Layers::default(), &configs);
        assert_eq!((topic.retention, topic.segment_bytes), (None, 1 << 30));
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        let unknown = "Unknown topic config name: from.a.newer.version";
        let invalid = "Invalid value 5 for configuration segment.bytes: Value must be at least 1048576";
        assert_eq!(errors, [unknown, invalid]);
    }

    // Redpanda#4223: what Kafka knows must be accepted, though it means nothing here.
    #[test]
    fn a_config_without_effect_is_accepted() {
        assert!(resolve(&[], &[("delete.retention.ms", "1"), ("remote.storage.enable", "false")]).is_ok());
    }
}
