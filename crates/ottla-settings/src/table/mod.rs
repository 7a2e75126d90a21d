//! The table: every setting that Ottla knows, one file for each subject.
//!
//! An entry is its documentation, the field that reads it where one does, and a sentence about the rest:
//!
//! ```text
//! /// Partitions of a topic that is created without saying how many.
//! num_partitions: i32 = Setting::int("num.partitions").default("1").at_least(1);
//! ```
//!
//! Fields stand in the `pub struct` of their subject; entries that no field reads (names without effect, and broker
//! settings that only give topics their defaults) stand in its `names`, with `_` for the field.

mod consumer_groups;
pub(crate) mod groups;
mod internal;
mod log_defaults;
mod metrics;
pub(crate) mod network;
pub(crate) mod node;
mod oauthbearer;
mod open_names;
pub(crate) mod quorum;
mod quotas;
pub(crate) mod reasons;
mod remote;
pub(crate) mod replication;
mod sasl;
mod security;
mod share_groups;
pub(crate) mod storage;
mod streams_groups;
mod tls;
pub(crate) mod topic;
pub(crate) mod topics;
mod transactions;

use std::collections::BTreeMap;

use crate::error::{Error, Origin};
use crate::nearest::nearest;
use crate::spec::Setting;

/// Turns the entries of one subject into a struct of typed fields and the constants `FIELDS` and `NAMES`.
macro_rules! settings {
    (
        $(#[doc = $about:literal])+
        pub struct $subject:ident {
            $($(#[doc = $field_doc:literal])+ $field:ident: $field_type:ty = $field_spec:expr;)*
        }
        $($names:tt)*
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq)]
        pub struct $subject {
            $($(#[doc = $field_doc])+ pub $field: $field_type,)*
        }

        pub(crate) const FIELDS: &[$crate::spec::Setting] = &[
            $($field_spec
                .documented(concat!($($field_doc),+))
                .fitting(<$field_type as $crate::typed::FromValue>::fits),)*
        ];

        impl $subject {
            /// Reads every field; fails at the first whose value is not allowed.
            pub(crate) fn read(view: $crate::layers::View<'_>) -> Result<$subject, $crate::error::Error> {
                let mut entries = FIELDS.iter();
                Ok($subject { $($field: view.read(entries.next().expect("one entry for each field"))?,)* })
            }
        }

        $crate::table::settings!($($names)*);
    };
    ($(names { $($(#[doc = $name_doc:literal])+ _ = $name_spec:expr;)* })?) => {
        pub(crate) const NAMES: &[$crate::spec::Setting] = &[$($($name_spec.documented(concat!($($name_doc),+)),)*)?];
    };
}

pub(crate) use settings;

/// The entries of one subject under the heading that they have in the reference.
pub(crate) struct Subject {
    pub(crate) title: &'static str,
    fields: &'static [Setting],
    names: &'static [Setting],
}

impl Subject {
    pub(crate) fn settings(&self) -> impl Iterator<Item = &'static Setting> + use<> {
        self.fields.iter().chain(self.names)
    }
}

/// The settings of brokers, by subject.
pub(crate) const BROKER: &[Subject] = &[
    Subject { title: "The node", fields: node::FIELDS, names: node::NAMES },
    Subject { title: "Connections and requests", fields: network::FIELDS, names: network::NAMES },
    Subject { title: "Topics", fields: topics::FIELDS, names: topics::NAMES },
    Subject { title: "What a topic has that does not say otherwise", fields: &[], names: log_defaults::NAMES },
    Subject { title: "Storage", fields: storage::FIELDS, names: storage::NAMES },
    Subject { title: "Replication", fields: replication::FIELDS, names: replication::NAMES },
    Subject { title: "The metadata quorum", fields: quorum::FIELDS, names: quorum::NAMES },
    Subject { title: "Groups", fields: groups::FIELDS, names: groups::NAMES },
    Subject { title: "Consumer groups", fields: &[], names: consumer_groups::NAMES },
    Subject { title: "Share groups", fields: &[], names: share_groups::NAMES },
    Subject { title: "Streams groups", fields: &[], names: streams_groups::NAMES },
    Subject { title: "Transactions", fields: &[], names: transactions::NAMES },
    Subject { title: "Authorization", fields: &[], names: security::NAMES },
    Subject { title: "Authentication by SASL", fields: &[], names: sasl::NAMES },
    Subject { title: "Authentication by OAuth tokens", fields: &[], names: oauthbearer::NAMES },
    Subject { title: "TLS", fields: &[], names: tls::NAMES },
    Subject { title: "Quotas", fields: &[], names: quotas::NAMES },
    Subject { title: "Remote storage", fields: &[], names: remote::NAMES },
    Subject { title: "Metrics", fields: &[], names: metrics::NAMES },
    Subject { title: "Kept to Kafka's own tests", fields: &[], names: internal::NAMES },
];

/// The settings of topics.
pub(crate) const TOPIC: &Subject =
    &Subject { title: "Settings of a topic", fields: topic::FIELDS, names: topic::NAMES };

/// The entries by name.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    broker: BTreeMap<&'static str, &'static Setting>,
    topic: BTreeMap<&'static str, &'static Setting>,
}

impl Table {
    pub(crate) fn new() -> Table {
        let by_name = |settings: &mut dyn Iterator<Item = &'static Setting>| {
            settings.map(|setting| (setting.name, setting)).collect()
        };
        Table { broker: by_name(&mut BROKER.iter().flat_map(Subject::settings)), topic: by_name(&mut TOPIC.settings()) }
    }

    pub(crate) fn broker(&self, name: &str) -> Option<&'static Setting> {
        self.broker.get(name).copied()
    }

    pub(crate) fn topic(&self, name: &str) -> Option<&'static Setting> {
        self.topic.get(name).copied()
    }

    /// Whether a broker's setting takes `text`, and topics' settings take it as their default; an error says what is
    /// allowed.
    pub(crate) fn check(&self, setting: &Setting, text: &str) -> Result<(), String> {
        let value = setting.parse(text)?;
        let topic_settings = self.topic_settings();
        let defaults = topic_settings.flat_map(|topic| topic.synonyms.iter().map(move |synonym| (topic, synonym)));
        let mut affected = defaults.filter(|(_, synonym)| synonym.name == setting.name);
        affected.try_for_each(|(topic, synonym)| topic.check(&value.clone().scaled(synonym.factor)))
    }

    /// All settings of brokers, by name.
    pub(crate) fn broker_settings(&self) -> impl Iterator<Item = &'static Setting> {
        self.broker.values().copied()
    }

    /// All settings of topics, by name.
    pub(crate) fn topic_settings(&self) -> impl Iterator<Item = &'static Setting> {
        self.topic.values().copied()
    }

    pub(crate) fn unknown_broker_setting(&self, name: &str, origin: &Origin) -> Error {
        let nearest = nearest(name, self.broker.keys().copied());
        Error::UnknownName { name: name.to_owned(), scope: "broker", nearest, origin: origin.clone() }
    }

    pub(crate) fn unknown_topic_setting(&self, name: &str) -> Error {
        let nearest = nearest(name, self.topic.keys().copied());
        Error::UnknownName { name: name.to_owned(), scope: "topic", nearest, origin: Origin::Request }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::spec::{Allowed, Kind};
    use crate::value::Value;

    fn all() -> impl Iterator<Item = &'static Setting> {
        BROKER.iter().chain([TOPIC]).flat_map(Subject::settings)
    }

    #[test]
    fn a_name_has_one_entry() {
        let table = Table::new();
        assert_eq!(table.broker.len(), BROKER.iter().flat_map(Subject::settings).count());
        assert_eq!(table.topic.len(), TOPIC.settings().count());
    }

    #[test]
    fn every_default_and_every_bound_is_allowed_and_fits_its_field() {
        for setting in all() {
            let value = setting.default.map_or(Ok(Value::Null), |text| setting.parse(text));
            // A topic setting's default is its synonym's.
            if setting.synonyms.is_empty() {
                let fits = value.and_then(|value| (setting.fits)(&value));
                assert_eq!(fits, Ok(()), "default of {}", setting.name);
            }
            if let Allowed::Whole { min, max } | Allowed::WholeOr { min, max, .. } = setting.allowed {
                let largest = match setting.kind {
                    Kind::Short => i16::MAX.into(),
                    Kind::Int => i32::MAX.into(),
                    _ => i64::MAX,
                };
                for bound in [min, max.min(largest)] {
                    assert_eq!(setting.parse(&bound.to_string()).map(|_| ()), Ok(()), "{bound} for {}", setting.name);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_value_that_is_read_is_read_again_from_what_it_prints(text in "[-+]?[0-9]{1,20}|[a-zA-Z0-9:/,.\\[\\] -]{0,24}|.*") {
            for setting in all() {
                if let Ok(value) = setting.parse(&text) {
                    prop_assert_eq!(setting.parse(&value.to_string()), Ok(value), "{}", setting.name);
                }
            }
        }
    }

    #[test]
    fn synonyms_are_broker_settings_and_give_a_default() {
        let table = Table::new();
        for setting in all().filter(|setting| !setting.synonyms.is_empty()) {
            let synonyms = setting.synonyms.iter().map(|synonym| table.broker(synonym.name).expect(synonym.name));
            assert!(setting.default.is_some() || synonyms.into_iter().any(|s| s.default.is_some()), "{}", setting.name);
        }
    }

    #[test]
    fn every_entry_is_documented_in_sentences() {
        for Setting { name, documentation, deviation, .. } in all() {
            assert!(documentation.trim().ends_with('.'), "{name}: {documentation:?}");
            assert!(deviation.is_none_or(|deviation| !deviation.why.is_empty()), "{name}");
        }
    }
}
