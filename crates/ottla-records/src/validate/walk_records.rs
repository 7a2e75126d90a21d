//! The one pass over the records of a batch, and the renumbering of those that a client numbered wrongly.

use ottla_base::Timestamp;

use super::{RecordError, RecordErrorCause, Rules, ValidationError, refuse_record};
use crate::varint::{varint_len, write_varint};
use crate::walk::{Cursor, RecordSource, SliceCursor, UsualRun};
use crate::{Header, RecordFault};

/// How many records of a batch are named in an error. The batch is rejected whole anyway, and the answer must not be the larger one.
const RECORD_ERRORS_MAX: usize = 1024;

/// What the pass tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Walked {
    /// The largest timestamp, -1 where no record has one.
    pub(super) max_timestamp: Timestamp,
    /// Whose it is first.
    pub(super) offset_delta_of_max_timestamp: i32,
    /// False where the records are not numbered 0, 1, 2 ...
    pub(super) offsets_are_consecutive: bool,
}

/// The pass over the records that a header counts, in as many steps as its owner likes.
pub(super) struct Walk<R> {
    records: R,
    run: UsualRun,
    offsets_are_consecutive: bool,
    errors: Vec<RecordError>,
    /// Why it ended early.
    fault: Option<ValidationError>,
}

impl<R: RecordSource> Walk<R> {
    pub(super) fn new(records: R, header: &Header, rules: &Rules, now: Timestamp) -> Walk<R> {
        let run = UsualRun {
            base_timestamp: header.base_timestamp,
            window: rules.timestamp_window(now),
            needs_key: rules.is_compacted,
            record_count: header.record_count,
            index: 0,
            max_timestamp: Timestamp::NONE,
            index_of_max_timestamp: 0,
        };
        Walk { records, run, offsets_are_consecutive: true, errors: Vec::new(), fault: None }
    }

    /// Walks the records that begin in the first `until` bytes and were not walked yet. What it finds wrong, [`Walk::finish`] tells.
    pub(super) fn advance(&mut self, until: usize) {
        while self.fault.is_none() {
            self.records.walk_usual(&mut self.run, until);
            if self.run.index >= self.run.record_count || self.records.consumed() >= until {
                return;
            }
            self.fault = self.walk_any().err();
        }
    }

    /// Walks one record, whatever it is like.
    #[cold]
    fn walk_any(&mut self) -> Result<(), ValidationError> {
        let UsualRun { index, window: (earliest, latest), .. } = self.run;
        let shape = self.records.walk_record().map_err(|fault| refuse_record(index, fault))?;
        let timestamp = Timestamp(self.run.base_timestamp.0.wrapping_add(shape.timestamp_delta));
        if timestamp > self.run.max_timestamp {
            (self.run.max_timestamp, self.run.index_of_max_timestamp) = (timestamp, index);
        }
        self.offsets_are_consecutive &= shape.offset_delta == index;
        let is_out_of_range = (timestamp < earliest || timestamp > latest) && timestamp != Timestamp::NONE;
        let lacks_key = self.run.needs_key && !shape.has_key;
        if (is_out_of_range || lacks_key) && self.errors.len() < RECORD_ERRORS_MAX {
            let cause = match lacks_key {
                true => RecordErrorCause::MissingKey,
                false => RecordErrorCause::Timestamp { timestamp, earliest, latest },
            };
            self.errors.push(RecordError { index, cause });
        }
        self.run.index += 1;
        Ok(())
    }

    /// Walks what is left, and tells.
    pub(super) fn finish(mut self) -> Result<Walked, ValidationError> {
        self.advance(usize::MAX);
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let last = self.run.record_count - 1;
        if !self.records.is_at_end().map_err(|fault| refuse_record(last, fault))? {
            return Err(refuse_record(last, RecordFault::TrailingBytes));
        }
        refuse_errors(self.errors)?;
        Ok(Walked {
            max_timestamp: self.run.max_timestamp,
            offset_delta_of_max_timestamp: self.run.index_of_max_timestamp,
            offsets_are_consecutive: self.offsets_are_consecutive,
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk::RecordShape;
    use crate::{BatchBuilder, Compression};
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    /// A slice of which no record is usual.
    struct OneByOne<'a>(SliceCursor<'a>);

    impl RecordSource for OneByOne<'_> {
        fn walk_record(&mut self) -> Result<RecordShape, RecordFault> {
            self.0.walk_record()
        }

        fn consumed(&self) -> usize {
            self.0.consumed()
        }

        fn is_at_end(&mut self) -> Result<bool, RecordFault> {
            self.0.is_at_end()
        }
    }

    /// A record: what its timestamp is off, whether it has a key and headers, the length of its value.
    fn record() -> impl Strategy<Value = (i64, bool, bool, usize)> {
        let off = prop_oneof![4 => Just(0_i64), 2 => -20..20_i64, 1 => -9_000_000..9_000_000_i64];
        (off, prop::bool::weighted(0.2), prop::bool::weighted(0.1), prop_oneof![3 => Just(30_usize), 1 => 0..300_usize])
    }

    /// Records of all kinds, or many of one kind.
    fn records() -> impl Strategy<Value = Vec<(i64, bool, bool, usize)>> {
        let alike = (1..200_usize, -20..20_i64, 0..200_usize);
        let alike = alike.prop_map(|(count, off, value_len)| vec![(off, false, false, value_len); count]);
        prop_oneof![prop::collection::vec(record(), 1..150), alike]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn usual_records_in_steps_tell_the_same_as_one_by_one(
            records in records(),
            steps in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
            counted_beside in prop_oneof![8 => Just(0_i32), 1 => -2..3_i32],
            is_compacted in prop::bool::weighted(0.2),
            damage in prop::option::weighted(0.4, (any::<prop::sample::Index>(), any::<u8>())),
        ) {
            let mut builder = BatchBuilder::new(Compression::None);
            for (off, has_key, has_headers, value_len) in &records {
                let (key, value) = (has_key.then_some(&b"key"[..]), vec![1; *value_len]);
                let headers: &[(&str, Option<&[u8]>)] = if *has_headers { &[("h", None)] } else { &[] };
                builder.append_with_headers(Timestamp(NOW.0 + off), key, Some(&value), headers);
            }
            let batch = builder.build();
            let mut payload = batch.payload().to_vec();
            if let Some((at, byte)) = damage {
                let at = at.index(payload.len());
                payload[at] = byte;
            }
            let header = Header { record_count: batch.header().record_count + counted_beside, ..*batch.header() };
            let rules = Rules { is_compacted, ..Rules::default() };

            let expected = Walk::new(OneByOne(SliceCursor::new(&payload)), &header, &rules, NOW).finish();
            let mut walk = Walk::new(SliceCursor::new(&payload), &header, &rules, NOW);
            steps.iter().for_each(|step| walk.advance(step.index(payload.len())));
            prop_assert_eq!(walk.finish(), expected);
        }
    }
}
