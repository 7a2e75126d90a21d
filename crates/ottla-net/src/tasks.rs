//! [`TaskScope`]: a node as one tree of tasks that can be stopped, or killed, as a whole.
//!
//! Every task of a node is spawned in its scope or in a child of it, and code deep inside (a Raft library's runtime, say) finds the
//! scope that it runs in with [`TaskScope::current`]. That makes a simulated crash one call, and a stop that leaves nothing behind.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ottla_base::Entropy;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Sleep;

use crate::timer;

tokio::task_local! {
    static CURRENT: TaskScope;
}

/// How long [`TaskScope::stop`] waits for tasks that it has aborted to be gone: one that never yields never is.
const ABORTED_MAX: Duration = Duration::from_secs(1);

/// A set of tasks, and the scopes below it. Clones share it.
#[derive(Clone)]
pub struct TaskScope {
    inner: Arc<Inner>,
}

struct Inner {
    name: &'static str,
    runtime: Handle,
    /// The outermost scope's runtime.
    outermost: Handle,
    entropy: Arc<dyn Entropy>,
    stopping: watch::Sender<bool>,
    state: Mutex<State>,
    /// Told whenever the last task is gone.
    empty: Notify,
}

#[derive(Default)]
struct State {
    next_task: u64,
    /// The tasks that are not gone. `None` for the moment between a task's number and its handle.
    tasks: BTreeMap<u64, Option<AbortHandle>>,
    children: Vec<Weak<Inner>>,
    aborted: bool,
}

impl TaskScope {
    /// The scope of a node, whose tasks run on `runtime` unless another is named. `entropy` is the node's, for those that find the
    /// scope by [`TaskScope::current`].
    pub fn new(name: &'static str, runtime: Handle, entropy: Arc<dyn Entropy>) -> TaskScope {
        let state = Mutex::new(State::default());
        let (outermost, stopping) = (runtime.clone(), watch::Sender::new(false));
        let inner = Inner { name, runtime, outermost, entropy, stopping, state, empty: Notify::new() };
        TaskScope { inner: Arc::new(inner) }
    }

    /// A scope that is stopped and aborted with this one, or before it. Its tasks run on `runtime`.
    pub fn child(&self, name: &'static str, runtime: Handle) -> TaskScope {
        let mut state = self.inner.state.lock();
        let inner = Arc::new(Inner {
            name,
            runtime,
            outermost: self.inner.outermost.clone(),
            entropy: self.inner.entropy.clone(),
            stopping: watch::Sender::new(*self.inner.stopping.borrow()),
            state: Mutex::new(State { aborted: state.aborted, ..State::default() }),
            empty: Notify::new(),
        });
        state.children.retain(|child| child.strong_count() > 0);
        state.children.push(Arc::downgrade(&inner));
        TaskScope { inner }
    }

    /// The scope that the calling task was spawned in, where there is one.
    pub fn current() -> Option<TaskScope> {
        CURRENT.try_with(TaskScope::clone).ok()
    }

    /// Runs `future` in the caller's own task, but in this scope: what it spawns by [`TaskScope::current`] belongs to the scope. It is
    /// not itself a task of the scope, so it outlives an abort.
    pub async fn enter<F: Future>(&self, future: F) -> F::Output {
        CURRENT.scope(self.clone(), future).await
    }

    /// Starts a task on the scope's runtime. In a scope that was aborted it ends before it begins.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.spawn_on(&self.inner.runtime, future)
    }

    /// Starts a task of this scope on `runtime`.
    pub fn spawn_on<F>(&self, runtime: &Handle, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let number = self.inner.state.lock().next_number();
        // The entry goes when the task is dropped, and after what the task holds: an empty scope holds nothing.
        let parts = (future, Entry { scope: self.inner.clone(), number });
        let task = async move {
            let (future, _entry) = parts;
            future.await
        };
        // Not under the lock: a runtime that is shutting down drops the task, and with it the entry, at once.
        let handle = runtime.spawn(CURRENT.scope(self.clone(), task));
        let mut state = self.inner.state.lock();
        if state.aborted {
            handle.abort();
        }
        if let Some(entry) = state.tasks.get_mut(&number) {
            *entry = Some(handle.abort_handle());
        }
        handle
    }

    /// A timer on the outermost scope's runtime, for a deadline that is hardly ever reached. A runtime with timers of its own looks at the
    /// clock and arms the kernel's timer each time it goes to rest, which for a single small request is the better part of a microsecond.
    pub(crate) fn rare_timer(&self, deadline: timer::Instant) -> Sleep {
        let _entered = self.inner.outermost.enter();
        timer::sleep_until(deadline)
    }

    /// The node's entropy.
    pub fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.inner.entropy
    }

    /// How many tasks are not gone, those of child scopes included.
    pub fn task_count(&self) -> usize {
        self.family().iter().map(|scope| scope.state.lock().tasks.len()).sum()
    }

    /// Whether [`TaskScope::stop`] was called.
    pub fn is_stopping(&self) -> bool {
        *self.inner.stopping.borrow()
    }

    /// Resolves when [`TaskScope::stop`] is called, which is when a task should come to its end.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stopping = self.inner.stopping.subscribe();
        async move {
            // An error means that the scope is gone, and then so is the task that waits for it.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }

    /// Aborts every task, those of child scopes included: none is polled again, and each is dropped by its runtime soon. What the scope
    /// spawns from now on is aborted at once. Returns how many there were.
    pub fn abort(&self) -> usize {
        let mut aborted = 0;
        for scope in self.family() {
            let mut state = scope.state.lock();
            state.aborted = true;
            aborted += state.tasks.len();
            let handles: Vec<_> = state.tasks.values().flatten().cloned().collect();
            drop(state);
            handles.iter().for_each(AbortHandle::abort);
        }
        aborted
    }

    /// Waits until every task is gone, those of child scopes included. Has no deadline: the caller sets one.
    pub async fn ended(&self) {
        for scope in self.family() {
            scope.ended().await;
        }
    }

    /// Tells every task to end, waits for that up to `grace`, then aborts what is left; returns how many that were, 0 for a clean stop.
    ///
    /// Not to be called by a task of the scope: it would wait for itself.
    pub async fn stop(&self, grace: Duration) -> usize {
        for scope in self.family() {
            scope.stopping.send_replace(true);
        }
        if timer::timeout(grace, self.ended()).await.is_ok() {
            return 0;
        }
        let aborted = self.abort();
        tracing::debug!(scope = self.inner.name, tasks = aborted, "aborted tasks that did not stop in time");
        // What is left after this never yields; its runtime's shutdown deals with it.
        let _ = timer::timeout(ABORTED_MAX, self.ended()).await;
        aborted
    }

    /// This scope and all below it.
    fn family(&self) -> Vec<Arc<Inner>> {
        let mut family = vec![self.inner.clone()];
        let mut next = 0;
        while let Some(scope) = family.get(next).cloned() {
            family.extend(scope.state.lock().children.iter().filter_map(Weak::upgrade));
            next += 1;
        }
        family
    }
}

impl State {
    fn next_number(&mut self) -> u64 {
        let number = self.next_task;
        self.next_task += 1;
        self.tasks.insert(number, None);
        number
    }
}

impl Inner {
    async fn ended(&self) {
        loop {
            let empty = self.empty.notified();
            if self.state.lock().tasks.is_empty() {
                return;
            }
            empty.await;
        }
    }
}

struct Entry {
    scope: Arc<Inner>,
    number: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut state = self.scope.state.lock();
        state.tasks.remove(&self.number);
        if state.tasks.is_empty() {
            self.scope.empty.notify_waiters();
        }
    }
}

impl fmt::Debug for TaskScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskScope").field("name", &self.inner.name).field("tasks", &self.task_count()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_base::SeededEntropy;
    use std::future::pending;
    use tokio::sync::oneshot;

    fn scope() -> TaskScope {
        TaskScope::new("test", Handle::current(), Arc::new(SeededEntropy::new(1)))
    }

    /// Tells when it is dropped.
    struct Held(Option<oneshot::Sender<()>>);

    impl Drop for Held {
        fn drop(&mut self) {
            self.0.take().map(|dropped| dropped.send(()));
        }
    }

    #[tokio::test]
    async fn a_task_finds_its_scope_and_what_it_spawns_there_belongs_to_it() {
        let scope = scope();
        assert!(TaskScope::current().is_none());
        let inner = scope.spawn(async { TaskScope::current().map(|scope| scope.spawn(pending::<()>())) });
        let grandchild = inner.await.expect("not aborted").expect("runs in the scope");
        assert_eq!(scope.task_count(), 1);
        scope.abort();
        assert!(grandchild.await.expect_err("aborted").is_cancelled());
        assert_eq!(scope.task_count(), 0);
    }

    #[tokio::test]
    async fn an_abort_takes_the_whole_tree_and_drops_what_it_held() {
        let scope = scope();
        let child = scope.child("child", Handle::current());
        let (sender, dropped) = oneshot::channel();
        let held = Held(Some(sender));
        child.spawn(async move {
            let _held = held;
            pending::<()>().await
        });
        scope.spawn(pending::<()>());
        assert_eq!(scope.abort(), 2);
        scope.ended().await;
        dropped.await.expect("the task's own values are dropped");
        assert!(child.spawn(async {}).await.is_err(), "an aborted scope starts nothing");
    }

    #[tokio::test]
    async fn an_aborted_child_leaves_its_parent_alone() {
        let scope = scope();
        let child = scope.child("child", Handle::current());
        child.spawn(pending::<()>());
        scope.spawn(pending::<()>());
        child.abort();
        child.ended().await;
        assert_eq!(scope.task_count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_lets_tasks_end_and_aborts_those_that_do_not() {
        let scope = scope();
        let child = scope.child("child", Handle::current());
        let orderly = child.spawn({
            let stopping = child.stopping();
            async move {
                stopping.await;
                timer::sleep(Duration::from_secs(1)).await;
                "done"
            }
        });
        scope.spawn(pending::<()>());
        let begin = timer::now();
        assert_eq!(scope.stop(Duration::from_secs(3)).await, 1);
        assert_eq!(begin.elapsed(), Duration::from_secs(3));
        assert_eq!(orderly.await.expect("it had the time"), "done");
    }

    #[tokio::test(start_paused = true)]
    async fn a_scope_without_tasks_stops_at_once() {
        let scope = scope();
        scope.spawn(async {}).await.expect("not aborted");
        let begin = timer::now();
        assert_eq!(scope.stop(Duration::from_secs(3)).await, 0);
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }
}
