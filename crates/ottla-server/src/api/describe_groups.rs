//! DescribeGroups (key 15): the state and the members of groups.
//!
//! Versions 0 to 6. 3 tells the operations that are allowed, 4 names static members, 5 is flexible; 6 says GROUP_ID_NOT_FOUND of a group
//! that is not there (KIP-1043), which before was one in the state Dead on which the same operations are allowed as on any.

use std::sync::Arc;

use ottla_coordinator::{DescribedGroup as Described, DescribedMember, Error, GroupState};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use ottla_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse, GroupId};

use super::authorized_operations::OF_GROUP;
use super::{Answer, Api, Call, Handler};
use crate::error::Failure;
use crate::groups::{Asked, answer_each};
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<DescribeGroups>(0..=6);

struct DescribeGroups;

impl Handler for DescribeGroups {
    type Request = DescribeGroupsRequest;

    const HANDLE: super::Handle<DescribeGroupsRequest> = handle;
}

fn handle(broker: &Arc<Broker>, call: Call<'_>, request: DescribeGroupsRequest) -> Answer<DescribeGroupsResponse> {
    let version = call.version;
    let operations = if request.include_authorized_operations { OF_GROUP } else { i32::MIN };
    let group_ids: Vec<_> = request.groups.iter().map(|group_id| group_id.to_string()).collect();
    let ask = |group_id: &String| Asked::of_group(broker, group_id, |shard, _| shard.describe_group(group_id));
    let asked = group_ids.iter().map(ask).collect();
    answer_each(asked, move |replies| {
        let groups = group_ids.into_iter().zip(replies).map(|(group_id, reply)| {
            let described = match reply {
                Ok(Ok(group)) => described(group).with_authorized_operations(operations),
                Ok(Err(Error::GroupNotFound)) => missing(version, &group_id, operations),
                Ok(Err(error)) => refused(Failure::from(error).code),
                Err(code) => refused(code),
            };
            described.with_group_id(GroupId(wire::text(group_id)))
        });
        DescribeGroupsResponse::default().with_groups(groups.collect())
    })
}

fn described(group: Described) -> DescribedGroup {
    let member = |member: DescribedMember| {
        DescribedGroupMember::default()
            .with_member_id(wire::text(member.member_id))
            .with_group_instance_id(member.group_instance_id.map(wire::text))
            .with_client_id(wire::text(member.client_id))
            .with_client_host(wire::text(member.client_host))
            .with_member_metadata(member.metadata)
            .with_member_assignment(member.assignment)
    };
    DescribedGroup::default()
        .with_group_state(wire::text(group.state))
        .with_protocol_type(wire::text(group.protocol_type))
        .with_protocol_data(wire::text(group.protocol_name))
        .with_members(group.members.into_iter().map(member).collect())
}

/// Kafka's words (`GroupMetadataManager.describeGroups`).
fn missing(version: i16, group_id: &str, operations: i32) -> DescribedGroup {
    let dead = DescribedGroup::default().with_group_state(wire::text(GroupState::Dead));
    if version < 6 {
        return dead.with_authorized_operations(operations);
    }
    dead.with_error_code(ErrorCode::GroupIdNotFound.code())
        .with_error_message(Some(wire::text(format!("Group {group_id} not found."))))
}

fn refused(code: ErrorCode) -> DescribedGroup {
    DescribedGroup::default().with_error_code(code.code())
}
