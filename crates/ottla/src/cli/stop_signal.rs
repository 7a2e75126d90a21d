//! [`StopSignal`]: SIGINT and SIGTERM, for what has something to do before it ends.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The wish that the process ends. From its making on neither signal ends the process by itself.
pub(super) struct StopSignal {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignal {
    /// Listens from now on.
    pub(super) fn listen() -> anyhow::Result<StopSignal> {
        let terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
        let interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
        Ok(StopSignal { terminate, interrupt })
    }

    /// Waits for the next one.
    pub(super) async fn received(&mut self) {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
