//! SyncGroup (key 14): the leader brings the assignment of a generation, every member fetches its part.
//!
//! Versions 0 to 5. 3 knows static members, 4 is flexible, 5 names the protocol, so that a member that missed its change is told
//! (KIP-559).

use std::sync::Arc;

use ottla_coordinator::{Completed, SyncGroup, SyncedGroup};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::{SyncGroupRequest, SyncGroupResponse};

use super::{Answer, Api, Call, Handler};
use crate::error::Failure;
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<Sync>(0..=5);

struct Sync;

impl Handler for Sync {
    type Request = SyncGroupRequest;

    const HANDLE: super::Handle<SyncGroupRequest> = handle;
}

fn handle(broker: &Arc<Broker>, call: Call<'_>, request: SyncGroupRequest) -> Answer<SyncGroupResponse> {
    if call.version >= 5 && (request.protocol_type.is_none() || request.protocol_name.is_none()) {
        return Answer::Done(refusal(&ErrorCode::InconsistentGroupProtocol.into()));
    }
    let sync = sync(request);
    let hosted = broker.coordinators().of_group(&sync.group_id, &broker.image());
    let parked = hosted.and_then(|hosted| {
        let parked = hosted.park(|shard, now| shard.sync_group(&sync, now))?;
        Ok((hosted, parked))
    });
    let (hosted, parked) = match parked {
        Ok(parked) => parked,
        Err(code) => return Answer::Done(refusal(&code.into())),
    };
    Answer::later(async move {
        match hosted.completed(parked).await {
            Ok(Completed::Sync(Ok(synced))) => response(synced),
            Ok(Completed::Sync(Err(error))) => refusal(&error.into()),
            Ok(Completed::Join(_)) => unreachable!("a sync's ticket is completed by a sync"),
            Err(code) => refusal(&code.into()),
        }
    })
}

fn sync(request: SyncGroupRequest) -> SyncGroup {
    let assignments = request.assignments.into_iter();
    SyncGroup {
        group_id: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        group_instance_id: request.group_instance_id.map(|id| id.to_string()),
        generation_id: request.generation_id,
        protocol_type: request.protocol_type.map(|text| text.to_string()),
        protocol_name: request.protocol_name.map(|text| text.to_string()),
        assignments: assignments.map(|given| (given.member_id.to_string(), given.assignment)).collect(),
    }
}

fn response(synced: SyncedGroup) -> SyncGroupResponse {
    SyncGroupResponse::default()
        .with_protocol_type(synced.protocol_type.map(wire::text))
        .with_protocol_name(synced.protocol_name.map(wire::text))
        .with_assignment(synced.assignment)
}

fn refusal(failure: &Failure) -> SyncGroupResponse {
    SyncGroupResponse::default().with_error_code(failure.code.code())
}
