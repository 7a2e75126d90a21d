//! The one pass over the records of a batch, and the renumbering of those that a client numbered wrongly.

use ottla_base::Timestamp;

use super::{RecordError, RecordErrorCause, Rules, ValidationError, refuse_record};
use crate::varint::{varint_len, write_varint};
use crate::walk::{Cursor, RecordSource, SliceCursor};
use crate::{Header, RecordFault};

/// How many records of a batch are named in an error. The batch is rejected whole anyway, and the answer must not be the larger one.
const RECORD_ERRORS_MAX: usize = 1024;

/// What the pass tells.
pub(super) struct Walked {
    /// The largest timestamp, -1 where no record has one.
    pub(super) max_timestamp: Timestamp,
    /// Whose it is first.
    pub(super) offset_delta_of_max_timestamp: i32,
    /// False where the records are not numbered 0, 1, 2 ...
    pub(super) offsets_are_consecutive: bool,
}

/// Walks the records that `header` counts and checks each.
pub(super) fn walk_records<R: RecordSource>(
    mut records: R,
    header: &Header,
    rules: &Rules,
    now: Timestamp,
) -> Result<Walked, ValidationError> {
    let (earliest, latest) = rules.timestamp_window(now);
    let (mut max_timestamp, mut offset_delta_of_max_timestamp) = (Timestamp::NONE, 0);
    let mut offsets_are_consecutive = true;
    let mut errors = Vec::new();
    for index in 0..header.record_count {
        let shape = records.walk_record().map_err(|fault| refuse_record(index, fault))?;
        let timestamp = Timestamp(header.base_timestamp.0.wrapping_add(shape.timestamp_delta));
        if timestamp > max_timestamp {
            (max_timestamp, offset_delta_of_max_timestamp) = (timestamp, index);
        }
        offsets_are_consecutive &= shape.offset_delta == index;
        let is_out_of_range = (timestamp < earliest || timestamp > latest) && timestamp != Timestamp::NONE;
        let lacks_key = rules.is_compacted && !shape.has_key;
        if (is_out_of_range || lacks_key) && errors.len() < RECORD_ERRORS_MAX {
            let cause = match lacks_key {
                true => RecordErrorCause::MissingKey,
                false => RecordErrorCause::Timestamp { timestamp, earliest, latest },
            };
            errors.push(RecordError { index, cause });
        }
    }
    let last = header.record_count - 1;
    if !records.is_at_end().map_err(|fault| refuse_record(last, fault))? {
        return Err(refuse_record(last, RecordFault::TrailingBytes));
    }
    refuse_errors(errors)?;
    Ok(Walked { max_timestamp, offset_delta_of_max_timestamp, offsets_are_consecutive })
}

/// One bad timestamp makes it the batch's error. Source: Kafka `LogValidator.processRecordErrors`.
fn refuse_errors(errors: Vec<RecordError>) -> Result<(), ValidationError> {
    if errors.is_empty() {
        return Ok(());
    }
    let is_timestamp = |error: &RecordError| matches!(error.cause, RecordErrorCause::Timestamp { .. });
    Err(match errors.iter().any(is_timestamp) {
        true => ValidationError::InvalidTimestamp(errors),
        false => ValidationError::InvalidRecords(errors),
    })
}

/// The records of `raw`, which were walked before, with offset deltas 0, 1, 2 ...
pub(super) fn renumber(raw: &[u8], record_count: i32) -> Result<Vec<u8>, RecordFault> {
    let mut renumbered = Vec::with_capacity(raw.len());
    let mut cursor = SliceCursor::new(raw);
    for offset_delta in 0..record_count {
        let mut record = cursor.take_record()?;
        let start = record.consumed();
        record.byte()?;
        record.varlong()?;
        let attributes_and_timestamp = &raw[start..record.consumed()];
        record.varint()?;
        let rest = &raw[record.consumed()..cursor.consumed()];

        let length = attributes_and_timestamp.len() + varint_len(offset_delta) + rest.len();
        write_varint(&mut renumbered, length as i32);
        renumbered.extend_from_slice(attributes_and_timestamp);
        write_varint(&mut renumbered, offset_delta);
        renumbered.extend_from_slice(rest);
    }
    Ok(renumbered)
}
