//! [`Isolation`]: which records of transactions are shown; and [`Aborted`], which passes over those that are not.

use std::collections::{BTreeSet, VecDeque};

use clap::ValueEnum;
use ottla_protocol::messages::fetch_response::AbortedTransaction;
use ottla_records::{Batch, ControlRecordType};

use super::fetcher::DECODED_BYTES_MAX;
use crate::cli::offsets::Position;

/// Kafka's `isolation.level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(super) enum Isolation {
    /// All records, be their transaction open or aborted
    ReadUncommitted,
    /// Records of committed transactions, and of none; what follows an open transaction waits for its end
    ReadCommitted,
}

impl Isolation {
    /// What stands for it on the wire.
    pub(super) fn level(self) -> i8 {
        match self {
            Isolation::ReadUncommitted => 0,
            Isolation::ReadCommitted => 1,
        }
    }

    /// The end of what can be read now.
    pub(super) fn end(self) -> Position {
        match self {
            Isolation::ReadUncommitted => Position::End,
            Isolation::ReadCommitted => Position::StableEnd,
        }
    }
}

/// The aborted transactions in what a leader has sent of one partition. Source: Kafka `CompletedFetch`.
#[derive(Debug)]
pub(super) struct Aborted {
    /// First offset and producer of those that have not begun yet, by first offset.
    to_come: VecDeque<(i64, i64)>,
    /// Producers whose transaction was aborted later on.
    open: BTreeSet<i64>,
}

impl Aborted {
    /// Those that a response names, in any order; none where it names none.
    pub(super) fn new(named: &[AbortedTransaction]) -> Aborted {
        let mut to_come: Vec<(i64, i64)> =
            named.iter().map(|aborted| (aborted.first_offset, aborted.producer_id.0)).collect();
        to_come.sort_unstable();
        Aborted { to_come: to_come.into(), open: BTreeSet::new() }
    }

    /// Whether the records of `batch` are of an aborted transaction. Batches come in their order.
    pub(super) fn hides(&mut self, batch: &Batch) -> bool {
        let header = batch.header();
        while let Some((first_offset, producer_id)) = self.to_come.front().copied()
            && first_offset <= header.last_offset().0
        {
            self.to_come.pop_front();
            self.open.insert(producer_id);
        }
        if is_abort(batch) {
            self.open.remove(&header.producer_id.0);
        }
        header.attributes.is_transactional() && self.open.contains(&header.producer_id.0)
    }
}

fn is_abort(batch: &Batch) -> bool {
    let is_control = batch.header().attributes.is_control();
    let first = is_control.then(|| batch.records(DECODED_BYTES_MAX).next()?.ok()?.key).flatten();
    first.is_some_and(|key| ControlRecordType::parse(&key) == Ok(ControlRecordType::Abort))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_base::{LeaderEpoch, Offset, ProducerEpoch, ProducerId, Timestamp};
    use ottla_records::{BatchBuilder, Compression, EndTxnMarker, TransactionResult};

    const EPOCH: ProducerEpoch = ProducerEpoch(0);

    /// One record of a producer's transaction, or of none.
    fn record(offset: i64, producer_id: Option<i64>) -> Batch {
        let mut batch = BatchBuilder::new(Compression::None).position(Offset(offset), LeaderEpoch(0));
        if let Some(producer_id) = producer_id {
            batch = batch.producer(ProducerId(producer_id), EPOCH, 0).transactional();
        }
        batch.append(Timestamp(0), None, Some(b"x"));
        batch.build()
    }

    fn marker(offset: i64, producer_id: i64, result: TransactionResult) -> Batch {
        let marker = EndTxnMarker { result, coordinator_epoch: 0 };
        marker.to_batch(ProducerId(producer_id), EPOCH, Timestamp(0)).with_position(Offset(offset), LeaderEpoch(0))
    }

    fn named(aborted: &[(i64, i64)]) -> Vec<AbortedTransaction> {
        let transaction = |(first_offset, producer_id): &(i64, i64)| {
            AbortedTransaction::default().with_first_offset(*first_offset).with_producer_id((*producer_id).into())
        };
        aborted.iter().map(transaction).collect()
    }

    /// The offsets of the records that are hidden.
    fn hidden(aborted: &[(i64, i64)], batches: &[Batch]) -> Vec<i64> {
        let mut aborted = Aborted::new(&named(aborted));
        let hidden = batches.iter().filter(|batch| aborted.hides(batch) && !batch.header().attributes.is_control());
        hidden.map(|batch| batch.header().base_offset.0).collect()
    }

    #[test]
    fn records_of_an_aborted_transaction_are_hidden_and_no_others() {
        let batches = [
            record(0, Some(1)),
            record(1, Some(2)),
            record(2, None),
            record(3, Some(1)),
            marker(4, 2, TransactionResult::Commit),
            marker(5, 1, TransactionResult::Abort),
        ];
        assert_eq!(hidden(&[(0, 1)], &batches), [0, 3]);
        assert_eq!(hidden(&[], &batches), [0; 0]);
    }

    #[test]
    fn a_producer_that_aborts_may_commit_its_next_transaction_and_abort_the_one_after() {
        let abort = |offset| marker(offset, 1, TransactionResult::Abort);
        let batches = [
            record(0, Some(1)),
            abort(1),
            record(2, Some(1)),
            marker(3, 1, TransactionResult::Commit),
            record(4, Some(1)),
            abort(5),
        ];
        assert_eq!(hidden(&[(4, 1), (0, 1)], &batches), [0, 4]);
    }
}
