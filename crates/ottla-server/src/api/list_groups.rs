//! ListGroups (key 16): the groups that this node coordinates.
//!
//! Versions 0 to 5. 3 is flexible, 4 tells and filters by state (KIP-518), 5 by type (KIP-848). Names in filters count in any case.
//!
//! Where a coordinator is loading, the answer is COORDINATOR_LOAD_IN_PROGRESS: part of a list would be taken for all of it.

use std::sync::Arc;

use ottla_coordinator::ListedGroup as Listed;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::list_groups_response::ListedGroup;
use ottla_protocol::messages::{GroupId, ListGroupsRequest, ListGroupsResponse, StrBytes};

use super::{Answer, Api, Call, Handler};
use crate::groups::{Asked, answer_each};
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<ListGroups>(0..=5);

/// The type of every group that is served.
const CLASSIC: &str = "classic";

struct ListGroups;

impl Handler for ListGroups {
    type Request = ListGroupsRequest;

    const HANDLE: super::Handle<ListGroupsRequest> = handle;
}

fn handle(broker: &Arc<Broker>, _: Call<'_>, request: ListGroupsRequest) -> Answer<ListGroupsResponse> {
    let (states, types) = (filter(&request.states_filter), filter(&request.types_filter));
    let coordinators = broker.coordinators().all().into_iter();
    let asked = coordinators.map(|hosted| Asked::of(hosted, |shard, _| shard.list_groups())).collect();
    answer_each(asked, move |replies| {
        let mut response = ListGroupsResponse::default();
        for reply in replies {
            match reply {
                Ok(groups) => {
                    let passes = |group: &Listed| passes(&states, group.state.as_str()) && passes(&types, CLASSIC);
                    response.groups.extend(groups.into_iter().filter(passes).map(listed));
                }
                // Another node's by now, which lists it.
                Err(ErrorCode::NotCoordinator) => {}
                Err(code) => return ListGroupsResponse::default().with_error_code(code.code()),
            }
        }
        response
    })
}

fn filter(names: &[StrBytes]) -> Vec<String> {
    names.iter().map(|name| name.trim().to_ascii_lowercase()).collect()
}

fn passes(filter: &[String], name: &str) -> bool {
    filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
}

fn listed(group: Listed) -> ListedGroup {
    ListedGroup::default()
        .with_group_id(GroupId(wire::text(group.group_id)))
        .with_protocol_type(wire::text(group.protocol_type))
        .with_group_state(wire::text(group.state))
        .with_group_type(StrBytes::from_static_str(CLASSIC))
}
