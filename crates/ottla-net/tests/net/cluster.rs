//! The client of a whole cluster: versions and routing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use ottla_base::SeededEntropy;
use ottla_net::transport::{Endpoint, SimNetwork, SimTransport, Transport};
use ottla_net::{
    Acceptor, BrokerError, ClientOptions, ClusterClient, ClusterClientOptions, ClusterError, CoordinatorError, Frame,
    Limits, RequestMemory, Staged, TaskScope, Topics,
};
use ottla_protocol::messages::api_versions_response::ApiVersion;
use ottla_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use ottla_protocol::messages::{
    ApiVersionsResponse, BrokerId, DescribeClusterRequest, DescribeClusterResponse, FindCoordinatorRequest,
    FindCoordinatorResponse, MetadataResponse, StrBytes, TopicName,
};
use ottla_protocol::{ApiKey, ErrorCode, Request, RequestHeader, Response};
use tokio::runtime::Handle;

use crate::common::{Answering, PORT, steady};

const SOON: Duration = Duration::from_secs(5);

/// Two brokers, 1 and 2; 2 is the controller and leads partition `p` of `orders` where `p` is odd, 1 where it is even.
struct Cluster {
    network: SimNetwork,
    scope: TaskScope,
    client: SimTransport,
}

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9));

fn host(broker_id: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, broker_id).into()
}

fn name(broker_id: i32) -> String {
    format!("broker-{broker_id}")
}

fn api(api: ApiKey, min_version: i16, max_version: i16) -> ApiVersion {
    ApiVersion::default().with_api_key(api.code()).with_min_version(min_version).with_max_version(max_version)
}

fn metadata() -> MetadataResponse {
    let broker = |id: i32| {
        let host = StrBytes::from_string(name(id));
        MetadataResponseBroker::default().with_node_id(BrokerId(id)).with_host(host).with_port(PORT.into())
    };
    let partition =
        |n: i32| MetadataResponsePartition::default().with_partition_index(n).with_leader_id(BrokerId(1 + n % 2));
    let topic = MetadataResponseTopic::default()
        .with_name(Some(TopicName(StrBytes::from_static_str("orders"))))
        .with_partitions((0..4).map(partition).collect());
    MetadataResponse::default()
        .with_brokers(vec![broker(1), broker(2)])
        .with_controller_id(BrokerId(2))
        .with_topics(vec![topic])
}

/// Broker 2 coordinates the group `readers`, once it has been asked for twice; names that are empty are refused.
fn coordinator(request: &FindCoordinatorRequest, times_asked: i32) -> FindCoordinatorResponse {
    let refused = |code: ErrorCode| FindCoordinatorResponse::default().with_error_code(code.code());
    match (request.key.is_empty(), times_asked) {
        (true, _) => refused(ErrorCode::InvalidGroupId).with_error_message(Some(StrBytes::from_static_str("no name"))),
        (false, ..2) => refused(ErrorCode::CoordinatorNotAvailable),
        (false, _) => {
            let host = StrBytes::from_string(name(2));
            FindCoordinatorResponse::default().with_node_id(BrokerId(2)).with_host(host).with_port(PORT.into())
        }
    }
}

/// Serves ApiVersions, Metadata 0 to 9, FindCoordinator, and DescribeCluster, whose cluster id is the broker's name and the version asked
/// in.
fn answer(broker_id: i32, lookups: &AtomicI32, frame: Frame) -> Staged {
    let mut body = frame.bytes.clone();
    let header = RequestHeader::decode(&mut body).expect("the client's");
    let (version, id) = (header.api_version, header.correlation_id);
    let encoded = match header.api_key {
        ApiKey::ApiVersions => {
            let served = vec![
                api(ApiKey::Metadata, 0, 9),
                api(ApiKey::FindCoordinator, 0, 6),
                api(ApiKey::DescribeCluster, 0, 1),
            ];
            ApiVersionsResponse::default().with_api_keys(served).encode(version, id)
        }
        ApiKey::Metadata => metadata().encode(version, id),
        ApiKey::FindCoordinator => {
            let request = FindCoordinatorRequest::decode(version, body).expect("the client's");
            coordinator(&request, lookups.fetch_add(1, Ordering::Relaxed)).encode(version, id)
        }
        ApiKey::DescribeCluster => {
            let who = StrBytes::from_string(format!("{} in version {version}", name(broker_id)));
            DescribeClusterResponse::default().with_cluster_id(who).encode(version, id)
        }
        other => panic!("{other} was not offered"),
    };
    Staged::Done(encoded.expect("exists"))
}

impl Cluster {
    fn start(running: &[i32]) -> Cluster {
        let entropy = Arc::new(SeededEntropy::new(1));
        let network = SimNetwork::new(steady(), entropy.clone());
        let scope = TaskScope::new("cluster", Handle::current(), entropy);
        let client = network.host("client", CLIENT);
        let cluster = Cluster { network, scope, client };
        for broker_id in [1, 2] {
            let address = host(broker_id);
            let host = cluster.network.host(&name(broker_id.into()), address);
            if running.contains(&broker_id.into()) {
                let lookups = AtomicI32::new(0);
                let service = Arc::new(Answering(move |frame| answer(broker_id.into(), &lookups, frame)));
                let memory = RequestMemory::new(1 << 20);
                let acceptor = Acceptor::new(service, Limits::default(), memory, Arc::new([Handle::current()]));
                let listener = host.bind(SocketAddr::new(address, PORT)).expect("free");
                acceptor.serve("PLAINTEXT", listener, &cluster.scope);
            }
        }
        cluster
    }

    fn client(&self) -> ClusterClient {
        let bootstrap = [1, 2].map(|id| Endpoint::new(name(id), PORT)).into();
        let options = ClusterClientOptions { bootstrap, client: ClientOptions::default(), request_max: SOON };
        ClusterClient::new(Arc::new(self.client.clone()), options, self.scope.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_goes_out_in_the_newest_version_that_both_sides_know() {
    let cluster = Cluster::start(&[1, 2]);
    let client = cluster.client();
    let request = DescribeClusterRequest::default();
    let response = client.call_any(0..=2, &request).await.expect("answered");
    assert_eq!(response.cluster_id.as_str(), "broker-1 in version 1");
    let response = client.call_any(0..=0, &request).await.expect("answered");
    assert_eq!(response.cluster_id.as_str(), "broker-1 in version 0");
    let refused = client.call_any(2..=2, &request).await.expect_err("not served");
    assert!(matches!(refused, ClusterError::Broker(BrokerError::NotServed { served: Some(_), .. })), "{refused}");
    assert_eq!(
        refused.to_string(),
        "broker-1:9092 serves DescribeCluster 0 to 1, and this side speaks DescribeCluster 2 to 2"
    );
    assert!(!refused.is_retriable());
}

#[tokio::test(start_paused = true)]
async fn the_next_of_the_bootstrap_list_is_asked_where_the_first_does_not_answer() {
    let cluster = Cluster::start(&[2]);
    let any = cluster.client().any().await.expect("broker 2 runs");
    assert_eq!(any.endpoint(), &Endpoint::new("broker-2", PORT));
}

#[tokio::test(start_paused = true)]
async fn where_nobody_answers_every_attempt_is_told() {
    let cluster = Cluster::start(&[]);
    let Err(ClusterError::NoBroker(failures)) = cluster.client().any().await else { panic!("nobody listens") };
    let refused = |failure: &BrokerError| match failure {
        BrokerError::Unreachable { source, .. } => source.kind() == std::io::ErrorKind::ConnectionRefused,
        _ => false,
    };
    assert_eq!(failures.len(), 2);
    assert!(failures.iter().all(refused), "{failures:?}");
}

#[tokio::test(start_paused = true)]
async fn metadata_leads_to_leaders_and_to_the_controller() {
    let cluster = Cluster::start(&[1, 2]);
    let client = cluster.client();
    assert_eq!(client.leader("orders", 0), None, "nothing was asked yet");
    client.metadata(Topics::Named(&["orders"])).await.expect("answered");
    let leaders: Vec<_> = (0..5).map(|partition| client.leader("orders", partition).map(|id| id.0)).collect();
    assert_eq!(leaders, [Some(1), Some(2), Some(1), Some(2), None]);
    let leader = client.broker(BrokerId(2)).await.expect("it runs").expect("it is known");
    let response = leader.call(0..=1, &DescribeClusterRequest::default()).await.expect("answered");
    assert_eq!(response.cluster_id.as_str(), "broker-2 in version 1");
    assert_eq!(client.controller().await.expect("it runs").endpoint(), leader.endpoint());
    assert!(client.broker(BrokerId(3)).await.expect("no connection is tried").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_broken_connection_is_opened_anew() {
    let cluster = Cluster::start(&[1, 2]);
    let client = cluster.client();
    let before = client.any().await.expect("broker 1 runs");
    cluster.network.reset(CLIENT, host(1));
    let request = DescribeClusterRequest::default();
    let failure = before.call(0..=1, &request).await.expect_err("the connection is broken");
    assert!(failure.is_retriable(), "{failure}");
    assert!(before.is_closed());
    let response = client.call_any(0..=1, &request).await.expect("by a new connection");
    assert_eq!(response.cluster_id.as_str(), "broker-1 in version 1");
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_is_waited_for_and_has_a_connection_of_its_own() {
    let cluster = Cluster::start(&[1, 2]);
    let client = cluster.client();
    let found = client.coordinator("readers", SOON).await.expect("there is one at the third try");
    assert_eq!(found, Endpoint::new("broker-2", PORT));
    let own = client.dedicated_connection(&found).await.expect("it runs");
    let shared = client.connection(&found).await.expect("it runs");
    drop(own);
    let response = shared.call(0..=1, &DescribeClusterRequest::default()).await.expect("answered");
    assert_eq!(response.cluster_id.as_str(), "broker-2 in version 1");
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_is_not_waited_for_without_time_or_hope() {
    let cluster = Cluster::start(&[1]);
    let client = cluster.client();
    let refusal = async |group, within| match client.coordinator(group, within).await {
        Err(CoordinatorError::Refused { code, words }) => (code, words.map(|words| words.to_string())),
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal("readers", Duration::ZERO).await, (ErrorCode::CoordinatorNotAvailable.code(), None));
    assert_eq!(refusal("", SOON).await, (ErrorCode::InvalidGroupId.code(), Some("no name".to_owned())));
}
