//! Settings that choose among names.

use super::{FromValue, elements};
use crate::value::Value;

/// How a log lets go of old records (`cleanup.policy`); both may be on. With neither, everything is kept (KIP-1161).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// Whole segments go by age and size.
    pub delete: bool,
    /// All but the last record of each key go.
    pub compact: bool,
}

impl FromValue for CleanupPolicy {
    fn from_value(value: &Value) -> Result<Self, String> {
        let has = |name: &str| elements(value).map(|names| names.iter().any(|element| element == name));
        Ok(CleanupPolicy { delete: has("delete")?, compact: has("compact")? })
    }
}

/// How batches are compressed on disk (`compression.type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompressionType {
    /// As the producer compressed them.
    Producer,
    /// Not at all.
    Uncompressed,
    /// By gzip.
    Gzip,
    /// By snappy.
    Snappy,
    /// By lz4, in frames.
    Lz4,
    /// By zstd.
    Zstd,
}

impl CompressionType {
    /// As Kafka names them.
    pub(crate) const NAMES: &'static [&'static str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];
}

impl FromValue for CompressionType {
    fn from_value(value: &Value) -> Result<Self, String> {
        match text(value)? {
            "producer" => Ok(CompressionType::Producer),
            "uncompressed" => Ok(CompressionType::Uncompressed),
            "gzip" => Ok(CompressionType::Gzip),
            "snappy" => Ok(CompressionType::Snappy),
            "lz4" => Ok(CompressionType::Lz4),
            "zstd" => Ok(CompressionType::Zstd),
            _ => Err(format!("String must be one of: {}", CompressionType::NAMES.join(", "))),
        }
    }
}

/// Whose clock a record's timestamp is of (`message.timestamp.type`, KIP-32).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The broker's, at the append.
    LogAppendTime,
}

impl TimestampType {
    /// As Kafka names them.
    pub(crate) const NAMES: &'static [&'static str] = &["CreateTime", "LogAppendTime"];
}

impl FromValue for TimestampType {
    fn from_value(value: &Value) -> Result<Self, String> {
        match text(value)? {
            "CreateTime" => Ok(TimestampType::CreateTime),
            "LogAppendTime" => Ok(TimestampType::LogAppendTime),
            _ => Err(format!("String must be one of: {}", TimestampType::NAMES.join(", "))),
        }
    }
}

/// What a node is (`process.roles`); at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessRoles {
    /// It holds partitions and serves clients.
    pub broker: bool,
    /// It votes in the metadata quorum.
    pub controller: bool,
}

impl FromValue for ProcessRoles {
    fn from_value(value: &Value) -> Result<Self, String> {
        let has = |name: &str| elements(value).map(|names| names.iter().any(|element| element == name));
        match (has("broker")?, has("controller")?) {
            (false, false) => Err("Value must name broker, controller or both".to_owned()),
            (broker, controller) => Ok(ProcessRoles { broker, controller }),
        }
    }
}

fn text(value: &Value) -> Result<&str, String> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err("Value must be a text".to_owned()),
    }
}
