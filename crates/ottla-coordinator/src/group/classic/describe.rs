//! What DescribeGroups and ListGroups show of a group.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{ClassicGroup, Member, Phase};

/// The state of a classic group, by Kafka's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupState {
    /// No members; offsets perhaps.
    Empty,
    /// Members are joining.
    PreparingRebalance,
    /// The leader is assigning.
    CompletingRebalance,
    /// Every member has its assignment.
    Stable,
    /// There is no such group. Only DescribeGroups says so, below version 6; see [`crate::Error::GroupNotFound`].
    Dead,
}

impl GroupState {
    /// The name that clients know.
    pub fn as_str(self) -> &'static str {
        match self {
            GroupState::Empty => "Empty",
            GroupState::PreparingRebalance => "PreparingRebalance",
            GroupState::CompletingRebalance => "CompletingRebalance",
            GroupState::Stable => "Stable",
            GroupState::Dead => "Dead",
        }
    }
}

impl fmt::Display for GroupState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A group in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGroup {
    /// Its id.
    pub group_id: Arc<str>,
    /// What it is of; empty for one that only commits offsets.
    pub protocol_type: Arc<str>,
    /// Its state.
    pub state: GroupState,
}

/// A group and its members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedGroup {
    /// Its state.
    pub state: GroupState,
    /// What it is of; empty for one that only commits offsets.
    pub protocol_type: Arc<str>,
    /// The protocol, if it is stable; else empty.
    pub protocol_name: Arc<str>,
    /// The members.
    pub members: Vec<DescribedMember>,
}

/// A member of a described group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedMember {
    /// Its id.
    pub member_id: Arc<str>,
    /// Its name, if it is static.
    pub group_instance_id: Option<Arc<str>>,
    /// Its client's id.
    pub client_id: Arc<str>,
    /// Where it is.
    pub client_host: Arc<str>,
    /// What it sent for the protocol, if the group is stable; else empty.
    pub metadata: Bytes,
    /// What it was given.
    pub assignment: Bytes,
}

impl ClassicGroup {
    /// Its state.
    pub(crate) fn state(&self) -> GroupState {
        match self.phase {
            Phase::Empty => GroupState::Empty,
            Phase::PreparingRebalance(_) => GroupState::PreparingRebalance,
            Phase::CompletingRebalance => GroupState::CompletingRebalance,
            Phase::Stable => GroupState::Stable,
        }
    }

    /// Its line in a list.
    pub(crate) fn list(&self, group_id: &Arc<str>) -> ListedGroup {
        let protocol_type = self.protocol_type.clone().unwrap_or_default();
        ListedGroup { group_id: group_id.clone(), protocol_type, state: self.state() }
    }

    /// All that is shown of it.
    pub(crate) fn describe(&self) -> DescribedGroup {
        let protocol_name = self.protocol_name.clone().filter(|_| self.phase == Phase::Stable).unwrap_or_default();
        let member = |(member_id, member): (&Arc<str>, &Arc<Member>)| DescribedMember {
            member_id: member_id.clone(),
            group_instance_id: member.group_instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: member.metadata(&protocol_name).cloned().unwrap_or_default(),
            assignment: member.assignment.clone(),
        };
        DescribedGroup {
            state: self.state(),
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            members: self.members.iter().map(member).collect(),
            protocol_name,
        }
    }
}
