//! [`MetaProperties`]: who a log directory belongs to, in Kafka's `meta.properties`.
//!
//! ```text
//! cluster.id=MkU3OEVBNTcwNTJENDM2Qg
//! directory.id=0R8nMDbJRPKMmDXbbtfJYg
//! node.id=1
//! version=1
//! ```
//!
//! Version 1 is the only one; version 0 is ZooKeeper's. Source: Kafka `MetaProperties`, `java.util.Properties`.

use std::collections::BTreeMap;

use ottla_base::{BrokerId, DirectoryId};

/// The file's name in a log directory.
pub const META_PROPERTIES_FILE: &str = "meta.properties";

const VERSION: &str = "1";
/// What Kafka reserves in [`DirectoryId`]: ids below this mean "lost", "unassigned" and the like.
const DIRECTORY_IDS_RESERVED: u128 = 100;

/// The identity of a log directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaProperties {
    /// The cluster that the data belongs to.
    pub cluster_id: String,
    /// The node that the directory belongs to.
    pub node_id: BrokerId,
    /// The directory's own id, kept for its life (KIP-858). Kafka before 3.7 wrote none.
    pub directory_id: Option<DirectoryId>,
}

/// A `meta.properties` that cannot be relied on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedMetaProperties {
    /// It is no text.
    #[error("it is no UTF-8 text")]
    NoText,
    /// A line without a key.
    #[error("line {line} is no property")]
    Line {
        /// The line's number, counted from 1.
        line: usize,
    },
    /// A property is missing.
    #[error("{key} is missing")]
    Missing {
        /// Its key.
        key: &'static str,
    },
    /// A property has a value that cannot be.
    #[error("{key} is {found:?}, expected {expected}")]
    Value {
        /// Its key.
        key: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
}

impl MetaProperties {
    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut text = format!("cluster.id={}\n", escape(&self.cluster_id));
        if let Some(id) = self.directory_id {
            text += &format!("directory.id={id}\n");
        }
        text += &format!("node.id={}\nversion={VERSION}\n", self.node_id);
        text.into_bytes()
    }

    /// Reads the file, as we or Kafka wrote it. Properties that are not ours are skipped.
    pub fn decode(bytes: &[u8]) -> Result<MetaProperties, MalformedMetaProperties> {
        let text = std::str::from_utf8(bytes).map_err(|_| MalformedMetaProperties::NoText)?;
        let properties = parse(text)?;
        let get = |key: &'static str| properties.get(key).ok_or(MalformedMetaProperties::Missing { key });
        let wrong =
            |key, found: &String, expected| MalformedMetaProperties::Value { key, found: found.clone(), expected };

        let version = get("version")?;
        if version != VERSION {
            return Err(wrong("version", version, "1 (0 is from Kafka with ZooKeeper)"));
        }
        let cluster_id = get("cluster.id")?;
        if cluster_id.is_empty() {
            return Err(wrong("cluster.id", cluster_id, "an id"));
        }
        let node_id = get("node.id")?;
        let node_number = node_id.parse().ok().filter(|id: &i32| *id >= 0);
        let directory_id = properties.get("directory.id").map(|id| {
            let parsed =
                id.parse().ok().filter(|id: &ottla_base::Uuid| u128::from_be_bytes(id.0) >= DIRECTORY_IDS_RESERVED);
            parsed.map(DirectoryId).ok_or_else(|| wrong("directory.id", id, "an id of 22 base64 characters"))
        });
        Ok(MetaProperties {
            cluster_id: cluster_id.clone(),
            node_id: BrokerId(node_number.ok_or_else(|| wrong("node.id", node_id, "a number from 0 on"))?),
            directory_id: directory_id.transpose()?,
        })
    }
}

/// Java's properties without what nobody writes here: continued lines and `\u` escapes.
fn parse(text: &str) -> Result<BTreeMap<String, String>, MalformedMetaProperties> {
    let mut properties = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let (key, value) = line.split_once(['=', ':']).ok_or(MalformedMetaProperties::Line { line: index + 1 })?;
        properties.insert(key.trim().to_owned(), unescape(value.trim()));
    }
    Ok(properties)
}

fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '\\' | '=' | ':' | '#' | '!') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn unescape(value: &str) -> String {
    let mut unescaped = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        unescaped.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    unescaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_base::Uuid;
    use proptest::prelude::*;

    #[test]
    fn kafkas_file_is_read() {
        let text = "#\n#Tue Nov 24 07:56:22 UTC 2026\ncluster.id=MkU3OEVBNTcwNTJENDM2Qg\nversion=1\n\
                    directory.id=0R8nMDbJRPKMmDXbbtfJYg\nnode.id=1\n";
        let expected = MetaProperties {
            cluster_id: "MkU3OEVBNTcwNTJENDM2Qg".to_owned(),
            node_id: BrokerId(1),
            directory_id: Some(DirectoryId("0R8nMDbJRPKMmDXbbtfJYg".parse().expect("an id"))),
        };
        assert_eq!(MetaProperties::decode(text.as_bytes()), Ok(expected));
    }

    #[test]
    fn wrong_contents_say_what_is_wrong() {
        let check = |text: &str, message: &str| {
            let error = MetaProperties::decode(text.as_bytes()).expect_err(text);
            assert_eq!(error.to_string(), message, "{text:?}");
        };
        check("", "version is missing");
        check("version=0\nbroker.id=1\n", "version is \"0\", expected 1 (0 is from Kafka with ZooKeeper)");
        check("version=1\nnode.id=1\n", "cluster.id is missing");
        check("version=1\ncluster.id=x\nnode.id=-1\n", "node.id is \"-1\", expected a number from 0 on");
        check(
            "version=1\ncluster.id=x\nnode.id=1\ndirectory.id=short\n",
            "directory.id is \"short\", expected an id of 22 base64 characters",
        );
        check("version=1\nrubbish\n", "line 2 is no property");
    }

    proptest! {
        #[test]
        fn properties_read_back(cluster_id in "[!-~]{1,30}", node_id in 0..i32::MAX, id: Option<[u8; 16]>) {
            let directory_id = id.map(|mut id| { id[0] |= 1; DirectoryId(Uuid(id)) });
            let properties = MetaProperties { cluster_id, node_id: BrokerId(node_id), directory_id };
            prop_assert_eq!(MetaProperties::decode(&properties.encode()), Ok(properties));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, text in "(version=1\n)?[a-z.=\\\\\n]{0,40}") {
            let _ = MetaProperties::decode(&bytes);
            let _ = MetaProperties::decode(text.as_bytes());
        }
    }
}
