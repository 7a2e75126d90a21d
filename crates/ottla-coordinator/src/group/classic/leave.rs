//! LeaveGroup: members go, or an administrator removes them.

use super::{ClassicGroup, Context, Effects};
use crate::Error;

/// What a client asks for with LeaveGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaveGroup {
    /// The group.
    pub group_id: String,
    /// Who goes; before version 3 it is one.
    pub members: Vec<LeavingMember>,
}

/// A member that goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeavingMember {
    /// Its id; empty where it is removed by its name.
    pub member_id: String,
    /// Its name, if it is static.
    pub group_instance_id: Option<String>,
}

impl ClassicGroup {
    /// Takes the members out, one answer for each, and rebalances if any has gone.
    pub(crate) fn leave(
        &mut self,
        members: &[LeavingMember],
        context: Context<'_>,
        effects: &mut Effects,
    ) -> Vec<Result<(), Error>> {
        let results: Vec<_> = members.iter().map(|member| self.remove_leaving(member, effects)).collect();
        if results.iter().any(Result::is_ok) && !self.is_empty() {
            self.rebalance(context, effects);
        }
        results
    }

    fn remove_leaving(&mut self, leaving: &LeavingMember, effects: &mut Effects) -> Result<(), Error> {
        let instance_id = leaving.group_instance_id.as_deref();
        let member_id = match (leaving.member_id.as_str(), instance_id) {
            ("", instance_id) => {
                let holder = instance_id.and_then(|instance_id| self.static_members.get(instance_id));
                holder.cloned().ok_or(Error::UnknownMember)?
            }
            (member_id, _) if self.pending_members.contains_key(member_id) => member_id.into(),
            (member_id, instance_id) => {
                self.check_member(member_id, instance_id)?;
                member_id.into()
            }
        };
        self.remove_member(&member_id, effects);
        Ok(())
    }
}
