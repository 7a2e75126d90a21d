//! Opens what the log directories hold, before anybody asks for it.

use std::sync::Arc;

use futures_util::future::try_join_all;
use futures_util::{StreamExt as _, stream};
use ottla_base::{Lane, TopicPartition, Workers};
use ottla_net::offload;

use crate::log_store::LogStore;
use crate::log_stores::LogStores;
use crate::removals::Removal;

/// Opens the log of every partition's folder, in all directories at the same time, and clears away what a stop left half deleted. So many
/// logs of a directory as `at_once` says are opened side by side: a slow disk does not take the workers of the others.
pub(crate) async fn recover(logs: &LogStores, workers: &dyn Workers, at_once: usize) -> anyhow::Result<()> {
    let recovered = logs.all().iter().map(|store| recover_directory(store, workers, at_once));
    try_join_all(recovered).await.map(drop)
}

async fn recover_directory(store: &Arc<LogStore>, workers: &dyn Workers, at_once: usize) -> anyhow::Result<()> {
    let folders = store.directory().folders()?;
    for folder in folders.to_delete {
        Removal::Folder(folder).run(store.directory());
    }
    if !folders.stray.is_empty() {
        tracing::warn!(
            directory = %store.directory().path().display(),
            folders = folders.stray.len(),
            "folders ending in -stray are kept for you to look at, and not served"
        );
    }
    let partitions = stream::iter(folders.live);
    partitions.for_each_concurrent(at_once, |partition| recover_one(store.clone(), workers, partition)).await;
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
