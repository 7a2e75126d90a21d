//! [`Producer`]: sends bursts of batches, up to five in flight for each partition, as real clients do.
//!
//! With a producer id it sends what was not acknowledged again, in its order and under its numbers, until it knows what became of it; now
//! and then it dies instead. Without one it tries once. Whatever it cannot know it leaves unknown, and is somebody else from then on.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use history::Process;
use ottla_base::{Clock, Entropy, ProducerEpoch, ProducerId};
use ottla_net::{CallError, Client, timer};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::{InitProducerIdRequest, ProduceResponse};
use ottla_records::{BatchBuilder, increment_sequence};

use super::{Surroundings, messages, value};
use crate::journal::{Event, PartitionId, Sent};
use crate::options::{ProducerPlan, Promise};

/// How many batches of a partition are in flight at most: a broker remembers as many (KIP-98).
const IN_FLIGHT_MAX: u64 = 5;

/// How many partitions one burst goes to at most.
const PARTITIONS_MAX: u64 = 3;

/// A client that writes.
pub(crate) struct Producer {
    around: Surroundings,
    plan: ProducerPlan,
    process: Process,
    identity: Option<Identity>,
}

/// An idempotent producer's numbers.
struct Identity {
    producer_id: ProducerId,
    producer_epoch: ProducerEpoch,
    next_sequences: BTreeMap<PartitionId, i32>,
    /// Where something of it was acknowledged.
    known_in: BTreeSet<PartitionId>,
    /// How often the power had gone when it began: what was not on disk then may be missing from a sequence.
    power_cuts: usize,
}

/// One batch of a burst.
struct Outgoing {
    partition: PartitionId,
    records: Bytes,
    sent: Vec<Sent>,
    acknowledged: bool,
}

/// What an answer, or its absence, says of a batch.
enum Fate {
    Acknowledged(i64),
    /// Nothing is known, or it was refused for now.
    Open,
    Refused(ErrorCode),
}

impl Producer {
    pub(crate) fn new(around: Surroundings, plan: ProducerPlan) -> Producer {
        let process = around.journal.new_process();
        Producer { around, plan, process, identity: None }
    }

    pub(crate) fn address(&self) -> IpAddr {
        self.around.connection.address()
    }

    pub(crate) async fn run(mut self) {
        loop {
            let was_healed = self.around.is_healed();
            let was_served = self.burst().await;
            if was_healed && was_served {
                return;
            }
            let rest_ms = u64::try_from(self.plan.rest_max.as_millis()).expect("a short time");
            timer::sleep(Duration::from_millis(self.around.entropy.below(rest_ms + 1))).await;
        }
    }

    /// Sends one burst; returns whether all of it was acknowledged, or handed over where nothing is acknowledged.
    async fn burst(&mut self) -> bool {
        if self.plan.is_idempotent && self.identity.is_none() {
            self.identity = self.new_identity().await;
            if self.identity.is_none() {
                return false;
            }
        }
        let mut requests = self.draw_burst();
        let sent = |requests: &[Vec<Outgoing>]| -> Vec<Sent> {
            requests.iter().flatten().flat_map(|batch| &batch.sent).copied().collect()
        };
        let begun = self.around.journal.elapsed();
        self.around.journal.event(self.process, Event::SendBegun { sent: sent(&requests) });
        let is_settled = match self.plan.is_idempotent {
            true => self.send_until_known(&mut requests).await,
            false => self.send_once(&mut requests).await,
        };
        let acks = self.plan.acks;
        self.around.journal.event(self.process, Event::SendEnded { sent: sent(&requests), acks, begun });
        let is_acknowledged = requests.iter().flatten().all(|batch| batch.acknowledged);
        if !is_acknowledged {
            // Something of it may still come to pass, after whatever is sent from now on.
            self.process = self.around.journal.new_process();
            self.identity = None;
            self.around.connection.close();
        }
        is_acknowledged || (acks == 0 && is_settled)
    }

    async fn new_identity(&mut self) -> Option<Identity> {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(60_000)
            .with_producer_id(ottla_protocol::messages::ProducerId(-1))
            .with_producer_epoch(-1);
        let patience = self.plan.patience;
        let answer = self.around.connection.call(messages::INIT_PRODUCER_ID, &request, patience).await;
        let Ok(response) = answer else {
            self.around.connection.back_off().await;
            return None;
        };
        match ErrorCode::from_code(response.error_code) {
            Some(ErrorCode::None) => {
                let producer_id = ProducerId(response.producer_id.0);
                self.around.watch.on_producer_id(producer_id);
                let producer_epoch = ProducerEpoch(response.producer_epoch);
                let power_cuts = self.around.journal.power_cut_count();
                self.around.journal.trace(format_args!("{} is producer {producer_id}", self.process));
                Some(Identity {
                    producer_id,
                    producer_epoch,
                    next_sequences: BTreeMap::new(),
                    known_in: BTreeSet::new(),
                    power_cuts,
                })
            }
            Some(code) if code.is_retriable() => {
                self.around.connection.back_off().await;
                None
            }
            code => {
                self.around.journal.violation(format_args!("InitProducerId is answered {code:?}"));
                None
            }
        }
    }

    /// Some requests, each with one batch for each of some partitions.
    fn draw_burst(&mut self) -> Vec<Vec<Outgoing>> {
        let mut partitions = self.around.partitions();
        let count = 1 + self.around.entropy.below(PARTITIONS_MAX.min(partitions.len() as u64));
        let mut chosen = Vec::new();
        for _ in 0..count {
            chosen.push(partitions.swap_remove(self.around.entropy.below(partitions.len() as u64) as usize));
        }
        let requests = 1 + self.around.entropy.below(IN_FLIGHT_MAX);
        (0..requests).map(|_| chosen.iter().map(|partition| self.draw_batch(*partition)).collect()).collect()
    }

    fn draw_batch(&mut self, partition: PartitionId) -> Outgoing {
        let Surroundings { journal, entropy, clock, .. } = &self.around;
        let count = 1 + entropy.below(self.plan.batch_records_max);
        let mut builder = BatchBuilder::new(self.plan.compression);
        if let Some(identity) = &mut self.identity {
            let next = identity.next_sequences.entry(partition).or_insert(0);
            builder = builder.producer(identity.producer_id, identity.producer_epoch, *next);
            *next = increment_sequence(*next, i32::try_from(count).expect("batches are small"));
        }
        let key = journal.key(partition);
        let mut sent = Vec::new();
        for _ in 0..count {
            let value = journal.new_value(partition);
            let len = 8 + entropy.below(self.plan.record_bytes_max);
            value::append(&mut builder, clock.wall(), value.0, len, entropy);
            sent.push(Sent { partition, key, value, offset: None });
        }
        Outgoing { partition, records: builder.build().bytes(), sent, acknowledged: false }
    }

    /// Returns whether everything was handed over.
    async fn send_once(&mut self, requests: &mut [Vec<Outgoing>]) -> bool {
        let Some(client) = self.around.connection.client().await else {
            self.around.connection.back_off().await;
            return false;
        };
        if self.plan.acks == 0 {
            return self.send_without_answer(&client, requests).await;
        }
        let answers = self.call_all(&client, requests).await;
        let is_whole = answers.iter().all(Result::is_ok);
        for (request, answer) in requests.iter_mut().zip(answers) {
            let fates = fates(request, answer);
            for (batch, fate) in request.iter_mut().zip(fates) {
                match fate {
                    Fate::Acknowledged(base_offset) => batch.acknowledge(base_offset),
                    Fate::Open => {}
                    Fate::Refused(code) => self.on_refusal(batch.partition, code),
                }
            }
        }
        is_whole
    }

    async fn send_without_answer(&self, client: &Client, requests: &[Vec<Outgoing>]) -> bool {
        for request in requests {
            let request = self.request(request);
            if client.send(messages::PRODUCE, &request, self.plan.patience).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Returns whether the fate of everything is known.
    async fn send_until_known(&mut self, requests: &mut [Vec<Outgoing>]) -> bool {
        let mut tries_left = if self.around.entropy.one_in(25) { 1 } else { u64::MAX };
        while requests.iter().flatten().any(|batch| !batch.acknowledged) {
            if tries_left == 0 {
                self.around.journal.trace(format_args!("{} dies", self.process));
                return false;
            }
            tries_left -= 1;
            let Some(client) = self.around.connection.client().await else {
                self.around.connection.back_off().await;
                continue;
            };
            let pipelined = self.pipelined(requests);
            let answers = self.call_all(&client, &requests[..pipelined]).await;
            if answers.iter().any(Result::is_err) {
                self.around.connection.close();
            }
            let is_over = self.take_answers(&mut requests[..pipelined], answers);
            if is_over {
                return false;
            }
            if requests.iter().flatten().any(|batch| !batch.acknowledged) {
                self.around.connection.back_off().await;
            }
        }
        true
    }

    /// How many requests may be on their way together. A broker takes any sequence of a producer that it does not know (KIP-360), so where
    /// nothing was acknowledged yet a batch could overtake the one before it that was refused: the first goes alone.
    fn pipelined(&self, requests: &[Vec<Outgoing>]) -> usize {
        let is_known = |batch: &Outgoing| {
            self.identity.as_ref().is_some_and(|identity| identity.known_in.contains(&batch.partition))
        };
        match requests.iter().flatten().all(is_known) {
            true => requests.len(),
            false => requests.iter().take_while(|request| request.iter().all(|batch| batch.acknowledged)).count() + 1,
        }
    }

    /// Returns whether the sequence of a partition is broken beyond what a retry mends.
    fn take_answers(
        &mut self,
        requests: &mut [Vec<Outgoing>],
        answers: Vec<Result<ProduceResponse, CallError>>,
    ) -> bool {
        // A batch behind one that was not appended is out of sequence, which the retry of both puts right.
        let mut held_up = Vec::new();
        let mut is_over = false;
        for (request, answer) in requests.iter_mut().zip(answers) {
            let fates = fates(request, answer);
            for (batch, fate) in request.iter_mut().zip(fates) {
                match fate {
                    _ if batch.acknowledged => {}
                    Fate::Acknowledged(base_offset) => {
                        batch.acknowledge(base_offset);
                        if let Some(identity) = &mut self.identity {
                            identity.known_in.insert(batch.partition);
                        }
                    }
                    Fate::Open => held_up.push(batch.partition),
                    Fate::Refused(ErrorCode::OutOfOrderSequenceNumber) if held_up.contains(&batch.partition) => {}
                    Fate::Refused(code) => {
                        self.on_refusal(batch.partition, code);
                        is_over = true;
                    }
                }
            }
        }
        is_over
    }

    async fn call_all(&self, client: &Client, requests: &[Vec<Outgoing>]) -> Vec<Result<ProduceResponse, CallError>> {
        let open = requests.iter().map(|request| async move {
            match request.iter().all(|batch| batch.acknowledged) {
                true => Ok(ProduceResponse::default()),
                false => client.call(messages::PRODUCE, &self.request(request), self.plan.patience).await,
            }
        });
        join_all(open).await
    }

    fn request(&self, batches: &[Outgoing]) -> ottla_protocol::messages::ProduceRequest {
        let open = batches.iter().filter(|batch| !batch.acknowledged);
        let batches: Vec<_> = open
            .map(|batch| (self.around.topic_of(batch.partition), batch.partition.partition, batch.records.clone()))
            .collect();
        let timeout_ms = i32::try_from(self.plan.patience.as_millis()).expect("a short time");
        messages::produce(&batches, self.plan.acks, timeout_ms)
    }

    /// A refusal that a retry does not mend is allowed where a power cut may have taken what was sent before.
    fn on_refusal(&self, partition: PartitionId, code: ErrorCode) {
        let journal = &self.around.journal;
        let is_sequence = matches!(code, ErrorCode::OutOfOrderSequenceNumber | ErrorCode::UnknownProducerId);
        let is_promised = self.plan.acks == -1 && journal.promise(partition) != Promise::Cached;
        let was_dark = self.identity.as_ref().is_some_and(|identity| journal.power_cut_count() > identity.power_cuts);
        if is_sequence && was_dark && !is_promised {
            journal.trace(format_args!("{} has lost its sequence in {partition}", self.process));
        } else {
            journal.violation(format_args!("{}: a batch for {partition} is refused: {code}", self.process));
        }
    }
}

impl Outgoing {
    fn acknowledge(&mut self, base_offset: i64) {
        self.acknowledged = true;
        for (offset, sent) in (base_offset..).zip(&mut self.sent) {
            sent.offset = Some(offset);
        }
    }
}

/// What `answer` says of each batch of `request`.
fn fates(request: &[Outgoing], answer: Result<ProduceResponse, CallError>) -> Vec<Fate> {
    let Ok(response) = answer else {
        return request.iter().map(|_| Fate::Open).collect();
    };
    let mut answered = response.responses.iter().flat_map(|topic| &topic.partition_responses);
    let fate = |batch: &Outgoing| {
        if batch.acknowledged {
            return Fate::Open;
        }
        let Some(partition) = answered.next() else { return Fate::Refused(ErrorCode::UnknownServerError) };
        match ErrorCode::from_code(partition.error_code) {
            Some(ErrorCode::None) => Fate::Acknowledged(partition.base_offset),
            Some(code) if code.is_retriable() => Fate::Open,
            code => Fate::Refused(code.unwrap_or(ErrorCode::UnknownServerError)),
        }
    };
    request.iter().map(fate).collect()
}
