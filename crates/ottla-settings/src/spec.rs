//! What one entry of the table says.
//!
//! Built by `const fn`s so that an entry reads as one sentence:
//! `Setting::int("num.partitions").default("1").at_least(1)`.

use crate::value::Value;

/// The type of a setting, as DescribeConfigs names it (`ConfigDef.Type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`, in any case.
    Boolean,
    /// A whole number of 16 bits.
    Short,
    /// A whole number of 32 bits.
    Int,
    /// A whole number of 64 bits.
    Long,
    /// A decimal number.
    Double,
    /// Text, blanks around it dropped.
    String,
    /// Texts separated by commas, blanks around each dropped; empty text is the empty list.
    List,
    /// The name of a Java class: known, and never loaded.
    Class,
    /// Text that is never shown again.
    Password,
}

/// Which values of its [`Kind`] a setting takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Allowed {
    Anything,
    /// Whole numbers in `min..=max`.
    Whole {
        min: i64,
        max: i64,
    },
    /// Whole numbers in `min..=max`, and `other`, which Kafka reads as "the codec's own".
    WholeOr {
        min: i64,
        max: i64,
        other: i64,
    },
    /// Decimal numbers in `min..=max`.
    Decimal {
        min: f64,
        max: f64,
    },
    /// One of these texts; in a list, each element is.
    OneOf(&'static [&'static str]),
    /// One of these texts, in any case.
    OneOfAnyCase(&'static [&'static str]),
    /// Any text but the empty one.
    NonEmpty,
    /// `*`, or partitions with one of their replicas each, as `partition:broker`.
    ThrottledReplicas,
}

/// Whether a running broker takes a new value (KIP-226).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Update {
    ReadOnly,
    PerBroker,
    ClusterWide,
}

/// Whose setting it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Broker,
    Topic,
}

/// A broker setting whose value stands for this one where this one is not set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Synonym {
    pub(crate) name: &'static str,
    /// What one unit of the synonym is in units of this setting: 3,600,000 for hours where this one counts
    /// milliseconds.
    pub(crate) factor: i64,
}

pub(crate) const fn same(name: &'static str) -> Synonym {
    Synonym { name, factor: 1 }
}

pub(crate) const fn minutes(name: &'static str) -> Synonym {
    Synonym { name, factor: 60_000 }
}

pub(crate) const fn hours(name: &'static str) -> Synonym {
    Synonym { name, factor: 3_600_000 }
}

/// A default of ours that is not Kafka's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deviation {
    /// Kafka's default; `None` where Kafka has none or demands a value.
    pub(crate) kafka: Option<&'static str>,
    pub(crate) why: &'static str,
}

/// One entry of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// As it would be written in a file; `None` is Kafka's null.
    pub(crate) default: Option<&'static str>,
    pub(crate) allowed: Allowed,
    pub(crate) scope: Scope,
    pub(crate) update: Update,
    /// Strongest first. A topic setting lists the broker settings that give its default.
    pub(crate) synonyms: &'static [Synonym],
    pub(crate) deviation: Option<Deviation>,
    /// A setting of ours that Kafka does not know.
    pub(crate) ours: bool,
    /// Kafka takes it and does not show it: its own tests', or a plug-in's.
    pub(crate) hidden: bool,
    /// Why it is known and changes nothing here.
    pub(crate) without_effect: Option<&'static str>,
    pub(crate) documentation: &'static str,
    /// Whether a value that `kind` and `allowed` let pass also fits the Rust type of the field that reads it; `Err`
    /// says what is allowed.
    pub(crate) fits: fn(&Value) -> Result<(), String>,
}

impl Setting {
    const fn new(name: &'static str, kind: Kind) -> Setting {
        Setting {
            name,
            kind,
            default: None,
            allowed: Allowed::Anything,
            scope: Scope::Broker,
            update: Update::ReadOnly,
            synonyms: &[],
            deviation: None,
            ours: false,
            hidden: false,
            without_effect: None,
            documentation: "",
            fits: |_| Ok(()),
        }
    }

    pub(crate) const fn boolean(name: &'static str) -> Setting {
        Setting::new(name, Kind::Boolean)
    }

    pub(crate) const fn short(name: &'static str) -> Setting {
        Setting::new(name, Kind::Short)
    }

    pub(crate) const fn int(name: &'static str) -> Setting {
        Setting::new(name, Kind::Int)
    }

    pub(crate) const fn long(name: &'static str) -> Setting {
        Setting::new(name, Kind::Long)
    }

    pub(crate) const fn double(name: &'static str) -> Setting {
        Setting::new(name, Kind::Double)
    }

    pub(crate) const fn string(name: &'static str) -> Setting {
        Setting::new(name, Kind::String)
    }

    pub(crate) const fn list(name: &'static str) -> Setting {
        Setting::new(name, Kind::List)
    }

    pub(crate) const fn class(name: &'static str) -> Setting {
        Setting::new(name, Kind::Class)
    }

    pub(crate) const fn password(name: &'static str) -> Setting {
        Setting::new(name, Kind::Password)
    }

    pub(crate) const fn default(self, text: &'static str) -> Setting {
        Setting { default: Some(text), ..self }
    }

    /// Ours differs from Kafka's default (`None`: Kafka has none), because of `why`.
    pub(crate) const fn kafka_has(self, kafka: Option<&'static str>, why: &'static str) -> Setting {
        Setting { deviation: Some(Deviation { kafka, why }), ..self }
    }

    pub(crate) const fn at_least(self, min: i64) -> Setting {
        Setting { allowed: Allowed::Whole { min, max: i64::MAX }, ..self }
    }

    pub(crate) const fn between(self, min: i64, max: i64) -> Setting {
        Setting { allowed: Allowed::Whole { min, max }, ..self }
    }

    pub(crate) const fn between_or(self, min: i64, max: i64, other: i64) -> Setting {
        Setting { allowed: Allowed::WholeOr { min, max, other }, ..self }
    }

    pub(crate) const fn between_decimals(self, min: f64, max: f64) -> Setting {
        Setting { allowed: Allowed::Decimal { min, max }, ..self }
    }

    pub(crate) const fn one_of(self, texts: &'static [&'static str]) -> Setting {
        Setting { allowed: Allowed::OneOf(texts), ..self }
    }

    pub(crate) const fn one_of_any_case(self, texts: &'static [&'static str]) -> Setting {
        Setting { allowed: Allowed::OneOfAnyCase(texts), ..self }
    }

    pub(crate) const fn non_empty(self) -> Setting {
        Setting { allowed: Allowed::NonEmpty, ..self }
    }

    pub(crate) const fn throttled_replicas(self) -> Setting {
        Setting { allowed: Allowed::ThrottledReplicas, ..self }
    }

    pub(crate) const fn cluster_wide(self) -> Setting {
        Setting { update: Update::ClusterWide, ..self }
    }

    pub(crate) const fn per_broker(self) -> Setting {
        Setting { update: Update::PerBroker, ..self }
    }

    /// Makes it a topic's setting whose default these broker settings give.
    pub(crate) const fn of_topic(self, synonyms: &'static [Synonym]) -> Setting {
        Setting { scope: Scope::Topic, synonyms, ..self }
    }

    /// Where this one is not set, these broker settings stand for it.
    pub(crate) const fn or(self, synonyms: &'static [Synonym]) -> Setting {
        Setting { synonyms, ..self }
    }

    pub(crate) const fn ours(self) -> Setting {
        Setting { ours: true, ..self }
    }

    pub(crate) const fn hidden(self) -> Setting {
        Setting { hidden: true, ..self }
    }

    pub(crate) const fn without_effect(self, why: &'static str) -> Setting {
        Setting { without_effect: Some(why), ..self }
    }

    pub(crate) const fn documented(self, documentation: &'static str) -> Setting {
        Setting { documentation, ..self }
    }

    pub(crate) const fn fitting(self, fits: fn(&Value) -> Result<(), String>) -> Setting {
        Setting { fits, ..self }
    }

    /// Whether its value is a secret: read, and never shown.
    pub(crate) const fn is_sensitive(&self) -> bool {
        matches!(self.kind, Kind::Password)
    }

    /// What a value counts, which Kafka's names end with.
    pub(crate) fn unit(&self) -> Option<&'static str> {
        match self.name.rsplit('.').next() {
            Some("ms") => Some("milliseconds"),
            Some("seconds" | "secs") => Some("seconds"),
            Some("minutes") => Some("minutes"),
            Some("hours") => Some("hours"),
            Some("bytes") => Some("bytes"),
            _ => None,
        }
    }
}
