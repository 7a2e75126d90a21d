//! The table beside Kafka's own: `testdata/kafka-4.3.1.tsv` has every setting of Apache Kafka as its `ConfigDef`s say
//! it, and an end-to-end test holds that file against a real one. What differs stands in `docs/differences.md` with its
//! reason, and nothing else does.

use std::collections::BTreeMap;

use crate::layers::{Layers, View};
use crate::spec::{Allowed, Setting, Update};
use crate::table::Table;
use crate::value::Value;

const FACTS: &str = include_str!("../testdata/kafka-4.3.1.tsv");
const DIFFERENCES: &str = include_str!("../../../docs/differences.md");

/// A setting as Kafka has it.
struct Fact {
    is_of_topics: bool,
    name: &'static str,
    kind: &'static str,
    is_shown: bool,
    update: &'static str,
    allowed: &'static str,
    default: Option<&'static str>,
}

fn facts() -> impl Iterator<Item = Fact> {
    FACTS.lines().map(|line| {
        let fields: Vec<&'static str> = line.split('\t').collect();
        let [scope, name, kind, shown, update, allowed, default] = fields[..] else { panic!("{line}") };
        Fact {
            is_of_topics: scope == "topic",
            name,
            kind,
            is_shown: shown == "shown",
            update,
            // What Kafka calls so, it takes whatever it is: empty text is an empty list, and null cannot be written.
            allowed: if matches!(allowed, "non-empty list" | "non-null string") { "any" } else { allowed },
            default: default.strip_prefix('='),
        }
    })
}

/// What differs in one setting.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Difference {
    setting: String,
    what: &'static str,
    kafka: String,
    ours: String,
}

/// As `ConfigDef`'s validators print themselves.
fn allowed(setting: &Setting) -> String {
    match setting.allowed {
        Allowed::Anything => "any".to_owned(),
        Allowed::Whole { min, max: i64::MAX } => format!("[{min},...]"),
        Allowed::Whole { min, max } => format!("[{min},...,{max}]"),
        Allowed::WholeOr { min, max, other } => format!("[{min},...,{max}] or {other}"),
        Allowed::Decimal { min, max } => format!("[{min},...,{max}]"),
        Allowed::OneOf(texts) => format!("[{}]", texts.join(", ")),
        Allowed::OneOfAnyCase(texts) => format!("(case insensitive) [{}]", texts.join(", ")),
        Allowed::NonEmpty => "non-empty string".to_owned(),
        Allowed::ThrottledReplicas => "[partitionId]:[brokerId],[partitionId]:[brokerId],...".to_owned(),
    }
}

/// The default as it counts: a topic setting's is that of the broker's.
fn default(setting: &'static Setting, is_of_topics: bool) -> Option<String> {
    let layers = Layers::default();
    let value = if is_of_topics {
        View::of_topic(&layers, &BTreeMap::new()).value(setting).expect("defaults are allowed")
    } else {
        setting.default_value()
    };
    Some(value).filter(|value| *value != Value::Null).map(|value| value.to_string())
}

fn update(setting: &Setting) -> &'static str {
    match setting.update {
        Update::ReadOnly => "read-only",
        Update::PerBroker => "per-broker",
        Update::ClusterWide => "cluster-wide",
    }
}

fn differences() -> Vec<Difference> {
    let table = Table::new();
    let mut differences = Vec::new();
    for fact in facts() {
        let mut differs = |what, kafka: Option<&str>, ours: Option<String>| {
            if kafka != ours.as_deref() {
                let named = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
                let (kafka, ours) = (named(kafka.map(str::to_owned)), named(ours));
                differences.push(Difference { setting: fact.name.to_owned(), what, kafka, ours });
            }
        };
        let setting = if fact.is_of_topics { table.topic(fact.name) } else { table.broker(fact.name) };
        let Some(setting) = setting else {
            differs("name", Some("known"), Some("unknown".to_owned()));
            continue;
        };
        differs("type", Some(fact.kind), Some(format!("{:?}", setting.kind).to_lowercase()));
        differs("range", Some(fact.allowed), Some(allowed(setting)));
        differs("default", fact.default, default(setting, fact.is_of_topics));
        differs("shown", Some(&fact.is_shown.to_string()), Some((!setting.hidden).to_string()));
        if !fact.is_of_topics {
            differs("change", Some(fact.update), Some(update(setting).to_owned()));
        }
    }
    differences.sort();
    differences
}

/// The rows of the page's table of settings, each with its reason.
fn rows() -> Vec<(Difference, &'static str)> {
    let section = DIFFERENCES.split("\n## ").find(|section| section.starts_with("Settings\n")).expect("it is there");
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let row = |line: &'static str| {
        let cells: Vec<&'static str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [setting, what, kafka, ours, why] = cells[..] else { panic!("five cells: {line}") };
        let what = ["name", "type", "range", "default", "shown", "change"].into_iter().find(|known| *known == what);
        let plain = |cell: &str| cell.trim_matches('`').to_owned();
        let what = what.unwrap_or_else(|| panic!("what differs: {line}"));
        (Difference { setting: plain(setting), what, kafka: plain(kafka), ours: plain(ours) }, why)
    };
    rows.map(row).collect()
}

#[test]
fn what_differs_from_kafka_stands_in_the_docs_and_nothing_else_does() {
    let found = differences();
    let told: Vec<Difference> = rows().into_iter().map(|(difference, _)| difference).collect();
    let line = |d: &&Difference| format!("| `{}` | {} | `{}` | `{}` | why |", d.setting, d.what, d.kafka, d.ours);
    let untold: Vec<String> = found.iter().filter(|d| !told.contains(d)).map(|d| line(&d)).collect();
    assert!(untold.is_empty(), "docs/differences.md does not tell:\n{}", untold.join("\n"));
    let gone: Vec<String> = told.iter().filter(|d| !found.contains(d)).map(|d| line(&d)).collect();
    assert!(gone.is_empty(), "docs/differences.md tells what is no longer so:\n{}", gone.join("\n"));
}

#[test]
fn every_difference_has_its_reason() {
    let table = Table::new();
    for (Difference { setting, what, kafka, .. }, why) in rows() {
        assert!(why.len() > 10, "{setting}: {why:?}");
        if what == "default" {
            let deviation = table.broker(&setting).and_then(|setting| setting.deviation).expect("the entry says why");
            assert_eq!((why, kafka.as_str()), (deviation.why, deviation.kafka.unwrap_or("none")), "{setting}");
        }
    }
}

#[test]
fn a_setting_that_kafka_does_not_know_is_ours_or_a_plug_ins() {
    let known: Vec<(bool, &str)> = facts().map(|fact| (fact.is_of_topics, fact.name)).collect();
    let table = Table::new();
    let broker = table.broker_settings().map(|setting| (false, setting));
    for (is_of_topics, setting) in broker.chain(table.topic_settings().map(|setting| (true, setting))) {
        let is_known = known.contains(&(is_of_topics, setting.name));
        assert_eq!(is_known, !setting.ours && (!setting.hidden || is_known), "{}", setting.name);
    }
}
