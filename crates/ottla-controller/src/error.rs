//! Why a controller does not start, and why it does not answer.

use std::path::PathBuf;
use std::time::Duration;

use ottla_base::BrokerId;

/// Why a request came to nothing, or may have. What the *decision* refuses is in its response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another controller is active. Nothing was recorded: ask that one.
    #[error("this controller is not the active one")]
    NotActive {
        /// The active one, where it is known.
        active: Option<BrokerId>,
    },
    /// No answer within [`Options::request_timeout`](crate::Options::request_timeout). The request may be carried out yet.
    #[error("the metadata quorum did not answer within {} ms", .after.as_millis())]
    TimedOut {
        /// How long was waited.
        after: Duration,
    },
    /// The quorum has stopped, or is about to. Whether the request was carried out is seen after the next start.
    #[error("the metadata quorum has stopped")]
    Stopped,
}

/// Why the controller cannot go on: the node has to end. A restart reads what is really on disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the metadata quorum has failed and this node must stop: {reason}")]
pub struct Failure {
    /// What happened.
    pub reason: String,
}

/// Why a controller does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Reading or writing the quorum's files failed.
    #[error("open the metadata quorum in {}: {reason}", directory.display())]
    Files {
        /// The quorum's folder.
        directory: PathBuf,
        /// What failed, and on which file.
        reason: String,
    },
    /// Entries that were durable cannot be read: the quorum's other voters, or a backup, still have them.
    #[error("the metadata log in {} is damaged, entries that were durable cannot be read back: {reason}", directory.display())]
    Damaged {
        /// The quorum's folder.
        directory: PathBuf,
        /// What cannot be read.
        reason: String,
    },
    /// Log and snapshot do not fit together.
    #[error("start the metadata quorum: {reason}")]
    Raft {
        /// openraft's words.
        reason: String,
    },
}
