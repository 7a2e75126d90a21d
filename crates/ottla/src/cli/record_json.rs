//! [`RecordJson`]: a record as JSON. Bytes that are no UTF-8 stand in a field of their own, in base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ottla_records::{Record, RecordHeader};
use serde::{Serialize, Serializer};

/// All that a record has.
#[derive(Debug, Serialize)]
pub(super) struct RecordJson<'a> {
    offset: i64,
    timestamp: i64,
    #[serde(flatten)]
    key: Key<'a>,
    #[serde(flatten)]
    value: Value<'a>,
    headers: Vec<Header<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Key<'a> {
    Key(Option<&'a str>),
    #[serde(serialize_with = "base64")]
    KeyBase64(&'a [u8]),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Value<'a> {
    Value(Option<&'a str>),
    #[serde(serialize_with = "base64")]
    ValueBase64(&'a [u8]),
}

#[derive(Debug, Serialize)]
struct Header<'a> {
    #[serde(flatten)]
    key: Key<'a>,
    #[serde(flatten)]
    value: Value<'a>,
}

fn base64<S: Serializer>(bytes: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(bytes))
}

impl<'a> RecordJson<'a> {
    /// `record`, whose bytes are borrowed.
    pub(super) fn of(record: &'a Record) -> RecordJson<'a> {
        RecordJson {
            offset: record.offset.0,
            timestamp: record.timestamp.0,
            key: key(record.key.as_deref()),
            value: value(record.value.as_deref()),
            headers: record.headers.iter().map(header).collect(),
        }
    }
}

fn header(header: &RecordHeader) -> Header<'_> {
    Header { key: key(Some(&header.key)), value: value(header.value.as_deref()) }
}

fn key(bytes: Option<&[u8]>) -> Key<'_> {
    text_or_bytes(bytes).map_or_else(Key::KeyBase64, Key::Key)
}

fn value(bytes: Option<&[u8]>) -> Value<'_> {
    text_or_bytes(bytes).map_or_else(Value::ValueBase64, Value::Value)
}

fn text_or_bytes(bytes: Option<&[u8]>) -> Result<Option<&str>, &[u8]> {
    bytes.map(|bytes| std::str::from_utf8(bytes).map_err(|_| bytes)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use ottla_base::{Offset, Timestamp};

    fn json(key: Option<&'static [u8]>, value: Option<&'static [u8]>) -> String {
        let headers = vec![RecordHeader { key: "source".into(), value: Some(Bytes::from_static(b"\xff\x00")) }];
        let (key, value) = (key.map(Bytes::from_static), value.map(Bytes::from_static));
        let record = Record { offset: Offset(3), timestamp: Timestamp(9), key, value, headers };
        serde_json::to_string(&RecordJson::of(&record)).unwrap()
    }

    #[test]
    fn a_record_is_one_json_object() {
        assert_eq!(
            json(Some(b"k"), Some("größte\n".as_bytes())),
            concat!(
                r#"{"offset":3,"timestamp":9,"key":"k","value":"größte\n","#,
                r#""headers":[{"key":"source","value_base64":"/wA="}]}"#
            )
        );
    }

    #[test]
    fn what_is_missing_is_null_and_what_is_no_text_is_base64() {
        let shown = json(None, Some(b"\xfe"));
        assert!(shown.contains(r#""key":null,"value_base64":"/g==""#), "{shown}");
        let tombstone = json(Some(b"\xfe"), None);
        assert!(tombstone.contains(r#""key_base64":"/g==","value":null"#), "{tombstone}");
    }
}
