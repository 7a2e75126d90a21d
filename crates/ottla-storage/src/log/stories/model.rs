//! The log against a model of it: a list of records and a handful of numbers. Whatever is done to both, they agree.

use std::collections::BTreeMap;

use ottla_base::{LeaderEpoch, Offset, Timestamp};
use proptest::prelude::*;

use super::fixture::*;
use crate::{Error, Log, LogConfig, Opening};

#[derive(Clone, Debug)]
enum Step {
    /// A plain batch of so many records.
    Append {
        records: usize,
    },
    /// The next batch of a producer, or a repetition of the one that is `back` batches old.
    Produce {
        producer: u8,
        records: usize,
        back: usize,
    },
    NewEpoch,
    Roll,
    Flush,
    /// The durable offset is noted as the recovery point.
    Checkpoint,
    Truncate {
        keep_of_16: u8,
    },
    AdvanceLogStart {
        of_16: u8,
    },
    Retain {
        bytes: u64,
    },
    Reopen,
    /// The process is killed and starts again.
    Kill,
    /// The power goes: what is not durable may be lost.
    PowerCut {
        seed: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..4_usize).prop_map(|records| Step::Append { records }),
        6 => (0..3_u8, 1..4_usize, 0..3_usize).prop_map(|(producer, records, back)| Step::Produce { producer, records, back }),
        1 => Just(Step::NewEpoch),
        1 => Just(Step::Roll),
        3 => Just(Step::Flush),
        2 => Just(Step::Checkpoint),
        1 => (0..=16_u8).prop_map(|keep_of_16| Step::Truncate { keep_of_16 }),
        1 => (0..=16_u8).prop_map(|of_16| Step::AdvanceLogStart { of_16 }),
        1 => (0..2000_u64).prop_map(|bytes| Step::Retain { bytes }),
        1 => Just(Step::Reopen),
        1 => Just(Step::Kill),
        1 => any::<u64>().prop_map(|seed| Step::PowerCut { seed }),
    ]
}

/// A batch that is in the log.
#[derive(Clone, Debug, PartialEq)]
struct ModelBatch {
    base_offset: i64,
    values: Vec<String>,
    epoch: i32,
    /// Producer and first sequence.
    producer: Option<(u8, i32)>,
}

impl ModelBatch {
    fn end_offset(&self) -> i64 {
        self.base_offset + self.values.len() as i64
    }
}

/// What a log is supposed to be.
#[derive(Clone, Debug, Default)]
struct Model {
    batches: Vec<ModelBatch>,
    log_start: i64,
    end: i64,
    durable: i64,
    /// The recovery point in the checkpoint, which may be older than a truncation.
    checkpointed: i64,
    epoch: i32,
}

impl Model {
    fn records(&self) -> Vec<(i64, String)> {
        let all = self.batches.iter().flat_map(|batch| (batch.base_offset..).zip(batch.values.iter().cloned()));
        all.filter(|(offset, _)| *offset >= self.log_start).collect()
    }

    fn cut(&mut self, offset: i64) {
        let first_cut = self.batches.iter().position(|batch| batch.end_offset() > offset);
        self.end = first_cut.map_or(self.end.min(offset), |at| self.batches[at].base_offset.min(offset));
        self.batches.truncate(first_cut.unwrap_or(self.batches.len()));
        self.log_start = self.log_start.min(self.end);
    }

    /// The batches that `producer` has in the log, oldest first.
    fn of(&self, producer: u8) -> Vec<&ModelBatch> {
        self.batches.iter().filter(|batch| batch.producer.is_some_and(|(p, _)| p == producer)).collect()
    }

    fn epoch_ends(&self) -> BTreeMap<i32, i64> {
        self.batches.iter().map(|batch| (batch.epoch, batch.end_offset())).collect()
    }
}

struct Pair {
    fixture: Fixture,
    log: Log,
    model: Model,
}

impl Pair {
    fn new() -> Pair {
        // Large enough for several batches, small enough to roll often.
        let config = LogConfig { retention_ms: None, ..small_segments(700) };
        let fixture = Fixture::with(config);
        let log = fixture.create();
        Pair { fixture, log, model: Model::default() }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Append { records } => self.append(*records, None),
            Step::Produce { producer, records, back } => self.produce(*producer, *records, *back),
            Step::NewEpoch => {
                self.model.epoch += 1;
                self.log.assign_epoch(LeaderEpoch(self.model.epoch));
            }
            Step::Roll => self.log.roll(NOW).unwrap(),
            Step::Flush => {
                self.fixture.flush(&mut self.log);
                self.model.durable = self.model.end;
            }
            Step::Checkpoint => {
                let recovery_point = self.log.recovery_point();
                self.model.checkpointed = recovery_point.offset.0;
                self.log.on_checkpointed(recovery_point).unwrap();
            }
            Step::Truncate { keep_of_16 } => self.truncate(*keep_of_16),
            Step::AdvanceLogStart { of_16 } => {
                // The high watermark is what is durable.
                let up_to = self.model.durable.max(self.model.log_start);
                let offset = self.model.log_start + (up_to - self.model.log_start) * i64::from(*of_16) / 16;
                self.log.advance_log_start_offset(Offset(offset), Offset(up_to)).unwrap();
                self.model.log_start = offset;
            }
            Step::Retain { bytes } => self.retain(*bytes),
            Step::Reopen => {
                self.log.close().unwrap();
                self.model.durable = self.model.end;
                let opening = Opening { was_clean: true, ..self.opening() };
                self.start(self.fixture.after_kill(), opening);
            }
            Step::Kill => self.start(self.fixture.after_kill(), self.opening()),
            Step::PowerCut { seed } => self.power_cut(*seed),
        }
    }

    fn opening(&self) -> Opening {
        let log_start_offset = Offset(self.model.log_start);
        Opening { log_start_offset, ..self.fixture.opening(self.model.checkpointed) }
    }

    fn start(&mut self, fixture: Fixture, opening: Opening) {
        let (log, recovered) = fixture.open_with(opening);
        assert_eq!(recovered.rot, None);
        (self.fixture, self.log) = (fixture, log);
    }

    fn append(&mut self, records: usize, producer: Option<(u8, i32)>) {
        let base_offset = self.model.end;
        let values: Vec<String> = (0..records).map(|n| format!("value {}", base_offset + n as i64)).collect();
        let borrowed: Vec<&str> = values.iter().map(String::as_str).collect();
        let batch = match producer {
            None => batch(&borrowed),
            Some((producer, sequence)) => sequenced(i64::from(producer), 0, sequence, &borrowed),
        };
        let appended = self.log.append(&batch, LeaderEpoch(self.model.epoch), NOW).unwrap();
        assert_eq!((appended.base_offset.0, appended.duplicate), (base_offset, false));
        self.model.batches.push(ModelBatch { base_offset, values, epoch: self.model.epoch, producer });
        self.model.end = appended.end_offset().0;
    }

    fn produce(&mut self, producer: u8, records: usize, back: usize) {
        let sent = self.model.of(producer);
        let Some(original) = back.checked_sub(1).and_then(|back| sent.iter().rev().nth(back)) else {
            let next = sent.last().and_then(|last| Some(last.producer?.1 + last.values.len() as i32));
            return self.append(records, Some((producer, next.unwrap_or(0))));
        };
        let (base_offset, sequence) = (original.base_offset, original.producer.unwrap().1);
        let values: Vec<&str> = original.values.iter().map(String::as_str).collect();
        let again = sequenced(i64::from(producer), 0, sequence, &values);
        let repeated = self.log.append(&again, LeaderEpoch(self.model.epoch), NOW).unwrap();
        assert_eq!((repeated.base_offset.0, repeated.duplicate), (base_offset, true));
    }

    fn truncate(&mut self, keep_of_16: u8) {
        let from = self.model.log_start;
        let offset = from + (self.model.end - from) * i64::from(keep_of_16) / 16;
        self.log.truncate_to(Offset(offset), NOW).unwrap();
        self.model.cut(offset);
        self.model.durable = self.model.durable.min(self.model.end);
        // The epoch of the leader does not go back with its log.
        self.log.assign_epoch(LeaderEpoch(self.model.epoch));
    }

    fn retain(&mut self, bytes: u64) {
        let config = LogConfig { retention_bytes: Some(bytes), ..self.log.config().clone() };
        self.log.set_config(config);
        let deletion = self.log.delete_old_segments(Offset(self.model.durable), NOW).unwrap();
        deletion.rename().unwrap();
        deletion.remove().unwrap();
        let log_start = self.log.log_start_offset().0;
        assert!(self.model.log_start <= log_start && log_start <= self.model.durable.max(self.model.log_start));
        self.model.log_start = log_start;
    }

    /// A prefix survives that has all that was durable; the model goes on with what did.
    fn power_cut(&mut self, seed: u64) {
        let opening = self.opening();
        self.start(self.fixture.after_power_cut(seed), opening);
        let end = self.log.log_end_offset().0;
        assert!(
            self.model.durable <= end && end <= self.model.end,
            "{} .. {end} .. {}",
            self.model.durable,
            self.model.end
        );
        self.model.cut(end);
        assert_eq!(self.model.end, end, "what survives ends with a batch");
    }

    fn check(&mut self) {
        let Model { log_start, end, .. } = self.model;
        assert_eq!((self.log.log_start_offset().0, self.log.log_end_offset().0), (log_start, end));
        // What the log says is durable must survive from here on.
        self.model.durable = self.model.durable.max(self.log.durable_offset().0);
        assert_eq!(read_all(&self.log.reader()), self.model.records());
        for (epoch, end_offset) in self.model.epoch_ends() {
            if end_offset > log_start {
                let found = self.log.end_offset_for_epoch(LeaderEpoch(epoch));
                assert_eq!(found, Some((LeaderEpoch(epoch), Offset(end_offset))));
            }
        }
        for producer in 0..3 {
            let sent: Vec<_> = self.model.of(producer).into_iter().cloned().collect();
            for original in sent.iter().rev().take(5).rev() {
                let values: Vec<&str> = original.values.iter().map(String::as_str).collect();
                let again = sequenced(i64::from(producer), 0, original.producer.unwrap().1, &values);
                let repeated = self.log.append(&again, LeaderEpoch(self.model.epoch), NOW).unwrap();
                assert_eq!((repeated.base_offset.0, repeated.duplicate), (original.base_offset, true));
            }
            if let Some(last) = sent.last() {
                let beyond = last.producer.unwrap().1 + last.values.len() as i32 + 1;
                let gap = self.log.append(&sequenced(i64::from(producer), 0, beyond, &["x"]), LeaderEpoch(0), NOW);
                assert!(matches!(gap, Err(Error::OutOfOrderSequence { .. })));
            }
        }
        let far = Timestamp(NOW.0 + 1);
        assert_eq!(self.log.reader().offset_for_timestamp(far, Offset::MAX).unwrap(), None);
    }
}

proptest! {
    #[test]
    fn a_log_is_what_its_model_says(steps in prop::collection::vec(step(), 1..60)) {
        let mut pair = Pair::new();
        for step in &steps {
            pair.take(step);
            pair.check();
        }
    }
}
