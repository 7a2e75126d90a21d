//! [`Format`]: how a record is written to standard output.

use bytes::Bytes;
use clap::ValueEnum;
use ottla_records::Record;
use serde::Serialize;

use crate::cli::record_json::RecordJson;

/// How records are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// The value, as it is, and a newline
    Value,
    /// Key, separator, value, and a newline
    KeyValue,
    /// A JSON object with all that a record has, one a line
    Json,
}

/// A record, and where it comes from.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    topic: &'a str,
    partition: i32,
    #[serde(flatten)]
    record: RecordJson<'a>,
}

impl Format {
    /// Adds `record` of a partition to what is to be shown.
    pub(super) fn write(
        self,
        out: &mut Vec<u8>,
        topic: &str,
        partition: i32,
        record: &Record,
        key_separator: &str,
    ) -> anyhow::Result<()> {
        match self {
            Format::Value => write_nullable(out, record.value.as_ref()),
            Format::KeyValue => {
                write_nullable(out, record.key.as_ref());
                out.extend_from_slice(key_separator.as_bytes());
                write_nullable(out, record.value.as_ref());
            }
            Format::Json => {
                serde_json::to_writer(&mut *out, &Shown { topic, partition, record: RecordJson::of(record) })?;
            }
        }
        out.push(b'\n');
        Ok(())
    }
}

/// As Kafka's console consumer has it: what is not there reads `null`.
fn write_nullable(out: &mut Vec<u8>, bytes: Option<&Bytes>) {
    out.extend_from_slice(bytes.map_or(b"null", |bytes| bytes));
}
