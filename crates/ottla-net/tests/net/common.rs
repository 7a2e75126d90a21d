//! A broker that does what a test tells it, and a client that writes bytes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ottla_base::SeededEntropy;
use ottla_net::transport::{Endpoint, SimNetwork, SimOptions, SimTransport, Stream, Transport};
use ottla_net::{Acceptor, ConnectionInfo, Frame, Limits, Reply, RequestMemory, Service, Staged, TaskScope, timer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Handle;

pub(crate) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
pub(crate) const BROKER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
pub(crate) const PORT: u16 = 9092;

pub(crate) const PRODUCE: i16 = 0;
pub(crate) const METADATA: i16 = 3;

/// A service that is a function of the request.
pub(crate) struct Answering<F>(pub(crate) F);

impl<F: Fn(Frame) -> Staged + Send + Sync> Service for Answering<F> {
    fn call(&self, _: &ConnectionInfo, frame: Frame) -> Staged {
        (self.0)(frame)
    }
}

/// A broker that answers with a function, on a network of its own.
pub(crate) struct World {
    pub(crate) network: SimNetwork,
    pub(crate) client: SimTransport,
    pub(crate) broker: SimTransport,
    pub(crate) acceptor: Acceptor,
    pub(crate) memory: RequestMemory,
    /// The broker's.
    pub(crate) scope: TaskScope,
}

/// Delays of 1 ms, and every write in one piece.
pub(crate) fn steady() -> SimOptions {
    SimOptions { latency_ms_min: 1, latency_ms_max: 1, torn_one_in: 0, ..SimOptions::default() }
}

impl World {
    pub(crate) fn new(limits: Limits, answer: impl Fn(Frame) -> Staged + Send + Sync + 'static) -> World {
        World::with(steady(), 1, limits, RequestMemory::new(64 << 20), answer)
    }

    pub(crate) fn with(
        options: SimOptions,
        seed: u64,
        limits: Limits,
        memory: RequestMemory,
        answer: impl Fn(Frame) -> Staged + Send + Sync + 'static,
    ) -> World {
        let entropy = Arc::new(SeededEntropy::new(seed));
        let network = SimNetwork::new(options, entropy.clone());
        let (client, broker) = (network.host("client", CLIENT), network.host("broker", BROKER));
        let scope = TaskScope::new("broker", Handle::current(), entropy);
        let acceptor =
            Acceptor::new(Arc::new(Answering(answer)), limits, memory.clone(), Arc::new([Handle::current()]));
        let listener = broker.bind(SocketAddr::new(BROKER, PORT)).expect("free");
        acceptor.serve("PLAINTEXT", listener, &scope);
        World { network, client, broker, acceptor, memory, scope }
    }

    pub(crate) async fn connect(&self) -> Box<dyn Stream> {
        self.client.connect(&Endpoint::new("broker", PORT)).await.expect("the broker listens")
    }
}

/// A frame with its length: the API key, and `size` bytes in all.
pub(crate) fn request(api_key: i16, size: usize) -> Vec<u8> {
    let body = api_key.to_be_bytes().into_iter().chain((2..size).map(|n| n as u8));
    (size as i32).to_be_bytes().into_iter().chain(body).collect()
}

/// A frame whose correlation id is `id`, with `delay_ms` as its body.
pub(crate) fn numbered(id: i32, delay_ms: u16) -> Vec<u8> {
    let mut frame = request(METADATA, 10);
    frame[8..12].copy_from_slice(&id.to_be_bytes());
    frame[12..14].copy_from_slice(&delay_ms.to_be_bytes());
    frame
}

/// What a frame of [`numbered`] says.
pub(crate) fn id_and_delay(frame: &Frame) -> (i32, Duration) {
    let id = i32::from_be_bytes(frame.bytes[4..8].try_into().expect("four bytes"));
    let delay_ms = u16::from_be_bytes(frame.bytes[8..10].try_into().expect("two bytes"));
    (id, Duration::from_millis(delay_ms.into()))
}

/// Repeats the request after the delay that it asks for; at once where that is 0.
pub(crate) fn echo_after_delay(frame: Frame) -> Staged {
    let (_, delay) = id_and_delay(&frame);
    if delay.is_zero() {
        return Staged::Done(frame.bytes.into());
    }
    Staged::later(async move {
        timer::sleep(delay).await;
        Reply::Send(frame.bytes.into())
    })
}

pub(crate) async fn send(stream: &mut Box<dyn Stream>, bytes: &[u8]) {
    stream.write_all(bytes).await.expect("open");
}

/// The next reply, without its length.
pub(crate) async fn receive(stream: &mut Box<dyn Stream>) -> Vec<u8> {
    let size = stream.read_i32().await.expect("a reply");
    let mut reply = vec![0; size as usize];
    stream.read_exact(&mut reply).await.expect("the whole of it");
    reply
}

/// Whether the connection is over, with nothing more to read.
pub(crate) async fn is_over(stream: &mut Box<dyn Stream>) -> bool {
    match stream.read(&mut [0]).await {
        Ok(count) => count == 0,
        Err(e) => e.kind() == std::io::ErrorKind::ConnectionReset,
    }
}

/// Waits until `condition` holds, a simulated minute at the most.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..60_000 {
        if condition() {
            return;
        }
        timer::sleep(Duration::from_millis(1)).await;
    }
    panic!("never came true: {what}");
}
