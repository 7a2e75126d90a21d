//! The lines of JSON that client programs read and print; `tests/clients/README.md` has their form.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::Sample;

/// `samples` as a program reads them. Each has a timestamp.
pub fn record_lines(samples: &[Sample]) -> String {
    let line = |sample: &Sample| {
        let headers: Vec<Value> =
            sample.headers.iter().map(|(name, value)| json!([name, encoded(value.as_deref())])).collect();
        let record = json!({
            "key": encoded(sample.key.as_deref()),
            "value": encoded(sample.value.as_deref()),
            "headers": headers,
            "timestamp": sample.timestamp.expect("a timestamp"),
        });
        format!("{record}\n")
    };
    samples.iter().map(line).collect()
}

/// What a program has printed of records, by topic.
pub fn parse_records(lines: &str) -> BTreeMap<String, Vec<Sample>> {
    let mut topics = BTreeMap::<String, Vec<Sample>>::new();
    for line in lines.lines() {
        let record: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let topic = record["topic"].as_str().expect("a topic").to_owned();
        topics.entry(topic).or_default().push(sample(&record));
    }
    topics
}

fn sample(record: &Value) -> Sample {
    let header = |pair: &Value| (pair[0].as_str().expect("a name").to_owned(), decoded(&pair[1]));
    Sample {
        key: decoded(&record["key"]),
        value: decoded(&record["value"]),
        headers: record["headers"].as_array().expect("headers").iter().map(header).collect(),
        timestamp: record["timestamp"].as_i64(),
    }
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
