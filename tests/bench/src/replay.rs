//! The replayer: sends prebuilt requests as fast as the answers come back, so that what is measured is the server and
//! not a client library.
//!
//! One thread, non-blocking sockets, and an epoll that is polled without ever sleeping: on a virtual machine waking an idle core costs
//! whoever wakes it microseconds, and that would count as the server's. Every connection keeps a fixed number of requests in flight; each request
//! is one write, is given a correlation id of its own, and its answer must echo that id, have the expected length and
//! carry no error. The latency of a request runs from the moment its first byte is offered to the socket to the moment
//! the last byte of its answer was read.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a benchmark measures real sockets against the real clock"
)]

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hdrhistogram::Histogram;
use rustix::event::{Timespec, epoll};

use crate::machine::nanoseconds;
use crate::prebuilt::{CORRELATION_ID_AT, Prebuilt};

/// No answer at all for this long ends the run.
const SILENCE_MAX: Duration = Duration::from_secs(15);

const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// What one read takes from a socket: it stays in the second-level cache.
const READ_BYTES: usize = 256 * 1024;

/// The part of an answer that is kept for checking; the rest is read and dropped.
const HEAD_BYTES: usize = 256;

/// An empty histogram for latencies in nanoseconds, up to a minute, to three digits.
pub(crate) fn latency_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are constants and legal")
}

/// What one run measured at the client's side.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) requests: u64,
    pub(crate) wall: Duration,
    pub(crate) latency: Histogram<u64>,
}

/// Connections to one server, each with its own copy of the requests that it repeats in turn.
#[derive(Debug)]
pub(crate) struct Replayer {
    connections: Vec<Connection>,
    in_flight_max: usize,
    epoll: OwnedFd,
    received: Box<[u8]>,
}

impl Replayer {
    /// Opens `connections` connections. Connection `n` begins with request `n`, so that several connections spread over
    /// the requests.
    pub(crate) fn connect(
        address: SocketAddr,
        connections: usize,
        in_flight_max: usize,
        requests: &[Prebuilt],
    ) -> Result<Replayer> {
        ensure!(!requests.is_empty(), "no request to send");
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).context("create an epoll")?;
        let connections = (0..connections)
            .map(|index| Connection::open(address, requests.to_vec(), index))
            .collect::<Result<Vec<_>>>()?;
        for (index, connection) in connections.iter().enumerate() {
            epoll::add(&epoll, &connection.socket, event_data(index), epoll::EventFlags::IN)
                .context("watch a socket")?;
        }
        Ok(Replayer { connections, in_flight_max, epoll, received: vec![0; READ_BYTES].into_boxed_slice() })
    }

    /// Sends `count` requests and waits for all of their answers: when it returns, nothing is in flight.
    ///
    /// Errors: an answer that is not the expected one, a closed connection, or no answer for [`SILENCE_MAX`].
    pub(crate) fn run(&mut self, count: u64) -> Result<Replayed> {
        let mut latency = latency_histogram();
        let mut unsent = count;
        let mut unanswered = count;
        let begun = Instant::now();
        for index in 0..self.connections.len() {
            self.send(index, &mut unsent)?;
        }
        let mut events = Vec::with_capacity(64);
        let mut heard = Instant::now();
        while unanswered > 0 {
            epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), Some(&AT_ONCE))
                .context("look at the sockets")?;
            if events.is_empty() {
                let silence = heard.elapsed();
                ensure!(silence < SILENCE_MAX, "no answer for {} s; {unanswered} are missing", silence.as_secs());
                continue;
            }
            heard = Instant::now();
            for event in events.drain(..) {
                let index = usize::try_from(event.data.u64()).expect("it was a usize");
                let answered = self.connections[index].receive(&mut self.received, &mut latency)?;
                unanswered -= answered;
                self.send(index, &mut unsent)?;
            }
        }
        Ok(Replayed { requests: count, wall: begun.elapsed(), latency })
    }

    /// Fills one connection's window, and asks to be told when the socket takes bytes again if it does not take all.
    fn send(&mut self, index: usize, unsent: &mut u64) -> Result<()> {
        let connection = &mut self.connections[index];
        let blocked = connection.send(self.in_flight_max, unsent)?;
        if blocked == connection.blocked {
            return Ok(());
        }
        connection.blocked = blocked;
        let interest = if blocked { epoll::EventFlags::IN | epoll::EventFlags::OUT } else { epoll::EventFlags::IN };
        epoll::modify(&self.epoll, &connection.socket, event_data(index), interest).context("watch a socket")
    }
}

fn event_data(index: usize) -> epoll::EventData {
    epoll::EventData::new_u64(index as u64)
}

/// A request whose answer is awaited.
#[derive(Debug)]
struct Pending {
    correlation_id: i32,
    request: usize,
    begun: Instant,
}

#[derive(Debug)]
struct Connection {
    socket: TcpStream,
    requests: Vec<Prebuilt>,
    /// The request to send next, or the one that is partly written.
    next: usize,
    /// How much of `next` is written; 0 when it is not begun.
    written: usize,
    /// Whether epoll watches for the socket to take bytes again.
    blocked: bool,
    next_correlation_id: i32,
    pending: VecDeque<Pending>,
    answers: AnswerReader,
}

impl Connection {
    fn open(address: SocketAddr, requests: Vec<Prebuilt>, index: usize) -> Result<Connection> {
        let socket = TcpStream::connect(address).with_context(|| format!("connect to {address}"))?;
        socket.set_nodelay(true).context("set TCP_NODELAY")?;
        socket.set_nonblocking(true).context("make the socket non-blocking")?;
        let next = index % requests.len();
        Ok(Connection {
            socket,
            requests,
            next,
            written: 0,
            blocked: false,
            next_correlation_id: 1,
            pending: VecDeque::new(),
            answers: AnswerReader::new(),
        })
    }

    /// Writes requests until the window is full, nothing is left to send, or the socket takes no more; the last gives
    /// true.
    fn send(&mut self, in_flight_max: usize, unsent: &mut u64) -> Result<bool> {
        loop {
            if self.written == 0 {
                if *unsent == 0 || self.pending.len() == in_flight_max {
                    return Ok(false);
                }
                *unsent -= 1;
                self.begin();
            }
            let frame = &self.requests[self.next].frame;
            match self.socket.write(&frame[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("send a request"),
            }
            if self.written == frame.len() {
                self.written = 0;
                self.next = (self.next + 1) % self.requests.len();
            }
        }
    }

    fn begin(&mut self) {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id = correlation_id.wrapping_add(1);
        let frame = &mut self.requests[self.next].frame;
        frame[CORRELATION_ID_AT..CORRELATION_ID_AT + 4].copy_from_slice(&correlation_id.to_be_bytes());
        self.pending.push_back(Pending { correlation_id, request: self.next, begun: Instant::now() });
    }

    /// Reads once and accounts for the answers that are complete; returns how many.
    fn receive(&mut self, buffer: &mut [u8], latency: &mut Histogram<u64>) -> Result<u64> {
        let count = match self.socket.read(buffer) {
            Ok(0) => bail!("the server closed the connection"),
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return Ok(0),
            Err(error) => return Err(error).context("receive an answer"),
        };
        let Connection { requests, pending, answers, .. } = self;
        let now = Instant::now();
        let mut answered = 0;
        answers.take(&buffer[..count], |head, length| {
            let request = pending.pop_front().context("an answer came that was not asked for")?;
            let id = i32::from_be_bytes(head[..4].try_into().expect("an answer's head has at least eight bytes"));
            ensure!(
                id == request.correlation_id,
                "the answer to {} has the correlation id {id}",
                request.correlation_id
            );
            requests[request.request].expected.check(head, length)?;
            latency.saturating_record(nanoseconds(now - request.begun));
            answered += 1;
            Ok(())
        })?;
        Ok(answered)
    }
}

/// Cuts a stream into answers, keeping the first bytes of each.
#[derive(Debug)]
struct AnswerReader {
    /// The length prefix and the first [`HEAD_BYTES`] of the answer that is being read.
    head: [u8; 4 + HEAD_BYTES],
    /// How much of it has come, the length prefix included.
    taken: usize,
}

impl AnswerReader {
    fn new() -> AnswerReader {
        AnswerReader { head: [0; 4 + HEAD_BYTES], taken: 0 }
    }

    /// Takes in what was read. `complete` is called with the head and the length of each answer that ends in it.
    fn take(&mut self, mut bytes: &[u8], mut complete: impl FnMut(&[u8], usize) -> Result<()>) -> Result<()> {
        while !bytes.is_empty() {
            let end = if self.taken < 4 { 4 } else { 4 + self.length()? };
            let count = bytes.len().min(end - self.taken);
            if self.taken < self.head.len() {
                let kept = count.min(self.head.len() - self.taken);
                self.head[self.taken..self.taken + kept].copy_from_slice(&bytes[..kept]);
            }
            self.taken += count;
            bytes = &bytes[count..];
            if self.taken == end && end > 4 {
                let length = end - 4;
                complete(&self.head[4..4 + length.min(HEAD_BYTES)], length)?;
                self.taken = 0;
            }
        }
        Ok(())
    }

    fn length(&self) -> Result<usize> {
        let length = i32::from_be_bytes([self.head[0], self.head[1], self.head[2], self.head[3]]);
        ensure!(length >= 8, "an answer of {length} bytes");
        usize::try_from(length).context("read an answer's length")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(length: usize, fill: u8) -> Vec<u8> {
        let mut bytes = i32::try_from(length).unwrap().to_be_bytes().to_vec();
        bytes.resize(4 + length, fill);
        bytes
    }

    fn answers_in_pieces_of(piece: usize, stream: &[u8]) -> Vec<(u8, usize, usize)> {
        let mut reader = AnswerReader::new();
        let mut seen = Vec::new();
        for bytes in stream.chunks(piece) {
            reader
                .take(bytes, |head, length| {
                    seen.push((head[0], head.len(), length));
                    Ok(())
                })
                .unwrap();
        }
        seen
    }

    #[test]
    fn answers_are_cut_at_their_lengths_however_the_stream_is_split() {
        let stream = [answer(8, 1), answer(10_000, 2), answer(60, 3)].concat();
        let whole = vec![(1, 8, 8), (2, HEAD_BYTES, 10_000), (3, 60, 60)];
        for piece in [1, 3, 7, 259, 4096, stream.len()] {
            assert_eq!(answers_in_pieces_of(piece, &stream), whole, "in pieces of {piece}");
        }
    }

    #[test]
    fn answer_shorter_than_a_header_is_refused() {
        let mut reader = AnswerReader::new();
        assert!(reader.take(&answer(7, 0), |_, _| Ok(())).is_err());
    }
}
