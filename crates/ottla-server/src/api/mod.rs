//! The table of served APIs, and what a handler is.

mod api_versions;
mod authorized_operations;
mod by_partition;
mod by_topic;
mod create_partitions;
mod create_topics;
mod delete_groups;
mod delete_topics;
mod describe_cluster;
mod describe_configs;
mod describe_groups;
mod fetch;
mod find_coordinator;
mod heartbeat;
mod init_producer_id;
mod join_group;
mod leave_group;
mod list_groups;
mod list_offsets;
mod metadata;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod offset_for_leader_epoch;
mod produce;
mod sync_group;

use std::fmt;
use std::future::Future;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use ottla_net::{ConnectionInfo, MemoryPermit, Reply, Staged};
use ottla_protocol::messages::StrBytes;
use ottla_protocol::{ApiKey, Request, Response};

pub(crate) use api_versions::unsupported as unsupported_api_versions;

use crate::Broker;

/// Every API that is served, by key. What is not here is not advertised.
pub(crate) const TABLE: &[Api] = &[
    produce::API,
    fetch::API,
    list_offsets::API,
    metadata::API,
    offset_commit::API,
    offset_fetch::API,
    find_coordinator::API,
    join_group::API,
    heartbeat::API,
    leave_group::API,
    sync_group::API,
    describe_groups::API,
    list_groups::API,
    api_versions::API,
    create_topics::API,
    delete_topics::API,
    init_producer_id::API,
    offset_for_leader_epoch::API,
    describe_configs::API,
    create_partitions::API,
    delete_groups::API,
    offset_delete::API,
    describe_cluster::API,
];

/// One served API.
pub(crate) struct Api {
    /// Its key.
    pub(crate) key: ApiKey,
    /// The versions that are answered.
    pub(crate) served: RangeInclusive<i16>,
    /// The lowest version that ApiVersions names; below `served` only where clients need to see it to switch features on.
    pub(crate) advertised_from: i16,
    serve: fn(&Arc<Broker>, Call<'_>, Bytes) -> Staged,
}

/// A request's surroundings.
pub(crate) struct Call<'a> {
    /// Where it came from.
    pub(crate) connection: &'a ConnectionInfo,
    /// In which version it was sent, and is to be answered.
    pub(crate) version: i16,
    /// What its answer begins with.
    pub(crate) correlation_id: i32,
    /// `client.id`; a slice of the frame.
    pub(crate) client_id: Option<StrBytes>,
    /// The memory charged for it: drop it as soon as the request's bytes are not held any more.
    pub(crate) memory: MemoryPermit,
}

/// What a handler makes of a request.
pub(crate) enum Answer<R> {
    /// The answer.
    Done(R),
    /// The answer comes later; the part of the request whose order matters is over.
    Later(Pin<Box<dyn Future<Output = R> + Send>>),
    /// The client asked for no answer.
    None,
    /// There is no answer but to end the connection.
    Close,
}

impl<R> Answer<R> {
    /// An answer that `future` has in the end.
    pub(crate) fn later(future: impl Future<Output = R> + Send + 'static) -> Answer<R> {
        Answer::Later(Box::pin(future))
    }
}

/// A handler's signature: the ordered part of one request. It does not block, and what it does is what the next request sees.
type Handle<R> = fn(&Arc<Broker>, Call<'_>, R) -> Answer<<R as Request>::Response>;

/// Names a handler with the versions that it answers. A trait, so that decoding and encoding are compiled for each message but written
/// once.
pub(crate) trait Handler {
    /// What it answers.
    type Request: Request;

    /// The ordered part.
    const HANDLE: Handle<Self::Request>;
}

impl Api {
    /// The table's entry of handler `H`, which answers the versions `served`.
    pub(crate) const fn new<H: Handler>(served: RangeInclusive<i16>) -> Api {
        let advertised_from = *served.start();
        Api { key: H::Request::KEY, served, advertised_from, serve: serve::<H> }
    }

    /// The same, advertised from a lower version on than is answered.
    pub(crate) const fn advertised_from(mut self, version: i16) -> Api {
        self.advertised_from = version;
        self
    }

    /// Answers a request whose body is `body`.
    pub(crate) fn serve(&self, broker: &Arc<Broker>, call: Call<'_>, body: Bytes) -> Staged {
        (self.serve)(broker, call, body)
    }
}

/// The entry for `key`.
pub(crate) fn find(key: ApiKey) -> Option<&'static Api> {
    TABLE.get(position(key)?)
}

/// The number of `key`'s entry.
pub(crate) fn position(key: ApiKey) -> Option<usize> {
    TABLE.binary_search_by_key(&key.code(), |api| api.key.code()).ok()
}

fn serve<H: Handler>(broker: &Arc<Broker>, call: Call<'_>, body: Bytes) -> Staged {
    let (version, correlation_id) = (call.version, call.correlation_id);
    let (connection, arrived_at) = (call.connection.id, broker.clock().now());
    let is_over = move |broker: &Broker| {
        broker.request_times().record(H::Request::KEY, connection, broker.clock().now() - arrived_at);
    };
    let request = match H::Request::decode(version, body) {
        Ok(request) => request,
        Err(error) => {
            tracing::debug!(connection = %call.connection.id, %error, "closing: the request cannot be read");
            return Staged::Close;
        }
    };
    match (H::HANDLE)(broker, call, request) {
        Answer::Done(response) => match encode(&response, version, correlation_id) {
            Reply::Send(reply) => {
                is_over(broker);
                Staged::Done(reply)
            }
            Reply::Close => Staged::Close,
        },
        Answer::Later(response) => {
            let broker = broker.clone();
            Staged::later(async move {
                let reply = encode(&response.await, version, correlation_id);
                is_over(&broker);
                reply
            })
        }
        Answer::None => {
            is_over(broker);
            Staged::NoReply
        }
        Answer::Close => Staged::Close,
    }
}

fn encode<R: Response>(response: &R, version: i16, correlation_id: i32) -> Reply {
    match response.encode(version, correlation_id) {
        Ok(encoded) => Reply::Send(encoded),
        Err(error) => {
            tracing::error!(%error, "closing: an answer cannot be encoded, which is a defect");
            Reply::Close
        }
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.key, self.served)
    }
}

#[cfg(test)]
#[path = "readme_test.rs"]
mod readme_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_by_key_and_within_what_the_codec_can_do() {
        assert!(TABLE.is_sorted_by(|a, b| a.key.code() < b.key.code()));
        for api in TABLE {
            let codec = api.key.codec_versions();
            assert!(
                codec.contains(api.served.start()) && codec.contains(api.served.end()),
                "{api:?} against {codec:?}"
            );
            assert!(api.advertised_from <= *api.served.start(), "{api:?}");
        }
    }

    #[test]
    fn every_entry_is_found_by_its_key() {
        for api in TABLE {
            assert_eq!(find(api.key).map(|found| found.key), Some(api.key));
        }
    }
}
