//! Frames that are too long, too short or none, and requests that nobody serves. What is expected here is what Kafka
//! does.

use bytes::{BufMut as _, Bytes};
use e2e::Target;
use ottla_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse, ProduceRequest};
use ottla_protocol::{ApiKey, ErrorCode, Response as _};
use ottla_records::Compression;
use testkit::{Client, Reply, requests};

use crate::samples::samples;
use crate::support::{ask, header, served};

const FRAME_BYTES_MAX: i32 = 104_857_600;

/// Demands that the broker still answers a new client.
fn assert_alive(target: &Target) {
    target.client().api_versions().expect("the broker answers");
}

#[test]
fn a_frame_of_impossible_length_closes_the_connection() {
    let target = Target::start();
    for length in [i32::MIN, -2, -1, FRAME_BYTES_MAX + 1, i32::MAX] {
        let mut client = target.client();
        client.send_bytes(&length.to_be_bytes()).expect("four bytes are taken");
        assert_eq!(client.read_reply().expect("the end"), Reply::Closed, "length {length}");
    }
    assert_alive(&target);
}

#[test]
fn an_empty_frame_closes_the_connection() {
    let target = Target::start();
    let mut client = target.client();
    client.send_bytes(&[0; 4]).expect("four bytes are taken");
    assert_eq!(client.read_reply().expect("the end"), Reply::Closed);
    assert_alive(&target);
}

#[test]
fn a_frame_that_never_ends_holds_up_nobody_and_gets_no_answer() {
    let target = Target::start();
    for announced in [100, 1_000_000, FRAME_BYTES_MAX] {
        let mut client = target.client();
        client.send_bytes(&announced.to_be_bytes()).expect("four bytes are taken");
        client.send_bytes(&header(ApiKey::Metadata.code(), 1, false)).expect("a little more is taken");
        assert_alive(&target);
        // The broker may have closed it already, seeing what the frame is going to be.
        if client.finish_sending().is_ok() {
            assert_eq!(client.read_reply().expect("the end"), Reply::Closed, "{announced} bytes announced");
        }
    }
    assert_alive(&target);
}

#[test]
fn a_request_in_many_pieces_is_answered() {
    let target = Target::start();
    let frame = requests::frame(0, 9, &ApiVersionsRequest::default()).expect("version 0 exists");
    let mut client = target.client();
    let length = u32::try_from(frame.len()).expect("a short frame").to_be_bytes();
    for byte in length.iter().chain(&frame) {
        client.send_bytes(&[*byte]).expect("a byte is taken");
    }
    let Reply::Frame(answer) = client.read_reply().expect("an answer") else { panic!("no answer") };
    assert_eq!(ApiVersionsResponse::decode(0, answer).expect("version 0").0, 9);
}

#[test]
fn many_requests_in_one_piece_are_answered_in_order() {
    let target = Target::start();
    let mut bytes = Vec::new();
    for correlation_id in 0..50 {
        let frame = requests::frame(0, correlation_id, &ApiVersionsRequest::default()).expect("version 0 exists");
        bytes.put_u32(u32::try_from(frame.len()).expect("a short frame"));
        bytes.put_slice(&frame);
    }
    let mut client = target.client();
    client.send_bytes(&bytes).expect("all is taken");
    for correlation_id in 0..50 {
        let Reply::Frame(answer) = client.read_reply().expect("an answer") else { panic!("no answer") };
        assert_eq!(ApiVersionsResponse::decode(0, answer).expect("version 0").0, correlation_id);
    }
}

#[test]
fn an_api_that_nobody_has_closes_the_connection() {
    let target = Target::start();
    for api_key in [i16::MIN, -1, 4, 500, i16::MAX] {
        let request = header(api_key, 0, false);
        assert_eq!(ask(target.address(), &request), Reply::Closed, "API {api_key}");
    }
    assert_alive(&target);
}

#[test]
fn a_version_that_is_not_served_closes_the_connection() {
    let target = Target::start();
    let served = served(&mut target.client());
    for (api, versions) in served.iter().filter(|(api, _)| **api != ApiKey::ApiVersions) {
        for version in [versions.end() + 1, versions.end() + 20, i16::MAX, -1, i16::MIN] {
            let mut request = header(api.code(), version, version > 0);
            request.put_bytes(0, 64);
            assert_eq!(ask(target.address(), &request), Reply::Closed, "{api} version {version}");
        }
    }
    assert_alive(&target);
}

/// Produce is advertised from version 0, for clients that look for it (KAFKA-18659), and served from 3.
#[test]
fn produce_of_a_version_that_is_only_advertised_closes_the_connection() {
    let target = Target::start();
    assert_eq!(*served(&mut target.client())[&ApiKey::Produce].start(), 0);
    for version in 0..3 {
        let mut request = header(ApiKey::Produce.code(), version, false);
        request.put_bytes(0, 64);
        assert_eq!(ask(target.address(), &request), Reply::Closed, "version {version}");
    }
    assert_alive(&target);
}

/// KIP-511: the one request whose every version has an answer, by which clients learn what to ask.
#[test]
fn api_versions_from_the_future_is_answered_in_version_0() {
    let target = Target::start();
    let newest = *served(&mut target.client())[&ApiKey::ApiVersions].end();
    for version in [newest + 1, newest + 40, i16::MAX] {
        let mut request = header(ApiKey::ApiVersions.code(), version, true);
        request.put_slice(b"whatever that version may hold");
        let mut client = target.client();
        client.send_frame(&request).expect("the frame is taken");
        let Reply::Frame(answer) = client.read_reply().expect("an answer") else { panic!("no answer to {version}") };
        let (correlation_id, response) = ApiVersionsResponse::decode(0, answer).expect("the form of version 0");
        assert_eq!(correlation_id, 7);
        assert_eq!(response.error_code, ErrorCode::UnsupportedVersion.code());
        let ranges: Vec<_> = response.api_keys.iter().map(|api| (api.api_key, api.max_version)).collect();
        assert_eq!(ranges, [(ApiKey::ApiVersions.code(), newest)]);
        assert!(client.api_versions().is_ok(), "and the connection goes on");
    }
}

#[test]
fn every_sample_of_a_served_version_is_answered() {
    let target = Target::start();
    let served = served(&mut target.client());
    for sample in samples().into_iter().filter(|sample| served[&sample.api].contains(&sample.version)) {
        if sample.api == ApiKey::Produce && sample.version < 3 {
            continue;
        }
        let mut client = target.client();
        client.send_frame(&sample.frame).expect("the frame is taken");
        let reply = client.read_reply().expect("an answer");
        assert!(matches!(reply, Reply::Frame(_)), "{sample:?}: {reply:?}");
    }
}

/// librdkafka asks for all topics with three bytes too many.
#[test]
fn bytes_after_a_request_are_let_be() {
    let target = Target::start();
    let served = served(&mut target.client());
    for sample in samples().into_iter().filter(|sample| served[&sample.api].contains(&sample.version)) {
        if sample.api == ApiKey::Produce && sample.version < 3 {
            continue;
        }
        let mut client = target.client();
        client.send_frame(&[&sample.frame[..], &[0, 0, 0]].concat()).expect("the frame is taken");
        let reply = client.read_reply().expect("an answer");
        assert!(matches!(reply, Reply::Frame(_)), "{sample:?}: {reply:?}");
    }
}

/// acks=0 has no answer in which to tell of a failure, so the connection tells.
#[test]
fn a_failure_without_acknowledgement_closes_the_connection() {
    let target = Target::start();
    let topic = target.create_topic("acks0", 1, &[]);
    let batch = requests::batch(Compression::None, [b"value".as_slice()]);
    let mut client = target.client();
    client
        .send(requests::PRODUCE_VERSION, &requests::produce(&topic, 0, batch.clone(), 0))
        .expect("the frame is taken");
    client.api_versions().expect("a success has no answer, and the next request has its own");
    client.send(requests::PRODUCE_VERSION, &requests::produce(&topic, 99, batch, 0)).expect("the frame is taken");
    assert_eq!(client.read_reply().expect("the end"), Reply::Closed);
}

#[test]
fn acks_other_than_the_three_are_refused() {
    let target = Target::start();
    let topic = target.create_topic("acks", 1, &[]);
    let batch = requests::batch(Compression::None, [b"value".as_slice()]);
    for acks in [2, -2, i16::MAX] {
        let code = produce_code(&mut target.client(), &requests::produce(&topic, 0, batch.clone(), acks));
        assert_eq!(code, ErrorCode::InvalidRequiredAcks, "acks {acks}");
    }
}

#[test]
fn a_batch_longer_than_the_topic_takes_is_refused_and_the_connection_goes_on() {
    let target = Target::start();
    let topic = target.create_topic("large", 1, &[]);
    let batch: Bytes = requests::batch(Compression::None, [vec![7; 5_000_000].as_slice()]);
    let mut client = target.client();
    let code = produce_code(&mut client, &requests::produce(&topic, 0, batch, -1));
    assert_eq!(code, ErrorCode::MessageTooLarge);
    client.api_versions().expect("the connection goes on");
}

fn produce_code(client: &mut Client, request: &ProduceRequest) -> ErrorCode {
    let response = client.call(requests::PRODUCE_VERSION, request).expect("Produce is answered");
    let code = response.responses[0].partition_responses[0].error_code;
    ErrorCode::from_code(code).expect("one of Kafka's codes")
}
