//! Requests in, replies out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ottla_base::{Entropy, SeededEntropy};
use ottla_net::transport::{Endpoint, SimOptions, TcpTransport, Transport};
use ottla_net::{Acceptor, Limits, Reply, RequestMemory, Staged, TaskScope, timer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Handle;

use crate::common::*;

#[tokio::test(start_paused = true)]
async fn pipelined_requests_are_answered_in_order_though_later_ones_finish_first() {
    let world = World::new(Limits::default(), echo_after_delay);
    let mut stream = world.connect().await;
    let delays = [30, 0, 20, 10, 0, 40, 5];
    let requests: Vec<_> = (0..).zip(delays).map(|(id, delay)| numbered(id, delay)).collect();
    let begin = timer::now();
    send(&mut stream, &requests.concat()).await;
    for request in &requests {
        assert_eq!(receive(&mut stream).await, request[4..]);
    }
    assert_eq!(begin.elapsed(), Duration::from_millis(42), "they waited side by side");
}

#[tokio::test(start_paused = true)]
async fn the_replies_to_one_read_leave_in_one_write() {
    let world = World::new(Limits::default(), echo_after_delay);
    let mut stream = world.connect().await;
    let requests: Vec<_> = (0..100).map(|id| numbered(id, 0)).collect();
    send(&mut stream, &requests.concat()).await;
    let mut replies = vec![0; 2 * requests.concat().len()];
    let count = stream.read(&mut replies).await.expect("replies");
    assert_eq!(replies[..count], requests.concat());
}

#[tokio::test(start_paused = true)]
async fn bytes_are_counted_both_ways_and_connections_by_what_ends_them() {
    let world = World::new(Limits::default(), echo_after_delay);
    let mut stream = world.connect().await;
    send(&mut stream, &numbered(0, 0)).await;
    receive(&mut stream).await;
    let counts = world.acceptor.counts();
    let frame = numbered(0, 0).len() as u64;
    assert_eq!((counts.received_bytes, counts.sent_bytes), (frame, frame));
    assert!(counts.ended.iter().all(|(_, ended)| *ended == 0), "{counts:?}");

    drop(stream);
    let mut hostile = world.connect().await;
    send(&mut hostile, &[0xff; 8]).await;
    assert!(is_over(&mut hostile).await, "a negative length is no frame");
    eventually("both are over", || world.acceptor.counts().open == 0).await;
    let ended = world.acceptor.counts().ended;
    let seen: Vec<_> = ended.iter().filter(|(_, ended)| *ended > 0).collect();
    assert_eq!(seen, [&("client", 1), &("frame", 1)]);
}

#[tokio::test(start_paused = true)]
async fn the_next_request_is_served_while_an_earlier_one_waits() {
    let calls = Arc::new(AtomicUsize::new(0));
    let world = World::new(Limits::default(), {
        let calls = calls.clone();
        move |frame| {
            calls.fetch_add(1, Ordering::Relaxed);
            echo_after_delay(frame)
        }
    });
    let mut stream = world.connect().await;
    send(&mut stream, &numbered(0, 1_000)).await;
    timer::sleep(Duration::from_millis(10)).await;
    send(&mut stream, &numbered(1, 0)).await;
    timer::sleep(Duration::from_millis(10)).await;
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(receive(&mut stream).await, numbered(0, 1_000)[4..]);
    assert_eq!(receive(&mut stream).await, numbered(1, 0)[4..]);
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_reply_takes_no_place_among_the_replies() {
    let world = World::new(Limits::default(), |frame| match id_and_delay(&frame) {
        (1, _) => Staged::NoReply,
        _ => echo_after_delay(frame),
    });
    let mut stream = world.connect().await;
    send(&mut stream, &[numbered(0, 5), numbered(1, 0), numbered(2, 0)].concat()).await;
    assert_eq!(receive(&mut stream).await, numbered(0, 5)[4..]);
    assert_eq!(receive(&mut stream).await, numbered(2, 0)[4..]);
}

#[tokio::test(start_paused = true)]
async fn a_close_comes_after_the_replies_that_are_owed_and_before_all_others() {
    // At once, or from a reply that comes later.
    for delay in [0, 7] {
        let world = World::new(Limits::default(), |frame| match id_and_delay(&frame) {
            (1, Duration::ZERO) => Staged::Close,
            (1, delay) => Staged::later(async move {
                timer::sleep(delay).await;
                Reply::Close
            }),
            _ => echo_after_delay(frame),
        });
        let mut stream = world.connect().await;
        send(&mut stream, &[numbered(0, 20), numbered(1, delay), numbered(2, 0)].concat()).await;
        assert_eq!(receive(&mut stream).await, numbered(0, 20)[4..]);
        assert!(is_over(&mut stream).await);
        eventually("the task ends", || world.acceptor.counts().open == 0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_said_all_still_gets_its_replies() {
    let world = World::new(Limits::default(), echo_after_delay);
    let mut stream = world.connect().await;
    send(&mut stream, &numbered(0, 50)).await;
    stream.shutdown().await.expect("open");
    assert_eq!(receive(&mut stream).await, numbered(0, 50)[4..]);
    assert!(is_over(&mut stream).await);
}

#[tokio::test(start_paused = true)]
async fn large_replies_arrive_whole_and_in_their_place() {
    let chunk = Bytes::from(vec![9; 300_000]);
    let world = World::new(Limits::default(), {
        let chunk = chunk.clone();
        move |frame| match id_and_delay(&frame) {
            (1, _) => Staged::Done(chunk.clone().into()),
            _ => echo_after_delay(frame),
        }
    });
    let mut stream = world.connect().await;
    send(&mut stream, &[numbered(0, 0), numbered(1, 0), numbered(2, 0)].concat()).await;
    assert_eq!(receive(&mut stream).await, numbered(0, 0)[4..]);
    assert_eq!(receive(&mut stream).await, chunk);
    assert_eq!(receive(&mut stream).await, numbered(2, 0)[4..]);
}

#[tokio::test(start_paused = true)]
async fn whatever_the_network_does_to_the_bytes_the_replies_are_right() {
    for seed in 0..40 {
        let options = SimOptions { torn_one_in: 2, window_bytes: 20_000, ..SimOptions::default() };
        let limits = Limits { requests_in_flight_max: 5, unsent_bytes_max: 50_000, ..Limits::default() };
        let memory = RequestMemory::new(2 << 20);
        let entropy = SeededEntropy::new(seed);
        let delays = entropy.fork();
        let world = World::with(options, seed, limits, memory, move |frame| {
            let delay = Duration::from_millis(delays.below(6));
            match delays.below(2) {
                0 => Staged::Done(frame.bytes.into()),
                _ => Staged::later(async move {
                    timer::sleep(delay).await;
                    Reply::Send(frame.bytes.into())
                }),
            }
        });
        let sizes = |_| if entropy.one_in(5) { 60_000 + entropy.below(90_000) } else { 8 + entropy.below(3_000) };
        let requests: Vec<_> = (0..40).map(sizes).map(|size| request(PRODUCE, size as usize)).collect();
        let (mut reader, mut writer) = tokio::io::split(world.connect().await);
        let all = requests.concat();
        let writing = async { writer.write_all(&all).await.expect("open") };
        let mut replies = vec![0; all.len()];
        let reading = async { reader.read_exact(&mut replies).await.expect("all replies") };
        tokio::join!(writing, reading);
        assert_eq!(replies, all, "seed {seed}");
        assert_eq!(world.memory.available(), 2 << 20);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_sends_the_replies_that_are_owed_and_takes_no_more_requests() {
    let world = World::new(Limits::default(), echo_after_delay);
    let mut stream = world.connect().await;
    let mut idle = world.connect().await;
    send(&mut stream, &numbered(0, 100)).await;
    timer::sleep(Duration::from_millis(10)).await;
    let begin = timer::now();
    let stopping = world.scope.stop(Duration::from_secs(5));
    let client = async {
        timer::sleep(Duration::from_millis(10)).await;
        stream.write_all(&numbered(1, 0)).await.expect("the broker still sends");
        assert_eq!(receive(&mut stream).await, numbered(0, 100)[4..]);
        assert!(is_over(&mut stream).await && is_over(&mut idle).await);
    };
    assert_eq!(tokio::join!(stopping, client).0, 0, "nothing had to be aborted");
    assert!(begin.elapsed() < Duration::from_millis(200));
}

#[cfg(tokio_unstable)]
#[tokio::test(start_paused = true)]
async fn connections_at_rest_wake_nobody() {
    let world = World::new(Limits::default(), echo_after_delay);
    let mut streams = Vec::new();
    for id in 0..20 {
        let mut stream = world.connect().await;
        send(&mut stream, &numbered(id, 3)).await;
        receive(&mut stream).await;
        streams.push(stream);
    }
    let polls = || tokio::runtime::Handle::current().metrics().worker_poll_count(0);
    timer::sleep(Duration::from_secs(1)).await;
    let before = polls();
    timer::sleep(Duration::from_secs(500)).await;
    assert_eq!(polls() - before, 0);
}

#[tokio::test]
async fn the_same_over_tcp() {
    let scope = TaskScope::new("broker", Handle::current(), Arc::new(SeededEntropy::new(1)));
    let service = Arc::new(Answering(echo_after_delay));
    let acceptor =
        Acceptor::new(service, Limits::default(), RequestMemory::new(64 << 20), Arc::new([Handle::current()]));
    let listener = TcpTransport.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let endpoint = Endpoint::from(listener.local_address());
    acceptor.serve("PLAINTEXT", listener, &scope);
    let (mut reader, mut writer) = tokio::io::split(TcpTransport.connect(&endpoint).await.expect("it listens"));

    let mut requests: Vec<_> = (0..500).map(|id| numbered(id, (id % 3) as u16)).collect();
    // The frame's eighth and ninth byte ask for the delay.
    requests.extend((0..5).map(|n| {
        let mut large = request(PRODUCE, 500_000 + n);
        large[12..14].fill(0);
        large
    }));
    let all = requests.concat();
    let mut replies = vec![0; all.len()];
    let (written, read) = tokio::join!(writer.write_all(&all), reader.read_exact(&mut replies));
    written.and(read).expect("open");
    assert_eq!(replies, all);
    assert_eq!(scope.stop(Duration::from_secs(5)).await, 0);
    assert_eq!(reader.read(&mut [0]).await.expect("an orderly end"), 0);
}
