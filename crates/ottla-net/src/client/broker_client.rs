//! [`BrokerClient`]: a connection whose broker has said what it serves, so that each request goes out in a version that both know.

use std::collections::BTreeMap;
use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use ottla_protocol::messages::ApiVersionsRequest;
use ottla_protocol::{ApiKey, Request};

use crate::transport::{Endpoint, Transport};
use crate::{CallError, Client, ClientOptions, TaskScope};

/// The oldest form of the question, which every broker answers and no later one says more for us.
const API_VERSIONS_VERSION: i16 = 0;

/// Why a broker has not answered.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// There is no connection to it.
    #[error("connect to {endpoint}")]
    Unreachable {
        /// The broker.
        endpoint: Endpoint,
        /// What the transport said.
        source: io::Error,
    },
    /// It serves no version of the API that the caller speaks.
    #[error("{endpoint} {}, and this side speaks {api} {}", what_it_serves(.api, .served), versions(.spoken))]
    NotServed {
        /// The broker.
        endpoint: Endpoint,
        /// The API.
        api: ApiKey,
        /// What it serves of it.
        served: Option<RangeInclusive<i16>>,
        /// What the caller speaks.
        spoken: RangeInclusive<i16>,
    },
    /// The request went out and has no response.
    #[error("{api} at {endpoint}")]
    Call {
        /// The broker.
        endpoint: Endpoint,
        /// The API.
        api: ApiKey,
        /// What became of it.
        source: CallError,
    },
}

impl BrokerError {
    /// Whether the same may go well in a moment, at this broker or at the next leader.
    pub fn is_retriable(&self) -> bool {
        match self {
            BrokerError::Unreachable { .. } => true,
            BrokerError::NotServed { .. } => false,
            BrokerError::Call { source, .. } => match source {
                CallError::TimedOut { .. } | CallError::Closed => true,
                CallError::Malformed(_) | CallError::Unencodable(_) => false,
            },
        }
    }
}

fn versions(range: &RangeInclusive<i16>) -> String {
    format!("{} to {}", range.start(), range.end())
}

fn what_it_serves(api: &ApiKey, range: &Option<RangeInclusive<i16>>) -> String {
    match range {
        None => format!("serves no {api}"),
        Some(range) => format!("serves {api} {}", versions(range)),
    }
}

/// A connection to one broker, and what that broker serves. Clones share it.
#[derive(Clone, Debug)]
pub struct BrokerClient {
    endpoint: Endpoint,
    client: Client,
    /// By the API's key.
    served: Arc<BTreeMap<i16, RangeInclusive<i16>>>,
    request_max: Duration,
}

impl BrokerClient {
    /// Connects to `endpoint` and asks what it serves. Each of the two steps, and each later call, may take `request_max`.
    pub async fn connect(
        transport: &dyn Transport,
        endpoint: &Endpoint,
        options: ClientOptions,
        request_max: Duration,
        scope: &TaskScope,
    ) -> Result<BrokerClient, BrokerError> {
        let connected = Client::connect(transport, endpoint, options, request_max, scope).await;
        let unreachable = |source| BrokerError::Unreachable { endpoint: endpoint.clone(), source };
        let client = connected.map_err(unreachable)?;
        let asked = client.call(API_VERSIONS_VERSION, &ApiVersionsRequest::default(), request_max).await;
        let failed = |source| BrokerError::Call { endpoint: endpoint.clone(), api: ApiKey::ApiVersions, source };
        let answer = asked.map_err(failed)?;
        let served = answer.api_keys.iter().map(|api| (api.api_key, api.min_version..=api.max_version)).collect();
        Ok(BrokerClient { endpoint: endpoint.clone(), client, served: Arc::new(served), request_max })
    }

    /// Where the broker is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether the connection is known to be over.
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The newest version of `api` that the broker serves and that is in `spoken`.
    pub fn version(&self, api: ApiKey, spoken: RangeInclusive<i16>) -> Result<i16, BrokerError> {
        let served = self.served.get(&api.code());
        let newest = served.map_or(-1, |served| *served.end()).min(*spoken.end());
        let oldest = served.map_or(0, |served| *served.start()).max(*spoken.start());
        if newest >= oldest {
            return Ok(newest);
        }
        Err(BrokerError::NotServed { endpoint: self.endpoint.clone(), api, served: served.cloned(), spoken })
    }

    /// Sends `request` in the newest version that both sides know, of those that `spoken` names, and waits for the response.
    pub async fn call<R: Request>(&self, spoken: RangeInclusive<i16>, request: &R) -> Result<R::Response, BrokerError> {
        self.call_within(self.request_max, spoken, request).await
    }

    /// The same, for a request that has another time than all others: one whose answer waits for what others do.
    pub async fn call_within<R: Request>(
        &self,
        within: Duration,
        spoken: RangeInclusive<i16>,
        request: &R,
    ) -> Result<R::Response, BrokerError> {
        let version = self.version(R::KEY, spoken)?;
        let called = self.client.call(version, request, within).await;
        called.map_err(|source| self.failed(R::KEY, source))
    }

    /// Sends a `request` that has no response: a Produce with acks=0.
    pub async fn send<R: Request>(&self, spoken: RangeInclusive<i16>, request: &R) -> Result<(), BrokerError> {
        let version = self.version(R::KEY, spoken)?;
        let sent = self.client.send(version, request, self.request_max).await;
        sent.map_err(|source| self.failed(R::KEY, source))
    }

    fn failed(&self, api: ApiKey, source: CallError) -> BrokerError {
        BrokerError::Call { endpoint: self.endpoint.clone(), api, source }
    }
}
