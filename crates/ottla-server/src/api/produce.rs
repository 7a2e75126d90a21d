//! Produce (key 0): appends one batch to each of some partitions.
//!
//! Versions 3 to 12. Advertised from 0, as Kafka does (KAFKA-18659): librdkafka up to 2.11 switches v2 batches and compression on only
//! where it sees version 0. 7 allows zstd, 8 reports single records (KIP-467), 9 is flexible; 11 and 12 differ for transactions only.
//!
//! The ordered part appends. With `acks=all` the answer then waits until the high watermark passes what was appended; a batch that
//! repeats an earlier one waits for the end of the *original*.

use std::sync::Arc;
use std::time::Duration;

use ottla_base::PartitionIndex;
use ottla_net::timer;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use ottla_protocol::messages::{self, ProduceRequest, ProduceResponse, StrBytes};
use ottla_replica::{Appended, Partition, RequiredAcks};

use super::{Answer, Api, Call, Handler};
use crate::Broker;
use crate::error::Failure;
use crate::internal_topics::is_internal;

pub(super) const API: Api = Api::new::<Produce>(3..=12).advertised_from(0);

struct Produce;

impl Handler for Produce {
    type Request = ProduceRequest;

    const HANDLE: super::Handle<ProduceRequest> = handle;
}

/// What became of the batches for one topic.
struct TopicOutcome {
    name: messages::TopicName,
    partitions: Vec<PartitionOutcome>,
}

/// What became of one batch.
struct PartitionOutcome {
    index: i32,
    result: Result<(Arc<Partition>, Appended), Failure>,
}

fn handle(broker: &Arc<Broker>, call: Call<'_>, request: ProduceRequest) -> Answer<ProduceResponse> {
    let ProduceRequest { acks, timeout_ms, topic_data, transactional_id, .. } = request;
    let batch_rules = match acks {
        _ if transactional_id.is_some() => Err(Failure::new(ErrorCode::InvalidTxnState, "transactions are not served")),
        0 | 1 => Ok(RequiredAcks::Leader),
        -1 => Ok(RequiredAcks::InSyncReplicas),
        _ => Err(Failure::from(ErrorCode::InvalidRequiredAcks)),
    };
    let zstd_is_allowed = call.version >= 7;
    let now = broker.clock().wall();
    let outcomes: Vec<_> = topic_data
        .into_iter()
        .map(|topic| {
            let append = |data: messages::produce_request::PartitionProduceData| {
                let result = batch_rules.clone().and_then(|acks| {
                    if is_internal(&topic.name) {
                        return Err(Failure::new(ErrorCode::InvalidTopic, "Cannot append to an internal topic"));
                    }
                    let partition = broker.partition(&topic.name, PartitionIndex(data.index))?;
                    let records = data.records.unwrap_or_default();
                    let appended = partition.append(records, acks, zstd_is_allowed, now)?;
                    Ok((partition, appended))
                });
                PartitionOutcome { index: data.index, result }
            };
            let partitions = topic.partition_data.into_iter().map(append).collect();
            TopicOutcome { name: topic.name, partitions }
        })
        .collect();
    drop(call.memory);
    match acks {
        0 => answer_without_acks(&outcomes),
        -1 => answer_when_acknowledged(outcomes, timeout_ms),
        _ => Answer::Done(response(outcomes)),
    }
}

/// A client that wants no answer learns of an error by losing its connection.
fn answer_without_acks(outcomes: &[TopicOutcome]) -> Answer<ProduceResponse> {
    let mut results = outcomes.iter().flat_map(|topic| &topic.partitions).map(|partition| &partition.result);
    if results.all(Result::is_ok) { Answer::None } else { Answer::Close }
}

fn answer_when_acknowledged(mut outcomes: Vec<TopicOutcome>, timeout_ms: i32) -> Answer<ProduceResponse> {
    let is_open = |topic: &TopicOutcome| topic.partitions.iter().any(|partition| partition.result.is_ok());
    if !outcomes.iter().any(is_open) {
        return Answer::Done(response(outcomes));
    }
    for topic in &mut outcomes {
        // A slice of the frame would keep the connection's receive buffer from being used again while this waits.
        topic.name = messages::TopicName(StrBytes::from_string(topic.name.to_string()));
    }
    Answer::later(async move {
        let deadline = timer::now() + Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0));
        for outcome in outcomes.iter_mut().flat_map(|topic| &mut topic.partitions) {
            if let Ok((partition, appended)) = &outcome.result {
                let acknowledged = acknowledged(partition, appended);
                let waited = timer::timeout(deadline.duration_since(timer::now()), acknowledged).await;
                if let Err(failure) = waited.unwrap_or_else(|_| Err(ErrorCode::RequestTimedOut.into())) {
                    outcome.result = Err(failure);
                }
            }
        }
        response(outcomes)
    })
}

/// Waits until every in-sync replica has the batch. Has no deadline of its own.
async fn acknowledged(partition: &Partition, appended: &Appended) -> Result<(), Failure> {
    loop {
        // Before the check, so that an interruption in between is not missed.
        let wait = partition.wait_for_high_watermark(appended.end_offset);
        if partition.is_acknowledged(appended)? {
            return Ok(());
        }
        wait.await;
    }
}

fn response(outcomes: Vec<TopicOutcome>) -> ProduceResponse {
    let topic = |topic: TopicOutcome| {
        let partitions = topic.partitions.into_iter().map(partition_response).collect();
        TopicProduceResponse::default().with_name(topic.name).with_partition_responses(partitions)
    };
    ProduceResponse::default().with_responses(outcomes.into_iter().map(topic).collect())
}

fn partition_response(outcome: PartitionOutcome) -> PartitionProduceResponse {
    let response = PartitionProduceResponse::default().with_index(outcome.index);
    match outcome.result {
        Ok((_, appended)) => response
            .with_base_offset(appended.base_offset.0)
            .with_log_append_time_ms(appended.log_append_time.map_or(-1, |time| time.0))
            .with_log_start_offset(appended.log_start_offset.0),
        Err(failure) => response
            .with_error_code(failure.code.code())
            .with_base_offset(-1)
            .with_log_append_time_ms(-1)
            .with_log_start_offset(-1)
            .with_record_errors(failure.record_errors.into_iter().map(record_error).collect())
            .with_error_message(failure.message.map(StrBytes::from_string)),
    }
}

fn record_error((index, message): (i32, String)) -> BatchIndexAndErrorMessage {
    BatchIndexAndErrorMessage::default()
        .with_batch_index(index)
        .with_batch_index_error_message(Some(StrBytes::from_string(message)))
}
