//! Heartbeat (key 12): a member says that it lives, and learns that the group rebalances.
//!
//! Versions 0 to 4. 3 knows static members, 4 is flexible.

use std::sync::Arc;

use ottla_coordinator::Heartbeat as Beat;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::{HeartbeatRequest, HeartbeatResponse};

use super::{Answer, Api, Call, Handler};
use crate::Broker;
use crate::groups::{Asked, answer};

pub(super) const API: Api = Api::new::<Heartbeat>(0..=4);

struct Heartbeat;

impl Handler for Heartbeat {
    type Request = HeartbeatRequest;

    const HANDLE: super::Handle<HeartbeatRequest> = handle;
}

fn handle(broker: &Arc<Broker>, _: Call<'_>, request: HeartbeatRequest) -> Answer<HeartbeatResponse> {
    let beat = Beat {
        group_id: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        group_instance_id: request.group_instance_id.map(|id| id.to_string()),
        generation_id: request.generation_id,
    };
    let asked = Asked::of_group(broker, &beat.group_id, |shard, now| shard.heartbeat(&beat, now));
    answer(asked, |reply| {
        let code = reply.map_or_else(|failure| failure.code, |()| ErrorCode::None);
        HeartbeatResponse::default().with_error_code(code.code())
    })
}
