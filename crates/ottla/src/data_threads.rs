//! [`DataThreads`]: the threads that serve connections, as many as there are cores, each with a runtime of its own.
//!
//! Not one runtime with several threads: that moves a task to whichever thread polls the sockets next, often in the middle of a frame, and
//! a megabyte that was received by one core is then checked and copied by another, at a fifth more CPU.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;

/// Running threads. They end when it is stopped or dropped.
pub(crate) struct DataThreads {
    handles: Arc<[Handle]>,
    running: watch::Sender<()>,
    /// Disconnected once the last thread is gone.
    gone: mpsc::Receiver<()>,
}

impl DataThreads {
    /// Starts them. Errors: the system gives no thread, or no epoll.
    pub(crate) fn start() -> anyhow::Result<DataThreads> {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let (running, stopped) = watch::channel(());
        let (alive, gone) = mpsc::sync_channel(0);
        let start = |number| {
            let runtime = Builder::new_current_thread().enable_all().build().context("start a runtime")?;
            let handle = runtime.handle().clone();
            run(number, runtime, stopped.clone(), alive.clone())?;
            Ok(handle)
        };
        let handles = (0..count).map(start).collect::<anyhow::Result<_>>()?;
        Ok(DataThreads { handles, running, gone })
    }

    /// Their runtimes.
    pub(crate) fn handles(&self) -> Arc<[Handle]> {
        self.handles.clone()
    }

    /// Ends them, with what still runs on them. One that does not end within `grace`, because a disk holds it, is left behind.
    pub(crate) fn stop(self, grace: Duration) {
        drop(self.running);
        // Nothing is ever sent: this is an error, either way.
        let _ = self.gone.recv_timeout(grace);
    }
}

fn run(
    number: usize,
    runtime: Runtime,
    mut stopped: watch::Receiver<()>,
    alive: mpsc::SyncSender<()>,
) -> anyhow::Result<()> {
    let thread = thread::Builder::new().name(format!("ottla-data-{number}"));
    #[expect(clippy::disallowed_methods, reason = "a runtime of one thread is driven by that thread")]
    let started = thread.spawn(move || {
        // Nothing is ever sent here either: it resolves when the sender is gone.
        let _ = runtime.block_on(stopped.changed());
        drop(runtime);
        drop(alive);
    });
    started.map(drop).context("start a thread")
}
