//! What a host holds of the network: its listeners and its sides of connections.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::pipe::{Found, Payload};
use super::state::{Shared, Side};
use crate::timer::{self, Instant};
use crate::transport::{Endpoint, Listener, Stream};

/// Connects `from` to `peer`: one way's delay to get there, another to hear that it worked. Waits where the way is cut.
pub(super) async fn connect(shared: Arc<Shared>, from: IpAddr, peer: Endpoint) -> io::Result<Box<dyn Stream>> {
    let ip = shared.with(|state, _| state.resolve(&peer.host))?;
    let to = if ip.is_loopback() { from } else { ip };
    timer::sleep(shared.with(|state, _| state.latency(from, to))).await;
    poll_fn(|context| match shared.with(|state, _| state.reaches(from, to, context.waker())) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
    let established = shared.with(|state, wakers| state.establish(from, to, SocketAddr::new(ip, peer.port), wakers));
    let back = timer::sleep(shared.with(|state, _| state.latency(to, from)));
    // Made before the wait, so that a caller who gives up closes it.
    let stream = established.map(|(connection, local_address, peer_address)| {
        SimStream::new(shared, connection, Side::Connecting, local_address, peer_address)
    });
    back.await;
    Ok(Box::new(stream?))
}

pub(super) struct SimListener {
    shared: Arc<Shared>,
    host: IpAddr,
    id: u64,
    local_address: SocketAddr,
}

impl SimListener {
    pub(super) fn bind(shared: Arc<Shared>, host: IpAddr, address: SocketAddr) -> io::Result<SimListener> {
        let (id, local_address) = shared.with(|state, _| state.listen(host, address))?;
        Ok(SimListener { shared, host, id, local_address })
    }
}

impl Listener for SimListener {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Box<dyn Stream>>> {
        let (host, address, id) = (self.host, self.local_address, self.id);
        let accepted = self.shared.with(|state, _| {
            let Some(listener) = state.listener(host, address, id) else { return Poll::Ready(None) };
            match listener.backlog.pop_front() {
                Some(accepted) => Poll::Ready(Some(accepted)),
                None => {
                    listener.accepting = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        });
        accepted.map(|accepted| {
            let lost = || io::Error::new(io::ErrorKind::NetworkDown, "the host has lost its power");
            let (connection, local_address, peer_address) = accepted.ok_or_else(lost)?;
            let shared = self.shared.clone();
            let stream = SimStream::new(shared, connection, Side::Accepting, local_address, peer_address);
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }

    fn local_address(&self) -> SocketAddr {
        self.local_address
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        let (host, address, id) = (self.host, self.local_address, self.id);
        self.shared.with(|state, wakers| state.close_listener(host, address, id, wakers));
    }
}

impl fmt::Debug for SimListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimListener({})", self.local_address)
    }
}

struct SimStream {
    shared: Arc<Shared>,
    connection: u64,
    side: Side,
    local_address: SocketAddr,
    peer_address: SocketAddr,
    /// Wakes the reader when something arrives.
    arrival: Option<Pin<Box<Sleep>>>,
    /// Wakes the writer when it hears that the peer is gone.
    departure: Option<Pin<Box<Sleep>>>,
    shut_down: bool,
}

impl SimStream {
    fn new(
        shared: Arc<Shared>,
        connection: u64,
        side: Side,
        local_address: SocketAddr,
        peer_address: SocketAddr,
    ) -> SimStream {
        let (arrival, departure, shut_down) = (None, None, false);
        SimStream { shared, connection, side, local_address, peer_address, arrival, departure, shut_down }
    }
}

/// Waits for `deadline` with the timer in `slot`; whether it has come.
fn wait_until(slot: &mut Option<Pin<Box<Sleep>>>, deadline: Instant, context: &mut Context<'_>) -> bool {
    let sleep = slot.get_or_insert_with(|| Box::pin(timer::sleep_until(deadline)));
    if sleep.deadline() != deadline {
        sleep.as_mut().reset(deadline);
    }
    sleep.as_mut().poll(context).is_ready()
}

impl AsyncRead for SimStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        loop {
            let found = stream.shared.with(|state, wakers| {
                if state.is_lost(stream.connection, stream.side) {
                    return Found::Nothing;
                }
                let pipe = state.pipe(stream.connection, stream.side.other());
                let found = pipe.read(into, timer::now());
                match found {
                    Found::Bytes => wakers.extend(pipe.writer.take()),
                    Found::NotBefore(_) | Found::Nothing => pipe.reader = Some(context.waker().clone()),
                    Found::End | Found::Reset => (),
                }
                found
            });
            match found {
                Found::Bytes | Found::End => return Poll::Ready(Ok(())),
                Found::Reset => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Found::NotBefore(arrival) if wait_until(&mut stream.arrival, arrival, context) => (),
                Found::NotBefore(_) | Found::Nothing => return Poll::Pending,
            }
        }
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        if stream.shut_down {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        loop {
            let (connection, side) = (stream.connection, stream.side);
            let written = stream.shared.with(|state, wakers| {
                if state.is_lost(connection, side) {
                    return Ok((0, None));
                }
                let gone = match state.pipe(connection, side.other()).sender_gone(timer::now()) {
                    Ok(true) => return Err(io::ErrorKind::BrokenPipe),
                    Ok(false) => None,
                    Err(at) => Some(at),
                };
                let written = state.write(connection, side, bytes, wakers);
                if written == 0 {
                    state.pipe(connection, side).writer = Some(context.waker().clone());
                }
                Ok((written, gone))
            })?;
            match written {
                (0, Some(gone)) if !bytes.is_empty() && wait_until(&mut stream.departure, gone, context) => (),
                (0, _) if !bytes.is_empty() => return Poll::Pending,
                (written, _) => return Poll::Ready(Ok(written)),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        if !std::mem::replace(&mut stream.shut_down, true) {
            let end = Payload::End { closed: false };
            stream.shared.with(|state, wakers| state.send(stream.connection, stream.side, end, wakers));
        }
        Poll::Ready(Ok(()))
    }
}

impl Stream for SimStream {
    fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    fn peer_address(&self) -> SocketAddr {
        self.peer_address
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        self.shared.with(|state, wakers| state.close(self.connection, self.side, wakers));
    }
}

impl fmt::Debug for SimStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimStream({} to {})", self.local_address, self.peer_address)
    }
}
