//! What openraft's type parameters are here.

use std::fmt;

use bytes::Bytes;
use ottla_base::{DirectoryId, Offset};

use super::runtime::ScopedRuntime;
use super::state_machine::StateMachine;

openraft::declare_raft_types!(
    /// The metadata quorum.
    pub(crate) TypeConfig:
        D = Proposal,
        R = Applied,
        NodeId = u64,
        Node = Voter,
        AsyncRuntime = ScopedRuntime,
);

pub(crate) type Raft = openraft::Raft<TypeConfig, StateMachine>;
pub(crate) type Entry = openraft::type_config::alias::EntryOf<TypeConfig>;
pub(crate) type LeaderId = openraft::type_config::alias::LeaderIdOf<TypeConfig>;
pub(crate) type LogId = openraft::type_config::alias::LogIdOf<TypeConfig>;
pub(crate) type Vote = openraft::type_config::alias::VoteOf<TypeConfig>;
pub(crate) type Membership = openraft::Membership<u64, Voter>;
pub(crate) type StoredMembership = openraft::type_config::alias::StoredMembershipOf<TypeConfig>;
pub(crate) type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<TypeConfig>;
/// A snapshot as the bytes of its file.
pub(crate) type Snapshot = openraft::type_config::alias::SnapshotOf<TypeConfig, Bytes>;

/// Records, and the image that they were decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    /// The image's metadata offset. Applied to any other image, the proposal does nothing.
    pub(crate) decided_on: Offset,
    /// What becomes true: metadata records, encoded.
    pub(crate) records: Bytes,
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes of records decided on {}", self.records.len(), self.decided_on)
    }
}

/// What came of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// Its records are in the image.
    Accepted,
    /// It was decided on an older image: nothing happened.
    Stale,
    /// It holds no records.
    Nothing,
}

/// A member of the quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Voter {
    /// Where its log lies. A node that comes back with another directory has forgotten its votes and is not this voter.
    pub(crate) directory_id: DirectoryId,
}

/// openraft's conformance suite makes members of its own.
#[cfg(test)]
impl Default for Voter {
    fn default() -> Voter {
        Voter { directory_id: DirectoryId(ottla_base::Uuid::ZERO) }
    }
}
