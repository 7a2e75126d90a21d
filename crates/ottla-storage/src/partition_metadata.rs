//! The file `partition.metadata`: which topic a partition's folder belongs to, so that a topic of the same name that was created anew
//! is not given the old one's records (KIP-516).
//!
//! Source: Kafka `PartitionMetadata`. Format, version 0, text: `version: 0` and `topic_id: <22 base64 characters>`.

use std::path::Path;

use ottla_base::{TopicId, Uuid};

use crate::disk::{self, Disk, atomic_write};
use crate::error::{Error, Result};

/// The file's name.
pub(crate) const FILE_NAME: &str = "partition.metadata";

const LEN_MAX: u64 = 4096;

/// Reads the topic id of the partition in `directory`; `None` where there is no file.
pub fn read_topic_id(disk: &dyn Disk, directory: &Path) -> Result<Option<TopicId>> {
    let path = directory.join(FILE_NAME);
    let Some(bytes) = disk::read_file(disk, &path, LEN_MAX)? else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes).map_err(|_| Error::invalid_file(&path, "it is no text"))?;
    parse(&text).map(Some).map_err(|problem| Error::invalid_file(&path, problem))
}

/// Writes the topic id of the partition in `directory`, durably.
pub(crate) fn write_topic_id(disk: &dyn Disk, directory: &Path, topic_id: TopicId) -> Result<()> {
    Ok(atomic_write(disk, &directory.join(FILE_NAME), to_text(topic_id).as_bytes())?)
}

fn to_text(topic_id: TopicId) -> String {
    format!("version: 0\ntopic_id: {}", topic_id.0)
}

fn parse(text: &str) -> Result<TopicId, String> {
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(str::trim).ok_or_else(|| format!("{name} is missing"))
    };
    match value("version")? {
        "0" => {}
        version => return Err(format!("version {version} is not known")),
    }
    let id: Uuid = value("topic_id")?.parse().map_err(|error| format!("{error}"))?;
    if id == Uuid::ZERO { Err("the topic id is zero".to_owned()) } else { Ok(TopicId(id)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_file_reads_back(id in prop::array::uniform16(1..=255_u8)) {
            let id = TopicId(Uuid(id));
            prop_assert_eq!(parse(&to_text(id)), Ok(id));
        }
    }

    #[test]
    fn kafka_writes_it_so() {
        let text = "version: 0\ntopic_id: AQAAAAAAAAAAAAAAAAAAAg\n";
        let id = parse(text).unwrap();
        assert_eq!((id.0.0[0], id.0.0[15]), (1, 2));
        assert_eq!(to_text(id), text.trim_end());
    }

    #[test]
    fn damaged_files_are_refused() {
        let zero = format!("version: 0\ntopic_id: {}", Uuid::ZERO);
        for text in ["", "version: 1\ntopic_id: AQAAAAAAAAAAAAAAAAAAAg", "version: 0", "version: 0\ntopic_id: x", &zero]
        {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
