//! What every transport promises, as one suite that each of them runs.

use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Endpoint, Listener, Stream, Transport, accept};
use crate::timer;

/// Two hosts, which may be one, and an address on which the second can listen.
pub(super) struct Hosts<'a> {
    pub(super) client: &'a dyn Transport,
    pub(super) server: &'a dyn Transport,
    /// With port 0.
    pub(super) address: SocketAddr,
}

/// Runs the suite.
pub(super) async fn run(hosts: &Hosts<'_>) {
    within(a_free_port_is_given_and_taken_once(hosts)).await;
    within(nobody_listening_refuses(hosts)).await;
    within(an_unknown_name_is_unreachable(hosts)).await;
    within(both_sides_know_both_addresses(hosts)).await;
    within(bytes_arrive_in_order_both_ways(hosts)).await;
    within(connections_wait_to_be_accepted(hosts)).await;
    within(a_close_is_an_end_after_all_that_was_sent(hosts)).await;
    within(a_half_close_leaves_the_other_direction(hosts)).await;
    within(a_writer_waits_for_a_reader(hosts)).await;
    within(writing_to_one_who_is_gone_fails(hosts)).await;
    within(a_dropped_accept_loses_no_connection(hosts)).await;
}

async fn within(test: impl Future<Output = ()>) {
    timer::timeout(Duration::from_secs(30), test).await.expect("nothing hangs");
}

async fn pair(hosts: &Hosts<'_>) -> (Box<dyn Stream>, Box<dyn Stream>, Box<dyn Listener>) {
    let mut listener = hosts.server.bind(hosts.address).expect("the port is free");
    let endpoint = Endpoint::from(listener.local_address());
    let client = hosts.client.connect(&endpoint).await.expect("somebody listens");
    let server = accept(&mut *listener).await.expect("a connection waits");
    (client, server, listener)
}

async fn a_free_port_is_given_and_taken_once(hosts: &Hosts<'_>) {
    let listener = hosts.server.bind(hosts.address).expect("there is one");
    let address = listener.local_address();
    assert_ne!(address.port(), 0);
    assert_eq!(hosts.server.bind(address).expect_err("taken").kind(), ErrorKind::AddrInUse);
    drop(listener);
    hosts.server.bind(address).expect("free again");
}

async fn nobody_listening_refuses(hosts: &Hosts<'_>) {
    let listener = hosts.server.bind(hosts.address).expect("free");
    let endpoint = Endpoint::from(listener.local_address());
    drop(listener);
    let refused = hosts.client.connect(&endpoint).await.expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

async fn an_unknown_name_is_unreachable(hosts: &Hosts<'_>) {
    let unreachable = hosts.client.connect(&Endpoint::new("no-such-host.invalid", 9092)).await;
    assert_eq!(unreachable.expect_err("no such host").kind(), ErrorKind::HostUnreachable);
}

async fn both_sides_know_both_addresses(hosts: &Hosts<'_>) {
    let (client, server, listener) = pair(hosts).await;
    assert_eq!(client.peer_address(), listener.local_address());
    assert_eq!(server.local_address(), listener.local_address());
    assert_eq!(client.local_address(), server.peer_address());
}

async fn bytes_arrive_in_order_both_ways(hosts: &Hosts<'_>) {
    let (mut client, mut server, _listener) = pair(hosts).await;
    let sent: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
    let (mut there, mut back) = (vec![0; sent.len()], vec![0; sent.len()]);
    let ask = async {
        client.write_all(&sent).await.expect("open");
        client.read_exact(&mut back).await.expect("answered");
    };
    let answer = async {
        server.read_exact(&mut there).await.expect("sent");
        server.write_all(&there).await.expect("open");
    };
    tokio::join!(ask, answer);
    assert_eq!(back, sent);
}

async fn connections_wait_to_be_accepted(hosts: &Hosts<'_>) {
    let mut listener = hosts.server.bind(hosts.address).expect("free");
    let endpoint = Endpoint::from(listener.local_address());
    let mut clients = Vec::new();
    for n in 0..10 {
        let mut client = hosts.client.connect(&endpoint).await.expect("queued");
        client.write_all(&[n]).await.expect("open, though not accepted");
        clients.push(client);
    }
    for client in &clients {
        let mut server = accept(&mut *listener).await.expect("waiting");
        assert_eq!(server.peer_address(), client.local_address(), "in the order of arrival");
        server.read_u8().await.expect("sent before");
    }
}

async fn a_close_is_an_end_after_all_that_was_sent(hosts: &Hosts<'_>) {
    let (mut client, mut server, _listener) = pair(hosts).await;
    client.write_all(b"last words").await.expect("open");
    drop(client);
    let mut read = Vec::new();
    server.read_to_end(&mut read).await.expect("an orderly end");
    assert_eq!(read, b"last words");
}

async fn a_half_close_leaves_the_other_direction(hosts: &Hosts<'_>) {
    let (mut client, mut server, _listener) = pair(hosts).await;
    client.write_all(b"question").await.expect("open");
    client.shutdown().await.expect("open");
    let mut question = Vec::new();
    server.read_to_end(&mut question).await.expect("an orderly end");
    server.write_all(b"answer").await.expect("open this way");
    drop(server);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.expect("an orderly end");
    assert_eq!((&question[..], &answer[..]), (&b"question"[..], &b"answer"[..]));
    assert_eq!(client.write(b"more").await.expect_err("shut down").kind(), ErrorKind::BrokenPipe);
}

async fn a_writer_waits_for_a_reader(hosts: &Hosts<'_>) {
    let (mut client, mut server, _listener) = pair(hosts).await;
    let chunk = vec![7; 64 * 1024];
    let mut sent = 0;
    // What fits between the two is bounded: a write that takes this long has found the bound.
    while let Ok(written) = timer::timeout(Duration::from_millis(200), client.write(&chunk)).await {
        sent += written.expect("open");
        assert!(sent < 64 * 1024 * 1024, "somebody holds all of it");
    }
    let mut read = vec![0; sent];
    server.read_exact(&mut read).await.expect("all that was taken arrives");
    client.write_all(b"on").await.expect("there is room again");
}

async fn writing_to_one_who_is_gone_fails(hosts: &Hosts<'_>) {
    let (mut client, server, _listener) = pair(hosts).await;
    drop(server);
    let chunk = vec![7; 64 * 1024];
    let failure = loop {
        if let Err(failure) = client.write_all(&chunk).await {
            break failure;
        }
    };
    assert!(matches!(failure.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{failure}");
}

async fn a_dropped_accept_loses_no_connection(hosts: &Hosts<'_>) {
    let mut listener = hosts.server.bind(hosts.address).expect("free");
    let endpoint = Endpoint::from(listener.local_address());
    timer::timeout(Duration::from_millis(1), accept(&mut *listener)).await.expect_err("nobody has come");
    let client = hosts.client.connect(&endpoint).await.expect("queued");
    let server = accept(&mut *listener).await.expect("waiting");
    assert_eq!(server.peer_address(), client.local_address());
}
