//! What the quorum needs beside proposals: snapshots when the log has grown, a tick only where there is somebody to hear it, and an end
//! when something failed.

use openraft::async_runtime::WatchReceiver;
use tokio::sync::watch;

use crate::raft::state_machine::Upkeep;
use crate::raft::types::Raft;
use crate::{Failure, Options};

/// Takes a snapshot whenever enough was applied since the last one, and switches the tick by the number of voters.
pub(crate) async fn keep_up(raft: Raft, options: Options, mut upkeep: watch::Receiver<Upkeep>) {
    loop {
        let Upkeep { record_bytes, voters } = *upkeep.borrow_and_update();
        // A sole voter hears nobody and nobody hears it: it wakes up for requests only. Who has not applied any membership yet must listen.
        raft.runtime_config().tick(voters != 1);
        if record_bytes >= options.snapshot_record_bytes && raft.trigger().snapshot().await.is_err() {
            return;
        }
        if upkeep.changed().await.is_err() {
            return;
        }
    }
}

/// Tells `failure` when Raft ends otherwise than by a shutdown.
pub(crate) async fn watch_for_failure(raft: Raft, failure: watch::Sender<Option<Failure>>) {
    let mut metrics = raft.metrics();
    loop {
        let state = metrics.borrow_watched().running_state.clone();
        if let Err(fatal) = state {
            if !matches!(fatal, openraft::errors::Fatal::Stopped) {
                let reason = fatal.to_string();
                tracing::error!(reason, "the metadata quorum has failed, this node must stop");
                failure.send_replace(Some(Failure { reason }));
            }
            return;
        }
        if metrics.changed().await.is_err() {
            return;
        }
    }
}
