//! [`Outbox`]: what is to be sent, gathered so that it leaves in one vectored write.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use ottla_protocol::Encoded;

use crate::transport::Stream;

/// Chunks up to this size are copied together: that is cheaper than one more slice.
const COPY_MAX: usize = 1024;

/// How many slices go into one write. Those beyond go into the next.
const SLICES_MAX: usize = 64;

/// What the gathering buffer begins with. It is used again, unless it grew beyond four times that.
const TAIL_BYTES: usize = 4 * 1024;

/// Frames on their way out.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// What goes first, in order.
    slices: VecDeque<Bytes>,
    /// Lengths and small chunks after the last of `slices`.
    tail: BytesMut,
    bytes: usize,
}

impl Outbox {
    /// Adds a frame: the length of `message`, and `message`.
    pub(crate) fn push(&mut self, message: Encoded) {
        let size = message.size_in_bytes();
        if self.tail.capacity() == 0 {
            self.tail.reserve(TAIL_BYTES);
        }
        self.tail.put_i32(i32::try_from(size).expect("the frames that we make are below 2 GiB"));
        self.bytes += 4 + size;
        for chunk in message.into_chunks() {
            if chunk.len() <= COPY_MAX {
                self.tail.extend_from_slice(&chunk);
                continue;
            }
            if !self.tail.is_empty() {
                self.slices.push_back(self.tail.split().freeze());
            }
            self.slices.push_back(chunk);
        }
    }

    /// How many bytes are not sent yet.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Writes until everything is sent or the stream takes no more; returns how many bytes it took. `Pending` registers for the stream.
    pub(crate) fn poll_send(&mut self, context: &mut Context<'_>, stream: &mut dyn Stream) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let sent = ready!(self.poll_write(context, stream))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(sent);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write(&self, context: &mut Context<'_>, stream: &mut dyn Stream) -> Poll<io::Result<usize>> {
        if self.slices.is_empty() {
            return Pin::new(stream).poll_write(context, &self.tail);
        }
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let tail = (!self.tail.is_empty()).then_some(&self.tail[..]);
        let unsent = self.slices.iter().map(|slice| &slice[..]).chain(tail);
        let mut count = 0;
        for (slot, bytes) in slices.iter_mut().zip(unsent) {
            *slot = IoSlice::new(bytes);
            count += 1;
        }
        Pin::new(stream).poll_write_vectored(context, &slices[..count])
    }

    fn advance(&mut self, mut sent: usize) {
        self.bytes -= sent;
        while let Some(slice) = self.slices.front_mut() {
            if sent < slice.len() {
                slice.advance(sent);
                return;
            }
            sent -= slice.len();
            self.slices.pop_front();
        }
        self.tail.advance(sent);
        if self.tail.is_empty() && (self.tail.capacity() > 4 * TAIL_BYTES || !self.tail.try_reclaim(TAIL_BYTES)) {
            self.tail = BytesMut::new();
        }
    }
}
