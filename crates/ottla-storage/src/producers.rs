//! [`Producers`]: what a log knows of those who append to it, and the `.snapshot` files.
//!
//! It decides whether an idempotent producer's batch is new, a repetition or out of order (KIP-98), and where the first transaction
//! begins that is not yet decided. All of it follows from the batches' headers and the control records, in order: whoever replays the
//! log ends up with the same state, and a snapshot only saves replaying from the beginning.
//!
//! Source: Kafka `ProducerStateManager`, `ProducerAppendInfo`, `ProducerStateEntry`.

mod snapshot;

pub use snapshot::SnapshotEntry;

use std::collections::BTreeMap;

use ottla_base::{Offset, ProducerEpoch, ProducerId, Timestamp};
use ottla_records::{EndTxnMarker, Header, NO_SEQUENCE, TransactionResult, increment_sequence};

use crate::error::{Error, Result};
use crate::index::txn::AbortedTxn;

/// How many of a producer's last batches are remembered: `max.in.flight.requests.per.connection` of an idempotent producer.
const WINDOW: usize = 5;

/// The producers of one log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Producers {
    producers: BTreeMap<ProducerId, Producer>,
    /// Transactions that are open, by the offset of their first record.
    open: BTreeMap<Offset, ProducerId>,
    /// Transactions that are decided, by the offset of their first record, with the offset of the marker that decided them; they stay
    /// unstable until the high watermark has passed that.
    decided: BTreeMap<Offset, Offset>,
}

/// One producer.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Producer {
    epoch: ProducerEpoch,
    /// The last batches of this epoch, oldest first, at most [`WINDOW`].
    batches: Vec<AppendedBatch>,
    last_timestamp: Timestamp,
    coordinator_epoch: i32,
    transaction: Option<Offset>,
}

/// A batch that a producer appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AppendedBatch {
    last_sequence: i32,
    pub(crate) last_offset: Offset,
    offset_delta: i32,
    timestamp: Timestamp,
}

impl AppendedBatch {
    /// The offset of its first record.
    pub(crate) fn base_offset(&self) -> Offset {
        self.last_offset + -i64::from(self.offset_delta)
    }

    fn first_sequence(&self) -> i32 {
        increment_sequence(self.last_sequence, -self.offset_delta)
    }

    fn repeats(&self, header: &Header) -> bool {
        self.first_sequence() == header.base_sequence && self.last_sequence == header.last_sequence()
    }
}

impl Producer {
    fn new(epoch: ProducerEpoch) -> Producer {
        Producer {
            epoch,
            batches: Vec::new(),
            last_timestamp: Timestamp::NONE,
            coordinator_epoch: -1,
            transaction: None,
        }
    }

    fn last_sequence(&self) -> i32 {
        self.batches.last().map_or(NO_SEQUENCE, |batch| batch.last_sequence)
    }

    fn set_epoch(&mut self, epoch: ProducerEpoch) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.batches.clear();
        }
    }

    fn push(&mut self, batch: AppendedBatch) {
        if self.batches.len() == WINDOW {
            self.batches.remove(0);
        }
        self.batches.push(batch);
    }
}

impl Producers {
    /// Whether a producer's data batch may be appended: `None` where it may, the batch that it repeats where it does. A batch without a
    /// producer id always may; so may any sequence of a producer that is not known (any more).
    ///
    /// Errors: `InvalidProducerEpoch`, `OutOfOrderSequence`, `InvalidTxnState`.
    pub(crate) fn check(&self, header: &Header) -> Result<Option<AppendedBatch>> {
        let Some(producer) = self.producers.get(&header.producer_id) else {
            return Ok(None);
        };
        check_epoch(producer, header)?;
        let expected = if header.producer_epoch == producer.epoch {
            if let Some(original) = producer.batches.iter().find(|batch| batch.repeats(header)) {
                return Ok(Some(*original));
            }
            increment_sequence(producer.last_sequence(), 1)
        } else {
            0
        };
        if header.base_sequence != expected {
            return Err(Error::OutOfOrderSequence {
                producer_id: header.producer_id,
                producer_epoch: header.producer_epoch,
                found: header.base_sequence,
                expected,
            });
        }
        if producer.transaction.is_some() && !header.attributes.is_transactional() {
            return Err(Error::InvalidTxnState { producer_id: header.producer_id });
        }
        Ok(None)
    }

    /// Whether a marker may be appended that ends the transaction of the producer in `header`.
    ///
    /// Errors: `InvalidProducerEpoch`, `CoordinatorFenced`.
    pub(crate) fn check_marker(&self, header: &Header, marker: &EndTxnMarker) -> Result<()> {
        let Some(producer) = self.producers.get(&header.producer_id) else {
            return Ok(());
        };
        check_epoch(producer, header)?;
        if marker.coordinator_epoch < producer.coordinator_epoch {
            return Err(Error::CoordinatorFenced {
                producer_id: header.producer_id,
                found: marker.coordinator_epoch,
                current: producer.coordinator_epoch,
            });
        }
        Ok(())
    }

    fn on_batch(&mut self, header: &Header) {
        if header.producer_id == ProducerId::NONE {
            return;
        }
        let producer = self.producers.entry(header.producer_id).or_insert_with(|| Producer::new(header.producer_epoch));
        producer.set_epoch(header.producer_epoch);
        producer.last_timestamp = header.max_timestamp;
        producer.push(AppendedBatch {
            last_sequence: header.last_sequence(),
            last_offset: header.last_offset(),
            offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        });
        if header.attributes.is_transactional() && producer.transaction.is_none() {
            producer.transaction = Some(header.base_offset);
            self.open.insert(header.base_offset, header.producer_id);
        }
    }

    /// Learns that a batch was appended, or the control batch with `marker`.
    pub(crate) fn on_appended(&mut self, header: &Header, marker: Option<EndTxnMarker>) {
        match marker {
            Some(marker) => self.on_marker(header, &marker),
            None if header.attributes.is_control() => {}
            None => self.on_batch(header),
        }
    }

    /// The transaction that a marker at the offset in `header` aborts, if it does.
    pub(crate) fn would_abort(&self, header: &Header, marker: &EndTxnMarker) -> Option<AbortedTxn> {
        if marker.result == TransactionResult::Commit {
            return None;
        }
        let producer_id = header.producer_id;
        let first_offset = self.producers.get(&producer_id)?.transaction?;
        let last_offset = header.last_offset();
        let mut still_open = self.open.keys().filter(|open| **open != first_offset);
        let last_stable_offset = still_open.next().copied().unwrap_or(last_offset + 1);
        Some(AbortedTxn { producer_id, first_offset, last_offset, last_stable_offset })
    }

    fn on_marker(&mut self, header: &Header, marker: &EndTxnMarker) {
        let producer = self.producers.entry(header.producer_id).or_insert_with(|| Producer::new(header.producer_epoch));
        producer.set_epoch(header.producer_epoch);
        producer.last_timestamp = header.max_timestamp;
        producer.coordinator_epoch = marker.coordinator_epoch;
        if let Some(first_offset) = producer.transaction.take() {
            self.open.remove(&first_offset);
            self.decided.insert(first_offset, header.last_offset());
        }
    }

    /// The end of what `read_committed` may read: the first record of a transaction that is open, or was decided by a marker that the
    /// high watermark has not passed; without one the high watermark itself.
    pub(crate) fn last_stable_offset(&mut self, high_watermark: Offset) -> Offset {
        self.decided.retain(|_, marker| *marker >= high_watermark);
        let open = self.open.keys().next().copied().unwrap_or(high_watermark);
        let decided = self.decided.keys().next().copied().unwrap_or(high_watermark);
        high_watermark.min(open).min(decided)
    }

    /// Forgets producers that have no transaction open and appended nothing for `expiration_ms`.
    pub(crate) fn expire(&mut self, now: Timestamp, expiration_ms: u64) {
        let is_old = |timestamp: Timestamp| {
            u64::try_from(now.0.saturating_sub(timestamp.0)).is_ok_and(|age_ms| age_ms >= expiration_ms)
        };
        self.producers.retain(|_, producer| producer.transaction.is_some() || !is_old(producer.last_timestamp));
    }

    /// How many producers are known.
    pub(crate) fn len(&self) -> usize {
        self.producers.len()
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Producers::default();
    }
}

fn check_epoch(producer: &Producer, header: &Header) -> Result<()> {
    if header.producer_epoch >= producer.epoch {
        return Ok(());
    }
    Err(Error::InvalidProducerEpoch {
        producer_id: header.producer_id,
        found: header.producer_epoch,
        current: producer.epoch,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_base::LeaderEpoch;
    use ottla_records::Attributes;

    /// Appends batches as a log does: checks, assigns offsets, tells.
    #[derive(Default)]
    struct Log {
        producers: Producers,
        end: Offset,
    }

    fn header(producer_id: i64, epoch: i16, base_sequence: i32, records: i32) -> Header {
        Header {
            base_offset: Offset(0),
            batch_length: 100,
            leader_epoch: LeaderEpoch(0),
            crc: 0,
            attributes: Attributes::default(),
            last_offset_delta: records - 1,
            base_timestamp: Timestamp(1000),
            max_timestamp: Timestamp(1000),
            producer_id: ProducerId(producer_id),
            producer_epoch: ProducerEpoch(epoch),
            base_sequence,
            record_count: records,
        }
    }

    fn transactional(producer_id: i64, base_sequence: i32, records: i32) -> Header {
        Header {
            attributes: Attributes::default().with_transactional(true),
            ..header(producer_id, 0, base_sequence, records)
        }
    }

    impl Log {
        /// The base offset of the batch or of the one that it repeats.
        fn append(&mut self, header: Header) -> Result<i64> {
            if let Some(original) = self.producers.check(&header)? {
                return Ok(original.base_offset().0);
            }
            let header = Header { base_offset: self.end, ..header };
            self.producers.on_batch(&header);
            self.end = header.next_offset();
            Ok(header.base_offset.0)
        }

        fn end_transaction(&mut self, producer_id: i64, result: TransactionResult) -> Result<Option<AbortedTxn>> {
            let marker = EndTxnMarker { result, coordinator_epoch: 0 };
            let header = Header { base_offset: self.end, ..transactional(producer_id, NO_SEQUENCE, 1) };
            self.producers.check_marker(&header, &marker)?;
            self.end = header.next_offset();
            let aborted = self.producers.would_abort(&header, &marker);
            self.producers.on_marker(&header, &marker);
            Ok(aborted)
        }
    }

    fn is_out_of_order(result: Result<i64>, expected: i32) -> bool {
        matches!(result, Err(Error::OutOfOrderSequence { expected: e, .. }) if e == expected)
    }

    #[test]
    fn each_of_the_last_five_batches_may_be_repeated_and_the_sixth_not() {
        let mut log = Log::default();
        for n in 0..6 {
            assert_eq!(log.append(header(1, 0, n * 3, 3)).unwrap(), i64::from(n) * 3);
        }
        for n in 1..6 {
            assert_eq!(log.append(header(1, 0, n * 3, 3)).unwrap(), i64::from(n) * 3);
        }
        assert!(is_out_of_order(log.append(header(1, 0, 0, 3)), 18));
        assert_eq!(log.end, Offset(18));
    }

    #[test]
    fn a_gap_and_a_batch_that_repeats_only_in_part_are_refused() {
        let mut log = Log::default();
        log.append(header(1, 0, 0, 4)).unwrap();
        assert!(is_out_of_order(log.append(header(1, 0, 5, 1)), 4));
        assert!(is_out_of_order(log.append(header(1, 0, 0, 3)), 4));
    }

    #[test]
    fn an_unknown_producer_may_begin_anywhere() {
        let mut log = Log::default();
        assert_eq!(log.append(header(1, 3, 77, 2)).unwrap(), 0);
        assert_eq!(log.append(header(1, 3, 79, 2)).unwrap(), 2);
    }

    #[test]
    fn a_new_epoch_begins_at_zero_and_fences_the_old_one() {
        let mut log = Log::default();
        log.append(header(1, 0, 0, 4)).unwrap();
        assert!(is_out_of_order(log.append(header(1, 1, 4, 1)), 0));
        log.append(header(1, 1, 0, 1)).unwrap();
        assert!(matches!(log.append(header(1, 0, 4, 1)), Err(Error::InvalidProducerEpoch { .. })));
    }

    #[test]
    fn sequences_wrap_within_and_between_batches() {
        let mut log = Log::default();
        log.append(header(1, 0, i32::MAX - 1, 2)).unwrap();
        assert_eq!(log.append(header(1, 0, 0, 1)).unwrap(), 2);
        log.append(header(2, 0, i32::MAX, 2)).unwrap();
        assert_eq!(log.append(header(2, 0, i32::MAX, 2)).unwrap(), 3);
        assert_eq!(log.append(header(2, 0, 1, 1)).unwrap(), 5);
    }

    #[test]
    fn the_first_open_transaction_holds_the_last_stable_offset() {
        let mut log = Log::default();
        log.append(header(9, 0, 0, 1)).unwrap();
        log.append(transactional(1, 0, 2)).unwrap();
        log.append(transactional(2, 0, 2)).unwrap();
        assert_eq!(log.producers.last_stable_offset(Offset(5)), Offset(1));

        let aborted = log.end_transaction(1, TransactionResult::Abort).unwrap().unwrap();
        assert_eq!((aborted.first_offset, aborted.last_offset), (Offset(1), Offset(5)));
        assert_eq!(aborted.last_stable_offset, Offset(3));
        assert_eq!(
            log.producers.last_stable_offset(Offset(5)),
            Offset(1),
            "the marker is not below the high watermark"
        );
        assert_eq!(log.producers.last_stable_offset(Offset(6)), Offset(3));

        assert_eq!(log.end_transaction(2, TransactionResult::Commit).unwrap(), None);
        assert_eq!(log.producers.last_stable_offset(Offset(7)), Offset(7));
    }

    #[test]
    fn a_plain_batch_within_a_transaction_is_refused() {
        let mut log = Log::default();
        log.append(transactional(1, 0, 2)).unwrap();
        assert!(matches!(log.append(header(1, 0, 2, 1)), Err(Error::InvalidTxnState { .. })));
    }

    #[test]
    fn a_marker_of_an_older_coordinator_is_refused() {
        let mut log = Log::default();
        let header = transactional(1, NO_SEQUENCE, 1);
        let marker = |coordinator_epoch| EndTxnMarker { result: TransactionResult::Commit, coordinator_epoch };
        log.producers.on_marker(&header, &marker(4));
        assert!(log.producers.check_marker(&header, &marker(4)).is_ok());
        assert!(matches!(log.producers.check_marker(&header, &marker(3)), Err(Error::CoordinatorFenced { .. })));
    }

    #[test]
    fn a_marker_that_ends_nothing_aborts_nothing() {
        let mut log = Log::default();
        assert_eq!(log.end_transaction(1, TransactionResult::Abort).unwrap(), None);
        assert_eq!(log.producers.last_stable_offset(Offset(1)), Offset(1));
    }

    #[test]
    fn idle_producers_expire_and_those_with_an_open_transaction_do_not() {
        let mut log = Log::default();
        log.append(header(1, 0, 0, 1)).unwrap();
        log.append(transactional(2, 0, 1)).unwrap();
        log.producers.expire(Timestamp(1000 + 99), 100);
        assert_eq!(log.producers.len(), 2);
        log.producers.expire(Timestamp(1000 + 100), 100);
        assert_eq!(log.producers.len(), 1);
        assert_eq!(log.append(header(1, 0, 50, 1)).unwrap(), 2, "what is forgotten may begin anywhere");
    }
}
