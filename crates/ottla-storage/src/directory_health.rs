//! [`DirectoryHealth`]: whether a log directory is in service, and who hears of it when it no longer is.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ottla_base::Timestamp;
use parking_lot::Mutex;

use crate::disk;

/// How often the log says that a disk is full, while it is.
const FULL_DISK_NEWS_INTERVAL: Duration = Duration::from_secs(60);

/// Why a log directory is offline. Final: only a restart, which reads what is really on the disk, brings it back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryFailure {
    /// A sync failed; the kernel may have thrown away what it could not write.
    #[error("sync failed: {0}")]
    SyncFailed(disk::Error),
    /// A sync is out for longer than `log.dir.failure.timeout.ms`.
    #[error("a sync has not come back for {}s", .0.as_secs())]
    SyncOverdue(Duration),
    /// Reading or writing failed in a way that is no lack of space.
    #[error(transparent)]
    Disk(disk::Error),
}

/// Called once with the reason, when the directory goes offline. It may take a partition's lock, and must not wait for I/O.
pub type FailureListener = Box<dyn FnOnce(&DirectoryFailure) + Send>;

/// The state of one log directory, shared by all that use it.
#[derive(Clone, Default)]
pub struct DirectoryHealth {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    failure: Option<DirectoryFailure>,
    listeners: Vec<FailureListener>,
    full_disk_told_at: Option<Timestamp>,
}

impl DirectoryHealth {
    /// Takes the directory offline and tells the listeners; the first reason stands, a later one is ignored.
    ///
    /// Must not be called under a partition's lock, which the listeners take: that is what [`DirectoryHealth::mark_failed`] is for.
    pub fn fail(&self, failure: DirectoryFailure) {
        self.mark_failed(failure);
        self.tell_listeners();
    }

    /// Takes the directory offline, under whatever lock. The listeners hear of it by the next [`DirectoryHealth::tell_listeners`].
    pub fn mark_failed(&self, failure: DirectoryFailure) {
        self.state.lock().failure.get_or_insert(failure);
    }

    /// Tells the listeners that have not heard of it that the directory is offline, where it is. Under no partition's lock.
    pub fn tell_listeners(&self) {
        let mut state = self.state.lock();
        let Some(failure) = state.failure.clone() else {
            return;
        };
        let listeners = std::mem::take(&mut state.listeners);
        drop(state);
        for listener in listeners {
            listener(&failure);
        }
    }

    /// Why the directory is offline; `None` while it is in service.
    pub fn failure(&self) -> Option<DirectoryFailure> {
        self.state.lock().failure.clone()
    }

    /// Tells the operator that records are refused because the disk is full, which is no failure of the directory and happens to every
    /// producer's every request: once a minute.
    pub fn report_full_disk(&self, error: &disk::Error, now: Timestamp) {
        if self.is_full_disk_news(now) {
            tracing::warn!(%error, "the disk is full: records are refused until there is room");
        }
    }

    fn is_full_disk_news(&self, now: Timestamp) -> bool {
        let mut state = self.state.lock();
        let interval = FULL_DISK_NEWS_INTERVAL.as_millis() as u64;
        // The clock may be set back, too.
        let is_news = state.full_disk_told_at.is_none_or(|told_at| now.0.abs_diff(told_at.0) >= interval);
        if is_news {
            state.full_disk_told_at = Some(now);
        }
        is_news
    }

    /// Tells `listener` when the directory goes offline: at once where it is.
    pub fn on_failure(&self, listener: FailureListener) {
        self.state.lock().listeners.push(listener);
        self.tell_listeners();
    }
}

impl fmt::Debug for DirectoryHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DirectoryHealth").field(&self.failure()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_stands_and_every_listener_hears_it_once() {
        let health = DirectoryHealth::default();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let listen = || {
            let heard = heard.clone();
            health.on_failure(Box::new(move |failure| heard.lock().push(failure.clone())));
        };
        let first = DirectoryFailure::SyncOverdue(Duration::from_secs(30));
        listen();
        health.fail(first.clone());
        health.fail(DirectoryFailure::SyncOverdue(Duration::from_secs(60)));
        listen();
        assert_eq!(health.failure(), Some(first.clone()));
        assert_eq!(*heard.lock(), [first.clone(), first]);
    }

    #[test]
    fn a_full_disk_is_news_once_a_minute() {
        let health = DirectoryHealth::default();
        let instants = [1_000, 1_001, 60_999, 61_000, 61_001, 500];
        assert_eq!(
            instants.map(|now| health.is_full_disk_news(Timestamp(now))),
            [true, false, false, true, false, true]
        );
        assert_eq!(health.failure(), None);
    }

    #[test]
    fn a_failure_under_a_lock_is_seen_at_once_and_told_later() {
        let health = DirectoryHealth::default();
        let lock = Arc::new(Mutex::new(0));
        health.on_failure(Box::new({
            let lock = lock.clone();
            move |_| *lock.lock() += 1
        }));
        let failure = DirectoryFailure::SyncOverdue(Duration::from_secs(30));
        let guard = lock.lock();
        health.mark_failed(failure.clone());
        assert_eq!(health.failure(), Some(failure));
        drop(guard);
        health.tell_listeners();
        health.tell_listeners();
        assert_eq!(*lock.lock(), 1);
    }
}
