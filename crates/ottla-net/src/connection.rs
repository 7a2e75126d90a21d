//! One accepted connection: frames in, replies out, in order. This is the hot path of everything.
//!
//! One task does it all, without a channel or another task between the socket and the service:
//!
//! ```text
//!             ┌────────────── read ◄─────────────┐  not while requests in flight, or unsent bytes, are at their limit
//!             ▼                                  │
//!     every complete frame ──► Service::call ──► replies, in request order ──► one vectored write
//!     (memory charged first)                       ▲
//!                                   futures ───────┘  polled when one of them has woken us
//! ```
//!
//! What wakes the task besides the socket does so through a [`Signal`], one for the replies and one for the rest (memory, the timer, a
//! stop), so that a read does not poll a hundred parked futures. There is one timer, moved only when it fires.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncReadExt;
use tokio::time::Sleep;

use crate::frame::FrameSizes;
use crate::outbox::Outbox;
use crate::replies::Replies;
use crate::signal::Signal;
use crate::timer::{self, Instant};
use crate::traffic::Traffic;
use crate::transport::{BoxFuture, Stream};
use crate::{ConnectionInfo, Frame, FrameDecoder, FrameError, FrameHead, Limits, MemoryPermit, Reply, RequestMemory};
use crate::{Service, Staged, TaskScope};

/// After this many bytes of requests the task lets others of its thread go first, and its sockets be looked at. They take half a millisecond.
const TURN_BYTES_MAX: usize = 1024 * 1024;

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    /// The client closed it.
    #[error("closed by the client")]
    ByClient,
    /// The service did.
    #[error("closed for what the client sent")]
    ByService,
    /// The node stops.
    #[error("the node stops")]
    Stopping,
    /// Nothing moved for too long.
    #[error("idle for too long")]
    Idle,
    /// A large frame came too slowly.
    #[error("a frame took too long")]
    Slow,
    /// The stream is no sequence of frames.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The transport failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl End {
    /// What operators are told of an end, by [`End::cause`].
    pub(crate) const CAUSES: [&str; 7] = ["client", "request", "stop", "idle", "slow", "frame", "io"];

    /// The number of its cause.
    pub(crate) fn cause(&self) -> usize {
        match self {
            End::ByClient => 0,
            End::ByService => 1,
            End::Stopping => 2,
            End::Idle => 3,
            End::Slow => 4,
            End::Frame(_) => 5,
            End::Io(_) => 6,
        }
    }
}

/// A connection as the future that serves it, until its end.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    info: ConnectionInfo,
    service: Arc<dyn Service>,
    limits: Arc<Limits>,
    memory: RequestMemory,
    traffic: Arc<Traffic>,
    decoder: FrameDecoder,
    /// What was charged for the next frame, once it is.
    charged: Option<MemoryPermit>,
    /// Waits for the next frame's memory.
    charging: Option<BoxFuture<MemoryPermit>>,
    replies: Replies,
    outbox: Outbox,
    reply_signal: Signal,
    other_signal: Signal,
    timer: Pin<Box<Sleep>>,
    /// Bytes came in or went out since `moved_at`. The clock is read once a turn, not for each of them.
    moved: bool,
    /// When bytes last came in or went out.
    moved_at: Instant,
    /// Since when the frame that is coming in holds memory.
    transfer_began_at: Option<Instant>,
    stopping: BoxFuture<()>,
    /// Set when nothing more is read; the replies that are owed still go out.
    ending: Option<End>,
}

/// How far the buffered frames got.
enum Handled {
    /// All complete ones are handled.
    All,
    /// Some wait for memory, or for replies to go out.
    Blocked,
    /// Enough for one turn.
    TurnOver,
}

impl Connection {
    pub(crate) fn new(
        stream: Box<dyn Stream>,
        info: ConnectionInfo,
        service: Arc<dyn Service>,
        limits: Arc<Limits>,
        memory: RequestMemory,
        traffic: Arc<Traffic>,
        scope: &TaskScope,
    ) -> Connection {
        let moved_at = timer::now();
        Connection {
            stream,
            info,
            service,
            decoder: FrameDecoder::new(FrameSizes::of_requests(&limits)),
            memory,
            traffic,
            charged: None,
            charging: None,
            replies: Replies::default(),
            outbox: Outbox::default(),
            reply_signal: Signal::new(),
            other_signal: Signal::new(),
            timer: Box::pin(scope.rare_timer(moved_at + limits.idle_max)),
            limits,
            moved: false,
            moved_at,
            transfer_began_at: None,
            stopping: Box::pin(scope.stopping()),
            ending: None,
        }
    }

    fn poll_end(&mut self, context: &mut Context<'_>) -> Result<Poll<End>, End> {
        self.reply_signal.register(context);
        self.other_signal.register(context);
        let mut turn_bytes = 0;
        loop {
            if self.reply_signal.take() {
                self.replies.poll(&mut self.reply_signal.context());
            }
            if self.other_signal.take() {
                self.on_other_signal()?;
            }
            let handled = self.handle_frames(&mut turn_bytes);
            self.gather_replies();
            let sent = self.send(context)?;
            if self.ending.is_some() && self.replies.count() == 0 && sent.is_ready() {
                return Ok(Pin::new(&mut *self.stream).poll_shutdown(context).map(|_| self.take_end()));
            }
            match handled {
                Handled::TurnOver => give_way(context),
                // What was sent, or what the service did at once, may have made room.
                Handled::Blocked if sent.is_ready() && self.has_room() && self.charging.is_none() => continue,
                Handled::All if self.may_read() && self.poll_read(context)?.is_ready() => continue,
                Handled::All | Handled::Blocked => (),
            }
            if !self.reply_signal.is_raised() && !self.other_signal.is_raised() {
                if self.moved {
                    self.note_movement(timer::now());
                }
                return Ok(Poll::Pending);
            }
        }
    }

    /// Looks after all that is waited for besides the socket and the replies.
    fn on_other_signal(&mut self) -> Result<(), End> {
        let mut context = self.other_signal.context();
        if self.ending.is_none() && self.stopping.as_mut().poll(&mut context).is_ready() {
            self.ending = Some(End::Stopping);
        }
        if let Some(charging) = &mut self.charging
            && let Poll::Ready(charged) = charging.as_mut().poll(&mut context)
        {
            self.charging = None;
            self.charged = Some(charged);
        }
        while self.timer.as_mut().poll(&mut self.other_signal.context()).is_ready() {
            let next = self.on_timer()?;
            self.timer.as_mut().reset(next);
        }
        Ok(())
    }

    /// The timer fired; returns when it is next needed.
    fn on_timer(&mut self) -> Result<Instant, End> {
        let now = timer::now();
        if self.moved {
            self.note_movement(now);
        }
        let transfer_deadline = self.transfer_deadline();
        if transfer_deadline.is_some_and(|deadline| deadline <= now) {
            return Err(End::Slow);
        }
        // A client that waits for us is not idle; one that does not take its replies is.
        let is_owed = self.replies.count() > 0 && self.outbox.is_empty();
        let mut idle_deadline = self.moved_at + self.limits.idle_max;
        if idle_deadline <= now {
            if !is_owed {
                return Err(End::Idle);
            }
            idle_deadline = now + self.limits.idle_max;
        }
        Ok(transfer_deadline.map_or(idle_deadline, |deadline| deadline.min(idle_deadline)))
    }

    /// When more must have come of the frame that holds memory.
    fn transfer_deadline(&self) -> Option<Instant> {
        let received_bytes = self.decoder.large_received_bytes();
        self.transfer_began_at.map(|began_at| began_at + self.limits.transfer_max(received_bytes))
    }

    fn note_movement(&mut self, now: Instant) {
        self.moved = false;
        self.moved_at = now;
    }

    /// Hands the service every complete frame, as far as limits and memory go.
    fn handle_frames(&mut self, turn_bytes: &mut usize) -> Handled {
        while self.ending.is_none() {
            let head = match self.decoder.head() {
                Ok(Some(head)) => head,
                Ok(None) => return Handled::All,
                Err(e) => {
                    self.ending = Some(e.into());
                    return Handled::All;
                }
            };
            let complete = self.decoder.is_complete(head);
            if !complete && !self.decoder.needs_large(head) {
                return Handled::All;
            }
            if !self.has_room() {
                // Others may need the memory sooner; a large frame keeps it, for its buffer is there, and has a deadline.
                self.charged = self.charged.take().filter(|_| self.transfer_began_at.is_some());
                return Handled::Blocked;
            }
            if !self.charge(head) {
                return Handled::Blocked;
            }
            if !complete {
                self.begin_large(head);
                return Handled::All;
            }
            if *turn_bytes >= TURN_BYTES_MAX {
                return Handled::TurnOver;
            }
            *turn_bytes += head.size;
            self.handle(head);
        }
        Handled::All
    }

    fn handle(&mut self, head: FrameHead) {
        self.transfer_began_at = None;
        let mut memory = self.charged.take().expect("every frame is charged before it is handled");
        memory.arrived();
        let frame = Frame { bytes: self.decoder.take(head), memory };
        let staged = self.service.call(&self.info, frame);
        if matches!(staged, Staged::Close) {
            self.ending = Some(End::ByService);
        }
        match staged {
            Staged::Done(reply) if self.replies.count() == 0 => self.outbox.push(reply),
            staged => self.replies.push(staged, &mut self.reply_signal.context()),
        }
    }

    /// Whether the next frame's memory is there; if not, it is being waited for.
    fn charge(&mut self, head: FrameHead) -> bool {
        if self.charged.is_none() && self.charging.is_none() {
            let bytes = ottla_protocol::memory_charge(head.api_key, head.size);
            let memory = self.memory.clone();
            let is_complete = self.decoder.is_complete(head);
            self.charged = if is_complete { memory.try_acquire(bytes) } else { memory.try_acquire_arriving(bytes) };
            if self.charged.is_none() {
                self.charging = Some(match is_complete {
                    true => Box::pin(memory.acquire(bytes)),
                    false => Box::pin(memory.acquire_arriving(bytes)),
                });
                // Polled for the first time, as everything that is waited for, by `on_other_signal`.
                self.other_signal.raise();
            }
        }
        self.charged.is_some()
    }

    fn begin_large(&mut self, head: FrameHead) {
        self.decoder.begin_large(head);
        self.transfer_began_at = Some(timer::now());
        let deadline = self.transfer_deadline().expect("it has begun");
        if deadline < self.timer.deadline() {
            self.timer.as_mut().reset(deadline);
            // Polled again by `on_other_signal`, so that it knows whom to wake.
            self.other_signal.raise();
        }
    }

    fn gather_replies(&mut self) {
        while let Some(reply) = self.replies.pop() {
            match reply {
                Reply::Send(reply) => self.outbox.push(reply),
                Reply::Close => {
                    self.ending.get_or_insert(End::ByService);
                    self.replies = Replies::default();
                }
            }
        }
    }

    fn send(&mut self, context: &mut Context<'_>) -> Result<Poll<()>, End> {
        let unsent = self.outbox.bytes();
        if unsent == 0 {
            return Ok(Poll::Ready(()));
        }
        let sent = self.outbox.poll_send(context, &mut *self.stream);
        let sent_bytes = unsent - self.outbox.bytes();
        if sent_bytes > 0 {
            self.moved = true;
            self.traffic.add_sent(sent_bytes);
        }
        match sent {
            Poll::Ready(done) => Ok(Poll::Ready(done?)),
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Result<Poll<()>, End> {
        let mut space = self.decoder.space();
        let read = match pin!(self.stream.read_buf(&mut space)).poll(context) {
            Poll::Ready(read) => read?,
            Poll::Pending => return Ok(Poll::Pending),
        };
        if read == 0 {
            self.ending = Some(End::ByClient);
        } else {
            self.moved = true;
            self.traffic.add_received(read);
        }
        Ok(Poll::Ready(()))
    }

    fn may_read(&self) -> bool {
        self.ending.is_none() && self.has_room()
    }

    /// Whether one more request may be begun.
    fn has_room(&self) -> bool {
        self.replies.count() < self.limits.requests_in_flight_max
            && self.outbox.bytes() + self.replies.bytes() < self.limits.unsent_bytes_max
    }

    fn take_end(&mut self) -> End {
        self.ending.take().unwrap_or(End::ByClient)
    }
}

/// Has the task polled again after all others that can go on, and after a look at the sockets.
fn give_way(context: &mut Context<'_>) {
    let first = pin!(tokio::task::yield_now()).poll(context);
    assert!(first.is_pending(), "a yield lets others go first");
}

impl Future for Connection {
    type Output = End;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<End> {
        let end = match self.get_mut().poll_end(context) {
            Ok(end) => ready!(end),
            Err(end) => end,
        };
        Poll::Ready(end)
    }
}
