//! What a node does when a log directory fails: it goes on without the directory's partitions, and says so to the controller, so that
//! others lead them where there are others, and new ones go elsewhere. It ends when no directory is left, or when the one with the
//! metadata log has failed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ottla_base::{BrokerEpoch, BrokerId, DirectoryId};
use ottla_controller::{Error, Handle};
use ottla_metadata::OfflineDirectories;
use ottla_net::{TaskScope, timer};
use tokio::sync::watch;

use crate::log_directories::LogDirectories;

/// How long after an attempt to tell the controller that came to nothing the next is made.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// What has failed so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outage {
    /// The directories that are offline.
    offline: BTreeSet<DirectoryId>,
    /// Why the node cannot go on.
    pub(crate) fatal: Option<String>,
}

/// Hears of every failure of `directories` from now on.
pub(crate) fn watch(directories: &LogDirectories) -> watch::Receiver<Outage> {
    let (outage, failures) = watch::channel(Outage::default());
    let outage = Arc::new(outage);
    let data: Arc<BTreeSet<DirectoryId>> =
        Arc::new(directories.data().iter().map(|directory| directory.id()).collect());
    let metadata = directories.metadata().id();
    for directory in directories.all() {
        let (id, path, outage, data) = (directory.id(), directory.path().to_owned(), outage.clone(), data.clone());
        directory.health().on_failure(Box::new(move |failure| {
            tracing::error!(directory = %path.display(), %failure, "the log directory is offline");
            outage.send_modify(|outage| {
                outage.offline.insert(id);
                let why = match data.is_subset(&outage.offline) {
                    true => Some("it was the last in service"),
                    false => (id == metadata).then_some("it holds the metadata log"),
                };
                let told = why.map(|why| {
                    format!("log directory {} has failed and this node must stop ({why}): {failure}", path.display())
                });
                outage.fatal = outage.fatal.take().or(told);
            });
        }));
    }
    failures
}

/// Tells the controller which directories are offline, each time that one more is.
pub(crate) fn report(
    mut failures: watch::Receiver<Outage>,
    controller: Handle,
    broker_id: BrokerId,
    broker_epoch: BrokerEpoch,
    scope: &TaskScope,
) {
    scope.spawn(async move {
        loop {
            let Outage { offline, fatal } = failures.borrow_and_update().clone();
            if fatal.is_some() {
                // The node ends. What it says last must leave a directory by which its next start is known.
                return;
            }
            let offline: Vec<_> = offline.into_iter().collect();
            if !offline.is_empty() {
                match controller.submit(OfflineDirectories { broker_id, broker_epoch, offline }).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return tracing::error!(%error, "the failure of a log directory is refused"),
                    Err(Error::Stopped) => return,
                    Err(error) => {
                        tracing::warn!(%error, "the failure of a log directory is not recorded yet");
                        timer::sleep(RETRY_INTERVAL).await;
                        continue;
                    }
                }
            }
            if failures.changed().await.is_err() {
                return;
            }
        }
    });
}
