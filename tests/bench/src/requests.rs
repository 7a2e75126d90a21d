//! Requests that are built once and replayed, and what their answers must look like.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{FetchRequest, FetchResponse, ProduceRequest, ProduceResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::wire;

/// Where the correlation id stands in a request frame: behind the length prefix, the key and the version.
pub(crate) const CORRELATION_ID_AT: usize = 8;

/// The newest Produce that names topics and is in wide use (librdkafka's).
pub(crate) const PRODUCE_VERSION: i16 = 10;

/// The newest Fetch that names topics; every request stands alone, without a session.
pub(crate) const FETCH_VERSION: i16 = 12;

const TIMEOUT_MS: i32 = 30_000;

/// A request frame that is sent many times, each time with another correlation id.
#[derive(Debug, Clone)]
pub(crate) struct Prebuilt {
    /// Length prefix included.
    pub(crate) frame: Vec<u8>,
    pub(crate) expected: Expected,
}

/// The shape of the right answer. It is checked without decoding, so that checking costs next to nothing.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    /// Length without the length prefix.
    pub(crate) length: usize,
    /// Where the bytes of the error codes stand; all are zero in the right answer.
    error_bytes_at: Vec<usize>,
}

impl Expected {
    /// Learns the shape from two encodings of the same answer, one of which has -1 in every error code.
    fn from_encodings(right: &[u8], wrong: &[u8]) -> Expected {
        assert_eq!(right.len(), wrong.len(), "an error code does not change the length");
        let error_bytes_at = (4..right.len()).filter(|&at| right[at] != wrong[at]).map(|at| at - 4).collect();
        Expected { length: right.len() - 4, error_bytes_at }
    }

    /// Checks an answer of `length` bytes that begins with `head`.
    pub(crate) fn check(&self, head: &[u8], length: usize) -> Result<()> {
        let error = self.error_bytes_at.iter().any(|&at| head.get(at) != Some(&0));
        ensure!(!error, "the answer carries an error: {head:02x?}");
        ensure!(length == self.length, "an answer of {length} bytes where {} were expected: {head:02x?}", self.length);
        Ok(())
    }
}

/// A Produce of one batch to one partition.
pub(crate) fn produce(topic: &str, partition: i32, batch: Bytes, acks: i16) -> Result<Prebuilt> {
    let request = produce_request(topic, partition, batch, acks);
    let answer = |error_code| {
        let partition = PartitionProduceResponse::default().with_index(partition).with_error_code(error_code);
        let topic = TopicProduceResponse::default().with_name(name(topic)).with_partition_responses(vec![partition]);
        wire::response_frame(&ProduceResponse::default().with_responses(vec![topic]), PRODUCE_VERSION)
    };
    let expected = Expected::from_encodings(&answer(0)?, &answer(-1)?);
    Ok(Prebuilt { frame: wire::request_frame(&request, PRODUCE_VERSION, 0)?.to_vec(), expected })
}

/// The message behind [`produce`].
pub(crate) fn produce_request(topic: &str, partition: i32, batch: Bytes, acks: i16) -> ProduceRequest {
    let partition = PartitionProduceData::default().with_index(partition).with_records(Some(batch));
    let topic = TopicProduceData::default().with_name(name(topic)).with_partition_data(vec![partition]);
    ProduceRequest::default().with_acks(acks).with_timeout_ms(TIMEOUT_MS).with_topic_data(vec![topic])
}

/// A Fetch of exactly `records_bytes` from partition 0, which must end on a batch's border.
pub(crate) fn fetch(topic: &str, offset: i64, records_bytes: usize) -> Result<Prebuilt> {
    let request = fetch_request(topic, offset, records_bytes)?;
    // Only the records' length matters here, so the right and the wrong answer share one run of zeros.
    let records = Bytes::from(vec![0; records_bytes]);
    let answer = |error_code| {
        let partition = PartitionData::default()
            .with_error_code(error_code)
            .with_aborted_transactions(None)
            .with_records(Some(records.clone()));
        let topic = FetchableTopicResponse::default().with_topic(name(topic)).with_partitions(vec![partition]);
        wire::response_frame(
            &FetchResponse::default().with_error_code(error_code).with_responses(vec![topic]),
            FETCH_VERSION,
        )
    };
    let expected = Expected::from_encodings(&answer(0)?, &answer(-1)?);
    Ok(Prebuilt { frame: wire::request_frame(&request, FETCH_VERSION, 0)?.to_vec(), expected })
}

/// The message behind [`fetch`].
pub(crate) fn fetch_request(topic: &str, offset: i64, records_bytes: usize) -> Result<FetchRequest> {
    let records_bytes = i32::try_from(records_bytes).context("a fetch is too large")?;
    let partition =
        FetchPartition::default().with_partition(0).with_fetch_offset(offset).with_partition_max_bytes(records_bytes);
    let topic = FetchTopic::default().with_topic(name(topic)).with_partitions(vec![partition]);
    Ok(FetchRequest::default()
        .with_max_wait_ms(TIMEOUT_MS)
        .with_min_bytes(1)
        .with_max_bytes(records_bytes)
        .with_session_epoch(-1)
        .with_topics(vec![topic]))
}

/// A topic's name as messages carry it.
pub(crate) fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_answer_passes_and_any_error_code_fails() {
        let expected = produce("t", 0, Bytes::from_static(b"batch"), 1).unwrap().expected;
        let mut answer = vec![0; expected.length];
        assert_eq!(expected.error_bytes_at.len(), 2, "one error code of two bytes");
        expected.check(&answer, answer.len()).unwrap();
        answer[expected.error_bytes_at[1]] = 3;
        assert!(expected.check(&answer, answer.len()).is_err());
    }

    #[test]
    fn fetch_answer_is_checked_for_both_of_its_error_codes() {
        let expected = fetch("t", 0, 1000).unwrap().expected;
        assert_eq!(expected.error_bytes_at.len(), 4, "the answer's and the partition's");
        assert!(expected.length > 1000, "the records and what stands before them");
    }

    #[test]
    fn short_answer_is_refused() {
        let expected = fetch("t", 0, 1000).unwrap().expected;
        let answer = vec![0; expected.length - 1];
        assert!(expected.check(&answer[..256], answer.len()).is_err());
    }
}
