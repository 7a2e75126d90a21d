//! The client connection.

use std::time::Duration;

use bytes::Bytes;
use ottla_net::transport::Endpoint;
use ottla_net::{CallError, Client, ClientOptions, Frame, Limits, Reply, Staged, timer};
use ottla_protocol::messages::{MetadataRequest, MetadataResponse, ProduceRequest, StrBytes};
use ottla_protocol::{ApiKey, Request, RequestHeader, Response};

use crate::common::*;

const SOON: Duration = Duration::from_secs(5);
const VERSION: i16 = 9;

async fn client(world: &World, options: ClientOptions) -> Client {
    let endpoint = Endpoint::new("broker", PORT);
    Client::connect(&world.client, &endpoint, options, SOON, &world.scope).await.expect("the broker listens")
}

/// Answers Metadata with the cluster id `answer N`, N counted by the correlation ids, after `delay_ms` of it.
fn metadata(frame: Frame, delay_ms: impl Fn(i32) -> u64) -> Staged {
    let mut bytes = frame.bytes;
    let header = RequestHeader::decode(&mut bytes).expect("the client's");
    assert_eq!((header.api_key, header.api_version), (ApiKey::Metadata, VERSION));
    MetadataRequest::decode(VERSION, bytes).expect("the client's");
    let cluster_id = StrBytes::from_string(format!("answer {}", header.correlation_id));
    let response = MetadataResponse::default().with_cluster_id(Some(cluster_id));
    let reply = response.encode(VERSION, header.correlation_id).expect("exists");
    let delay = Duration::from_millis(delay_ms(header.correlation_id));
    Staged::later(async move {
        timer::sleep(delay).await;
        Reply::Send(reply)
    })
}

async fn call(client: &Client) -> Result<String, CallError> {
    let response = client.call(VERSION, &MetadataRequest::default(), SOON).await?;
    Ok(response.cluster_id.expect("answered").to_string())
}

#[tokio::test(start_paused = true)]
async fn every_call_gets_its_own_response() {
    let world = World::new(Limits::default(), |frame| metadata(frame, |id| 50 - id as u64));
    let client = client(&world, ClientOptions::default()).await;
    let calls = (0..40).map(|_| call(&client));
    let answers = futures_util::future::join_all(calls).await;
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer.expect("answered"), format!("answer {n}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_takes_too_long_is_given_up_and_its_response_taken_for_no_other() {
    let world = World::new(Limits::default(), |frame| metadata(frame, |id| if id == 0 { 8_000 } else { 0 }));
    let client = client(&world, ClientOptions::default()).await;
    let begin = timer::now();
    assert!(matches!(call(&client).await, Err(CallError::TimedOut { within: SOON })));
    assert_eq!(begin.elapsed(), SOON);
    assert_eq!(call(&client).await.expect("answered after the first"), "answer 1");
}

#[tokio::test(start_paused = true)]
async fn only_so_many_requests_are_sent_at_a_time() {
    let world = World::new(Limits::default(), |frame| metadata(frame, |_| 100));
    let options = ClientOptions { requests_in_flight_max: 2, ..ClientOptions::default() };
    let client = client(&world, options).await;
    let begin = timer::now();
    futures_util::future::join_all((0..6).map(|_| call(&client))).await;
    assert!(begin.elapsed() >= Duration::from_millis(300), "three rounds");
}

#[tokio::test(start_paused = true)]
async fn calls_fail_when_the_broker_closes() {
    let world = World::new(Limits::default(), |_| Staged::Close);
    let client = client(&world, ClientOptions::default()).await;
    assert!(matches!(call(&client).await, Err(CallError::Closed)));
    eventually("known to be closed", || client.is_closed()).await;
    assert!(matches!(call(&client).await, Err(CallError::Closed)));
}

#[tokio::test(start_paused = true)]
async fn a_response_out_of_order_ends_the_connection() {
    let world = World::new(Limits::default(), |_| Staged::Done(Bytes::from_static(&[0, 0, 0, 99, 0, 0]).into()));
    let client = client(&world, ClientOptions::default()).await;
    assert!(matches!(call(&client).await, Err(CallError::Closed)));
}

#[tokio::test(start_paused = true)]
async fn a_response_above_the_limit_ends_the_connection() {
    let world = World::new(Limits::default(), |_| Staged::Done(Bytes::from(vec![0; 100_001]).into()));
    let options = ClientOptions { response_bytes_max: 100_000, ..ClientOptions::default() };
    assert!(matches!(call(&client(&world, options).await).await, Err(CallError::Closed)));
}

#[tokio::test(start_paused = true)]
async fn a_large_response_arrives() {
    let name = "x".repeat(30_000);
    let world = World::new(Limits::default(), move |mut frame: Frame| {
        let header = RequestHeader::decode(&mut frame.bytes).expect("the client's");
        let host = StrBytes::from_string(name.clone());
        let broker = ottla_protocol::messages::metadata_response::MetadataResponseBroker::default().with_host(host);
        let response = MetadataResponse::default().with_brokers(vec![broker; 20]);
        Staged::Done(response.encode(VERSION, header.correlation_id).expect("exists"))
    });
    let client = client(&world, ClientOptions::default()).await;
    let response = client.call(VERSION, &MetadataRequest::default(), SOON).await.expect("answered");
    assert_eq!(response.brokers.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_response_leaves_the_next_one_its_own() {
    let world = World::new(Limits::default(), |frame| match frame.bytes[1] {
        0 => Staged::NoReply,
        _ => metadata(frame, |_| 0),
    });
    let client = client(&world, ClientOptions::default()).await;
    client.send(9, &ProduceRequest::default(), SOON).await.expect("queued");
    assert_eq!(call(&client).await.expect("answered"), "answer 1");
}

#[tokio::test(start_paused = true)]
async fn a_version_that_does_not_exist_is_not_sent() {
    let world = World::new(Limits::default(), |frame| metadata(frame, |_| 0));
    let client = client(&world, ClientOptions::default()).await;
    let refused = client.call(99, &MetadataRequest::default(), SOON).await;
    assert!(matches!(refused, Err(CallError::Unencodable(_))));
    call(&client).await.expect("the connection is as it was");
}

#[tokio::test(start_paused = true)]
async fn connecting_has_a_deadline() {
    let world = World::new(Limits::default(), |frame| metadata(frame, |_| 0));
    world.network.cut(CLIENT, BROKER);
    let endpoint = Endpoint::new("broker", PORT);
    let failed = Client::connect(&world.client, &endpoint, ClientOptions::default(), SOON, &world.scope).await;
    assert_eq!(failed.expect_err("the way is cut").kind(), std::io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn the_connection_closes_with_the_last_client() {
    let world = World::new(Limits::default(), |frame| metadata(frame, |_| 0));
    let client = client(&world, ClientOptions::default()).await;
    let clone = client.clone();
    call(&client).await.expect("answered");
    drop(client);
    call(&clone).await.expect("answered");
    drop(clone);
    eventually("nothing is left", || world.network.connection_count() == 0).await;
}
