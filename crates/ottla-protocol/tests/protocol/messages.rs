//! Messages that are what they say: they read back, and record data goes out as the slices that came in.

use std::iter::zip;

use bytes::Bytes;
use ottla_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use ottla_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla_protocol::messages::*;
use ottla_protocol::{ApiKey, Encoded, ErrorCode, Malformed, Request, RequestHeader, Response};
use proptest::prelude::*;

fn records(length: usize) -> Bytes {
    (0..length).map(|n| n as u8).collect::<Vec<_>>().into()
}

/// A Fetch response with two topics, one partition for each of `records`.
fn fetch_response(records: &[Option<Bytes>]) -> FetchResponse {
    let partition = |(index, records): (usize, &Option<Bytes>)| {
        PartitionData::default().with_partition_index(index as i32).with_high_watermark(5).with_records(records.clone())
    };
    let partitions: Vec<_> = records.iter().enumerate().map(partition).collect();
    let (first, second) = partitions.split_at(partitions.len() / 2);
    let topic = |partitions: &[PartitionData]| FetchableTopicResponse::default().with_partitions(partitions.to_vec());
    FetchResponse::default().with_responses(vec![topic(first), topic(second)])
}

fn pointers<'a>(chunks: impl IntoIterator<Item = &'a Bytes>) -> Vec<*const u8> {
    chunks.into_iter().map(|chunk| chunk.as_ptr()).collect()
}

#[test]
fn every_request_reads_back_in_every_version() {
    // The samples check themselves.
    let versions: usize = ApiKey::ALL.iter().map(|api| api.codec_versions().count()).sum();
    assert_eq!(crate::samples::samples().len(), versions);
}

#[test]
fn a_fetch_response_sends_the_very_slices_it_was_given() {
    let large: Vec<_> = [700, 100_000, 65_536].map(records).into();
    let slices = [Some(large[0].clone()), Some(records(10)), None, Some(large[1].clone()), Some(large[2].clone())];
    for version in ApiKey::Fetch.codec_versions() {
        let encoded = fetch_response(&slices).encode(version, 9).expect("exists in this version");
        assert_eq!(pointers(encoded.chunks().filter(|chunk| chunk.len() >= 512)), pointers(&large));
        let (correlation_id, decoded) = FetchResponse::decode(version, encoded.into_bytes()).expect("reads back");
        assert_eq!(correlation_id, 9);
        assert_eq!(decoded, fetch_response(&slices));
    }
}

#[test]
fn the_same_slice_twice_goes_out_twice() {
    let twice = records(1000);
    let encoded = fetch_response(&[Some(twice.clone()), Some(twice.clone())]).encode(11, 1).expect("exists");
    assert_eq!(encoded.chunks().filter(|chunk| chunk.as_ptr() == twice.as_ptr()).count(), 2);
}

#[test]
fn a_produce_request_sends_the_very_slices_it_was_given() {
    let records = records(5000);
    let partition = PartitionProduceData::default().with_records(Some(records.clone()));
    let topic = TopicProduceData::default().with_name(TopicName(StrBytes::from_static_str("t")));
    let request = ProduceRequest::default().with_topic_data(vec![topic.with_partition_data(vec![partition])]);
    for version in [3, 8, 9, 12] {
        let header =
            RequestHeader { api_key: ApiKey::Produce, api_version: version, correlation_id: 1, client_id: None };
        let encoded = request.encode(&header).expect("exists");
        assert!(pointers(encoded.chunks()).contains(&records.as_ptr()));
        let mut frame = encoded.into_bytes();
        RequestHeader::decode(&mut frame).expect("reads back");
        assert_eq!(ProduceRequest::decode(version, frame), Ok(request.clone()));
    }
}

#[test]
fn api_versions_answers_in_the_oldest_header_whatever_the_version() {
    let answer = ApiVersionsResponse::default().with_error_code(ErrorCode::UnsupportedVersion.code());
    for version in ApiKey::ApiVersions.codec_versions() {
        let frame = answer.encode(version, 0x0102_0304).expect("exists").into_bytes();
        // The error code follows the correlation id at once; a newer header would have tagged fields between.
        assert_eq!(frame[..6], [1, 2, 3, 4, 0, 35], "version {version}");
    }
    let newer = MetadataResponse::default().encode(9, 0x0102_0304).expect("exists").into_bytes();
    assert_eq!(newer[..5], [1, 2, 3, 4, 0]);
}

#[test]
fn a_version_that_does_not_exist_cannot_be_encoded() {
    let error = MetadataResponse::default().encode(99, 1).expect_err("there is no version 99");
    assert_eq!((error.api, error.version), (ApiKey::Metadata, 99));
    assert!(matches!(
        MetadataResponse::decode(99, Bytes::from_static(&[0; 64])),
        Err(Malformed::UnknownVersion { version: 99, .. })
    ));
}

#[test]
fn one_chunk_is_given_out_without_a_copy() {
    let bytes = records(100);
    let encoded = Encoded::from(bytes.clone());
    assert_eq!((encoded.size_in_bytes(), encoded.into_bytes().as_ptr()), (100, bytes.as_ptr()));
}

proptest! {
    #[test]
    fn splicing_changes_no_byte(lengths in prop::collection::vec(prop::option::of(0..3000_usize), 0..9), version in 4..=17_i16) {
        let slices: Vec<_> = lengths.iter().map(|length| length.map(records)).collect();
        let spliced = fetch_response(&slices).encode(version, 3).expect("exists");
        // What is too small to be spliced is copied: record data cut up is encoded in one piece.
        let (_, decoded) = FetchResponse::decode(version, spliced.clone().into_bytes()).expect("reads back");
        let read: Vec<_> = decoded.responses.iter().flat_map(|topic| &topic.partitions).map(|p| p.records.clone()).collect();
        prop_assert!(zip(&read, &slices).all(|(read, sent)| read == sent));
        prop_assert_eq!(read.len(), slices.len());
        let sizes: usize = spliced.chunks().map(Bytes::len).sum();
        prop_assert_eq!(spliced.size_in_bytes(), sizes);
        prop_assert!(spliced.chunks().all(|chunk| !chunk.is_empty()));
    }
}
