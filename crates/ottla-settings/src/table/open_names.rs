//! Names that no entry can list: a setting of one listener or one SASL mechanism, and what plug-ins read.

use super::Table;
use super::reasons::{NO_PROVIDERS, NOT_REMOTE};
use crate::spec::Setting;

/// A listener's own value of a setting: `listener.name.internal.ssl.keystore.location`, or with the mechanism between,
/// `listener.name.internal.plain.sasl.jaas.config`.
const OF_LISTENER: &str = "listener.name.";

/// What names begin with that are someone else's to read, and why nobody reads them here.
const FOREIGN: &[(&str, &str)] = &[
    ("config.providers.", NO_PROVIDERS),
    ("confluent.", "it is a setting of Confluent's distribution, which Apache Kafka does not know either"),
    ("rlmm.config.", NOT_REMOTE),
    ("rsm.config.", NOT_REMOTE),
];

/// A name of the kind that Kafka takes without having listed it. It changes nothing here.
pub(crate) struct OpenName {
    /// The setting whose values it takes; `None` where any will do.
    pub(crate) setting: Option<&'static Setting>,
    /// Why it changes nothing.
    pub(crate) why: &'static str,
}

impl Table {
    /// What `name`, which has no entry, is of one of the open kinds.
    pub(crate) fn open_name(&self, name: &str) -> Option<OpenName> {
        if let Some(rest) = name.strip_prefix(OF_LISTENER) {
            let (_listener, rest) = rest.split_once('.')?;
            let of_mechanism = || rest.split_once('.').and_then(|(_mechanism, rest)| self.broker(rest));
            let setting = self.broker(rest).or_else(of_mechanism)?;
            let why = setting.without_effect.unwrap_or("the value is one for all listeners");
            return Some(OpenName { setting: Some(setting), why });
        }
        let foreign = FOREIGN.iter().find(|(prefix, _)| name.starts_with(prefix))?;
        Some(OpenName { setting: None, why: foreign.1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(name: &str) -> Option<&'static str> {
        Table::new().open_name(name).map(|open| open.setting.map_or("any", |setting| setting.name))
    }

    #[test]
    fn a_listener_and_a_mechanism_may_have_a_setting_of_their_own() {
        assert_eq!(base("listener.name.internal.ssl.keystore.location"), Some("ssl.keystore.location"));
        assert_eq!(base("listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config"), Some("sasl.jaas.config"));
        assert_eq!(base("listener.name.internal.max.connections"), Some("max.connections"));
        assert_eq!(base("listener.name.internal.ssl.keystore.locaton"), None);
        assert_eq!(base("listener.name.internal"), None);
    }

    #[test]
    fn what_plug_ins_read_has_any_name_behind_its_prefix() {
        assert_eq!(base("rsm.config.dir"), Some("any"));
        assert_eq!(base("config.providers.file.class"), Some("any"));
        assert_eq!(base("log.segment.byte"), None);
    }
}
