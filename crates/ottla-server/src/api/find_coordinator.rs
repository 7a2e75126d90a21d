//! FindCoordinator (key 10): the broker that coordinates a group.
//!
//! Versions 0 to 5. 1 names the kind of key, 4 asks for many keys at once (KIP-699). The first group that looks for its coordinator
//! creates `__consumer_offsets`; the answer waits until the topic is there and, where the coordinator is this node, loaded: a client's
//! first consumer does not pay for its retry backoff.
//!
//! Transactions are not served: a transactional id is refused, as InitProducerId refuses it. Share groups belong to version 6.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ottla_metadata::Image;
use ottla_net::timer;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::find_coordinator_response::Coordinator;
use ottla_protocol::messages::{BrokerId, FindCoordinatorRequest, FindCoordinatorResponse};

use super::{Answer, Api, Call, Handler};
use crate::endpoints::{Endpoint, Viewpoint};
use crate::error::Failure;
use crate::groups::{create_offsets_topic, partition_of};
use crate::internal_topics::CONSUMER_OFFSETS;
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<FindCoordinator>(0..=5);

/// Kafka's `CoordinatorType.GROUP`.
const GROUP: i8 = 0;
/// Kafka's `CoordinatorType.TRANSACTION`.
const TRANSACTION: i8 = 1;

/// From this version on keys come in a list, and so do the answers.
const MANY_KEYS_FROM: i16 = 4;

/// How long the answer waits for a coordinator of this node to be loaded.
const LOADED_WAIT_MAX: Duration = Duration::from_secs(1);

struct FindCoordinator;

impl Handler for FindCoordinator {
    type Request = FindCoordinatorRequest;

    const HANDLE: super::Handle<FindCoordinatorRequest> = handle;
}

fn handle(broker: &Arc<Broker>, call: Call<'_>, request: FindCoordinatorRequest) -> Answer<FindCoordinatorResponse> {
    let version = call.version;
    let keys: Vec<String> = match version {
        MANY_KEYS_FROM.. => request.coordinator_keys.iter().map(ToString::to_string).collect(),
        _ => vec![request.key.to_string()],
    };
    if let Err(failure) = check_key_type(request.key_type) {
        let refused = keys.into_iter().map(|key| (key, Err(failure.clone())));
        return Answer::Done(response(version, refused.collect()));
    }
    let viewpoint = Viewpoint::new(broker.broker_id(), broker.settings(), call.connection);
    let broker = broker.clone();
    Answer::later(async move { response(version, find_all(&broker, &viewpoint, keys).await) })
}

fn check_key_type(key_type: i8) -> Result<(), Failure> {
    match key_type {
        GROUP => Ok(()),
        TRANSACTION => Err(Failure::new(ErrorCode::TransactionalIdAuthorizationFailed, "transactions are not served")),
        _ => Err(Failure::new(ErrorCode::InvalidRequest, format!("{key_type} is no type of a coordinator's key"))),
    }
}

type Found = Result<(ottla_base::BrokerId, Endpoint), Failure>;

async fn find_all(broker: &Broker, viewpoint: &Viewpoint, keys: Vec<String>) -> Vec<(String, Found)> {
    let created = match broker.image().topics.by_name(CONSUMER_OFFSETS) {
        Some(_) => Ok(()),
        None => create_offsets_topic(broker).await,
    };
    if created.is_err() {
        let failure = Failure::from(ErrorCode::CoordinatorNotAvailable);
        return keys.into_iter().map(|key| (key, Err(failure.clone()))).collect();
    }
    let image = broker.image();
    let loaded = async {
        let hosted = keys.iter().filter_map(|key| Some((partition_of(key, &image)?, key))).collect::<BTreeSet<_>>();
        for (_, key) in hosted {
            if let Ok(hosted) = broker.coordinators().of_group(key, &image) {
                hosted.loaded().await;
            }
        }
    };
    // One that is not loaded in time tells its clients so.
    let _ = timer::timeout(LOADED_WAIT_MAX, loaded).await;
    let find = |key: String| {
        let found = coordinator_of(&key, viewpoint, &image);
        (key, found.ok_or_else(|| ErrorCode::CoordinatorNotAvailable.into()))
    };
    keys.into_iter().map(find).collect()
}

fn coordinator_of(group_id: &str, viewpoint: &Viewpoint, image: &Image) -> Option<(ottla_base::BrokerId, Endpoint)> {
    let topic = image.topics.by_name(CONSUMER_OFFSETS)?;
    let leader = topic.partition(partition_of(group_id, image)?)?.leader?;
    let endpoint = viewpoint.endpoint(image.brokers.get(leader)?)?;
    Some((leader, endpoint))
}

fn response(version: i16, found: Vec<(String, Found)>) -> FindCoordinatorResponse {
    let mut coordinators = found.into_iter().map(|(key, found)| coordinator(key, found));
    if version >= MANY_KEYS_FROM {
        return FindCoordinatorResponse::default().with_coordinators(coordinators.collect());
    }
    let Some(Coordinator { node_id, host, port, error_code, error_message, .. }) = coordinators.next() else {
        unreachable!("below version {MANY_KEYS_FROM} there is one key");
    };
    FindCoordinatorResponse::default()
        .with_error_code(error_code)
        .with_error_message(error_message)
        .with_node_id(node_id)
        .with_host(host)
        .with_port(port)
}

fn coordinator(key: String, found: Found) -> Coordinator {
    let coordinator = Coordinator::default().with_key(wire::text(key));
    match found {
        Ok((broker_id, Endpoint { host, port })) => {
            coordinator.with_node_id(BrokerId(broker_id.0)).with_host(wire::text(host)).with_port(port.into())
        }
        Err(Failure { code, message, .. }) => coordinator
            .with_node_id(BrokerId(-1))
            .with_port(-1)
            .with_error_code(code.code())
            .with_error_message(message.map(wire::text)),
    }
}
