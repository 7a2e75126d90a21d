//! [`ClusterClient`]: finds the broker that a request is for.
//!
//! It knows where brokers are and who leads which partition, from the last Metadata that it saw, and keeps one connection to each broker
//! that it was asked for. What a response says is the caller's to read: after an error that names a wrong leader the caller asks for
//! the metadata again.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use ottla_protocol::Request;
use ottla_protocol::messages::metadata_request::MetadataRequestTopic;
use ottla_protocol::messages::{BrokerId, MetadataRequest, MetadataResponse, StrBytes, TopicName};
use parking_lot::Mutex;

use super::broker_client::{BrokerClient, BrokerError};
use crate::transport::{Endpoint, Transport};
use crate::{ClientOptions, TaskScope};

/// Metadata: from the first version that can leave a topic uncreated to the last that asks by name alone.
const METADATA_VERSIONS: RangeInclusive<i16> = 4..=12;

/// How a cluster is talked to.
#[derive(Clone, Debug)]
pub struct ClusterClientOptions {
    /// Where to begin; tried in this order. At least one.
    pub bootstrap: Vec<Endpoint>,
    /// How each connection behaves.
    pub client: ClientOptions,
    /// How long a connection attempt, and a request, may take.
    pub request_max: Duration,
}

/// Why a cluster has not answered.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// None of the brokers that are known takes a connection; in the order in which they were tried, at least one.
    #[error("no broker can be reached")]
    NoBroker(Vec<BrokerError>),
    /// One of them failed.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

impl ClusterError {
    /// Whether the same may go well in a moment.
    pub fn is_retriable(&self) -> bool {
        match self {
            ClusterError::NoBroker(failures) => failures.iter().any(BrokerError::is_retriable),
            ClusterError::Broker(failure) => failure.is_retriable(),
        }
    }
}

/// Which topics a Metadata request is about.
#[derive(Clone, Copy, Debug)]
pub enum Topics<'a> {
    /// None: brokers only.
    None,
    /// All that there are.
    All,
    /// These, of which those that are missing stay so.
    Named(&'a [&'a str]),
    /// These, and those that are missing are created, where the broker does that.
    NamedOrCreated(&'a [&'a str]),
}

/// A client of a whole cluster.
#[derive(Debug)]
pub struct ClusterClient {
    transport: Arc<dyn Transport>,
    scope: TaskScope,
    options: ClusterClientOptions,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    connections: BTreeMap<Endpoint, BrokerClient>,
    brokers: BTreeMap<BrokerId, Endpoint>,
    controller: Option<BrokerId>,
    leaders: BTreeMap<(TopicName, i32), BrokerId>,
}

impl ClusterClient {
    /// A client without connections yet. What they do in the background are tasks of `scope`.
    pub fn new(transport: Arc<dyn Transport>, options: ClusterClientOptions, scope: TaskScope) -> ClusterClient {
        assert!(!options.bootstrap.is_empty(), "a client has somewhere to begin");
        ClusterClient { transport, scope, options, known: Mutex::default() }
    }

    /// Asks whichever broker answers first, in the order of the bootstrap list and then of those that metadata named. A broker that
    /// is connected already comes before all.
    pub async fn any(&self) -> Result<BrokerClient, ClusterError> {
        if let Some(connected) = self.connected() {
            return Ok(connected);
        }
        let mut failures = Vec::new();
        for endpoint in self.candidates() {
            match self.connection(&endpoint).await {
                Ok(client) => return Ok(client),
                Err(failure) => failures.push(failure),
            }
        }
        Err(ClusterError::NoBroker(failures))
    }

    /// Asks any broker for brokers, leaders and `topics`, and remembers them. Leaders that the answer does not name are forgotten.
    ///
    /// A topic's own error is in the response and for the caller to read.
    pub async fn metadata(&self, topics: Topics<'_>) -> Result<MetadataResponse, ClusterError> {
        let (names, create) = match topics {
            Topics::None => (Some(&[][..]), false),
            Topics::All => (None, false),
            Topics::Named(names) => (Some(names), false),
            Topics::NamedOrCreated(names) => (Some(names), true),
        };
        let topic = |name: &&str| MetadataRequestTopic::default().with_name(Some(topic_name(name)));
        let request = MetadataRequest::default()
            .with_topics(names.map(|names| names.iter().map(topic).collect()))
            .with_allow_auto_topic_creation(create);
        let response = self.any().await?.call(METADATA_VERSIONS, &request).await?;
        self.known.lock().learn(&response);
        Ok(response)
    }

    /// The broker that a request which changes metadata is for: the controller where there is a name for it, else any.
    pub async fn controller(&self) -> Result<BrokerClient, ClusterError> {
        self.metadata(Topics::None).await?;
        let endpoint = self.known.lock().controller();
        match endpoint {
            Some(endpoint) => Ok(self.connection(&endpoint).await?),
            None => self.any().await,
        }
    }

    /// The broker with this id; `None` where the last metadata had none such.
    pub async fn broker(&self, broker_id: BrokerId) -> Result<Option<BrokerClient>, ClusterError> {
        let endpoint = self.known.lock().brokers.get(&broker_id).cloned();
        match endpoint {
            Some(endpoint) => Ok(Some(self.connection(&endpoint).await?)),
            None => Ok(None),
        }
    }

    /// Which broker leads a partition, by the last metadata about its topic; `None` where that named none.
    pub fn leader(&self, topic: &str, partition: i32) -> Option<BrokerId> {
        self.known.lock().leaders.get(&(topic_name(topic), partition)).copied()
    }

    /// Sends `request` to any broker; `spoken` are the versions that it can be said in.
    pub async fn call_any<R: Request>(
        &self,
        spoken: RangeInclusive<i16>,
        request: &R,
    ) -> Result<R::Response, ClusterError> {
        Ok(self.any().await?.call(spoken, request).await?)
    }

    /// The connection to `endpoint` that all requests to it share; it is opened where there is none.
    pub async fn connection(&self, endpoint: &Endpoint) -> Result<BrokerClient, BrokerError> {
        let open = self.known.lock().connections.get(endpoint).filter(|client| !client.is_closed()).cloned();
        if let Some(open) = open {
            return Ok(open);
        }
        let client = self.dedicated_connection(endpoint).await?;
        self.known.lock().connections.insert(endpoint.clone(), client.clone());
        Ok(client)
    }

    /// A connection to `endpoint` of the caller's own, for requests that must not queue behind others or have others queue behind them:
    /// brokers answer a connection's requests in order, and JoinGroup and Fetch wait.
    pub async fn dedicated_connection(&self, endpoint: &Endpoint) -> Result<BrokerClient, BrokerError> {
        let options = &self.options;
        let client = options.client.clone();
        BrokerClient::connect(&*self.transport, endpoint, client, options.request_max, &self.scope).await
    }

    fn connected(&self) -> Option<BrokerClient> {
        self.known.lock().connections.values().find(|client| !client.is_closed()).cloned()
    }

    fn candidates(&self) -> Vec<Endpoint> {
        let known = self.known.lock();
        let mut seen = BTreeSet::new();
        let all = self.options.bootstrap.iter().chain(known.brokers.values());
        all.filter(|endpoint| seen.insert(*endpoint)).cloned().collect()
    }
}

impl Known {
    fn learn(&mut self, response: &MetadataResponse) {
        let brokers = response.brokers.iter().filter_map(|broker| {
            let port = u16::try_from(broker.port).ok()?;
            Some((broker.node_id, Endpoint::new(broker.host.as_str(), port)))
        });
        self.brokers = brokers.collect();
        self.controller = Some(response.controller_id).filter(|controller| self.brokers.contains_key(controller));
        for topic in &response.topics {
            let Some(name) = &topic.name else { continue };
            // A copy: the name that came is a slice of the whole response.
            let name = topic_name(&name.0);
            self.leaders.retain(|(topic, _), _| *topic != name);
            let led = topic.partitions.iter().filter(|partition| self.brokers.contains_key(&partition.leader_id));
            let leaders = led.map(|partition| ((name.clone(), partition.partition_index), partition.leader_id));
            self.leaders.extend(leaders);
        }
    }

    fn controller(&self) -> Option<Endpoint> {
        self.brokers.get(&self.controller?).cloned()
    }
}

fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}
