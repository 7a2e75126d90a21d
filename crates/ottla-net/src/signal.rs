//! [`Signal`]: a waker within a task, which tells it *what* woke it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Wakes the task that registered last, and stays raised until it is taken. Begins raised, so that what it stands for is looked at once.
pub(crate) struct Signal {
    flag: Arc<Flag>,
    waker: Waker,
}

struct Flag {
    raised: AtomicBool,
    task: AtomicWaker,
}

impl Signal {
    pub(crate) fn new() -> Signal {
        let flag = Arc::new(Flag { raised: AtomicBool::new(true), task: AtomicWaker::new() });
        Signal { waker: Waker::from(flag.clone()), flag }
    }

    /// A context that raises the signal.
    pub(crate) fn context(&self) -> Context<'_> {
        Context::from_waker(&self.waker)
    }

    /// Wakes `context`'s task when the signal is raised from now on.
    pub(crate) fn register(&self, context: &Context<'_>) {
        self.flag.task.register(context.waker());
    }

    /// Raises it from within the task, which is not woken.
    pub(crate) fn raise(&self) {
        self.flag.raised.store(true, Ordering::Release);
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.flag.raised.load(Ordering::Acquire)
    }

    /// Lowers it; whether it was raised.
    pub(crate) fn take(&self) -> bool {
        // A plain load most of the time: this runs at every poll.
        self.is_raised() && self.flag.raised.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.raised.store(true, Ordering::Release);
        self.task.wake();
    }
}
