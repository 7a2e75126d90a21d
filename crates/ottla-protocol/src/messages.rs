//! The messages of the APIs that the door knows, and the types that their fields have.
//!
//! All are `non_exhaustive`: build them with `Default` and the `with_` methods. Strings and record data decoded from a frame are slices
//! of it and keep it alive: copy what outlives the request.

pub use crate::api::served::*;
pub use kafka_protocol::messages::{BrokerId, GroupId, ProducerId, TopicName, TransactionalId};
pub use kafka_protocol::protocol::StrBytes;
/// The 16-byte ids of messages; `from_bytes` and `into_bytes` convert from and to `ottla_base::Uuid`.
pub use uuid::Uuid;

pub use kafka_protocol::messages::{
    api_versions_request, api_versions_response, create_partitions_request, create_partitions_response,
    create_topics_request, create_topics_response, delete_groups_request, delete_groups_response,
    delete_topics_request, delete_topics_response, describe_cluster_request, describe_cluster_response,
    describe_configs_request, describe_configs_response, describe_groups_request, describe_groups_response,
    fetch_request, fetch_response, find_coordinator_request, find_coordinator_response, heartbeat_request,
    heartbeat_response, init_producer_id_request, init_producer_id_response, join_group_request, join_group_response,
    leave_group_request, leave_group_response, list_groups_request, list_groups_response, list_offsets_request,
    list_offsets_response, metadata_request, metadata_response, offset_commit_request, offset_commit_response,
    offset_delete_request, offset_delete_response, offset_fetch_request, offset_fetch_response,
    offset_for_leader_epoch_request, offset_for_leader_epoch_response, produce_request, produce_response,
    sync_group_request, sync_group_response,
};
