//! JoinGroup (key 11): asks for a place in the group's next generation; the answer comes when that begins.
//!
//! Versions 0 to 9. 1 has a rebalance timeout, 4 gives a new member its id first (KIP-394), 5 knows static members (KIP-345), 6 is
//! flexible, 7 names the protocol's type in the answer (KIP-559), 8 carries a reason (KIP-800), 9 lets a static leader that comes back
//! skip the assignment (KIP-814).

use std::sync::Arc;

use ottla_coordinator::{Completed, Error, JoinGroup, JoinedGroup, JoinedMember, Protocol};
use ottla_protocol::messages::join_group_response::JoinGroupResponseMember;
use ottla_protocol::messages::{JoinGroupRequest, JoinGroupResponse, StrBytes};

use super::{Answer, Api, Call, Handler};
use crate::error::Failure;
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<Join>(0..=9);

struct Join;

impl Handler for Join {
    type Request = JoinGroupRequest;

    const HANDLE: super::Handle<JoinGroupRequest> = handle;
}

fn handle(broker: &Arc<Broker>, call: Call<'_>, request: JoinGroupRequest) -> Answer<JoinGroupResponse> {
    let version = call.version;
    let join = join(&call, request);
    let hosted = broker.coordinators().of_group(&join.group_id, &broker.image());
    let parked = hosted.and_then(|hosted| {
        let parked = hosted.park(|shard, now| shard.join_group(&join, now))?;
        Ok((hosted, parked))
    });
    let member_id = join.member_id;
    let (hosted, parked) = match parked {
        Ok(parked) => parked,
        Err(code) => return Answer::Done(refusal(version, member_id, &code.into())),
    };
    Answer::later(async move {
        match hosted.completed(parked).await {
            Ok(Completed::Join(Ok(joined))) => response(version, joined),
            Ok(Completed::Join(Err(Error::MemberIdRequired { member_id }))) => {
                let code = Failure::from(Error::MemberIdRequired { member_id: member_id.clone() });
                refusal(version, member_id, &code)
            }
            Ok(Completed::Join(Err(error))) => refusal(version, member_id, &error.into()),
            Ok(Completed::Sync(_)) => unreachable!("a join's ticket is completed by a join"),
            Err(code) => refusal(version, member_id, &code.into()),
        }
    })
}

fn join(call: &Call<'_>, request: JoinGroupRequest) -> JoinGroup {
    let protocols = request.protocols.into_iter();
    JoinGroup {
        group_id: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        group_instance_id: request.group_instance_id.map(|id| id.to_string()),
        client_id: call.client_id.as_ref().map(ToString::to_string).unwrap_or_default(),
        client_host: wire::client_host(call.connection.peer_address),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: match call.version {
            0 => request.session_timeout_ms,
            _ => request.rebalance_timeout_ms,
        },
        protocol_type: request.protocol_type.to_string(),
        protocols: protocols.map(|p| Protocol { name: p.name.as_str().into(), metadata: p.metadata }).collect(),
        requires_known_member_id: call.version >= 4,
        can_skip_assignment: call.version >= 9,
    }
}

fn response(version: i16, joined: JoinedGroup) -> JoinGroupResponse {
    let member = |member: JoinedMember| {
        JoinGroupResponseMember::default()
            .with_member_id(wire::text(member.member_id))
            .with_group_instance_id(member.group_instance_id.map(wire::text))
            .with_metadata(member.metadata)
    };
    JoinGroupResponse::default()
        .with_generation_id(joined.generation_id)
        .with_protocol_type(joined.protocol_type.map(wire::text))
        .with_protocol_name(nullable_from_7(version, joined.protocol_name.map(wire::text)))
        .with_leader(wire::text(joined.leader))
        .with_skip_assignment(joined.skip_assignment)
        .with_member_id(wire::text(joined.member_id))
        .with_members(joined.members.into_iter().map(member).collect())
}

fn refusal(version: i16, member_id: String, failure: &Failure) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_error_code(failure.code.code())
        .with_generation_id(-1)
        .with_protocol_type(None)
        .with_protocol_name(nullable_from_7(version, None))
        .with_member_id(wire::text(member_id))
}

/// Before version 7 there is no name that is null.
fn nullable_from_7(version: i16, name: Option<StrBytes>) -> Option<StrBytes> {
    if version >= 7 { name } else { Some(name.unwrap_or_default()) }
}
