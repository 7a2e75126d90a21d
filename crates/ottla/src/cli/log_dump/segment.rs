//! A segment's `.log` file: its batches, and their records.

use std::path::Path;
use std::sync::Arc;

use ottla_base::Offset;
use ottla_records::{Batch, HEADER_LEN, Header, Malformed, Record, TimestampType};
use ottla_storage::disk::{Disk, File, Open, OsDisk};
use serde::Serialize;

use super::Damage;
use crate::cli::output::Stdout;
use crate::cli::record_json::RecordJson;

/// What one batch may decompress to, in bytes.
const DECODED_BYTES_MAX: usize = 1 << 30;

/// A batch as JSON.
#[derive(Debug, Serialize)]
struct ShownBatch<'a> {
    position: u64,
    size: usize,
    base_offset: i64,
    last_offset: i64,
    records: i32,
    leader_epoch: i32,
    timestamp_type: &'static str,
    base_timestamp: i64,
    max_timestamp: i64,
    compression: String,
    producer_id: i64,
    producer_epoch: i16,
    base_sequence: i32,
    transactional: bool,
    control: bool,
    crc: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    contents: Option<Vec<RecordJson<'a>>>,
}

/// Prints batches, with their records unless `batches_only`, up to where damage begins; returns where that is.
pub(super) fn dump(
    path: &Path,
    base_offset: Offset,
    batches_only: bool,
    json: bool,
    out: &mut Stdout,
) -> anyhow::Result<Option<Damage>> {
    walk(path, base_offset, |position, batch, records| {
        let shown = if batches_only { &[][..] } else { records };
        match json {
            true => out.write_json_line(&as_json(position, batch, (!batches_only).then_some(shown))),
            false => write_text(position, batch, shown, out),
        }
    })
}

/// Gives `on_batch` each batch, where it begins, and its records, up to where damage begins; returns where that is.
fn walk(
    path: &Path,
    base_offset: Offset,
    mut on_batch: impl FnMut(u64, &Batch, &[Record]) -> anyhow::Result<()>,
) -> anyhow::Result<Option<Damage>> {
    let file = OsDisk.open(path, Open::Read)?;
    let mut walk = Walk { end: file.len()?, file, position: 0, next_offset: base_offset };
    loop {
        let position = walk.position;
        let damage = |reason| Ok(Some(Damage { position, reason }));
        let batch = match walk.next()? {
            None => return Ok(None),
            Some(Ok(batch)) => batch,
            Some(Err(reason)) => return damage(reason),
        };
        let records: Result<Vec<Record>, _> = batch.records(DECODED_BYTES_MAX).collect();
        match records {
            Ok(records) => on_batch(position, &batch, &records)?,
            Err(error) => return damage(error.to_string()),
        }
    }
}

/// Steps from batch to batch through a file.
struct Walk {
    file: Arc<dyn File>,
    end: u64,
    position: u64,
    /// The smallest offset that the next batch may begin at.
    next_offset: Offset,
}

impl Walk {
    /// The next batch, or what is wrong where one should be; `None` at the end.
    fn next(&mut self) -> anyhow::Result<Option<Result<Batch, String>>> {
        if self.position == self.end {
            return Ok(None);
        }
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let header = match Header::read(&self.bytes(HEADER_LEN.min(left))?) {
            Ok(header) => header,
            Err(malformed) => return Ok(Some(Err(malformed.to_string()))),
        };
        let needed = header.size_in_bytes();
        if needed > left {
            return Ok(Some(Err(Malformed::Truncated { have: left, needed }.to_string())));
        }
        let batch = match Batch::parse(self.bytes(needed)?.into()) {
            Ok(batch) => batch,
            Err(malformed) => return Ok(Some(Err(malformed.to_string()))),
        };
        Ok(Some(self.check(batch)))
    }

    /// What the header alone does not tell.
    fn check(&mut self, batch: Batch) -> Result<Batch, String> {
        let header = batch.header();
        let computed = batch.computed_crc();
        if header.crc != computed {
            return Err(format!("the CRC is {:#010x}, and that of the bytes {computed:#010x}", header.crc));
        }
        if header.base_offset < self.next_offset {
            let (found, expected) = (header.base_offset, self.next_offset);
            return Err(format!("a batch at offset {found}, where {expected} or more must come"));
        }
        if header.last_offset() < header.base_offset {
            return Err(format!("a batch from offset {} to {}", header.base_offset, header.last_offset()));
        }
        self.next_offset = header.next_offset();
        self.position += batch.size_in_bytes() as u64;
        Ok(batch)
    }

    fn bytes(&self, len: usize) -> anyhow::Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.file.read_exact_at(&mut bytes, self.position)?;
        Ok(bytes)
    }
}

fn compression(header: &Header) -> String {
    header.attributes.compression().map_or_else(|unknown| unknown.to_string(), |codec| codec.to_string())
}

fn timestamp_type(header: &Header) -> &'static str {
    match header.attributes.timestamp_type() {
        TimestampType::CreateTime => "CreateTime",
        TimestampType::LogAppendTime => "LogAppendTime",
    }
}

fn as_json<'a>(position: u64, batch: &Batch, records: Option<&'a [Record]>) -> ShownBatch<'a> {
    let header = batch.header();
    ShownBatch {
        position,
        size: batch.size_in_bytes(),
        base_offset: header.base_offset.0,
        last_offset: header.last_offset().0,
        records: header.record_count,
        leader_epoch: header.leader_epoch.0,
        timestamp_type: timestamp_type(header),
        base_timestamp: header.base_timestamp.0,
        max_timestamp: header.max_timestamp.0,
        compression: compression(header),
        producer_id: header.producer_id.0,
        producer_epoch: header.producer_epoch.0,
        base_sequence: header.base_sequence,
        transactional: header.attributes.is_transactional(),
        control: header.attributes.is_control(),
        crc: header.crc,
        contents: records.map(|records| records.iter().map(RecordJson::of).collect()),
    }
}

fn write_text(position: u64, batch: &Batch, records: &[Record], out: &mut Stdout) -> anyhow::Result<()> {
    let header = batch.header();
    let mut line = format!(
        "offsets {} to {} at byte {position}: {} records in {} bytes, {} {}, compression {}, leader epoch {}",
        header.base_offset,
        header.last_offset(),
        header.record_count,
        batch.size_in_bytes(),
        timestamp_type(header),
        header.max_timestamp,
        compression(header),
        header.leader_epoch,
    );
    if header.producer_id.0 >= 0 {
        let (id, epoch, sequence) = (header.producer_id, header.producer_epoch, header.base_sequence);
        line.push_str(&format!(", producer {id} epoch {epoch} sequence {sequence}"));
    }
    let flags =
        [(header.attributes.is_transactional(), ", transactional"), (header.attributes.is_control(), ", control")];
    flags.into_iter().filter(|(is_set, _)| *is_set).for_each(|(_, flag)| line.push_str(flag));
    line.push('\n');
    for record in records {
        let text = |bytes: Option<&[u8]>| {
            bytes.map_or_else(|| "null".to_owned(), |bytes| format!("\"{}\"", bytes.escape_ascii()))
        };
        let (key, value) = (text(record.key.as_deref()), text(record.value.as_deref()));
        line.push_str(&format!("  {} timestamp {} key {key} value {value}", record.offset, record.timestamp));
        for header in &record.headers {
            line.push_str(&format!(" header \"{}\" {}", header.key.escape_ascii(), text(header.value.as_deref())));
        }
        line.push('\n');
    }
    out.write(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use ottla_base::{LeaderEpoch, Timestamp};
    use ottla_records::{BatchBuilder, Compression};
    use proptest::prelude::*;
    use std::io::Write as _;

    /// Outside of what the CRC covers: a batch's offset, length, leader epoch and magic.
    const UNCOVERED: usize = 17;

    /// Two batches of two records and one of one, from offset 10 on.
    fn batches() -> [Bytes; 3] {
        let batch = |base_offset, records: &[&[u8]]| {
            let mut builder = BatchBuilder::new(Compression::None).position(Offset(base_offset), LeaderEpoch(3));
            records.iter().for_each(|value| builder.append(Timestamp(5), None, Some(value)));
            builder.build().bytes()
        };
        [batch(10, &[b"a", b"b"]), batch(12, &[b"c", b"d"]), batch(20, &[b"e"])]
    }

    /// The offsets of the records that are found, and where damage begins.
    fn walked(bytes: &[u8]) -> (Vec<i64>, Option<u64>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let mut offsets = Vec::new();
        let damage = walk(file.path(), Offset(10), |_, _, records| {
            offsets.extend(records.iter().map(|record| record.offset.0));
            Ok(())
        });
        (offsets, damage.unwrap().map(|damage| damage.position))
    }

    #[test]
    fn a_whole_file_has_no_damage() {
        assert_eq!(walked(&batches().concat()), (vec![10, 11, 12, 13, 20], None));
        assert_eq!(walked(&[]), (vec![], None));
    }

    #[test]
    fn offsets_that_go_back_are_damage() {
        let [first, second, _] = batches();
        assert_eq!(walked(&[&second[..], &first].concat()), (vec![12, 13], Some(second.len() as u64)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn damage_begins_with_the_batch_that_was_damaged(batch in 0_usize..3, at: prop::sample::Index, bit in 0..8_u8) {
            let whole = batches();
            let begin: usize = whole[..batch].iter().map(Bytes::len).sum();
            let mut bytes = whole.concat();
            bytes[begin + UNCOVERED + at.index(whole[batch].len() - UNCOVERED)] ^= 1 << bit;
            let (offsets, damaged_at) = walked(&bytes);
            prop_assert_eq!(damaged_at, Some(begin as u64));
            prop_assert_eq!(offsets.len(), 2 * batch, "what stands before is whole");
        }

        #[test]
        fn a_cut_is_damage_in_the_batch_that_it_cuts(at: prop::sample::Index) {
            let whole = batches();
            let bytes = whole.concat();
            let at = at.index(bytes.len());
            let ends = [0, whole[0].len(), whole[0].len() + whole[1].len()];
            let begin = ends.into_iter().rfind(|end| *end <= at).unwrap();
            let (_, damaged_at) = walked(&bytes[..at]);
            prop_assert_eq!(damaged_at, (begin != at).then_some(begin as u64));
        }

        #[test]
        fn any_bytes_are_walked_without_a_panic(bytes: Vec<u8>, damage: Vec<(prop::sample::Index, u8)>) {
            walked(&bytes);
            let mut bytes = batches().concat();
            for (at, value) in damage {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            walked(&bytes);
        }
    }
}
