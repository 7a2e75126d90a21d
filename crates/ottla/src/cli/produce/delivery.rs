//! [`Delivery`]: gets batches to the leaders of their partitions, in order, and tries again what may go well the next time.
//!
//! One batch of a partition is under way at a time. So order holds without more ado, and a batch that was not answered is sent again with
//! the sequence that it had: an idempotent producer's record is written once, however often it is sent (KIP-98).

use std::collections::{BTreeMap, VecDeque};
use std::ops::{AddAssign, RangeInclusive};

use anyhow::Context;
use futures_util::future::join_all;
use ottla_base::{ProducerEpoch, ProducerId};
use ottla_net::{BrokerClient, Retry, Topics};
use ottla_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla_protocol::messages::produce_response::PartitionProduceResponse;
use ottla_protocol::messages::{self as wire, BrokerId, InitProducerIdRequest, ProduceRequest};
use ottla_protocol::{ErrorCode, Request};
use ottla_records::{Compression, increment_sequence};

use super::pending::{Header, Pending, Producer};
use super::{Acks, Produce};
use crate::cli::connect::{Session, is_network_failure};
use crate::cli::refusal::Refusal;
use crate::cli::topic::topic_name;

/// From the first version with record batches to the last that names topics and needs no transaction.
const PRODUCE_VERSIONS: RangeInclusive<i16> = 3..=11;

/// What needs no transaction.
const INIT_PRODUCER_ID_VERSIONS: RangeInclusive<i16> = 0..=4;

/// Batches by partition, each partition's in order.
pub(super) type Batches = BTreeMap<i32, VecDeque<Pending>>;

/// What has become of records.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    /// Acknowledged; with acks=0, sent.
    pub(super) written: u64,
    /// Refused, or of unknown fate.
    pub(super) failed: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.written += other.written;
        self.failed += other.failed;
    }
}

/// A producer of one topic.
pub(super) struct Delivery<'a> {
    session: &'a Session,
    topic: &'a str,
    acks: Acks,
    compression: Compression,
    headers: &'a [Header],
    producer: Option<Producer>,
    /// The number of the next record of each partition that has had one.
    sequences: BTreeMap<i32, i32>,
    /// Told of each batch that failed.
    on_failure: fn(String),
}

/// What a broker said to a batch, or that it said nothing.
type Verdict = Result<(), Failure>;

/// Why a batch is not known to be written.
struct Failure {
    reason: String,
    code: Option<ErrorCode>,
    retriable: bool,
    /// The index in the batch of the record that is to blame, where the broker named one.
    record: Option<usize>,
}

impl<'a> Delivery<'a> {
    /// A producer for what was asked for; an idempotent one gets its id from the cluster.
    pub(super) async fn new(
        session: &'a Session,
        produce: &'a Produce,
        on_failure: fn(String),
    ) -> anyhow::Result<Self> {
        let producer = match produce.is_idempotent() {
            true => Some(session.retrying(async || init_producer_id(session).await).await?),
            false => None,
        };
        Ok(Delivery {
            session,
            topic: &produce.topic,
            acks: produce.acks,
            compression: produce.compression.into(),
            headers: &produce.header,
            producer,
            sequences: BTreeMap::new(),
            on_failure,
        })
    }

    /// Sends `batches` and returns when each is acknowledged or given up; those are told one by one.
    pub(super) async fn deliver(&mut self, mut batches: Batches) -> Tally {
        let mut tally = Tally::default();
        let mut retry = Retry::within(self.session.timeout);
        loop {
            batches.retain(|_, batches| !batches.is_empty());
            if batches.is_empty() {
                return tally;
            }
            let mut stuck = None;
            for (partition, verdict) in self.send_first_of_each(&batches).await {
                let of_partition = batches.get_mut(&partition).expect("what was sent is there");
                match verdict {
                    Err(failure) if failure.retriable => stuck = Some(failure.reason),
                    verdict => tally += self.settle(partition, of_partition, verdict),
                }
            }
            match stuck {
                None => retry = Retry::within(self.session.timeout),
                Some(reason) => {
                    if !retry.pause().await {
                        return self.give_up(batches, &reason, tally);
                    }
                    // Where it fails, the next attempt says so.
                    let _ = self.session.cluster.metadata(Topics::Named(&[self.topic])).await;
                }
            }
        }
    }

    /// With acks=0 nothing is answered: whatever was sent has been taken once the broker answers something else on the same connection.
    pub(super) async fn settle_unacknowledged(&self) -> anyhow::Result<()> {
        if self.acks == Acks::None {
            for leader in
                self.sequences.keys().filter_map(|partition| self.session.cluster.leader(self.topic, *partition))
            {
                let Some(broker) = self.session.cluster.broker(leader).await? else { continue };
                broker.call(0..=0, &wire::ApiVersionsRequest::default()).await?;
            }
        }
        Ok(())
    }

    /// One request to each leader, with the first batch of each partition.
    async fn send_first_of_each(&self, batches: &Batches) -> Vec<(i32, Verdict)> {
        let mut led: BTreeMap<Option<BrokerId>, Vec<(i32, &Pending)>> = BTreeMap::new();
        for (partition, batches) in batches {
            let leader = self.session.cluster.leader(self.topic, *partition);
            led.entry(leader).or_default().extend(batches.front().map(|first| (*partition, first)));
        }
        let sent = led.into_iter().map(async |(leader, batches)| {
            self.send(leader, &batches).await.unwrap_or_else(|error| {
                let all = batches.iter().map(|(partition, _)| (*partition, Err(Failure::of_error(&error))));
                all.collect()
            })
        });
        join_all(sent).await.into_iter().flatten().collect()
    }

    async fn send(&self, leader: Option<BrokerId>, batches: &[(i32, &Pending)]) -> anyhow::Result<Vec<(i32, Verdict)>> {
        let leader = leader.ok_or_else(Refusal::no_leader)?;
        let broker = self.session.cluster.broker(leader).await?.ok_or_else(Refusal::no_leader)?;
        let data = batches.iter().map(|(partition, batch)| self.encode(*partition, batch)).collect();
        let topic = TopicProduceData::default().with_name(topic_name(self.topic)).with_partition_data(data);
        let request = ProduceRequest::default()
            .with_acks(self.acks.on_the_wire())
            .with_timeout_ms(self.session.timeout_ms())
            .with_topic_data(vec![topic]);
        if self.acks == Acks::None {
            return send_unanswered(&broker, &request, batches).await;
        }
        let response = broker.call(PRODUCE_VERSIONS, &request).await?;
        let answered = response.responses.into_iter().next().context("the broker answers for another topic")?;
        Ok(answered.partition_responses.iter().map(|answer| (answer.index, verdict(answer))).collect())
    }

    fn encode(&self, partition: i32, batch: &Pending) -> PartitionProduceData {
        let sequence = self.sequences.get(&partition).copied().unwrap_or(0);
        let producer = self.producer.map(|producer| (producer, sequence));
        let records = batch.encode(self.compression, self.headers, producer);
        PartitionProduceData::default().with_index(partition).with_records(Some(records))
    }

    /// Takes the first batch out: it is written, or never will be; or, where it was too large for the topic, halves take its place.
    fn settle(&mut self, partition: i32, batches: &mut VecDeque<Pending>, verdict: Verdict) -> Tally {
        let Some(batch) = batches.pop_front() else { return Tally::default() };
        let records = batch.record_count() as u64;
        match verdict {
            Ok(()) => {
                let sequence = self.sequences.entry(partition).or_insert(0);
                *sequence =
                    increment_sequence(*sequence, i32::try_from(records).expect("a batch counts records in 32 bits"));
                Tally { written: records, failed: 0 }
            }
            Err(failure) if failure.code == Some(ErrorCode::MessageTooLarge) && records > 1 => {
                let (first, second) = batch.halves().expect("it has two records");
                batches.push_front(second);
                batches.push_front(first);
                Tally::default()
            }
            Err(failure) => {
                (self.on_failure)(describe(&batch, partition, &failure.reason, failure.record));
                Tally { written: 0, failed: records }
            }
        }
    }

    fn give_up(&self, batches: Batches, reason: &str, mut tally: Tally) -> Tally {
        for (partition, batches) in batches {
            for batch in batches {
                let reason = format!("given up after {:?}, and perhaps written: {reason}", self.session.timeout);
                (self.on_failure)(describe(&batch, partition, &reason, None));
                tally.failed += batch.record_count() as u64;
            }
        }
        tally
    }
}

async fn init_producer_id(session: &Session) -> anyhow::Result<Producer> {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(None)
        .with_transaction_timeout_ms(session.timeout_ms())
        .with_producer_id(wire::ProducerId(-1))
        .with_producer_epoch(-1);
    let response = session.cluster.call_any(INIT_PRODUCER_ID_VERSIONS, &request).await?;
    Refusal::check(response.error_code, None)?;
    Ok(Producer { id: ProducerId(response.producer_id.0), epoch: ProducerEpoch(response.producer_epoch) })
}

async fn send_unanswered<R: Request>(
    broker: &BrokerClient,
    request: &R,
    batches: &[(i32, &Pending)],
) -> anyhow::Result<Vec<(i32, Verdict)>> {
    broker.send(PRODUCE_VERSIONS, request).await?;
    Ok(batches.iter().map(|(partition, _)| (*partition, Ok(()))).collect())
}

fn verdict(answer: &PartitionProduceResponse) -> Verdict {
    let Some(refusal) = Refusal::of(answer.error_code, answer.error_message.as_ref()) else { return Ok(()) };
    if refusal.code() == Some(ErrorCode::DuplicateSequenceNumber) {
        // It was written before, and the answer was lost.
        return Ok(());
    }
    let named = answer.record_errors.first();
    let words = named.and_then(|record| record.batch_index_error_message.as_ref());
    Err(Failure {
        reason: words.map_or_else(|| refusal.to_string(), |words| format!("{refusal}: {}", words.as_str())),
        code: refusal.code(),
        retriable: refusal.is_retriable(),
        record: named.and_then(|record| usize::try_from(record.batch_index).ok()),
    })
}

impl Failure {
    /// That there was no answer.
    fn of_error(error: &anyhow::Error) -> Failure {
        let retriable = is_network_failure(error) || error.downcast_ref().is_some_and(Refusal::is_retriable);
        Failure { reason: format!("{error:#}"), code: None, retriable, record: None }
    }
}

fn describe(batch: &Pending, partition: i32, reason: &str, record: Option<usize>) -> String {
    let (lines, count) = (batch.lines(), batch.record_count());
    let culprit = record.filter(|_| count > 1).and_then(|index| batch.line(index));
    let culprit = culprit.map(|line| format!(" (line {line} is to blame)")).unwrap_or_default();
    match count {
        1 => format!("line {}, for partition {partition}: {reason}", lines.start()),
        _ => format!(
            "{count} lines from {} to {}, for partition {partition}: {reason}{culprit}",
            lines.start(),
            lines.end()
        ),
    }
}
