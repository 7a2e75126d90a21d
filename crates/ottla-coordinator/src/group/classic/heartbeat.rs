//! Heartbeat: a member says that it lives, and learns of rebalances.

use ottla_base::Instant;

use super::{ClassicGroup, Phase};
use crate::{Error, Now};

/// What a client asks for with Heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The group.
    pub group_id: String,
    /// The member.
    pub member_id: String,
    /// Its name, if it is static.
    pub group_instance_id: Option<String>,
    /// The generation that it is in.
    pub generation_id: i32,
}

impl ClassicGroup {
    /// Renews the member's session. `RebalanceInProgress` tells it to join, and its session is renewed all the same.
    pub(crate) fn heartbeat(&mut self, request: &Heartbeat, now: Now) -> Result<(), Error> {
        let instance_id = request.group_instance_id.as_deref();
        self.check_generation(&request.member_id, instance_id, request.generation_id)?;
        self.member_mut(&request.member_id).renew_session(now.monotonic);
        match self.phase {
            Phase::PreparingRebalance(_) => Err(Error::RebalanceInProgress),
            Phase::Empty | Phase::CompletingRebalance | Phase::Stable => Ok(()),
        }
    }

    /// A commit is a sign of life too, except while its group waits for the assignment.
    pub(crate) fn on_commit(&mut self, member_id: &str, now: Instant) {
        if self.phase != Phase::CompletingRebalance && self.members.contains_key(member_id) {
            self.member_mut(member_id).renew_session(now);
        }
    }

    /// Whether a member may commit an offset now.
    pub(crate) fn check_commit(
        &self,
        member_id: &str,
        group_instance_id: Option<&str>,
        generation_id: i32,
    ) -> Result<(), Error> {
        if generation_id < 0 && self.phase == Phase::Empty {
            // An administrator, or a consumer that assigns its partitions itself.
            return Ok(());
        }
        if generation_id < 0 && member_id.is_empty() && group_instance_id.is_none() {
            return Err(Error::UnknownMember);
        }
        self.check_generation(member_id, group_instance_id, generation_id)?;
        // The member has learnt of the new generation, but not what it has in it.
        if self.phase == Phase::CompletingRebalance { Err(Error::RebalanceInProgress) } else { Ok(()) }
    }
}
