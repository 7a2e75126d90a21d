//! [`validate`]: all that a leader checks before it appends a batch, and the rewrites that it may have to make. It assigns no offset and
//! knows no producer state: that is the log's. Source: Kafka `ProduceRequest.validateRecords`, `UnifiedLog.analyzeAndValidateRecords`
//! and `LogValidator`.
//!
//! Where it is stricter than Kafka: every length within a record is checked in compressed batches too, so that no consumer finds a
//! record that its leader did not; offsets that do not follow one another are renumbered in uncompressed batches too; and what records
//! decode to has a limit.

mod error;
mod rules;
mod walk_records;

use bytes::Bytes;
use ottla_base::{Offset, ProducerId, Timestamp};

pub use self::error::{RecordError, RecordErrorCause, ValidationError};
pub use self::rules::{Origin, Rules};
use self::walk_records::{Walk, Walked, renumber};
use crate::compression::{Decoder, decompress_bytes};
use crate::walk::{SliceCursor, StreamCursor};
use crate::{Batch, Compression, DecompressError, HEADER_LEN, Header, RecordFault, TimestampType, compress};

/// A batch that may be appended: its offsets are still the producer's.
#[derive(Clone, Debug)]
pub struct Validated {
    /// The batch as it is to be stored, but for base offset and leader epoch.
    pub batch: Batch,
    /// The largest timestamp of a record, -1 where none has one; the time of the append in a LogAppendTime topic. Equal to the header's.
    pub max_timestamp: Timestamp,
    /// The offset of the first record that has it, minus the base offset. Kafka's time index names the batch's last offset instead.
    pub offset_delta_of_max_timestamp: i32,
    /// The time of the append, in a LogAppendTime topic.
    pub log_append_time: Option<Timestamp>,
}

/// Checks that `bytes` are one batch that `rules` allow, and makes of it what is to be stored.
///
/// The bytes are kept as they came unless the topic wants another codec, or the records' offsets do not follow one another. A wrong
/// max timestamp or another timestamp type changes the header and its CRC, and copies nothing. Uncompressed records are walked in
/// place without allocating; compressed ones are decompressed in passing.
///
/// Errors: see [`ValidationError`]; nothing of the batch may then be appended.
pub fn validate(bytes: Bytes, rules: &Rules, now: Timestamp) -> Result<Validated, ValidationError> {
    let batch = Batch::parse(bytes)?;
    let source = check_batch(&batch, rules)?;
    let walked = check_contents(&batch, source, rules, now)?;
    let target = target_compression(batch.header(), source, rules);
    let (mut batch, walked) = check_records(batch, source, target, walked, rules, now)?;

    let (max_timestamp, offset_delta_of_max_timestamp, log_append_time) = match rules.timestamp_type {
        TimestampType::CreateTime => (walked.max_timestamp, walked.offset_delta_of_max_timestamp, None),
        TimestampType::LogAppendTime => (now, 0, Some(now)),
    };
    batch.set_max_timestamp(rules.timestamp_type, max_timestamp);
    check_size(&batch, rules)?;
    let (size, limit) = (batch.size_in_bytes(), rules.segment_bytes);
    if size > limit {
        return Err(ValidationError::LargerThanSegment { size, limit });
    }
    Ok(Validated { batch, max_timestamp, offset_delta_of_max_timestamp, log_append_time })
}

/// What the header tells before the CRC, in Kafka's order. Gives the codec.
fn check_batch(batch: &Batch, rules: &Rules) -> Result<Compression, ValidationError> {
    let header = batch.header();
    let compression = header.attributes.compression()?;
    if compression == Compression::Zstd && !rules.zstd_is_allowed {
        return Err(ValidationError::ZstdNotAllowed);
    }
    if rules.origin == Origin::Client && header.base_offset != Offset::ZERO {
        return Err(ValidationError::BaseOffset(header.base_offset));
    }
    check_size(batch, rules)?;
    Ok(compression)
}

/// What follows from the CRC on, in Kafka's order; records that lie uncompressed are walked.
///
/// They are walked block by block, each as soon as its CRC is computed: the walk waits for each record's length, and finds it in the
/// nearest cache. Until the CRC is known to be right it only walks; what it finds is told last.
fn check_contents(
    batch: &Batch,
    source: Compression,
    rules: &Rules,
    now: Timestamp,
) -> Result<Option<Walked>, ValidationError> {
    let header = batch.header();
    let mut walk =
        (source == Compression::None).then(|| Walk::new(SliceCursor::new(batch.payload()), header, rules, now));
    let computed = batch.computed_crc_by_blocks(|until| walk.iter_mut().for_each(|walk| walk.advance(until)));
    if computed != header.crc {
        return Err(ValidationError::Crc { stored: header.crc, computed });
    }
    check_counts(header)?;
    if rules.origin == Origin::Client {
        check_client(header)?;
    }
    walk.map(Walk::finish).transpose()
}

fn check_size(batch: &Batch, rules: &Rules) -> Result<(), ValidationError> {
    let (size, limit) = (batch.size_in_bytes(), rules.max_message_bytes);
    if size > limit { Err(ValidationError::TooLarge { size, limit }) } else { Ok(()) }
}

fn check_counts(header: &Header) -> Result<(), ValidationError> {
    let Header { record_count, last_offset_delta, .. } = *header;
    if record_count > 0 && last_offset_delta == record_count - 1 {
        Ok(())
    } else {
        Err(ValidationError::RecordCount { record_count, last_offset_delta })
    }
}

fn check_client(header: &Header) -> Result<(), ValidationError> {
    let Header { producer_id, base_sequence, attributes, .. } = *header;
    if attributes.is_control() {
        return Err(ValidationError::ControlBatch);
    }
    if producer_id > ProducerId::NONE && base_sequence < 0 {
        return Err(ValidationError::NegativeSequence { producer_id, base_sequence });
    }
    if attributes.timestamp_type() == TimestampType::LogAppendTime {
        return Err(ValidationError::LogAppendTimeFromProducer);
    }
    Ok(())
}

/// Control records are not compressed for the topic's sake.
fn target_compression(header: &Header, source: Compression, rules: &Rules) -> Compression {
    if header.attributes.is_control() { source } else { rules.compression.unwrap_or(source) }
}

/// Walks the records that were not yet walked, and encodes them anew where they cannot be stored as they came.
fn check_records(
    batch: Batch,
    source: Compression,
    target: Compression,
    walked: Option<Walked>,
    rules: &Rules,
    now: Timestamp,
) -> Result<(Batch, Walked), ValidationError> {
    if source == target && source != Compression::None {
        let decoder = Decoder::new(source, batch.payload(), rules.decoded_bytes_max).map_err(refuse_decoding)?;
        let walked = Walk::new(StreamCursor::new(decoder), batch.header(), rules, now).finish()?;
        if walked.offsets_are_consecutive {
            return Ok((batch, walked));
        }
    }
    let raw = decompress_bytes(source, batch.payload_bytes(), rules.decoded_bytes_max).map_err(refuse_decoding)?;
    let walked = match walked {
        Some(walked) => walked,
        None => Walk::new(SliceCursor::new(&raw), batch.header(), rules, now).finish()?,
    };
    let batch = match (walked.offsets_are_consecutive, source == target) {
        (true, true) => batch,
        (true, false) => encode(batch.header(), target, &raw),
        (false, _) => {
            let renumbered = renumber(&raw, batch.header().record_count).expect("the records were walked");
            encode(batch.header(), target, &renumbered)
        }
    };
    Ok((batch, walked))
}

/// The batch of `header` with the uncompressed records `raw`, stored with `compression`.
fn encode(header: &Header, compression: Compression, raw: &[u8]) -> Batch {
    let attributes = header.attributes.with_compression(compression);
    let mut buffer = Vec::with_capacity(HEADER_LEN + raw.len());
    buffer.resize(HEADER_LEN, 0);
    compress(compression, raw, &mut buffer);
    Batch::assemble(Header { attributes, ..*header }, buffer)
}

fn refuse_decoding(error: DecompressError) -> ValidationError {
    refuse_record(0, error.into())
}

fn refuse_record(index: i32, fault: RecordFault) -> ValidationError {
    match fault {
        RecordFault::Decompress(DecompressError::TooLarge { limit }) => ValidationError::DecodedTooLarge { limit },
        fault => ValidationError::Record { index, fault },
    }
}

#[cfg(test)]
mod tests;
