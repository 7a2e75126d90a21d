//! The APIs that the door knows: one line each in the table at the end.
//!
//! Each line gives an [`ApiKey`], and makes its two messages a [`Request`] and a [`Response`]. Their methods are not generic: all of the
//! codec that is used is compiled here, once.

use std::fmt;
use std::ops::RangeInclusive;

use bytes::{Buf, BufMut, Bytes};
use kafka_protocol::messages as wire;
use kafka_protocol::protocol::buf::ByteBuf;
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Message};

use crate::charge::PRODUCE_OVERHEAD_MAX;
use crate::header::decode_response_header;
use crate::metered::Metered;
use crate::splice::Splicer;
use crate::{Encoded, Malformed, RequestHeader, Unencodable};

/// A number that is no API's, or that of one that the door does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no API with key {key}")]
pub struct UnknownApi {
    /// The number.
    pub key: i16,
}

/// A message that a client, or another broker, sends.
pub trait Request: fmt::Debug + Clone + PartialEq + Default + Send + Sync + Sized + 'static {
    /// Which API it is.
    const KEY: ApiKey;

    /// What answers it.
    type Response: Response;

    /// Decodes `body`, which is what [`RequestHeader::decode`] left of the frame. Bytes after the message are let be, as Kafka lets them:
    /// librdkafka asks for all topics (Metadata, from version 9) with three too many.
    ///
    /// Never panics. An array's forged length makes the codec *reserve* (not touch) up to 400 GB before it finds the bytes missing: the
    /// process needs an allocator that takes it, as jemalloc does.
    fn decode(version: i16, body: Bytes) -> Result<Self, Malformed>;

    /// Encodes header and message. The header's API is this message's, and the version is the header's.
    fn encode(&self, header: &RequestHeader) -> Result<Encoded, Unencodable>;
}

/// A message that answers a [`Request`].
pub trait Response: fmt::Debug + Clone + PartialEq + Default + Send + Sync + Sized + 'static {
    /// Which API it is.
    const KEY: ApiKey;

    /// Encodes header and message in the version that was asked in, record data by reference.
    ///
    /// ApiVersions is the one API whose answer never has a newer header, and where a version that is not served is answered in
    /// version 0 (KIP-511): encode with version 0 for that.
    fn encode(&self, version: i16, correlation_id: i32) -> Result<Encoded, Unencodable>;

    /// Decodes a whole response frame; returns its correlation id too. Never panics; see [`Request::decode`] for forged lengths.
    fn decode(version: i16, frame: Bytes) -> Result<(i32, Self), Malformed>;
}

impl ApiKey {
    /// The number on the wire.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// Whether its requests carry record data, which is worth a frame of its own size and is not charged for decoding.
    pub const fn carries_records(self) -> bool {
        matches!(self, ApiKey::Produce)
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

macro_rules! apis {
    ($(
        $(#[$doc:meta])*
        $api:ident = $key:literal, $request:ident $([$sent:ident])? => $response:ident $([$answered:ident])?;
    )*) => {
        /// One of Kafka's APIs, by its key.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        pub enum ApiKey {
            $($(#[$doc])* $api = $key,)*
        }

        impl ApiKey {
            /// Every API that the door knows, by key.
            pub const ALL: &[ApiKey] = &[$(ApiKey::$api,)*];

            /// Kafka's name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(ApiKey::$api => stringify!($api),)*
                }
            }

            /// The versions that the codec can read and write. Which of them are served is for the server to say.
            pub const fn codec_versions(self) -> RangeInclusive<i16> {
                match self {
                    $(ApiKey::$api => wire::$request::VERSIONS.min..=wire::$request::VERSIONS.max,)*
                }
            }

            /// Whether requests of `version` have compact lengths and tagged fields, in the header too (KIP-482).
            pub(crate) fn is_flexible(self, version: i16) -> bool {
                match self {
                    $(ApiKey::$api => wire::$request::header_version(version) >= 2,)*
                }
            }

            /// Decodes a request's body and drops it. For fuzzing: one entry for every decoder.
            pub fn check_request(self, version: i16, body: Bytes) -> Result<(), Malformed> {
                match self {
                    $(ApiKey::$api => <wire::$request as Request>::decode(version, body).map(drop),)*
                }
            }
        }

        impl TryFrom<i16> for ApiKey {
            type Error = UnknownApi;

            fn try_from(key: i16) -> Result<ApiKey, UnknownApi> {
                match key {
                    $($key => Ok(ApiKey::$api),)*
                    _ => Err(UnknownApi { key }),
                }
            }
        }

        /// The messages of the table, for the module that gives them out.
        pub(crate) mod served {
            pub use kafka_protocol::messages::{$($request, $response,)*};
        }

        $(
            impl Request for wire::$request {
                const KEY: ApiKey = ApiKey::$api;
                type Response = wire::$response;

                fn decode(version: i16, body: Bytes) -> Result<Self, Malformed> {
                    decode_request(ApiKey::$api, version, body)
                }

                fn encode(&self, header: &RequestHeader) -> Result<Encoded, Unencodable> {
                    assert_eq!(header.api_key, ApiKey::$api, "the header is this request's");
                    let mut out = Splicer::new(apis!(@records self $(, $sent)?));
                    header.encode(&mut out);
                    encode_body(ApiKey::$api, header.api_version, self, out)
                }
            }

            impl Response for wire::$response {
                const KEY: ApiKey = ApiKey::$api;

                fn encode(&self, version: i16, correlation_id: i32) -> Result<Encoded, Unencodable> {
                    let mut out = Splicer::new(apis!(@records self $(, $answered)?));
                    out.put_i32(correlation_id);
                    if wire::$response::header_version(version) >= 1 {
                        out.put_u8(0);
                    }
                    encode_body(ApiKey::$api, version, self, out)
                }

                fn decode(version: i16, mut frame: Bytes) -> Result<(i32, Self), Malformed> {
                    let flexible = wire::$response::header_version(version) >= 1;
                    let correlation_id = decode_response_header(&mut frame, flexible).ok_or(Malformed::Header)?;
                    Ok((correlation_id, decode_response(ApiKey::$api, version, frame)?))
                }
            }
        )*
    };
    (@records $message:expr) => { std::iter::empty() };
    (@records $message:expr, $records:ident) => { $records($message) };
}

apis! {
    /// Appends record batches.
    Produce = 0, ProduceRequest [sent_records] => ProduceResponse;
    /// Reads record batches.
    Fetch = 1, FetchRequest => FetchResponse [fetched_records];
    /// Finds offsets by time, and the ends of partitions.
    ListOffsets = 2, ListOffsetsRequest => ListOffsetsResponse;
    /// Tells brokers, topics, partitions and their leaders.
    Metadata = 3, MetadataRequest => MetadataResponse;
    /// Commits a group's offsets.
    OffsetCommit = 8, OffsetCommitRequest => OffsetCommitResponse;
    /// Tells a group's committed offsets.
    OffsetFetch = 9, OffsetFetchRequest => OffsetFetchResponse;
    /// Finds the broker that coordinates a group or a transactional id.
    FindCoordinator = 10, FindCoordinatorRequest => FindCoordinatorResponse;
    /// Makes a client a member of a group, and begins or awaits a rebalance.
    JoinGroup = 11, JoinGroupRequest => JoinGroupResponse;
    /// Keeps a member in its group.
    Heartbeat = 12, HeartbeatRequest => HeartbeatResponse;
    /// Takes members out of a group.
    LeaveGroup = 13, LeaveGroupRequest => LeaveGroupResponse;
    /// Brings the leader's assignment, and tells each member its own.
    SyncGroup = 14, SyncGroupRequest => SyncGroupResponse;
    /// Tells the state and the members of groups.
    DescribeGroups = 15, DescribeGroupsRequest => DescribeGroupsResponse;
    /// Tells the groups that a broker coordinates.
    ListGroups = 16, ListGroupsRequest => ListGroupsResponse;
    /// Tells which versions of which APIs are served.
    ApiVersions = 18, ApiVersionsRequest => ApiVersionsResponse;
    /// Creates topics.
    CreateTopics = 19, CreateTopicsRequest => CreateTopicsResponse;
    /// Deletes topics.
    DeleteTopics = 20, DeleteTopicsRequest => DeleteTopicsResponse;
    /// Gives an idempotent or transactional producer its id.
    InitProducerId = 22, InitProducerIdRequest => InitProducerIdResponse;
    /// Finds where a leader epoch ended (KIP-101, KIP-320).
    OffsetForLeaderEpoch = 23, OffsetForLeaderEpochRequest => OffsetForLeaderEpochResponse;
    /// Tells configuration values and where they come from.
    DescribeConfigs = 32, DescribeConfigsRequest => DescribeConfigsResponse;
    /// Adds partitions to topics.
    CreatePartitions = 37, CreatePartitionsRequest => CreatePartitionsResponse;
    /// Deletes groups that have no members.
    DeleteGroups = 42, DeleteGroupsRequest => DeleteGroupsResponse;
    /// Deletes a group's committed offsets of topics that it does not read (KIP-496).
    OffsetDelete = 47, OffsetDeleteRequest => OffsetDeleteResponse;
    /// Tells the brokers of the cluster (KIP-700).
    DescribeCluster = 60, DescribeClusterRequest => DescribeClusterResponse;
}

/// The record data of a Produce request, in encoding order.
fn sent_records(request: &wire::ProduceRequest) -> impl Iterator<Item = &Bytes> {
    request.topic_data.iter().flat_map(|topic| &topic.partition_data).filter_map(|partition| partition.records.as_ref())
}

/// The record data of a Fetch response, in encoding order.
fn fetched_records(response: &wire::FetchResponse) -> impl Iterator<Item = &Bytes> {
    response.responses.iter().flat_map(|topic| &topic.partitions).filter_map(|partition| partition.records.as_ref())
}

fn decode_request<M: Message + Decodable>(api: ApiKey, version: i16, body: Bytes) -> Result<M, Malformed> {
    let allowance = if api.carries_records() { PRODUCE_OVERHEAD_MAX } else { usize::MAX };
    let mut body = Metered::new(body, allowance);
    let decoded = decode_message(api, version, &mut body);
    if body.is_spent() {
        let reason = format!("more than {PRODUCE_OVERHEAD_MAX} bytes that are no record data");
        return Err(Malformed::Body { api, version, reason });
    }
    decoded
}

fn decode_response<M: Message + Decodable>(api: ApiKey, version: i16, mut body: Bytes) -> Result<M, Malformed> {
    let message = decode_message(api, version, &mut body)?;
    match body.remaining() {
        0 => Ok(message),
        bytes => Err(Malformed::Trailing { api, version, bytes }),
    }
}

fn decode_message<M: Message + Decodable>(api: ApiKey, version: i16, body: &mut impl ByteBuf) -> Result<M, Malformed> {
    if !(M::VERSIONS.min..=M::VERSIONS.max).contains(&version) {
        return Err(Malformed::UnknownVersion { api, version });
    }
    M::decode(body, version).map_err(|e| Malformed::Body { api, version, reason: e.to_string() })
}

fn encode_body<M: Encodable>(api: ApiKey, version: i16, message: &M, mut out: Splicer) -> Result<Encoded, Unencodable> {
    match message.encode(&mut out, version) {
        Ok(()) => Ok(out.finish()),
        Err(e) => Err(Unencodable { api, version, reason: e.to_string() }),
    }
}
