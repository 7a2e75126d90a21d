//! DescribeCluster (key 60): the brokers of the cluster, and its id (KIP-700).
//!
//! Versions 0 to 2. 1 says which kind of endpoint the client thinks it is at (KIP-919): brokers are told here, controllers are not. 2
//! tells fenced brokers too, on demand (KIP-1073).

use std::sync::Arc;

use ottla_protocol::ErrorCode;
use ottla_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use ottla_protocol::messages::{BrokerId, DescribeClusterRequest, DescribeClusterResponse};

use super::authorized_operations::OF_CLUSTER;
use super::{Answer, Api, Call, Handler};
use crate::endpoints::Viewpoint;
use crate::error::Failure;
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<DescribeCluster>(0..=2);

/// Kafka's `EndpointType.BROKER`.
const BROKERS: i8 = 1;
/// Kafka's `EndpointType.CONTROLLER`.
const CONTROLLERS: i8 = 2;

struct DescribeCluster;

impl Handler for DescribeCluster {
    type Request = DescribeClusterRequest;

    const HANDLE: super::Handle<DescribeClusterRequest> = handle;
}

fn handle(broker: &Arc<Broker>, call: Call<'_>, request: DescribeClusterRequest) -> Answer<DescribeClusterResponse> {
    if let Err(failure) = check_endpoint_type(request.endpoint_type) {
        let response = DescribeClusterResponse::default()
            .with_error_code(failure.code.code())
            .with_error_message(failure.message.map(wire::text));
        return Answer::Done(response);
    }
    let viewpoint = Viewpoint::new(broker.broker_id(), broker.settings(), call.connection);
    let image = broker.image();
    let shown = image.brokers.iter().filter(|broker| request.include_fenced_brokers || !broker.fenced);
    let brokers = shown.filter_map(|broker| {
        let endpoint = viewpoint.endpoint(broker)?;
        let described = DescribeClusterBroker::default()
            .with_broker_id(BrokerId(broker.broker_id.0))
            .with_host(wire::text(endpoint.host))
            .with_port(endpoint.port.into())
            .with_rack(broker.rack.as_ref().map(wire::text))
            .with_is_fenced(broker.fenced);
        Some(described)
    });
    let operations = if request.include_cluster_authorized_operations { OF_CLUSTER } else { i32::MIN };
    let response = DescribeClusterResponse::default()
        .with_error_message(None)
        .with_cluster_id(image.cluster_id.map(wire::text).unwrap_or_default())
        .with_controller_id(BrokerId(viewpoint.controller_id(&image).map_or(-1, |id| id.0)))
        .with_brokers(brokers.collect())
        .with_cluster_authorized_operations(operations);
    Answer::Done(response)
}

/// Source: Kafka `AuthHelper.computeDescribeClusterResponse`.
fn check_endpoint_type(endpoint_type: i8) -> Result<(), Failure> {
    match endpoint_type {
        BROKERS => Ok(()),
        CONTROLLERS => Err(Failure::new(
            ErrorCode::MismatchedEndpointType,
            "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER",
        )),
        other => Err(Failure::new(ErrorCode::UnsupportedEndpointType, format!("Unsupported endpoint type {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controllers_are_not_told_here() {
        let code = |endpoint_type| check_endpoint_type(endpoint_type).map_err(|failure| failure.code);
        assert_eq!(code(BROKERS), Ok(()));
        assert_eq!(code(CONTROLLERS), Err(ErrorCode::MismatchedEndpointType));
        assert_eq!(code(7), Err(ErrorCode::UnsupportedEndpointType));
    }
}
