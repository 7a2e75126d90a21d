//! From the text of a setting to its value, by Kafka's rules (`ConfigDef.parseType` and the validators).

use std::fmt;

use crate::spec::{Allowed, Kind, Setting};

/// A value that its entry allows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Whole(i64),
    Decimal(f64),
    Text(String),
    List(Vec<String>),
}

impl Value {
    /// A value in units of which `factor` make one of its own. Any negative number stays "no limit".
    pub(crate) fn scaled(self, factor: i64) -> Value {
        match self {
            Value::Whole(n) if factor != 1 => Value::Whole(if n < 0 { -1 } else { n.saturating_mul(factor) }),
            value => value,
        }
    }

    /// As Kafka prints it (`ConfigDef.convertToString`): `None` for null.
    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Value::Null => None,
            other => Some(other.to_string()),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Boolean(value) => value.fmt(f),
            Value::Whole(value) => value.fmt(f),
            // Java's Double.toString, as far as settings go: always a fraction, and a capital E.
            Value::Decimal(value) => f.write_str(&format!("{value:?}").replace('e', "E")),
            Value::Text(value) => value.fmt(f),
            Value::List(elements) => f.write_str(&elements.join(",")),
        }
    }
}

impl Setting {
    /// Reads `text` as this setting's value; an error says what is allowed, in Kafka's words.
    pub(crate) fn parse(&self, text: &str) -> Result<Value, String> {
        let value = self.parse_kind(text)?;
        self.check(&value)?;
        Ok(value)
    }

    /// Whether this setting takes `value`, which is of its kind; an error says what is allowed.
    pub(crate) fn check(&self, value: &Value) -> Result<(), String> {
        self.check_allowed(value)?;
        (self.fits)(value)
    }

    /// The value where nothing is set: [`Value::Null`] without a default.
    pub(crate) fn default_value(&self) -> Value {
        match self.default {
            None => Value::Null,
            Some(text) => self.parse(text).expect("a test reads every default of the table"),
        }
    }

    fn parse_kind(&self, text: &str) -> Result<Value, String> {
        let trimmed = text.trim();
        match self.kind {
            Kind::Boolean if trimmed.eq_ignore_ascii_case("true") => Ok(Value::Boolean(true)),
            Kind::Boolean if trimmed.eq_ignore_ascii_case("false") => Ok(Value::Boolean(false)),
            Kind::Boolean => Err("Expected value to be either true or false".to_owned()),
            Kind::Short => whole::<i16>(trimmed, "SHORT"),
            Kind::Int => whole::<i32>(trimmed, "INT"),
            Kind::Long => whole::<i64>(trimmed, "LONG"),
            Kind::Double => match trimmed.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Value::Decimal(number)),
                _ => Err("Not a number of type DOUBLE".to_owned()),
            },
            Kind::String | Kind::Class | Kind::Password => Ok(Value::Text(trimmed.to_owned())),
            Kind::List if trimmed.is_empty() => Ok(Value::List(Vec::new())),
            Kind::List => {
                let elements: Vec<String> = trimmed.split(',').map(|element| element.trim().to_owned()).collect();
                if elements.iter().any(String::is_empty) {
                    return Err("values must not be empty".to_owned());
                }
                Ok(Value::List(elements))
            }
        }
    }

    fn check_allowed(&self, value: &Value) -> Result<(), String> {
        match (self.allowed, value) {
            (Allowed::Whole { min, .. }, Value::Whole(n)) if *n < min => Err(format!("Value must be at least {min}")),
            (Allowed::Whole { max, .. }, Value::Whole(n)) if *n > max => {
                Err(format!("Value must be no more than {max}"))
            }
            (Allowed::WholeOr { min, max, other }, Value::Whole(n)) if !(min..=max).contains(n) && *n != other => {
                Err(format!("Value must be between {min} and {max} or equal to {other}"))
            }
            (Allowed::Decimal { min, .. }, Value::Decimal(n)) if *n < min => {
                Err(format!("Value must be at least {min}"))
            }
            (Allowed::Decimal { max, .. }, Value::Decimal(n)) if *n > max => {
                Err(format!("Value must be no more than {max}"))
            }
            (Allowed::OneOf(texts), Value::Text(text)) if !texts.contains(&text.as_str()) => Err(must_be_one_of(texts)),
            (Allowed::OneOf(texts), Value::List(list)) if !list.iter().all(|text| texts.contains(&text.as_str())) => {
                Err(must_be_one_of(texts))
            }
            (Allowed::OneOfAnyCase(texts), Value::Text(text)) => {
                match texts.iter().any(|allowed| allowed.eq_ignore_ascii_case(text)) {
                    true => Ok(()),
                    false => Err(format!("String must be one of (case insensitive): {}", texts.join(", "))),
                }
            }
            (Allowed::NonEmpty, Value::Text(text)) if text.is_empty() => Err("String must be non-empty".to_owned()),
            (Allowed::ThrottledReplicas, Value::List(list)) if !are_throttled_replicas(list) => Err(format!(
                "{} must be the literal '*' or a list of replicas in the following format: \
                 [partitionId]:[brokerId],[partitionId]:[brokerId],...",
                self.name
            )),
            _ => Ok(()),
        }
    }
}

/// Source: Kafka `ThrottledReplicaListValidator`.
fn are_throttled_replicas(list: &[String]) -> bool {
    let is_id = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_replica =
        |text: &String| text.split_once(':').is_some_and(|(partition, broker)| is_id(partition) && is_id(broker));
    list == ["*"] || list.iter().all(is_replica)
}

fn whole<N: std::str::FromStr + Into<i64>>(text: &str, kind: &str) -> Result<Value, String> {
    text.parse::<N>().map(|number| Value::Whole(number.into())).map_err(|_| format!("Not a number of type {kind}"))
}

fn must_be_one_of(texts: &[&str]) -> String {
    format!("String must be one of: {}", texts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(setting: Setting, text: &str, expected: Result<&str, &str>) {
        let read = setting.parse(text).map(|value| value.to_string());
        assert_eq!(read.as_deref().map_err(String::as_str), expected, "{text:?} as {setting:?}");
    }

    // What LogConfig.validate of Apache Kafka 4.3 answers to the same texts.
    #[test]
    fn values_are_read_and_refused_as_kafka_does() {
        let segment = Setting::int("segment.bytes").at_least(1_048_576);
        check(segment, " 2000000 ", Ok("2000000"));
        check(segment, "+2000000", Ok("2000000"));
        check(segment, "5", Err("Value must be at least 1048576"));
        check(segment, "abc", Err("Not a number of type INT"));
        check(segment, "99999999999", Err("Not a number of type INT"));
        check(Setting::long("retention.ms").at_least(-1), "", Err("Not a number of type LONG"));
        check(Setting::short("s"), "32768", Err("Not a number of type SHORT"));
        check(Setting::boolean("preallocate"), "TRUE", Ok("true"));
        check(Setting::boolean("preallocate"), "yes", Err("Expected value to be either true or false"));

        let level = Setting::int("compression.gzip.level").between_or(1, 9, -1);
        check(level, "-1", Ok("-1"));
        check(level, "9", Ok("9"));
        check(level, "0", Err("Value must be between 1 and 9 or equal to -1"));
        check(Setting::int("compression.lz4.level").between(1, 17), "18", Err("Value must be no more than 17"));

        let ratio = Setting::double("min.cleanable.dirty.ratio").between_decimals(0.0, 1.0);
        check(ratio, "1", Ok("1.0"));
        check(ratio, "0.5", Ok("0.5"));
        check(ratio, "2", Err("Value must be no more than 1"));
        check(ratio, "NaN", Err("Not a number of type DOUBLE"));
        check(Setting::double("rate"), "1.7976931348623157E308", Ok("1.7976931348623157E308"));
    }

    #[test]
    fn lists_are_split_at_commas_and_checked_element_by_element() {
        let policy = Setting::list("cleanup.policy").one_of(&["compact", "delete"]);
        check(policy, "compact , delete", Ok("compact,delete"));
        check(policy, "", Ok(""));
        check(policy, "compact,", Err("values must not be empty"));
        check(policy, "compact,x", Err("String must be one of: compact, delete"));

        let throttled = Setting::list("leader.replication.throttled.replicas").throttled_replicas();
        check(throttled, "*", Ok("*"));
        check(throttled, "0:1,2:3", Ok("0:1,2:3"));
        check(throttled, "", Ok(""));
        let form = "leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the \
            following format: [partitionId]:[brokerId],[partitionId]:[brokerId],...";
        for wrong in ["none", "0:1,*", "*,*", "0:", "1"] {
            check(throttled, wrong, Err(form));
        }
    }

    #[test]
    fn a_text_may_have_to_be_there_or_to_be_of_a_set_in_any_case() {
        let policy = Setting::string("group.consumer.migration.policy").one_of_any_case(&["DISABLED", "UPGRADE"]);
        check(policy, "Upgrade", Ok("Upgrade"));
        check(policy, "x", Err("String must be one of (case insensitive): DISABLED, UPGRADE"));
        let prefix = Setting::string("remote.log.storage.manager.impl.prefix").non_empty();
        check(prefix, "rsm.", Ok("rsm."));
        check(prefix, " ", Err("String must be non-empty"));
    }
}
