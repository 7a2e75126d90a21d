//! What an operation gives back: [`Answer`], and the parked requests that it completes.

use ottla_base::Offset;

use crate::Error;
use crate::group::classic::{JoinedGroup, SyncedGroup};

/// A parked JoinGroup or SyncGroup, by the number that the shard gave it, unique for as long as that shard lives. The caller keeps whom
/// to answer under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

/// The answer to a parked request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completed {
    /// Of a JoinGroup.
    Join(Result<JoinedGroup, Error>),
    /// Of a SyncGroup.
    Sync(Result<SyncedGroup, Error>),
}

/// The parked requests that an operation completes, while it is under way.
pub(crate) type Completions = Vec<(Ticket, Completed)>;

/// A parked request that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Which. Each ticket is completed once.
    pub ticket: Ticket,
    /// Its answer.
    pub reply: Completed,
}

/// What an operation gives back. Nothing of it may be told before the partition's high watermark has reached `wait_for`, reads and
/// refusals included: it could rest on what a failover erases.
///
/// Where the wait fails because leadership is lost, the answer is `NOT_COORDINATOR`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Answer<R> {
    /// The operation's own answer.
    pub response: R,
    /// The parked requests that it has completed, perhaps its own.
    pub completions: Vec<Completion>,
    /// The end offset of all that the shard has applied.
    pub wait_for: Offset,
}
