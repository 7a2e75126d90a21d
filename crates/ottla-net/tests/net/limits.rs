//! What a client may not do.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use ottla_net::transport::{Endpoint, Listener, Stream, Transport};
use ottla_net::{Frame, Limits, Reply, RequestMemory, Staged, timer};
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;

use crate::common::*;

/// Writes `bytes` until the broker takes no more; returns how many it took.
async fn flood(stream: &mut Box<dyn Stream>, bytes: &[u8]) -> usize {
    let mut taken = 0;
    let full = Duration::from_secs(5);
    while let Ok(written) = timer::timeout(full, stream.write(&bytes[taken % bytes.len()..])).await {
        taken += written.expect("open");
    }
    taken
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_not_read_from() {
    let calls = Arc::new(AtomicUsize::new(0));
    let reply = Bytes::from(vec![7; 10_000]);
    let limits = Limits { unsent_bytes_max: 100_000, ..Limits::default() };
    let world = World::new(limits, {
        let calls = calls.clone();
        move |_| {
            calls.fetch_add(1, Ordering::Relaxed);
            Staged::Done(reply.clone().into())
        }
    });
    let mut stream = world.connect().await;
    let written = flood(&mut stream, &numbered(0, 0)).await;
    let served = calls.load(Ordering::Relaxed);
    // What is unsent, the reply on top, and what lies between the two sides.
    assert!(served * 10_000 <= 100_000 + 10_000 + 64 * 1024, "{served} replies are held");
    // The receive buffer and the window.
    assert!(written <= served * 14 + 2 * 64 * 1024);
    for _ in 0..written / 14 {
        receive(&mut stream).await;
    }
    assert_eq!(calls.load(Ordering::Relaxed), written / 14, "and then all are served");
}

#[tokio::test(start_paused = true)]
async fn only_so_many_requests_are_in_flight() {
    let calls = Arc::new(AtomicUsize::new(0));
    let limits = Limits { requests_in_flight_max: 3, ..Limits::default() };
    let world = World::new(limits, {
        let calls = calls.clone();
        move |frame| {
            calls.fetch_add(1, Ordering::Relaxed);
            echo_after_delay(frame)
        }
    });
    let mut stream = world.connect().await;
    let requests: Vec<_> = (0..10).map(|id| numbered(id, 100)).collect();
    send(&mut stream, &requests.concat()).await;
    timer::sleep(Duration::from_millis(50)).await;
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    for request in &requests {
        assert_eq!(receive(&mut stream).await, request[4..]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_length_that_no_frame_has_closes_the_connection_and_reaches_nobody() {
    let world = World::new(Limits::default(), |frame: Frame| match frame.bytes.len() {
        10 => echo_after_delay(frame),
        size => panic!("a frame of {size} bytes was let through"),
    });
    let plain_max = Limits::default().plain_frame_bytes_max;
    let record_max = Limits::default().record_frame_bytes_max;
    for bad in [
        (-1_i32).to_be_bytes().to_vec(),
        i32::MIN.to_be_bytes().to_vec(),
        i32::MAX.to_be_bytes().to_vec(),
        0_i32.to_be_bytes().to_vec(),
        7_i32.to_be_bytes().to_vec(),
        request(METADATA, plain_max + 1)[..6].to_vec(),
        [&(record_max as i32 + 1).to_be_bytes()[..], &PRODUCE.to_be_bytes()].concat(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ] {
        let mut stream = world.connect().await;
        send(&mut stream, &[numbered(0, 0), bad].concat()).await;
        assert_eq!(receive(&mut stream).await, numbered(0, 0)[4..], "what came before is answered");
        assert!(is_over(&mut stream).await);
        eventually("the connection ends", || world.acceptor.counts().open == 0).await;
    }
    assert_eq!(world.memory.available(), 64 << 20);
}

#[tokio::test(start_paused = true)]
async fn the_length_alone_takes_no_memory() {
    let world = World::new(Limits::default(), |_| Staged::NoReply);
    let begun = [&50_000_000_i32.to_be_bytes()[..], &PRODUCE.to_be_bytes(), &[0; 60_000]].concat();
    let mut streams = Vec::new();
    for _ in 0..100 {
        let mut stream = world.connect().await;
        send(&mut stream, &begun).await;
        streams.push(stream);
    }
    timer::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.memory.available(), 64 << 20);
}

#[tokio::test(start_paused = true)]
async fn large_requests_take_their_turn_in_a_budget_that_holds_one() {
    let size = 400_000;
    let served = Arc::new(AtomicUsize::new(0));
    let world = World::with(steady(), 1, Limits::default(), RequestMemory::new(550_000), {
        let served = served.clone();
        move |frame: Frame| {
            assert_eq!(frame.memory.bytes(), size);
            served.fetch_add(1, Ordering::Relaxed);
            let Frame { bytes, memory } = frame;
            Staged::later(async move {
                timer::sleep(Duration::from_millis(10)).await;
                drop(memory);
                Reply::Send(bytes.slice(..8).into())
            })
        }
    });
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(world.connect().await);
    }
    let one = async |stream: &mut Box<dyn Stream>| {
        for _ in 0..3 {
            send(stream, &request(PRODUCE, size)).await;
            receive(stream).await;
        }
    };
    let all = streams.iter_mut().map(one);
    timer::timeout(Duration::from_secs(60), futures_util::future::join_all(all)).await.expect("no deadlock");
    assert_eq!(served.load(Ordering::Relaxed), 24);
    assert_eq!(world.memory.available(), 550_000);
}

#[tokio::test(start_paused = true)]
async fn a_request_above_the_whole_budget_is_served_alone() {
    let world = World::with(steady(), 1, Limits::default(), RequestMemory::new(100_000), |frame: Frame| {
        Staged::Done(frame.bytes.slice(..8).into())
    });
    let mut stream = world.connect().await;
    send(&mut stream, &request(PRODUCE, 1_000_000)).await;
    receive(&mut stream).await;
}

#[tokio::test(start_paused = true)]
async fn replies_go_out_while_the_next_request_waits_for_memory() {
    let held = Arc::new(Mutex::new(None));
    let world = World::with(steady(), 1, Limits::default(), RequestMemory::new(100_000), {
        let held = held.clone();
        move |mut frame: Frame| {
            held.lock().get_or_insert(std::mem::replace(&mut frame.memory, ottla_net::MemoryPermit::none()));
            Staged::Done(frame.bytes.slice(..8).into())
        }
    });
    let mut stream = world.connect().await;
    send(&mut stream, &[request(PRODUCE, 60_000), request(PRODUCE, 60_001)].concat()).await;
    receive(&mut stream).await;
    let second = timer::timeout(Duration::from_secs(5), receive(&mut stream)).await;
    assert!(second.is_err(), "somebody else has the memory");
    held.lock().take();
    receive(&mut stream).await;
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_replies_holds_no_memory_for_the_next_request() {
    let memory = RequestMemory::new(100_000);
    let limits = Limits { unsent_bytes_max: 50_000, ..Limits::default() };
    let world = World::with(steady(), 1, limits, memory.clone(), |_| {
        Staged::later(async {
            timer::sleep(Duration::from_millis(50)).await;
            Reply::Send(Bytes::from(vec![7; 1 << 20]).into())
        })
    });
    let mut stream = world.connect().await;
    send(&mut stream, &request(PRODUCE, 10_000)).await;
    timer::sleep(Duration::from_millis(10)).await;
    let others = memory.try_acquire(100_000).expect("the first request is served");
    send(&mut stream, &request(PRODUCE, 10_001)).await;
    timer::sleep(Duration::from_millis(100)).await;
    // By now the first reply is stuck, and the second request waits for memory that it could not use.
    drop(others);
    timer::sleep(Duration::from_millis(10)).await;
    assert_eq!(memory.available(), 100_000);
    receive(&mut stream).await;
    receive(&mut stream).await;
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_holds_memory_must_make_progress() {
    let limits = Limits { frame_transfer_max: Duration::from_secs(3), ..Limits::default() };
    let world = World::new(limits, |_| Staged::NoReply);
    let mut stream = world.connect().await;
    // 100,000 bytes may take 3 s and 1 s; what comes now and then does not buy more, and neither does what was announced.
    send(&mut stream, &request(PRODUCE, 1_000_000)[..100_000]).await;
    let begin = timer::now();
    eventually("memory is charged", || world.memory.available() < 64 << 20).await;
    let dripping = async {
        while stream.write_all(&[0]).await.is_ok() {
            timer::sleep(Duration::from_secs(1)).await;
        }
    };
    timer::timeout(Duration::from_secs(60), dripping).await.expect("closed");
    assert!((4..=6).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
    assert_eq!(world.memory.available(), 64 << 20);
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_comes_at_the_slowest_pace_allowed_is_taken() {
    let limits = Limits { frame_transfer_max: Duration::from_secs(3), ..Limits::default() };
    let world = World::new(limits, |frame: Frame| Staged::Done(frame.bytes.slice(..8).into()));
    let mut stream = world.connect().await;
    for part in request(PRODUCE, 1_000_000).chunks(64 * 1024) {
        send(&mut stream, part).await;
        timer::sleep(Duration::from_secs(1)).await;
    }
    receive(&mut stream).await;
}

#[tokio::test(start_paused = true)]
async fn clients_that_stall_in_large_requests_do_not_stop_small_ones() {
    let world = World::with(steady(), 1, Limits::default(), RequestMemory::new(1_000_000), |frame: Frame| {
        Staged::Done(frame.bytes.slice(..8).into())
    });
    let mut stalled = Vec::new();
    for _ in 0..3 {
        let mut stream = world.connect().await;
        send(&mut stream, &request(PRODUCE, 900_000)[..100_000]).await;
        stalled.push(stream);
    }
    eventually("memory is charged", || world.memory.available() == 250_000).await;
    let mut stream = world.connect().await;
    send(&mut stream, &request(PRODUCE, 1000)).await;
    timer::timeout(Duration::from_secs(1), receive(&mut stream)).await.expect("there is room for it");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_in_time_and_a_busy_one_is_not() {
    let limits = Limits { idle_max: Duration::from_secs(10), ..Limits::default() };
    let world = World::new(limits, echo_after_delay);
    let mut stream = world.connect().await;
    for id in 0..5 {
        timer::sleep(Duration::from_secs(9)).await;
        send(&mut stream, &numbered(id, 0)).await;
        receive(&mut stream).await;
    }
    let begin = timer::now();
    assert!(is_over(&mut stream).await);
    assert_eq!(begin.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_waits_for_its_reply_is_not_idle() {
    let limits = Limits { idle_max: Duration::from_secs(10), ..Limits::default() };
    let world = World::new(limits, echo_after_delay);
    let mut stream = world.connect().await;
    send(&mut stream, &numbered(0, 35_000)).await;
    assert_eq!(receive(&mut stream).await, numbered(0, 35_000)[4..]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_take_its_replies_is_idle() {
    let limits = Limits { idle_max: Duration::from_secs(10), ..Limits::default() };
    let world = World::new(limits, |_| Staged::Done(Bytes::from(vec![0; 1 << 20]).into()));
    let mut stream = world.connect().await;
    send(&mut stream, &[numbered(0, 0), numbered(1, 0)].concat()).await;
    timer::sleep(Duration::from_secs(9)).await;
    assert_eq!(world.acceptor.counts().open, 1);
    eventually("it is closed", || world.acceptor.counts().open == 0).await;
}

#[tokio::test(start_paused = true)]
async fn there_are_only_so_many_connections_in_all_and_from_one_address() {
    let limits = Limits { connections_max: 4, connections_per_ip_max: 3, ..Limits::default() };
    let world = World::new(limits, echo_after_delay);
    let mut mine = Vec::new();
    for _ in 0..3 {
        mine.push(world.connect().await);
    }
    assert!(is_over(&mut world.connect().await).await, "a fourth from one address");
    let other = world.network.host("other", "10.0.0.3".parse().expect("an address"));
    let endpoint = Endpoint::new("broker", PORT);
    let mut fourth = other.connect(&endpoint).await.expect("taken");
    assert!(is_over(&mut other.connect(&endpoint).await.expect("taken")).await, "a fifth in all");
    send(&mut fourth, &numbered(0, 0)).await;
    receive(&mut fourth).await;
    let counts = world.acceptor.counts();
    assert_eq!((counts.open, counts.accepted, counts.refused), (4, 4, 2));

    mine.clear();
    eventually("the places are free again", || world.acceptor.counts().open == 1).await;
    let mut next = world.connect().await;
    send(&mut next, &numbered(0, 0)).await;
    receive(&mut next).await;
}

/// A listener that the system refuses descriptors a few times.
#[derive(Debug)]
struct Short {
    failures: usize,
    inner: Box<dyn Listener>,
}

impl Listener for Short {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Box<dyn Stream>>> {
        if self.failures > 0 {
            self.failures -= 1;
            const EMFILE: i32 = 24;
            return Poll::Ready(Err(io::Error::from_raw_os_error(EMFILE)));
        }
        self.inner.poll_accept(context)
    }

    fn local_address(&self) -> SocketAddr {
        self.inner.local_address()
    }
}

#[tokio::test(start_paused = true)]
async fn accepting_pauses_while_there_are_no_descriptors() {
    let world = World::new(Limits::default(), echo_after_delay);
    let inner = world.broker.bind(SocketAddr::new(BROKER, 9093)).expect("free");
    world.acceptor.serve("SHORT", Box::new(Short { failures: 3, inner }), &world.scope);
    let begin = timer::now();
    let mut stream = world.client.connect(&Endpoint::new("broker", 9093)).await.expect("queued");
    send(&mut stream, &numbered(0, 0)).await;
    receive(&mut stream).await;
    assert_eq!(world.acceptor.counts().pauses, 3);
    assert!(begin.elapsed() >= Duration::from_millis(290));
}
