//! [`Fetcher`]: reads on in any number of partitions of one topic.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, RangeInclusive};
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::future::join_all;
use ottla_net::{Retry, Topics, timer};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use ottla_protocol::messages::fetch_response::PartitionData;
use ottla_protocol::messages::{BrokerId, FetchRequest};
use ottla_records::{Batch, Malformed, Record, batches};

use super::isolation::{Aborted, Isolation};
use crate::cli::connect::{Session, is_network_failure};
use crate::cli::offsets::{self, Position};
use crate::cli::output::note;
use crate::cli::refusal::Refusal;
use crate::cli::topic::topic_name;

/// From the first version with record batches to the last that names topics.
const VERSIONS: RangeInclusive<i16> = 4..=12;

/// How long a broker may wait for a record. What leads to nothing sooner costs a request in this time.
const WAIT_MAX: Duration = Duration::from_millis(500);

/// How much a response may hold, and how much of one partition, in bytes. Kafka's consumers take as much.
const FETCH_BYTES_MAX: i32 = 50 << 20;
const PARTITION_BYTES_MAX: i32 = 1 << 20;

/// What one batch may decompress to, in bytes.
pub(super) const DECODED_BYTES_MAX: usize = 1 << 30;

/// A reader of one topic.
pub(super) struct Fetcher<'a> {
    session: &'a Session,
    topic: &'a str,
    isolation: Isolation,
    partitions: BTreeMap<i32, Reading>,
    retry: Retry,
}

/// How far a partition is read.
struct Reading {
    /// The next offset to read.
    position: i64,
    /// Where reading ends, exclusive.
    end: i64,
}

/// What came from one partition: batches that hold the position or lie behind it, and which of them do not count.
type Answer = (i32, anyhow::Result<(Vec<Batch>, Aborted)>);

impl<'a> Fetcher<'a> {
    /// Reads from `positions` on, and up to `ends`, exclusive, where there are any: then a partition that has none is not read at all.
    pub(super) fn new(
        session: &'a Session,
        topic: &'a str,
        positions: BTreeMap<i32, i64>,
        ends: Option<&BTreeMap<i32, i64>>,
        isolation: Isolation,
    ) -> Fetcher<'a> {
        let end = |partition| ends.map_or(i64::MAX, |ends| ends.get(&partition).copied().unwrap_or_default());
        let reading = |(partition, position)| (partition, Reading { position, end: end(partition) });
        let partitions = positions.into_iter().map(reading).collect();
        Fetcher { session, topic, isolation, partitions, retry: Retry::within(session.timeout) }
    }

    /// The next offset to read, in each partition: all before it was given out, or is nothing that is.
    pub(super) fn positions(&self) -> BTreeMap<i32, i64> {
        self.partitions.iter().map(|(partition, reading)| (*partition, reading.position)).collect()
    }

    /// Whether every partition was read to its end.
    pub(super) fn is_finished(&self) -> bool {
        self.partitions.values().all(Reading::is_finished)
    }

    /// Asks each leader once and gives `on_record` what came, each partition's records in order, until it breaks. It may be nothing.
    /// Where there is nothing to read it waits as long as a leader would.
    ///
    /// It may be dropped: positions are true at any time.
    ///
    /// A leader that cannot be reached, or is none any more, is looked for until the session's time is over without a single answer.
    /// Errors: that, a refusal that will not change, a damaged batch, and whatever `on_record` says.
    pub(super) async fn fetch(
        &mut self,
        mut on_record: impl FnMut(i32, &Record) -> anyhow::Result<ControlFlow<()>>,
    ) -> anyhow::Result<()> {
        if self.is_finished() {
            timer::sleep(WAIT_MAX).await;
        }
        let mut stuck = None;
        for (partition, answer) in self.ask_leaders().await {
            match answer {
                Ok((batches, aborted)) => {
                    self.retry = Retry::within(self.session.timeout);
                    if self.read(partition, batches, aborted, &mut on_record)?.is_break() {
                        return Ok(());
                    }
                }
                Err(error) if is_out_of_range(&error) => self.jump(partition).await?,
                Err(error) if is_transient(&error) => stuck = Some(error),
                Err(error) => return Err(error.context(format!("partition {partition} of {}", self.topic))),
            }
        }
        if let Some(error) = stuck {
            if !self.retry.pause().await {
                return Err(error);
            }
            // Where it fails, the next attempt says so.
            let _ = self.session.cluster.metadata(Topics::Named(&[self.topic])).await;
        }
        Ok(())
    }

    fn read(
        &mut self,
        partition: i32,
        batches: Vec<Batch>,
        mut aborted: Aborted,
        on_record: &mut impl FnMut(i32, &Record) -> anyhow::Result<ControlFlow<()>>,
    ) -> anyhow::Result<ControlFlow<()>> {
        let Reading { position, end } = self.partitions.get_mut(&partition).expect("it was asked for");
        for batch in batches {
            let header = batch.header();
            let damaged = || format!("partition {partition}: the batch at offset {} is damaged", header.base_offset);
            if !batch.crc_is_valid() {
                bail!(damaged());
            }
            if !aborted.hides(&batch) && !header.attributes.is_control() {
                for record in batch.records(DECODED_BYTES_MAX) {
                    let record = record.with_context(damaged)?;
                    // A batch is sent whole, though its beginning was read before, or its end is not wanted.
                    if !(*position..*end).contains(&record.offset.0) {
                        continue;
                    }
                    let flow = on_record(partition, &record)?;
                    *position = record.offset.0 + 1;
                    if flow.is_break() {
                        return Ok(flow);
                    }
                }
            }
            *position = header.next_offset().0.clamp(*position, *end);
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The log has moved on, or was cut: goes to where it begins, or ends, now.
    async fn jump(&mut self, partition: i32) -> anyhow::Result<()> {
        let bound = async |position| {
            let found = offsets::find(self.session, self.topic, &[partition], position).await?;
            found.get(&partition).copied().context("the leader tells no offset")
        };
        let (start, end) = (bound(Position::Beginning).await?, bound(Position::End).await?);
        let Reading { position, .. } = self.partitions.get_mut(&partition).expect("it is read");
        if !(start..=end).contains(position) {
            let next = if *position < start { start } else { end };
            note(format_args!(
                "partition {partition} has offsets {start} to {end}, not {position}: going on at {next}"
            ));
            *position = next;
        }
        Ok(())
    }

    async fn ask_leaders(&self) -> Vec<Answer> {
        let mut led: BTreeMap<Option<BrokerId>, Vec<(i32, i64)>> = BTreeMap::new();
        for (partition, reading) in self.partitions.iter().filter(|(_, reading)| !reading.is_finished()) {
            let leader = self.session.cluster.leader(self.topic, *partition);
            led.entry(leader).or_default().push((*partition, reading.position));
        }
        let asked = led.into_iter().map(async |(leader, positions)| {
            self.ask(leader, &positions).await.unwrap_or_else(|error| {
                // All of them share the one error; whoever reads on asks for all of them again.
                positions.first().map(|(partition, _)| (*partition, Err(error))).into_iter().collect()
            })
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    async fn ask(&self, leader: Option<BrokerId>, positions: &[(i32, i64)]) -> anyhow::Result<Vec<Answer>> {
        let leader = leader.ok_or_else(Refusal::no_leader)?;
        let broker = self.session.cluster.broker(leader).await?.ok_or_else(Refusal::no_leader)?;
        let partition = |(index, position): &(i32, i64)| {
            FetchPartition::default()
                .with_partition(*index)
                .with_current_leader_epoch(-1)
                .with_fetch_offset(*position)
                .with_partition_max_bytes(PARTITION_BYTES_MAX)
        };
        let topic = FetchTopic::default()
            .with_topic(topic_name(self.topic))
            .with_partitions(positions.iter().map(partition).collect());
        let request = FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(i32::try_from(WAIT_MAX.as_millis()).expect("a short while"))
            .with_min_bytes(1)
            .with_max_bytes(FETCH_BYTES_MAX)
            .with_isolation_level(self.isolation.level())
            .with_session_epoch(-1)
            .with_topics(vec![topic]);
        let response = broker.call(VERSIONS, &request).await?;
        Refusal::check(response.error_code, None)?;
        let answered = response.responses.into_iter().flat_map(|topic| topic.partitions);
        Ok(answered.map(|data| (data.partition_index, batches_of(data))).collect())
    }
}

impl Reading {
    fn is_finished(&self) -> bool {
        self.position >= self.end
    }
}

fn batches_of(data: PartitionData) -> anyhow::Result<(Vec<Batch>, Aborted)> {
    Refusal::check(data.error_code, None)?;
    let aborted = Aborted::new(data.aborted_transactions.as_deref().unwrap_or_default());
    let mut whole = Vec::new();
    for batch in batches(data.records.unwrap_or_default()) {
        match batch {
            Ok(batch) => whole.push(batch),
            // The response was full: the rest comes with the next.
            Err(Malformed::Truncated { .. }) if !whole.is_empty() => break,
            Err(malformed) => return Err(malformed.into()),
        }
    }
    Ok((whole, aborted))
}

fn is_out_of_range(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refusal>().is_some_and(|refusal| refusal.code() == Some(ErrorCode::OffsetOutOfRange))
}

fn is_transient(error: &anyhow::Error) -> bool {
    // A topic that is not there any more is reported at once.
    is_network_failure(error) || error.downcast_ref().is_some_and(Refusal::is_transient)
}
