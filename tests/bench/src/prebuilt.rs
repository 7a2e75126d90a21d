//! Requests that are built once and replayed, and what their answers must look like.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use ottla_base::Offset;
use ottla_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use ottla_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use ottla_protocol::messages::{FetchResponse, ProduceResponse};
use ottla_protocol::{Request, Response};
use testkit::requests::{self, FETCH_VERSION, PRODUCE_VERSION, topic_name};

/// Where the correlation id stands in a request frame: behind the length prefix, the key and the version.
pub(crate) const CORRELATION_ID_AT: usize = 8;

/// How long a fetch may wait for data; there always is some.
pub(crate) const FETCH_WAIT_MS: i32 = 30_000;

/// A request frame that is sent many times, each time with another correlation id.
#[derive(Debug, Clone)]
pub(crate) struct Prebuilt {
    /// Length prefix included.
    pub(crate) frame: Vec<u8>,
    pub(crate) expected: Expected,
}

impl Prebuilt {
    /// `answer` gives the right answer for 0, and for another error code the same answer with that in every error code.
    fn new<R: Request>(version: i16, request: &R, answer: impl Fn(i16) -> R::Response) -> Result<Prebuilt> {
        let body = requests::frame(version, 0, request)?;
        let mut frame = i32::try_from(body.len()).context("the request is too long")?.to_be_bytes().to_vec();
        frame.extend_from_slice(&body);
        let encoded = |error_code| Ok::<_, anyhow::Error>(answer(error_code).encode(version, 0)?.into_bytes());
        Ok(Prebuilt { frame, expected: Expected::from_encodings(&encoded(0)?, &encoded(-1)?) })
    }
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
        let error_bytes_at = (0..right.len()).filter(|&at| right[at] != wrong[at]).collect();
        Expected { length: right.len(), error_bytes_at }
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
    Prebuilt::new(PRODUCE_VERSION, &requests::produce(topic, partition, batch, acks), |error_code| {
        let partition = PartitionProduceResponse::default().with_index(partition).with_error_code(error_code);
        let topic =
            TopicProduceResponse::default().with_name(topic_name(topic)).with_partition_responses(vec![partition]);
        ProduceResponse::default().with_responses(vec![topic])
    })
}

/// A Fetch of exactly `records_bytes` from partition 0, which must end on a batch's border.
pub(crate) fn fetch(topic: &str, offset: Offset, records_bytes: usize) -> Result<Prebuilt> {
    let max_bytes = i32::try_from(records_bytes).context("the fetch is too large")?;
    // Of the records only the length matters here.
    let records = Bytes::from(vec![0; records_bytes]);
    Prebuilt::new(FETCH_VERSION, &requests::fetch(topic, 0, offset, max_bytes, FETCH_WAIT_MS), |error_code| {
        let partition = PartitionData::default()
            .with_error_code(error_code)
            .with_aborted_transactions(None)
            .with_records(Some(records.clone()));
        let topic = FetchableTopicResponse::default().with_topic(topic_name(topic)).with_partitions(vec![partition]);
        FetchResponse::default().with_error_code(error_code).with_responses(vec![topic])
    })
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
        let expected = fetch("t", Offset(0), 1000).unwrap().expected;
        assert_eq!(expected.error_bytes_at.len(), 4, "the answer's and the partition's");
        assert!(expected.length > 1000, "the records and what stands before them");
    }

    #[test]
    fn short_answer_is_refused() {
        let expected = fetch("t", Offset(0), 1000).unwrap().expected;
        let answer = vec![0; expected.length - 1];
        assert!(expected.check(&answer[..256], answer.len()).is_err());
    }
}
