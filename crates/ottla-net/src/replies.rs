//! [`Replies`]: the requests of one connection that are not answered yet, in the order in which they came.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ottla_protocol::Encoded;

use crate::{Reply, Staged};

/// Replies that are there, and those that are to come. Later requests may be done first; their replies wait here.
#[derive(Default)]
pub(crate) struct Replies {
    queue: VecDeque<Slot>,
    /// The bytes of those that are there but wait for an earlier one.
    bytes: usize,
}

enum Slot {
    Ready(Reply),
    Pending(Pin<Box<dyn Future<Output = Reply> + Send>>),
}

impl Replies {
    /// Adds what became of the next request. A reply that comes later is asked for at once, with `context`.
    pub(crate) fn push(&mut self, staged: Staged, context: &mut Context<'_>) {
        let slot = match staged {
            Staged::Done(reply) => Slot::Ready(Reply::Send(reply)),
            Staged::NoReply => return,
            Staged::Close => Slot::Ready(Reply::Close),
            Staged::Later(mut future) => match future.as_mut().poll(context) {
                Poll::Ready(reply) => Slot::Ready(reply),
                Poll::Pending => Slot::Pending(future),
            },
        };
        self.bytes += slot.bytes();
        self.queue.push_back(slot);
    }

    /// Asks for those that were not there, with `context`. To be called when one of them has woken it.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) {
        for slot in &mut self.queue {
            if let Slot::Pending(future) = slot
                && let Poll::Ready(reply) = future.as_mut().poll(context)
            {
                *slot = Slot::Ready(reply);
                self.bytes += slot.bytes();
            }
        }
    }

    /// Takes the first reply, if it is there.
    pub(crate) fn pop(&mut self) -> Option<Reply> {
        let slot = self.queue.pop_front_if(|slot| matches!(slot, Slot::Ready(_)))?;
        self.bytes -= slot.bytes();
        match slot {
            Slot::Ready(reply) => Some(reply),
            Slot::Pending(_) => None,
        }
    }

    /// How many requests are not answered.
    pub(crate) fn count(&self) -> usize {
        self.queue.len()
    }

    /// How many bytes of replies wait for an earlier one.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Slot {
    fn bytes(&self) -> usize {
        match self {
            Slot::Ready(Reply::Send(reply)) => Encoded::size_in_bytes(reply),
            Slot::Ready(Reply::Close) | Slot::Pending(_) => 0,
        }
    }
}
