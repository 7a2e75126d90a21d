//! [`TcpTransport`]: the operating system's TCP.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{BoxFuture, Endpoint, Listener, Stream, Transport};

/// How many connections the kernel keeps for a listener that does not take them (it caps this at `net.core.somaxconn`).
const BACKLOG: i32 = 1024;

/// TCP, with Nagle's algorithm off on both sides: it costs 44 ms on a 16 KB batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct TcpTransport;

impl Transport for TcpTransport {
    fn bind(&self, address: SocketAddr) -> io::Result<Box<dyn Listener>> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        // A restarted broker must not wait for connections of its former self to time out.
        socket.set_reuse_address(true)?;
        if address.is_ipv6() {
            // `[::]` and `0.0.0.0` are listeners of their own, whatever the system's default is.
            socket.set_only_v6(true)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        listener(socket)
    }

    fn connect(&self, peer: &Endpoint) -> BoxFuture<io::Result<Box<dyn Stream>>> {
        Box::pin(connect(peer.clone()))
    }
}

#[expect(clippy::disallowed_types, reason = "this is the seam")]
fn listener(socket: Socket) -> io::Result<Box<dyn Listener>> {
    let listener = tokio::net::TcpListener::from_std(std::net::TcpListener::from(socket))?;
    let local_address = listener.local_addr()?;
    Ok(Box::new(TcpListener { listener, local_address }))
}

#[expect(clippy::disallowed_types, reason = "this is the seam")]
async fn connect(peer: Endpoint) -> io::Result<Box<dyn Stream>> {
    let unreachable = |e| io::Error::new(io::ErrorKind::HostUnreachable, e);
    let addresses = tokio::net::lookup_host((peer.host.as_str(), peer.port)).await.map_err(unreachable)?;
    let mut failure = io::Error::new(io::ErrorKind::HostUnreachable, "the name has no address");
    for address in addresses {
        match tokio::net::TcpStream::connect(address).await {
            Ok(stream) => return TcpStream::boxed(stream, address),
            Err(e) => failure = e,
        }
    }
    Err(failure)
}

#[derive(Debug)]
#[expect(clippy::disallowed_types, reason = "this is the seam")]
struct TcpListener {
    listener: tokio::net::TcpListener,
    local_address: SocketAddr,
}

impl Listener for TcpListener {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Box<dyn Stream>>> {
        self.listener.poll_accept(context).map(|accepted| {
            let (stream, peer_address) = accepted?;
            // Only `accept` itself can say that the listener has a trouble; this is of one client that has left.
            TcpStream::boxed(stream, peer_address).map_err(|e| io::Error::new(io::ErrorKind::ConnectionAborted, e))
        })
    }

    fn local_address(&self) -> SocketAddr {
        self.local_address
    }
}

#[derive(Debug)]
#[expect(clippy::disallowed_types, reason = "this is the seam")]
struct TcpStream {
    stream: tokio::net::TcpStream,
    local_address: SocketAddr,
    peer_address: SocketAddr,
}

impl TcpStream {
    /// `peer_address` is told and not asked for: a socket that its client has reset does not know it any more.
    #[expect(clippy::disallowed_types, reason = "this is the seam")]
    fn boxed(stream: tokio::net::TcpStream, peer_address: SocketAddr) -> io::Result<Box<dyn Stream>> {
        stream.set_nodelay(true)?;
        let local_address = stream.local_addr()?;
        Ok(Box::new(TcpStream { stream, local_address, peer_address }))
    }
}

impl Stream for TcpStream {
    fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    fn peer_address(&self) -> SocketAddr {
        self.peer_address
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;
    use crate::transport::suite::{self, Hosts};

    #[tokio::test]
    async fn keeps_what_every_transport_promises() {
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        suite::run(&Hosts { client: &TcpTransport, server: &TcpTransport, address }).await;
    }

    #[tokio::test]
    async fn listens_on_both_loopbacks_at_one_port() {
        let v4 = TcpTransport.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("there is a free port");
        let same_port = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], v4.local_address().port()));
        match TcpTransport.bind(same_port) {
            Ok(v6) => assert_eq!(v6.local_address(), same_port),
            // A machine without IPv6 has nothing to show here.
            Err(e) => assert_eq!(e.kind(), io::ErrorKind::AddrNotAvailable),
        }
    }

    /// What a load balancer's health check does.
    #[tokio::test]
    async fn a_client_that_resets_before_it_is_accepted_is_no_failure_of_the_listener() {
        let mut listener = TcpTransport.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("there is a free port");
        let client = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).expect("a socket");
        client.connect(&listener.local_address().into()).expect("the kernel accepts");
        let address = client.local_addr().expect("it is connected").as_socket().expect("it is of IPv4");
        client.set_linger(Some(Duration::ZERO)).expect("a reset instead of a close");
        drop(client);

        let stream = poll_fn(|context| listener.poll_accept(context)).await.expect("the listener is well");
        assert_eq!(stream.peer_address(), address);
    }
}
