//! LeaveGroup (key 13): takes members out of a group.
//!
//! Versions 0 to 5. 3 takes several out at once, by their static names too (KIP-345); 4 is flexible, 5 carries a reason (KIP-800).
//! Before 3 the one member's error is the answer's.

use std::sync::Arc;

use ottla_coordinator::{Error, LeaveGroup, LeavingMember};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::leave_group_response::MemberResponse;
use ottla_protocol::messages::{LeaveGroupRequest, LeaveGroupResponse};

use super::{Answer, Api, Call, Handler};
use crate::error::Failure;
use crate::groups::{Asked, answer};
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<Leave>(0..=5);

/// From this version on members come in a list.
const MANY_MEMBERS_FROM: i16 = 3;

struct Leave;

impl Handler for Leave {
    type Request = LeaveGroupRequest;

    const HANDLE: super::Handle<LeaveGroupRequest> = handle;
}

fn handle(broker: &Arc<Broker>, call: Call<'_>, request: LeaveGroupRequest) -> Answer<LeaveGroupResponse> {
    let version = call.version;
    let leave = LeaveGroup { group_id: request.group_id.to_string(), members: leaving(version, &request) };
    let asked = Asked::of_group(broker, &leave.group_id, |shard, now| shard.leave_group(&leave, now));
    answer(asked, move |reply| match reply {
        Ok(results) => response(version, leave.members, results),
        Err(failure) => LeaveGroupResponse::default().with_error_code(failure.code.code()),
    })
}

fn leaving(version: i16, request: &LeaveGroupRequest) -> Vec<LeavingMember> {
    if version < MANY_MEMBERS_FROM {
        return vec![LeavingMember { member_id: request.member_id.to_string(), group_instance_id: None }];
    }
    let member = |member: &ottla_protocol::messages::leave_group_request::MemberIdentity| LeavingMember {
        member_id: member.member_id.to_string(),
        group_instance_id: member.group_instance_id.as_ref().map(ToString::to_string),
    };
    request.members.iter().map(member).collect()
}

fn response(version: i16, members: Vec<LeavingMember>, results: Vec<Result<(), Error>>) -> LeaveGroupResponse {
    let code = |result: Result<(), Error>| result.map_or_else(|error| Failure::from(error).code, |()| ErrorCode::None);
    let mut codes = results.into_iter().map(code);
    if version < MANY_MEMBERS_FROM {
        let code = codes.next().expect("there is an answer for the member");
        return LeaveGroupResponse::default().with_error_code(code.code());
    }
    let member = |(member, code): (LeavingMember, ErrorCode)| {
        MemberResponse::default()
            .with_member_id(wire::text(member.member_id))
            .with_group_instance_id(member.group_instance_id.map(wire::text))
            .with_error_code(code.code())
    };
    LeaveGroupResponse::default().with_members(members.into_iter().zip(codes).map(member).collect())
}
