//! [`OffsetWatch`]: wait until a monotone offset passes.
//!
//! An `acks=all` produce waits for the high watermark to pass its last record, a long-poll fetch for it to pass where the consumer
//! stands. There is no purgatory and no polling: whoever moves the offset wakes those that it has passed, and nobody else.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use crate::Offset;

/// An offset that only grows, and those that wait for it. Clones share it.
#[derive(Clone, Debug)]
pub struct OffsetWatch {
    state: Arc<Mutex<State>>,
}

/// Why a wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The offset is now at or past the target; this is its value.
    Reached(Offset),
    /// What was waited for may never come ([`OffsetWatch::interrupt`]): look at the partition again.
    Interrupted,
}

#[derive(Debug)]
struct State {
    offset: Offset,
    /// Counts the interruptions, so that a wait that was registered before one sees it.
    interruptions: u64,
    next_ticket: u64,
    /// Those that wait, by target; the ticket tells apart those with the same one.
    waiters: BTreeMap<(Offset, u64), Waker>,
}

impl OffsetWatch {
    /// A watch that stands at `offset`.
    pub fn new(offset: Offset) -> OffsetWatch {
        let state = State { offset, interruptions: 0, next_ticket: 0, waiters: BTreeMap::new() };
        OffsetWatch { state: Arc::new(Mutex::new(state)) }
    }

    /// Where the offset stands.
    pub fn get(&self) -> Offset {
        self.state.lock().offset
    }

    /// Moves the offset forward to `offset` and wakes those that it reaches; does nothing where it is there already.
    ///
    /// The wakers run outside the watch's lock, but in the caller: they only schedule tasks.
    pub fn advance(&self, offset: Offset) {
        let mut state = self.state.lock();
        if offset <= state.offset {
            return;
        }
        state.offset = offset;
        if state.waiters.is_empty() {
            return;
        }
        let later = state.waiters.split_off(&(offset + 1, 0));
        let reached = std::mem::replace(&mut state.waiters, later);
        drop(state);
        reached.into_values().for_each(Waker::wake);
    }

    /// Wakes everyone with [`Wake::Interrupted`]: leadership, the partition or its directory is gone, or the ISR is too small.
    pub fn interrupt(&self) {
        let mut state = self.state.lock();
        state.interruptions += 1;
        let all = std::mem::take(&mut state.waiters);
        drop(state);
        all.into_values().for_each(Waker::wake);
    }

    /// Waits until the offset is at or past `target`, or until an interruption that comes after this call.
    ///
    /// Has no deadline: the caller sets one. Dropping it takes the waiter out.
    pub fn wait(&self, target: Offset) -> Wait {
        let interruptions = self.state.lock().interruptions;
        Wait { watch: self.clone(), target, interruptions, ticket: None }
    }

    /// How many wait.
    pub fn waiter_count(&self) -> usize {
        self.state.lock().waiters.len()
    }
}

/// The future of [`OffsetWatch::wait`].
#[derive(Debug)]
pub struct Wait {
    watch: OffsetWatch,
    target: Offset,
    interruptions: u64,
    ticket: Option<u64>,
}

impl Future for Wait {
    type Output = Wake;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Wake> {
        let wait = &mut *self;
        let mut state = wait.watch.state.lock();
        if state.offset >= wait.target {
            return Poll::Ready(Wake::Reached(state.offset));
        }
        if state.interruptions != wait.interruptions {
            return Poll::Ready(Wake::Interrupted);
        }
        let ticket = *wait.ticket.get_or_insert_with(|| {
            state.next_ticket += 1;
            state.next_ticket
        });
        state.waiters.insert((wait.target, ticket), context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.watch.state.lock().waiters.remove(&(self.target, ticket));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake as _;

    #[derive(Default)]
    struct CountingWaker(AtomicUsize);

    impl std::task::Wake for CountingWaker {
        fn wake(self: Arc<Self>) {
            self.wake_by_ref();
        }

        fn wake_by_ref(self: &Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn poll(wait: &mut Wait, waker: &Arc<CountingWaker>) -> Poll<Wake> {
        Pin::new(wait).poll(&mut Context::from_waker(&waker.clone().into()))
    }

    #[test]
    fn only_those_that_the_offset_reaches_are_woken() {
        let watch = OffsetWatch::new(Offset(0));
        let (near, far) = (Arc::new(CountingWaker::default()), Arc::new(CountingWaker::default()));
        let (mut to_five, mut to_nine) = (watch.wait(Offset(5)), watch.wait(Offset(9)));
        assert!(poll(&mut to_five, &near).is_pending() && poll(&mut to_nine, &far).is_pending());

        watch.advance(Offset(4));
        assert_eq!(near.0.load(Ordering::Relaxed), 0);
        watch.advance(Offset(5));
        assert_eq!((near.0.load(Ordering::Relaxed), far.0.load(Ordering::Relaxed)), (1, 0));
        assert_eq!(poll(&mut to_five, &near), Poll::Ready(Wake::Reached(Offset(5))));
        assert!(poll(&mut to_nine, &far).is_pending());
    }

    #[test]
    fn an_offset_never_goes_back() {
        let watch = OffsetWatch::new(Offset(7));
        watch.advance(Offset(3));
        assert_eq!(watch.get(), Offset(7));
    }

    #[test]
    fn an_interruption_ends_every_wait_that_began_before_it_and_none_after() {
        let watch = OffsetWatch::new(Offset(0));
        let waker = Arc::new(CountingWaker::default());
        let (mut polled, mut unpolled) = (watch.wait(Offset(1)), watch.wait(Offset(1)));
        assert!(poll(&mut polled, &waker).is_pending());
        watch.interrupt();
        assert_eq!(poll(&mut polled, &waker), Poll::Ready(Wake::Interrupted));
        assert_eq!(poll(&mut unpolled, &waker), Poll::Ready(Wake::Interrupted));
        assert!(poll(&mut watch.wait(Offset(1)), &waker).is_pending());
    }

    #[test]
    fn a_dropped_wait_leaves_nothing_behind() {
        let watch = OffsetWatch::new(Offset(0));
        let waker = Arc::new(CountingWaker::default());
        let mut wait = watch.wait(Offset(1));
        assert!(poll(&mut wait, &waker).is_pending());
        assert_eq!(watch.waiter_count(), 1);
        drop(wait);
        assert_eq!(watch.waiter_count(), 0);
        waker.wake_by_ref();
    }
}
