//! Every anomaly of groups that is looked for. No coordinator may show any.
//!
//! | name | what was seen | file |
//! |---|---|---|
//! | uncommitted-offset | an offset that nobody had committed, or whose commit was refused | [`super::offsets`] |
//! | offset-went-back | an offset that another acknowledged commit, or one already seen, had replaced | [`super::offsets`] |
//! | lost-commit | no offset, though one was acknowledged or seen, and cannot have expired | [`super::offsets`] |
//! | expired-offset-back | an offset that was seen to be gone | [`super::offsets`] |
//! | stale-generation | a member was heard in a generation that had been replaced | [`super::members`] |
//! | fenced-member | a static member was heard under an id that had been replaced | [`super::members`] |
//! | disagreement | members of one generation were told different leaders, protocols or assignments | [`super::members`] |
//! | two-owners | two members were given one partition in one generation | [`super::members`] |
//! | expelled | a member was put out that had not been silent | [`super::members`] |

use std::fmt;
use std::time::Duration;

use super::event::{CommitNumber, Generation, Group, Member, Membership};
use crate::event::Key;

/// One thing that was seen and that no coordinator may show. Times are those of the history, in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupAnomaly {
    /// An offset was fetched that was not committed by then, or never.
    UncommittedOffset {
        /// Whose.
        group: Group,
        /// Where.
        key: Key,
        /// What.
        number: CommitNumber,
        /// When the fetch ended.
        at_ns: u64,
    },
    /// An offset was fetched after another had replaced it.
    OffsetWentBack {
        /// Whose.
        group: Group,
        /// Where.
        key: Key,
        /// What was fetched.
        stale: CommitNumber,
        /// What had replaced it.
        newer: CommitNumber,
        /// When the last fetch of the stale one began.
        at_ns: u64,
    },
    /// No offset was found, though one was there before and must still be.
    LostCommit {
        /// Whose.
        group: Group,
        /// Where.
        key: Key,
        /// The last that was there.
        number: CommitNumber,
        /// When the fetch that did not find it ended.
        at_ns: u64,
    },
    /// An offset was fetched after it was seen to be gone.
    ExpiredOffsetBack {
        /// Whose.
        group: Group,
        /// Where.
        key: Key,
        /// What.
        number: CommitNumber,
        /// When the fetch ended.
        at_ns: u64,
    },
    /// A commit or a heartbeat was taken from a member of a generation that a later one had replaced.
    StaleGeneration {
        /// Whose.
        group: Group,
        /// Who.
        membership: Membership,
        /// The later one.
        later: Generation,
        /// When it was taken.
        at_ns: u64,
    },
    /// A static member was heard though another had taken its place.
    FencedMember {
        /// Whose.
        group: Group,
        /// Who.
        member: Member,
        /// Who had taken its place.
        successor: Member,
        /// When.
        at_ns: u64,
    },
    /// Two members of one generation were told different things of it.
    Disagreement {
        /// Whose.
        group: Group,
        /// Which.
        generation: Generation,
        /// Of what they were told: the leader, the protocol, or the assignment.
        of: &'static str,
        /// The later of the two.
        member: Member,
    },
    /// Two members were given one partition.
    TwoOwners {
        /// Whose.
        group: Group,
        /// In which generation.
        generation: Generation,
        /// Which.
        key: Key,
        /// To whom.
        owners: [Member; 2],
    },
    /// A member was told that it is none though it had shown that it lives, in time, and had not left.
    Expelled {
        /// From where.
        group: Group,
        /// Who.
        member: Member,
        /// When.
        at_ns: u64,
    },
}

impl GroupAnomaly {
    /// The name that the table above uses.
    pub fn name(&self) -> &'static str {
        match self {
            Self::UncommittedOffset { .. } => "uncommitted-offset",
            Self::OffsetWentBack { .. } => "offset-went-back",
            Self::LostCommit { .. } => "lost-commit",
            Self::ExpiredOffsetBack { .. } => "expired-offset-back",
            Self::StaleGeneration { .. } => "stale-generation",
            Self::FencedMember { .. } => "fenced-member",
            Self::Disagreement { .. } => "disagreement",
            Self::TwoOwners { .. } => "two-owners",
            Self::Expelled { .. } => "expelled",
        }
    }
}

impl fmt::Display for GroupAnomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |at_ns: &u64| Duration::from_nanos(*at_ns);
        write!(f, "{}: ", self.name())?;
        match self {
            Self::UncommittedOffset { group, key, number, at_ns } => {
                write!(f, "{group}, {key}: {number} was fetched at {:?}, and was not committed", at(at_ns))
            }
            Self::OffsetWentBack { group, key, stale, newer, at_ns } => {
                write!(f, "{group}, {key}: {stale} was fetched at {:?}, though {newer} had replaced it", at(at_ns))
            }
            Self::LostCommit { group, key, number, at_ns } => {
                write!(f, "{group}, {key}: {number} was gone at {:?}", at(at_ns))
            }
            Self::ExpiredOffsetBack { group, key, number, at_ns } => {
                write!(f, "{group}, {key}: {number} was fetched at {:?}, though it had been gone", at(at_ns))
            }
            Self::StaleGeneration { group, membership, later, at_ns } => {
                write!(f, "{group}: {membership} was heard at {:?}, after {later} had begun", at(at_ns))
            }
            Self::FencedMember { group, member, successor, at_ns } => {
                write!(f, "{group}: {member} was heard at {:?}, after {successor} had taken its place", at(at_ns))
            }
            Self::Disagreement { group, generation, of, member } => {
                write!(f, "{group}, {generation}: {member} was told of another {of}")
            }
            Self::TwoOwners { group, generation, key, owners: [one, other] } => {
                write!(f, "{group}, {generation}: {key} was given to {one} and to {other}")
            }
            Self::Expelled { group, member, at_ns } => {
                write!(f, "{group}: {member} was put out by {:?}, though it had not been silent", at(at_ns))
            }
        }
    }
}
