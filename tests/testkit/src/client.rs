//! [`Client`]: Kafka's protocol over one plain socket, blocking, one request after another unless the test wants it
//! otherwise.
//!
//! It retries nothing, checks nothing and follows no metadata: what a test sends is what goes out, and what comes back
//! is what it gets.
#![expect(clippy::disallowed_types, reason = "a client of the process under test, outside of any simulation")]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};
use ottla_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use ottla_protocol::{Request, Response as _};

use crate::requests;
use crate::wait::PATIENCE;

/// Larger than any answer that a test asks for.
const FRAME_BYTES_MAX: usize = 256 << 20;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A frame, without its length.
    Frame(Bytes),
    /// The broker closed the connection, or reset it.
    Closed,
    /// Nothing, for as long as the test was willing to wait.
    Nothing,
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    correlation_id: i32,
}

impl Client {
    /// Connects to `address`.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, correlation_id: 0 })
    }

    /// Sends `request` and returns its answer.
    pub fn call<R: Request>(&mut self, version: i16, request: &R) -> Result<R::Response> {
        let sent = self.send(version, request)?;
        let (correlation_id, response) = self.read_answer::<R>(version)?;
        ensure!(correlation_id == sent, "answer {correlation_id} to request {sent}");
        Ok(response)
    }

    /// Waits for the answer to the oldest request of type `R` that has none yet. Answers come in the order of requests.
    pub fn receive<R: Request>(&mut self, version: i16) -> Result<R::Response> {
        Ok(self.read_answer::<R>(version)?.1)
    }

    fn read_answer<R: Request>(&mut self, version: i16) -> Result<(i32, R::Response)> {
        match self.read_reply()? {
            Reply::Frame(frame) => Ok(R::Response::decode(version, frame)?),
            nothing => bail!("no answer to {} version {version}: {nothing:?}", R::KEY),
        }
    }

    /// Sends `request` and does not wait; returns its correlation id.
    pub fn send<R: Request>(&mut self, version: i16, request: &R) -> Result<i32> {
        self.correlation_id += 1;
        let frame = requests::frame(version, self.correlation_id, request)?;
        self.send_frame(&frame)?;
        Ok(self.correlation_id)
    }

    /// Sends `frame`, with its length before it.
    pub fn send_frame(&mut self, frame: &[u8]) -> Result<()> {
        let mut bytes = BytesMut::with_capacity(4 + frame.len());
        bytes.put_i32(i32::try_from(frame.len())?);
        bytes.put_slice(frame);
        self.send_bytes(&bytes)
    }

    /// Sends `bytes` as they are.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).context("send to the broker")
    }

    /// From now on a send that the broker does not take for `limit` is an error, and the connection is of no more use.
    pub fn give_up_sending_after(&mut self, limit: Duration) -> Result<()> {
        self.stream.set_write_timeout(Some(limit)).context("set a limit for sending")
    }

    /// Says that nothing more will be sent.
    pub fn finish_sending(&mut self) -> Result<()> {
        self.stream.shutdown(Shutdown::Write).context("close the sending side")
    }

    /// Waits for the next frame for [`PATIENCE`].
    pub fn read_reply(&mut self) -> Result<Reply> {
        self.read_reply_for(PATIENCE)
    }

    /// Waits for the next frame for `limit`, which is not zero.
    pub fn read_reply_for(&mut self, limit: Duration) -> Result<Reply> {
        self.stream.set_read_timeout(Some(limit))?;
        let mut length = [0; 4];
        match self.stream.read_exact(&mut length) {
            Ok(()) => {}
            Err(error) => return reply_without_frame(&error).context("read from the broker"),
        }
        self.stream.set_read_timeout(Some(PATIENCE))?;
        let length = usize::try_from(i32::from_be_bytes(length)).context("a negative frame length")?;
        ensure!(length <= FRAME_BYTES_MAX, "a frame of {length} bytes");
        let mut frame = vec![0; length];
        self.stream.read_exact(&mut frame).context("read a frame from the broker")?;
        Ok(Reply::Frame(frame.into()))
    }

    /// What the broker serves, by the oldest form of the question.
    pub fn api_versions(&mut self) -> Result<ApiVersionsResponse> {
        self.call(0, &ApiVersionsRequest::default())
    }
}

fn reply_without_frame(error: &std::io::Error) -> Result<Reply> {
    match error.kind() {
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Ok(Reply::Closed),
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Ok(Reply::Nothing),
        kind => bail!("{kind}"),
    }
}
