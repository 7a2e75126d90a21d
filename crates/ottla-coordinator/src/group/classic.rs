//! [`ClassicGroup`]: the members of a group and where they stand in a rebalance, as Kafka's classic group protocol has it.
//!
//! ```text
//!            first join                  all have joined, or the time is up
//!   Empty ───────────────► Preparing ────────────────────────────────────► Completing
//!     ▲                    Rebalance ◄──────── a member comes or goes ──── Rebalance
//!     └── nobody is left ─── ▲                                                │ the leader syncs
//!                            └──────────── a member comes or goes ── Stable ◄─┘
//! ```
//!
//! `Empty` and `Stable` are *settled*: the group's record says the same. A parked join or sync is a [`Ticket`] on its member; every
//! way out of a member's place completes it. Every member has a deadline at all times, so that no place is kept for ever.
//!
//! Source: Kafka `ClassicGroup` and the classic half of `GroupMetadataManager`.

mod describe;
mod expire;
mod heartbeat;
mod join;
mod leave;
mod member;
mod metadata;
mod protocols;
mod rebalance;
mod static_member;
mod subscription;
mod sync;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ottla_base::{Instant, Timestamp};

pub use describe::{DescribedGroup, DescribedMember, GroupState, ListedGroup};
pub use heartbeat::Heartbeat;
pub use join::{JoinGroup, JoinedGroup, JoinedMember};
pub use leave::{LeaveGroup, LeavingMember};
pub(crate) use member::Member;
pub use member::Protocol;
pub use sync::{SyncGroup, SyncedGroup};

use crate::runtime::{Completed, Completions, Ticket};
use crate::{Config, Error, Now};
use rebalance::JoinPhase;

/// What an operation on members may look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) config: &'a Config,
    pub(crate) now: Now,
}

/// What an operation on members asks for, beside the change of the group itself.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    /// The group is settled and must be recorded before the change holds.
    pub(crate) persist: bool,
    /// The parked requests that are over.
    pub(crate) completions: Completions,
}

impl Effects {
    fn complete_join(&mut self, ticket: Ticket, result: Result<JoinedGroup, Error>) {
        self.completions.push((ticket, Completed::Join(result)));
    }

    fn complete_sync(&mut self, ticket: Ticket, result: Result<SyncedGroup, Error>) {
        self.completions.push((ticket, Completed::Sync(result)));
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Empty,
    PreparingRebalance(JoinPhase),
    CompletingRebalance,
    Stable,
}

/// The members of a generation that have not asked for their assignment yet, and until when they may.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PendingSync {
    members: BTreeSet<Arc<str>>,
    deadline: Instant,
}

/// A classic group. Cheap to copy: an operation works on a copy, which takes its place once the records are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClassicGroup {
    phase: Phase,
    /// When it was last settled. Retention counts from it, so it never moves without a record.
    state_timestamp: Option<Timestamp>,
    protocol_type: Option<Arc<str>>,
    protocol_name: Option<Arc<str>>,
    generation_id: i32,
    leader: Option<Arc<str>>,
    /// Shared with the copy that an operation works on, but for those that it changes.
    members: BTreeMap<Arc<str>, Arc<Member>>,
    /// Group instance id to member id.
    static_members: BTreeMap<Arc<str>, Arc<str>>,
    /// Ids that were allotted and have not joined yet, each with the end of its wait (KIP-394).
    pending_members: BTreeMap<Arc<str>, Instant>,
    pending_sync: Option<PendingSync>,
}

impl ClassicGroup {
    /// A group that nobody has joined yet.
    pub(crate) fn new(now: Now) -> ClassicGroup {
        ClassicGroup { state_timestamp: Some(now.wall), ..ClassicGroup::default() }
    }

    /// Whether it has no members, and is not in a rebalance.
    pub(crate) fn is_empty(&self) -> bool {
        self.phase == Phase::Empty
    }

    /// Whether its record tells all about its members.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.phase, Phase::Empty | Phase::Stable)
    }

    /// Whether it is in use by members at all, or only for its offsets.
    pub(crate) fn is_simple(&self) -> bool {
        self.protocol_type.is_none()
    }

    /// When it was last settled.
    pub(crate) fn state_timestamp(&self) -> Option<Timestamp> {
        self.state_timestamp
    }

    fn is_leader(&self, member_id: &str) -> bool {
        self.leader.as_deref() == Some(member_id)
    }

    /// That the member is of the group, and is the one that has its group instance id.
    pub(crate) fn check_member(&self, member_id: &str, group_instance_id: Option<&str>) -> Result<(), Error> {
        if let Some(instance_id) = group_instance_id {
            let holder = self.static_members.get(instance_id).ok_or(Error::UnknownMember)?;
            if **holder != *member_id {
                return Err(Error::FencedInstance);
            }
        }
        if self.members.contains_key(member_id) { Ok(()) } else { Err(Error::UnknownMember) }
    }

    /// [`ClassicGroup::check_member`], and that it knows of the last rebalance.
    pub(crate) fn check_generation(
        &self,
        member_id: &str,
        group_instance_id: Option<&str>,
        generation_id: i32,
    ) -> Result<(), Error> {
        self.check_member(member_id, group_instance_id)?;
        if generation_id == self.generation_id {
            Ok(())
        } else {
            Err(Error::IllegalGeneration { current: self.generation_id })
        }
    }

    fn member_mut(&mut self, member_id: &str) -> &mut Member {
        Arc::make_mut(self.members.get_mut(member_id).expect("the member was looked up before"))
    }

    fn members_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.members.values_mut().map(Arc::make_mut)
    }

    /// Takes a member out, whatever it waits for, and lets the next one lead if it led.
    fn remove_member(&mut self, member_id: &str, effects: &mut Effects) {
        if let Some(member) = self.members.remove(member_id) {
            let mut member = Arc::unwrap_or_clone(member);
            member.complete_all(&Error::UnknownMember, effects);
            if let Some(instance_id) = &member.group_instance_id {
                self.static_members.remove(instance_id);
            }
        }
        if self.is_leader(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
        self.pending_members.remove(member_id);
        self.remove_pending_sync(member_id);
    }

    fn remove_pending_sync(&mut self, member_id: &str) {
        if let Some(pending) = &mut self.pending_sync {
            pending.members.remove(member_id);
            if pending.members.is_empty() {
                self.pending_sync = None;
            }
        }
    }

    /// Completes whatever is parked: the shard is being dropped.
    pub(crate) fn resign(&mut self, effects: &mut Effects) {
        for member in self.members_mut() {
            member.complete_all(&Error::NotCoordinator, effects);
        }
    }

    /// What is always true of a group, checked after each operation where debug assertions are on.
    pub(crate) fn check_invariants(&self) {
        for (instance_id, member_id) in &self.static_members {
            let member = self.members.get(member_id).expect("a static slot belongs to a member");
            assert_eq!(member.group_instance_id.as_ref(), Some(instance_id), "a static slot belongs to its member");
        }
        let statics = self.members.values().filter(|member| member.group_instance_id.is_some()).count();
        assert_eq!(statics, self.static_members.len(), "every static member has its slot");
        assert!(self.pending_members.keys().all(|id| !self.members.contains_key(id)), "who has joined is not pending");
        if let Some(pending) = &self.pending_sync {
            assert!(!pending.members.is_empty() && pending.members.iter().all(|id| self.members.contains_key(id)));
        }
        for member in self.members.values() {
            let may_join = matches!(self.phase, Phase::PreparingRebalance(_));
            assert!(member.awaiting_join.is_none() || may_join, "joins are parked while a rebalance is prepared");
            let may_sync = self.phase == Phase::CompletingRebalance;
            assert!(member.awaiting_sync.is_none() || may_sync, "syncs are parked while a rebalance completes");
        }
        match self.phase {
            Phase::Empty => assert!(self.members.is_empty(), "an empty group has no members"),
            Phase::PreparingRebalance(_) => {}
            Phase::CompletingRebalance | Phase::Stable => assert!(!self.members.is_empty() && self.leader.is_some()),
        }
    }
}
