//! `config/reference.md`, written from the table.

use std::fmt::Write;

use crate::layers::{Layers, View};
use crate::spec::{Allowed, Kind, Scope, Setting, Update};
use crate::table::{BROKER, Subject, TOPIC};

const HEAD: &str = "# Settings

Every setting that Ottla knows. `cargo xtask docs` writes this page from the table in
`crates/ottla-settings/src/table`; edit that.

Names, types, ranges and resolution are Apache Kafka's. A node reads them, weakest first, from a properties file, from
the environment under the names of the apache/kafka image (`KAFKA_LOG_RETENTION_MS` is `log.retention.ms`; `__` stands
for an underscore, `___` for a hyphen), and from `--override name=value`. A topic's own config wins over what its broker
has. Where a default is not Kafka's, the entry says why; settings marked *ours* are unknown to Kafka; settings marked
*no effect* are accepted, with a warning, and change nothing. So are a listener's own settings (`listener.name.internal.`
and a name of below) and those of plug-ins (`config.providers.`, `rsm.config.`, `rlmm.config.`).
";

/// The text of `config/reference.md`.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for subject in [TOPIC].into_iter().chain(BROKER) {
        describe_subject(&mut page, subject).expect("writing to a string cannot fail");
    }
    page
}

fn describe_subject(page: &mut String, subject: &Subject) -> std::fmt::Result {
    writeln!(page, "\n## {}", subject.title)?;
    for setting in subject.settings() {
        writeln!(page, "\n### `{}`\n\n{}\n", setting.name, setting.documentation.trim())?;
        writeln!(page, "- {}", facts(setting))?;
        if let Some(deviation) = setting.deviation {
            let kafka = deviation.kafka.map_or("none".to_owned(), code);
            writeln!(page, "- Kafka's default: {kafka}. Ours differs because {}.", deviation.why)?;
        }
        if !setting.synonyms.is_empty() {
            let names: Vec<String> = setting.synonyms.iter().map(|synonym| code(synonym.name)).collect();
            writeln!(page, "- Without it, the broker's {}.", names.join(", then "))?;
        }
        if let Some(why) = setting.without_effect {
            writeln!(page, "- *No effect*: {why}.")?;
        }
    }
    Ok(())
}

/// Type, unit, range, default and when it changes, in one line.
fn facts(setting: &'static Setting) -> String {
    let kind = match setting.kind {
        Kind::Boolean => "boolean",
        Kind::Short => "short",
        Kind::Int => "int",
        Kind::Long => "long",
        Kind::Double => "double",
        Kind::String => "string",
        Kind::List => "list",
        Kind::Class => "class",
        Kind::Password => "password",
    };
    let unit = setting.unit().map(|unit| format!(", {unit}")).unwrap_or_default();
    let allowed = match setting.allowed {
        Allowed::Anything => String::new(),
        Allowed::Whole { min, max: i64::MAX } => format!(", at least {min}"),
        Allowed::Whole { min, max } => format!(", {min} to {max}"),
        Allowed::WholeOr { min, max, other } => format!(", {min} to {max} or {other}"),
        Allowed::Decimal { min, max } => format!(", {min} to {max}"),
        Allowed::OneOf(texts) => format!(", of {}", codes(texts)),
        Allowed::OneOfAnyCase(texts) => format!(", of {} in any case", codes(texts)),
        Allowed::NonEmpty => ", not empty".to_owned(),
        Allowed::ThrottledReplicas => ", of partition:broker, or `*`".to_owned(),
    };
    let layers = Layers::default();
    let value = View::of_broker(&layers).value(setting).expect("defaults are allowed");
    let default = match value.text() {
        None => "none".to_owned(),
        Some(text) if text.is_empty() => "empty".to_owned(),
        Some(text) => code(&text),
    };
    let update = match (setting.scope, setting.update) {
        (Scope::Topic, _) => "",
        (Scope::Broker, Update::ReadOnly) => "; read at start",
        (Scope::Broker, Update::PerBroker) => "; may change for one running broker",
        (Scope::Broker, Update::ClusterWide) => "; may change for all running brokers",
    };
    let ours = if setting.ours { "; *ours*" } else { "" };
    format!("{kind}{unit}{allowed}; default {default}{update}{ours}")
}

fn codes(texts: &[&str]) -> String {
    texts.iter().copied().map(code).collect::<Vec<_>>().join(", ")
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_in_the_tree_is_fresh() {
        let page = include_str!("../../../config/reference.md");
        assert!(page == super::reference(), "config/reference.md is stale: run `cargo xtask docs`");
    }
}
