//! The lines of JSON that client programs read and print; `tests/clients/README.md` has their form.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::Sample;

/// `samples` as a program reads them.
pub fn record_lines(samples: &[Sample]) -> String {
    samples.iter().map(|sample| record_line(None, sample) + "\n").collect()
}

/// One record as its line, without the line's end.
pub fn record_line(topic: Option<&str>, sample: &Sample) -> String {
    let headers = sample.headers.iter().map(|(name, value)| json!([name, encoded(value.as_deref())]));
    let mut record = json!({
        "key": encoded(sample.key.as_deref()),
        "value": encoded(sample.value.as_deref()),
        "headers": headers.collect::<Vec<Value>>(),
        "timestamp": sample.timestamp,
    });
    if let Some(topic) = topic {
        record["topic"] = topic.into();
    }
    record.to_string()
}

/// What a program has printed of records, by topic.
pub fn parse_records(lines: &str) -> BTreeMap<String, Vec<Sample>> {
    let mut topics = BTreeMap::<String, Vec<Sample>>::new();
    for (topic, sample) in lines.lines().map(parse_record) {
        topics.entry(topic.expect("a record that was read has a topic")).or_default().push(sample);
    }
    topics
}

/// One record of a line, with its topic where it has one.
pub fn parse_record(line: &str) -> (Option<String>, Sample) {
    let record: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let header = |pair: &Value| (pair[0].as_str().expect("a name").to_owned(), decoded(&pair[1]));
    let sample = Sample {
        key: decoded(&record["key"]),
        value: decoded(&record["value"]),
        headers: record["headers"].as_array().expect("headers").iter().map(header).collect(),
        timestamp: record["timestamp"].as_i64(),
    };
    (record["topic"].as_str().map(str::to_owned), sample)
}

fn encoded(bytes: Option<&[u8]>) -> Value {
    bytes.map_or(Value::Null, |bytes| STANDARD.encode(bytes).into())
}

fn decoded(text: &Value) -> Option<Vec<u8>> {
    let text = match text {
        Value::Null => return None,
        text => text.as_str().expect("base64 or null"),
    };
    Some(STANDARD.decode(text).expect("base64"))
}
