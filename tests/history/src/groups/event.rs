//! One thing that was asked of a group's coordinator, and what came of it.

use std::collections::BTreeMap;
use std::fmt;

use crate::event::{Key, Outcome};

/// A group. The recorder numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group(pub u32);

/// A member id that a coordinator gave. Two ids of one static member are two members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The recorder's number for the id.
    pub id: u32,
    /// The recorder's number for the group instance id, where the member is static (KIP-345).
    pub instance: Option<u32>,
}

impl Member {
    /// Whether the two are one and the same to the other members: a static member has its place under any id.
    pub fn has_place_of(self, other: Member) -> bool {
        self.id == other.id || (self.instance.is_some() && self.instance == other.instance)
    }
}

/// A generation of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub i32);

/// A commit of one offset. What a client commits must tell the number, so that what is fetched names the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitNumber(pub u64);

/// A member, and the generation in which it acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// Who.
    pub member: Member,
    /// In which.
    pub generation: Generation,
}

/// What the answer to a JoinGroup said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The member, and its new generation.
    pub membership: Membership,
    /// Who assigns.
    pub leader: Member,
    /// The protocol that was chosen, by the recorder's number.
    pub protocol: u32,
    /// Which life of the coordinator the answer is of; `None` where that cannot be told. What one has not recorded the next does
    /// not know, so that a generation that nobody has synced may be given again.
    pub life: Option<u32>,
}

/// What the answer to a SyncGroup said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// The member, and the generation.
    pub membership: Membership,
    /// The number that the leader gave to the assignment of the generation as a whole; `None` where it left the member out.
    pub assignment: Option<u64>,
    /// What the member owns.
    pub keys: Vec<Key>,
    /// How long the member may be silent, or may take to join again, whichever is less.
    pub patience_ns: u64,
}

/// What was asked. All but commits are recorded only where the answer was a good one, unless said otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupAction {
    /// An offset was committed, or that was tried: all outcomes are recorded.
    Commit {
        /// Of which partition.
        key: Key,
        /// Which commit.
        number: CommitNumber,
        /// By which member; `None` for who is none.
        by: Option<Membership>,
        /// How long the offset is kept from then on, at least, and from the last sign of a member. `None` where nothing is promised.
        kept_ns: Option<u64>,
    },
    /// A committed offset was asked for.
    Fetch {
        /// Of which partition.
        key: Key,
        /// What was there.
        found: Option<CommitNumber>,
    },
    /// A member joined.
    Join(Joined),
    /// A member learnt what it owns.
    Sync(Synced),
    /// A member showed that it lives.
    Heartbeat(Membership),
    /// A member left, or tried to: all outcomes are recorded.
    Leave(Member),
    /// A member was told that there is no such member.
    Expelled(Member),
}

/// An operation, from when it began to when its answer was there. What it did, it did at some time between the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupOperation {
    /// Whose.
    pub group: Group,
    /// When it began, in nanoseconds of one clock that does not go back.
    pub begun_ns: u64,
    /// When it ended, by the same clock.
    pub ended_ns: u64,
    /// How it ended: `Ok`, `Fail` or `Info`.
    pub outcome: Outcome,
    /// What.
    pub action: GroupAction,
}

impl GroupOperation {
    /// Who showed by it that it is a member of its generation, if anybody.
    pub fn sign_of_life(&self) -> Option<Membership> {
        if self.outcome != Outcome::Ok {
            return None;
        }
        match &self.action {
            GroupAction::Commit { by, .. } => *by,
            GroupAction::Join(joined) => Some(joined.membership),
            GroupAction::Sync(synced) => Some(synced.membership),
            GroupAction::Heartbeat(membership) => Some(*membership),
            GroupAction::Fetch { .. } | GroupAction::Leave(_) | GroupAction::Expelled(_) => None,
        }
    }
}

/// Everything that was asked of coordinators in one run, in any order.
#[derive(Debug, Default)]
pub struct GroupHistory {
    operations: Vec<GroupOperation>,
}

impl GroupHistory {
    /// Adds an operation.
    ///
    /// # Panics
    /// Where it ended before it began.
    pub fn push(&mut self, operation: GroupOperation) {
        assert!(operation.begun_ns <= operation.ended_ns, "an operation begins before it ends");
        self.operations.push(operation);
    }

    /// All of them, in the order in which they were added.
    pub fn operations(&self) -> &[GroupOperation] {
        &self.operations
    }

    /// Those of each group, by their beginning.
    pub(super) fn by_group(&self) -> BTreeMap<Group, Vec<&GroupOperation>> {
        let mut by_group: BTreeMap<Group, Vec<_>> = BTreeMap::new();
        for operation in &self.operations {
            by_group.entry(operation.group).or_default().push(operation);
        }
        for operations in by_group.values_mut() {
            operations.sort_by_key(|operation| (operation.begun_ns, operation.ended_ns));
        }
        by_group
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "group {}", self.0)
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "member {}", self.id)?;
        match self.instance {
            Some(instance) => write!(f, " (static {instance})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "generation {}", self.0)
    }
}

impl fmt::Display for CommitNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "commit {}", self.0)
    }
}

impl fmt::Display for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.member, self.generation)
    }
}
