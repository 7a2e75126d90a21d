//! The faults, one story each; what a network without faults promises is in the suite.

use std::future::Future;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;

use ottla_base::SeededEntropy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::timer;
use crate::transport::accept;
use crate::transport::suite::{self, Hosts};

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

fn network(options: SimOptions, seed: u64) -> (SimNetwork, SimTransport, SimTransport) {
    let network = SimNetwork::new(options, Arc::new(SeededEntropy::new(seed)));
    let (client, server) = (network.host("client", CLIENT), network.host("server", SERVER));
    (network, client, server)
}

/// Delays of exactly 5 ms, and no torn writes.
fn steady() -> SimOptions {
    SimOptions { latency_ms_min: 5, latency_ms_max: 5, torn_one_in: 0, ..SimOptions::default() }
}

async fn connected(client: &SimTransport, server: &SimTransport) -> (Box<dyn Stream>, Box<dyn Stream>) {
    let mut listener = server.bind(SocketAddr::new(SERVER, 0)).expect("free");
    let client = client.connect(&listener.local_address().into()).await.expect("somebody listens");
    (client, accept(&mut *listener).await.expect("waiting"))
}

/// Whether `future` takes longer than a minute of simulated time.
async fn hangs(future: impl Future) -> bool {
    timer::timeout(Duration::from_secs(60), future).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn keeps_what_every_transport_promises() {
    for seed in 0..20 {
        let (network, client, server) = network(SimOptions::default(), seed);
        suite::run(&Hosts { client: &client, server: &server, address: SocketAddr::new(SERVER, 0) }).await;
        suite::run(&Hosts { client: &server, server: &server, address: SocketAddr::from(([127, 0, 0, 1], 0)) }).await;
        assert_eq!(network.connection_count(), 0, "nothing is left behind");
    }
}

#[tokio::test(start_paused = true)]
async fn hosts_are_found_by_name_and_loopback_is_private() {
    let (_, client, server) = network(steady(), 1);
    let public = server.bind("0.0.0.0:9092".parse().expect("an address")).expect("free");
    client.connect(&Endpoint::new("server", 9092)).await.expect("found");
    drop(public);
    let _private = server.bind("127.0.0.1:9092".parse().expect("an address")).expect("free");
    let refused = client.connect(&Endpoint::new("server", 9092)).await.expect_err("not for others");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    server.connect(&Endpoint::new("localhost", 9092)).await.expect("for itself");
    let _other_family = server.bind("[::1]:9092".parse().expect("an address")).expect("an address of its own");
    let foreign = server.bind(SocketAddr::new(CLIENT, 0)).expect_err("another's address");
    assert_eq!(foreign.kind(), ErrorKind::AddrNotAvailable);
}

#[tokio::test(start_paused = true)]
async fn delays_are_those_that_were_asked_for() {
    let (_, client, server) = network(steady(), 1);
    let begin = timer::now();
    let (mut client, mut server) = connected(&client, &server).await;
    assert_eq!(begin.elapsed(), Duration::from_millis(10), "there and back");
    client.write_all(b"x").await.expect("open");
    server.read_u8().await.expect("sent");
    assert_eq!(begin.elapsed(), Duration::from_millis(15));
}

#[tokio::test(start_paused = true)]
async fn a_seed_gives_one_course_of_events() {
    async fn course(seed: u64) -> Vec<(Duration, usize)> {
        let (_, client, server) = network(SimOptions { torn_one_in: 2, ..SimOptions::default() }, seed);
        let begin = timer::now();
        let (mut client, mut server) = connected(&client, &server).await;
        let mut events = Vec::new();
        let writes = async {
            for _ in 0..20 {
                client.write_all(&[1; 100]).await.expect("open");
                timer::sleep(Duration::from_millis(2)).await;
            }
            client.shutdown().await.expect("open");
        };
        let reads = async {
            let mut space = [0; 300];
            while let Ok(count) = server.read(&mut space).await
                && count > 0
            {
                events.push((begin.elapsed(), count));
            }
        };
        tokio::join!(writes, reads);
        assert_eq!(events.iter().map(|(_, count)| count).sum::<usize>(), 2000);
        events
    }
    assert_eq!(course(7).await, course(7).await);
    assert_ne!(course(7).await, course(8).await);
}

#[tokio::test(start_paused = true)]
async fn a_cut_holds_bytes_back_one_way_until_it_is_healed() {
    let (network, client, server) = network(steady(), 1);
    let (mut client, mut server) = connected(&client, &server).await;
    client.write_all(b"in time ").await.expect("open");
    timer::sleep(Duration::from_millis(5)).await;
    client.write_all(b"under way ").await.expect("open");
    network.cut(CLIENT, SERVER);
    client.write_all(b"too late").await.expect("the window takes it");
    server.write_all(b"hello").await.expect("open");

    let mut read = [0; 5];
    client.read_exact(&mut read).await.expect("the other way is whole");
    let mut read = [0; 26];
    assert_eq!(server.read(&mut read).await.expect("open"), 8, "what had arrived is there");
    assert!(hangs(server.read_u8()).await);
    network.heal(CLIENT, SERVER);
    server.read_exact(&mut read[8..]).await.expect("healed");
    assert_eq!(&read, b"in time under way too late");
}

#[tokio::test(start_paused = true)]
async fn nobody_connects_across_a_cut_until_it_is_healed() {
    let (network, client, server) = network(steady(), 1);
    let listener = server.bind(SocketAddr::new(SERVER, 0)).expect("free");
    let endpoint = listener.local_address().into();
    for (from, to) in [(CLIENT, SERVER), (SERVER, CLIENT)] {
        network.cut(from, to);
        let mut connecting = client.connect(&endpoint);
        assert!(hangs(&mut connecting).await);
        network.heal(from, to);
        connecting.await.expect("healed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_is_an_error_on_both_sides_and_loses_what_was_under_way() {
    let (network, client, server) = network(steady(), 1);
    let (mut client, mut server) = connected(&client, &server).await;
    client.write_all(b"lost").await.expect("open");
    network.reset(SERVER, CLIENT);
    for stream in [&mut client, &mut server] {
        assert_eq!(stream.read_u8().await.expect_err("reset").kind(), ErrorKind::ConnectionReset);
        assert_eq!(stream.write(b"x").await.expect_err("reset").kind(), ErrorKind::BrokenPipe);
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_arrives_in_half_before_a_cut() {
    let (network, client, server) = network(steady(), 1);
    let (mut client, mut server) = connected(&client, &server).await;
    network.break_after(CLIENT, SERVER, 7, Then::Cut);
    client.write_all(b"half of this").await.expect("the window takes it");
    let mut read = [0; 12];
    server.read_exact(&mut read[..7]).await.expect("the first half");
    assert!(hangs(server.read_u8()).await);
    network.heal(CLIENT, SERVER);
    server.read_exact(&mut read[7..]).await.expect("healed");
    assert_eq!(&read, b"half of this");
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_has_sent_its_last_byte_is_reset() {
    let (network, client, server) = network(steady(), 1);
    let (mut client, mut server) = connected(&client, &server).await;
    network.break_after(CLIENT, SERVER, 100, Then::Reset);
    client.write_all(&[0; 60]).await.expect("open");
    server.read_exact(&mut [0; 60]).await.expect("arrived");
    client.write_all(&[0; 60]).await.expect("taken, though it is lost");
    assert_eq!(server.read_u8().await.expect_err("reset").kind(), ErrorKind::ConnectionReset);
    assert_eq!(client.read_u8().await.expect_err("reset").kind(), ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn a_slow_link_delivers_at_its_rate() {
    let (network, client, server) = network(steady(), 1);
    let (mut client, mut server) = connected(&client, &server).await;
    network.set_rate(CLIENT, SERVER, Some(100));
    let begin = timer::now();
    client.write_all(&[0; 1000]).await.expect("the window takes it");
    client.write_all(&[0; 1000]).await.expect("the window takes it");
    server.read_exact(&mut [0; 1000]).await.expect("arrives");
    assert_eq!(begin.elapsed(), Duration::from_millis(15));
    server.read_exact(&mut [0; 1000]).await.expect("arrives");
    assert_eq!(begin.elapsed(), Duration::from_millis(25));
}

#[tokio::test(start_paused = true)]
async fn a_host_without_power_is_silent_and_resets_its_connections_when_it_is_back() {
    let (network, client, server) = network(steady(), 1);
    let (mut peer, lost) = connected(&client, &server).await;
    let listener = server.bind(SocketAddr::new(SERVER, 9092)).expect("free");
    network.power_off(SERVER);
    drop((lost, listener));
    assert!(hangs(peer.read_u8()).await, "a peer is not told");
    let mut connecting = client.connect(&Endpoint::new("server", 9092));
    assert!(hangs(&mut connecting).await, "nor is who connects");
    network.power_on(SERVER);
    assert_eq!(peer.read_u8().await.expect_err("unknown there").kind(), ErrorKind::ConnectionReset);
    assert_eq!(connecting.await.expect_err("nobody listens yet").kind(), ErrorKind::ConnectionRefused);
    server.bind(SocketAddr::new(SERVER, 9092)).expect("free again");
}

#[tokio::test(start_paused = true)]
async fn one_who_leaves_with_bytes_unread_resets_the_other() {
    let (_, client, server) = network(steady(), 1);
    let (mut client, server) = connected(&client, &server).await;
    client.write_all(b"never read").await.expect("open");
    timer::sleep(Duration::from_millis(5)).await;
    drop(server);
    assert_eq!(client.read_u8().await.expect_err("reset").kind(), ErrorKind::ConnectionReset);
}
