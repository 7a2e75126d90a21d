//! What one connection leaves to the others of its thread.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use ottla_base::SeededEntropy;
use ottla_net::transport::{Endpoint, Listener, Stream, TcpTransport, Transport};
use ottla_net::{Acceptor, Limits, RequestMemory, Staged, TaskScope};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Handle;

use crate::common::{Answering, METADATA, numbered, receive, request, send};

const LARGE_BYTES: usize = 60_000;

/// A client that always has another request and takes whatever it is sent.
#[derive(Debug)]
struct Firehose {
    frame: Vec<u8>,
    position: usize,
}

impl AsyncRead for Firehose {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, space: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let rest = &self.frame[self.position..];
        let count = rest.len().min(space.remaining());
        space.put_slice(&rest[..count]);
        self.position = (self.position + count) % self.frame.len();
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Firehose {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Stream for Firehose {
    fn local_address(&self) -> SocketAddr {
        address()
    }

    fn peer_address(&self) -> SocketAddr {
        address()
    }
}

/// Hands out one stream.
#[derive(Debug)]
struct One(Option<Box<dyn Stream>>);

impl Listener for One {
    fn poll_accept(&mut self, _: &mut Context<'_>) -> Poll<io::Result<Box<dyn Stream>>> {
        self.0.take().map_or(Poll::Pending, |stream| Poll::Ready(Ok(stream)))
    }

    fn local_address(&self) -> SocketAddr {
        address()
    }
}

fn address() -> SocketAddr {
    "10.0.0.1:1".parse().expect("an address")
}

#[tokio::test]
async fn a_client_that_never_pauses_leaves_its_thread_to_others_after_each_turn() {
    const EXCHANGES: usize = 20;
    let scope = TaskScope::new("broker", Handle::current(), Arc::new(SeededEntropy::new(1)));
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let service = Arc::new(Answering(move |frame: ottla_net::Frame| {
        counted.fetch_add(usize::from(frame.bytes.len() == LARGE_BYTES), Ordering::SeqCst);
        Staged::Done(frame.bytes.slice(..8).into())
    }));
    let runtimes = Arc::new([Handle::current()]);
    let acceptor = Acceptor::new(service, Limits::default(), RequestMemory::new(64 << 20), runtimes);
    let listener = TcpTransport.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let endpoint = Endpoint::from(listener.local_address());
    acceptor.serve("PLAINTEXT", listener, &scope);
    let firehose = Firehose { frame: request(METADATA, LARGE_BYTES), position: 0 };
    acceptor.serve("FIREHOSE", Box::new(One(Some(Box::new(firehose)))), &scope);

    let mut client = TcpTransport.connect(&endpoint).await.expect("it listens");
    for n in 0..EXCHANGES {
        send(&mut client, &numbered(n as i32, 0)).await;
        receive(&mut client).await;
    }
    let served = calls.load(Ordering::SeqCst);
    assert!(served > 0, "the firehose was served meanwhile");
    // A turn is 1 MiB, 18 of these requests; an exchange needs the sockets looked at a few times.
    assert!(served < EXCHANGES * 150, "{served} large requests went before {EXCHANGES} small ones");
    scope.abort();
}
