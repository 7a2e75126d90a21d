//! [`Dispatcher`]: from a frame to the handler of its API.

use std::sync::Arc;

use ottla_net::{ConnectionInfo, Frame, Service, Staged};
use ottla_protocol::{ApiKey, RequestHeader};

use crate::Broker;
use crate::api::{self, Call};

/// Hands each request to the handler of its API.
#[derive(Clone, Debug)]
pub struct Dispatcher {
    broker: Arc<Broker>,
}

impl Dispatcher {
    /// Answers for `broker`.
    pub fn new(broker: Arc<Broker>) -> Dispatcher {
        Dispatcher { broker }
    }
}

impl Service for Dispatcher {
    /// A frame without a readable header, an API that is not served, and a version that is not served end the connection, as in Kafka:
    /// there is no answer that such a client could read. ApiVersions is the exception.
    fn call(&self, connection: &ConnectionInfo, frame: Frame) -> Staged {
        let Frame { bytes: mut body, memory } = frame;
        let header = match RequestHeader::decode(&mut body) {
            Ok(header) => header,
            Err(error) => {
                tracing::debug!(connection = %connection.id, %error, "closing: no request");
                return Staged::Close;
            }
        };
        let RequestHeader { api_key, api_version: version, correlation_id, client_id } = header;
        match api::find(api_key) {
            Some(api) if api.served.contains(&version) => {
                let call = Call { connection, version, correlation_id, client_id, memory };
                api.serve(&self.broker, call, body)
            }
            Some(_) if api_key == ApiKey::ApiVersions => api::unsupported_api_versions(correlation_id),
            _ => {
                tracing::debug!(connection = %connection.id, api = %api_key, version, "closing: not served");
                Staged::Close
            }
        }
    }
}
