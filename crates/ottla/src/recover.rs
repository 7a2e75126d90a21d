//! Opens what the log directory holds, before anybody asks for it.

use std::sync::Arc;

use futures_util::future::join_all;
use ottla_base::{Lane, TopicPartition, Workers};
use ottla_net::offload;

use crate::log_store::LogStore;
use crate::removals::Removal;

/// Opens the log of every partition's folder, on as many workers as there are, and clears away what a stop left half deleted.
pub(crate) async fn recover(logs: &Arc<LogStore>, workers: &dyn Workers) -> anyhow::Result<()> {
    let folders = logs.directory().folders()?;
    for folder in folders.to_delete {
        Removal::Folder(folder).run(logs.directory());
    }
    if !folders.stray.is_empty() {
        tracing::warn!(
            folders = folders.stray.len(),
            "folders ending in -stray are kept for you to look at, and not served"
        );
    }
    let recovered = folders.live.into_iter().map(|topic_partition| recover_one(logs.clone(), workers, topic_partition));
    join_all(recovered).await;
    Ok(())
}

/// A log that cannot be opened is one partition that is not served: it says so when it is claimed, and its folder stays as it is.
async fn recover_one(logs: Arc<LogStore>, workers: &dyn Workers, topic_partition: TopicPartition) {
    offload(workers, Lane::Background, move || {
        if let Err(error) = logs.recover(&topic_partition) {
            tracing::error!(partition = %topic_partition, %error, "the log is not opened");
        }
    })
    .await;
}
