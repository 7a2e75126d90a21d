//! [`Consumer`]: reads some partitions from where it stands, and now and then goes to stand elsewhere.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use history::Process;
use ottla_base::Entropy;
use ottla_net::timer;
use ottla_protocol::ErrorCode;

use super::messages::FetchTerms;
use super::{Surroundings, View, messages, reading};
use crate::journal::{Event, PartitionId, Polled};
use crate::options::Promise;

/// How long a consumer waits for an answer, beyond what it asks the broker to wait.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many partitions a consumer reads at most.
const PARTITIONS_MAX: u64 = 4;

/// A client that reads.
pub(crate) struct Consumer {
    around: Surroundings,
    process: Process,
    positions: BTreeMap<PartitionId, i64>,
    /// How often the power had gone when it took its place.
    power_cuts: usize,
}

impl Consumer {
    pub(crate) fn new(around: Surroundings) -> Consumer {
        let process = around.journal.new_process();
        Consumer { around, process, positions: BTreeMap::new(), power_cuts: 0 }
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.around.connection.address()
    }

    pub(crate) async fn run(mut self) {
        self.choose_partitions();
        loop {
            let was_healed = self.around.is_healed();
            let was_served = self.poll().await;
            if was_healed && was_served {
                return;
            }
            match self.around.entropy.below(40) {
                0 => self.choose_partitions(),
                1 => self.look_at_an_end().await,
                _ => {}
            }
            timer::sleep(Duration::from_millis(self.around.entropy.below(200))).await;
        }
    }

    /// Takes some partitions, some from the start and some from the highest place that is known.
    fn choose_partitions(&mut self) {
        let mut partitions = self.around.partitions();
        let count = 1 + self.around.entropy.below(PARTITIONS_MAX.min(partitions.len() as u64));
        self.positions.clear();
        for _ in 0..count {
            let partition = partitions.swap_remove(self.around.entropy.below(partitions.len() as u64) as usize);
            let known = self.around.watch.high_watermark(partition).unwrap_or(0);
            let from_start = match self.around.journal.promise(partition) {
                Promise::Durable => self.around.entropy.one_in(2),
                Promise::Cached => true,
                // Retention may have dropped any place but the last.
                Promise::Trimmed => false,
            };
            self.positions.insert(partition, if from_start { 0 } else { known });
        }
        self.assign();
    }

    fn assign(&mut self) {
        self.power_cuts = self.around.journal.power_cut_count();
        let keys = self.positions.keys().map(|partition| self.around.journal.key(*partition)).collect();
        self.around.journal.event(self.process, Event::Assigned { keys });
    }

    /// Asks once; returns whether every partition gave an answer.
    async fn poll(&mut self) -> bool {
        if self.power_cuts != self.around.journal.power_cut_count() {
            self.forget_what_may_be_lost();
        }
        let entropy = &self.around.entropy;
        let terms = FetchTerms {
            wait_ms: [0, 50, 500][entropy.below(3) as usize],
            bytes_min: [1, 10_000][entropy.below(2) as usize],
            bytes_max: [1, 2000, 1 << 16][entropy.below(3) as usize],
            is_read_committed: entropy.one_in(2),
        };
        let asked: Vec<_> = self.positions.iter().map(|(partition, offset)| (*partition, *offset)).collect();
        let keys: Vec<_> = asked.iter().map(|(partition, _)| self.around.journal.key(*partition)).collect();
        let named =
            asked.iter().map(|(partition, offset)| (self.around.topic_of(*partition), partition.partition, *offset));
        let request = messages::fetch(&named.collect::<Vec<_>>(), terms);
        let begun = self.around.journal.elapsed();
        self.around.journal.event(self.process, Event::PollBegun);
        let asked_at = self.around.watch.ask();
        let answer = self.around.connection.call(messages::FETCH, &request, PATIENCE).await;
        let views = answer.as_ref().map(reading::views).unwrap_or_default();
        let mut polled = Vec::new();
        let mut errors = Vec::new();
        for (((partition, position), key), view) in asked.iter().zip(keys).zip(&views) {
            if view.error != ErrorCode::None {
                errors.push((*partition, view.error));
                continue;
            }
            self.around.watch.on_view(*partition, *position, view, &asked_at);
            let records = view.records_from(*position);
            polled.extend(records.map(|(offset, value)| Polled { partition: *partition, key, offset, value }));
            self.positions.insert(*partition, position.max(&view.end_offset().unwrap_or(0)).to_owned());
        }
        let polled = (views.len() == asked.len()).then_some(polled);
        let was_served = polled.is_some() && errors.is_empty();
        self.around.journal.event(self.process, Event::PollEnded { polled, begun });
        for (partition, error) in errors {
            self.on_error(partition, error).await;
        }
        if answer.is_err() {
            self.around.connection.back_off().await;
        }
        was_served
    }

    async fn look_at_an_end(&mut self) {
        let Some(partition) = self.positions.keys().next().copied() else { return };
        let asked_at = self.around.watch.ask();
        if let Some(offset) = self.list_offset(partition, messages::LATEST).await {
            self.around.watch.on_latest(partition, offset, &asked_at);
        }
    }

    /// Where a power cut may have shortened a log, what is known of it is worth nothing.
    fn forget_what_may_be_lost(&mut self) {
        for (partition, position) in &mut self.positions {
            if self.around.journal.promise(*partition) == Promise::Cached {
                *position = 0;
            }
        }
        self.assign();
    }

    async fn on_error(&mut self, partition: PartitionId, error: ErrorCode) {
        let journal = &self.around.journal;
        let may_be_gone = journal.promise(partition) == Promise::Trimmed
            || (journal.promise(partition) == Promise::Cached && self.power_cuts != journal.power_cut_count());
        match error {
            ErrorCode::OffsetOutOfRange if may_be_gone => self.go_to_start(partition).await,
            error if error.is_retriable() && error != ErrorCode::OffsetOutOfRange => {
                journal.trace(format_args!("{} is told {error} of {partition}", self.process));
                self.around.connection.back_off().await;
            }
            error => {
                let position = self.positions.get(&partition);
                journal.violation(format_args!("{} is told {error} of {partition} at {position:?}", self.process));
                self.choose_partitions();
            }
        }
    }

    async fn go_to_start(&mut self, partition: PartitionId) {
        if let Some(offset) = self.list_offset(partition, messages::EARLIEST).await {
            self.positions.insert(partition, offset);
            self.assign();
        }
    }

    async fn list_offset(&mut self, partition: PartitionId, timestamp: i64) -> Option<i64> {
        list_offset(&mut self.around, partition, timestamp).await
    }
}

/// Asks once for an offset by time.
pub(crate) async fn list_offset(around: &mut Surroundings, partition: PartitionId, timestamp: i64) -> Option<i64> {
    let request = messages::list_offsets(around.topic_of(partition), partition.partition, timestamp);
    let response = around.connection.call(messages::LIST_OFFSETS, &request, PATIENCE).await.ok()?;
    let answer = response.topics.first()?.partitions.first()?;
    (answer.error_code == ErrorCode::None.code()).then_some(answer.offset)
}

/// Reads a partition from `from` to `to`; retries until it is done. `None` where retention has moved the log's start past
/// what was to be read next.
pub(crate) async fn read_to_end(
    around: &mut Surroundings,
    partition: PartitionId,
    from: i64,
    to: i64,
) -> Option<Vec<View>> {
    let mut views = Vec::new();
    let mut position = from;
    let terms = FetchTerms { wait_ms: 0, bytes_min: 0, bytes_max: 1 << 16, is_read_committed: false };
    loop {
        let request = messages::fetch(&[(around.topic_of(partition), partition.partition, position)], terms);
        let asked_at = around.watch.ask();
        let answer = around.connection.call(messages::FETCH, &request, PATIENCE).await;
        let view = answer.ok().and_then(|response| reading::views(&response).pop());
        match view {
            Some(view) if view.error == ErrorCode::None => {
                around.watch.on_view(partition, position, &view, &asked_at);
                position = view.end_offset().unwrap_or(position);
                let is_end = position >= to.max(view.high_watermark);
                views.push(view);
                if is_end {
                    return Some(views);
                }
            }
            Some(view) if view.error == ErrorCode::OffsetOutOfRange => return None,
            view => {
                let error = view.map_or("no answer".to_owned(), |view| view.error.to_string());
                around.journal.trace(format_args!("{partition} cannot be read at {position}: {error}"));
                around.connection.back_off().await;
            }
        }
    }
}
