//! DeleteGroups (key 42): deletes groups that have no members, with their offsets (KIP-229).
//!
//! Versions 0 to 2; 2 is flexible.

use std::sync::Arc;

use ottla_protocol::ErrorCode;
use ottla_protocol::messages::delete_groups_response::DeletableGroupResult;
use ottla_protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse, GroupId};

use super::{Answer, Api, Call, Handler};
use crate::error::Failure;
use crate::groups::{Asked, answer_each};
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<DeleteGroups>(0..=2);

struct DeleteGroups;

impl Handler for DeleteGroups {
    type Request = DeleteGroupsRequest;

    const HANDLE: super::Handle<DeleteGroupsRequest> = handle;
}

fn handle(broker: &Arc<Broker>, _: Call<'_>, request: DeleteGroupsRequest) -> Answer<DeleteGroupsResponse> {
    let group_ids: Vec<_> = request.groups_names.iter().map(|group_id| group_id.to_string()).collect();
    let ask = |group_id: &String| Asked::of_group(broker, group_id, |shard, now| shard.delete_group(group_id, now));
    let asked = group_ids.iter().map(ask).collect();
    answer_each(asked, move |replies| {
        let results = group_ids.into_iter().zip(replies).map(|(group_id, reply)| {
            let code = match reply {
                Ok(Ok(())) => ErrorCode::None,
                Ok(Err(error)) => Failure::from(error).code,
                Err(code) => code,
            };
            DeletableGroupResult::default().with_group_id(GroupId(wire::text(group_id))).with_error_code(code.code())
        });
        DeleteGroupsResponse::default().with_results(results.collect())
    })
}
