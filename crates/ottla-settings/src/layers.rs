//! The layers of values, and which of them counts.
//!
//! Strongest first: a topic's configs, dynamic configs of this broker, dynamic configs of all brokers, what was set
//! statically (file, environment and `--override`), defaults. A stronger layer's synonym wins over a weaker layer's own name; within
//! a layer synonyms win in the order in which the entry lists them, so `log.retention.ms` over `log.retention.minutes`
//! over `log.retention.hours`.

use std::collections::BTreeMap;

use crate::error::{Error, Origin};
use crate::spec::{Scope, Setting, Synonym};
use crate::table::Table;
use crate::typed::FromValue;
use crate::value::Value;

/// Where a value comes from, as DescribeConfigs tells it; strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A topic's own config (`DYNAMIC_TOPIC_CONFIG`).
    Topic,
    /// A config of this broker in the metadata (`DYNAMIC_BROKER_CONFIG`).
    DynamicBroker,
    /// A config of all brokers in the metadata (`DYNAMIC_DEFAULT_BROKER_CONFIG`).
    DynamicCluster,
    /// The properties file, the environment or `--override` (`STATIC_BROKER_CONFIG`).
    Static,
    /// The table's default (`DEFAULT_CONFIG`).
    Default,
}

/// A value as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) origin: Origin,
}

/// The names of one layer and what was written for them.
pub(crate) type Layer = BTreeMap<String, Written>;

/// The layers below topics'. Immutable: a change of dynamic configs makes new ones.
#[derive(Clone, Debug)]
pub struct Layers {
    pub(crate) table: Table,
    dynamic_broker: Layer,
    dynamic_cluster: Layer,
    statics: Layer,
}

impl Default for Layers {
    /// Nothing set: every setting has its default.
    fn default() -> Layers {
        Layers::of_static(Layer::new())
    }
}

impl Layers {
    /// What was set statically must have been checked against the table.
    pub(crate) fn of_static(statics: Layer) -> Layers {
        Layers { table: Table::new(), dynamic_broker: Layer::new(), dynamic_cluster: Layer::new(), statics }
    }

    /// The same with these dynamic configs: `cluster`'s for all brokers, `broker`'s for this one. Both come from the
    /// metadata, so a name or value that this version does not know is passed over when values are read, rather than
    /// keeping a broker from starting.
    pub fn with_dynamic(&self, cluster: &BTreeMap<String, String>, broker: &BTreeMap<String, String>) -> Layers {
        let known = |configs: &BTreeMap<String, String>| {
            let known = configs.iter().filter(|(name, text)| {
                self.table.broker(name).is_some_and(|setting| self.table.check(setting, text).is_ok())
            });
            known.map(|(name, text)| (name.clone(), Written { text: text.clone(), origin: Origin::Request })).collect()
        };
        Layers { dynamic_cluster: known(cluster), dynamic_broker: known(broker), ..self.clone() }
    }

    /// The layers that hold what was written, strongest first.
    pub(crate) fn written(&self) -> [(Source, &Layer); 3] {
        [
            (Source::DynamicBroker, &self.dynamic_broker),
            (Source::DynamicCluster, &self.dynamic_cluster),
            (Source::Static, &self.statics),
        ]
    }
}

/// Layers as one reader sees them: a broker, or a topic whose configs lie on top.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    layers: &'a Layers,
    topic: Option<&'a BTreeMap<String, String>>,
}

impl<'a> View<'a> {
    pub(crate) fn of_broker(layers: &'a Layers) -> View<'a> {
        View { layers, topic: None }
    }

    pub(crate) fn of_topic(layers: &'a Layers, configs: &'a BTreeMap<String, String>) -> View<'a> {
        View { layers, topic: Some(configs) }
    }

    /// The value of `setting` as the type of the field that holds it.
    pub(crate) fn read<T: FromValue>(&self, setting: &'static Setting) -> Result<T, Error> {
        let value = self.value(setting)?;
        T::from_value(&value)
            .map_err(|allowed| invalid(setting.name, setting, &value.to_string(), allowed, Origin::Request))
    }

    /// The value of `setting`: of the strongest layer that has one.
    pub(crate) fn value(&self, setting: &'static Setting) -> Result<Value, Error> {
        if let Some(text) = self.topic.and_then(|configs| configs.get(setting.name)) {
            return parse(setting, text, &Origin::Request);
        }
        for (_, layer) in self.layers.written() {
            for (broker_setting, factor) in self.stand_ins(setting) {
                if let Some(written) = layer.get(broker_setting.name) {
                    return parse(broker_setting, &written.text, &written.origin).map(|value| value.scaled(factor));
                }
            }
        }
        let defaults =
            self.stand_ins(setting).map(|(broker_setting, factor)| broker_setting.default_value().scaled(factor));
        Ok(defaults.chain([setting.default_value()]).find(|value| *value != Value::Null).unwrap_or(Value::Null))
    }

    /// The broker settings that give `setting` its value, strongest first: itself where it is one, then its synonyms.
    fn stand_ins(&self, setting: &'static Setting) -> impl Iterator<Item = (&'static Setting, i64)> {
        let itself = (setting.scope == Scope::Broker).then_some((setting, 1));
        let synonyms = setting.synonyms.iter().map(|Synonym { name, factor }| {
            (self.layers.table.broker(name).expect("a test finds every synonym in the table"), *factor)
        });
        itself.into_iter().chain(synonyms)
    }
}

/// Reads `text`, or says which setting it was for and what is allowed.
pub(crate) fn parse(setting: &'static Setting, text: &str, origin: &Origin) -> Result<Value, Error> {
    setting.parse(text).map_err(|allowed| invalid(setting.name, setting, text, allowed, origin.clone()))
}

/// The error for a value that `setting`, here under the name `name`, does not take.
pub(crate) fn invalid(name: &str, setting: &Setting, read: &str, allowed: String, origin: Origin) -> Error {
    let read = if setting.is_sensitive() { "[hidden]".to_owned() } else { read.to_owned() };
    Error::InvalidValue { name: name.to_owned(), read, allowed, origin }
}
