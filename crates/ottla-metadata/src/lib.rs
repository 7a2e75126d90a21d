//! Metadata records, the immutable image, and the pure decisions over it.
//!
//! - `record.rs`: what the metadata log holds, `record/encoding.rs`: as bytes.
//! - `image/`: the metadata at one offset of the log; `apply.rs`: what a record means to it; `snapshot.rs`: an image as records.
//! - `decide/`: what the active controller does with a request: an image and a request give records and a response.
//! - `invariants.rs`: what is true of every image.
//!
//! **Architecture invariant:** `apply` cannot fail, and nothing here reads a clock, touches a file or waits. A decision changes
//! nothing: its records do, once the quorum has committed them.

mod apply;
mod decide;
mod error;
mod image;
mod invariants;
mod record;
mod snapshot;
#[cfg(test)]
mod testing;

pub use decide::{
    AllocateProducerIds, AlterConfigs, AlterPartition, AlteredPartition, AssignDirectories, Bootstrap, ConfigChange,
    Context, CreatePartitions, CreateTopics, CreatedTopic, Decision, Defaults, DeleteTopics, DeletedTopic, FenceBroker,
    IsrMember, NewPartitions, NewTopic, OfflineDirectories, PartitionAlteration, ProducerIdBlock,
    RECORDS_PER_REQUEST_MAX, RegisterBroker, RegisteredBroker, Request, ResourceChange, TopicReference, UnfenceBroker,
};
pub use error::{Error, InvalidAssignment};
pub use image::{Broker, Brokers, Configs, Image, Partition, Topic, TopicChanges, Topics};
pub use invariants::check_invariants;
pub use record::{
    BrokerRegistrationChangeRecord, ClusterIdRecord, ConfigRecord, ConfigResource, DecodeError, FeatureLevelRecord,
    LeaderRecoveryState, Listener, PartitionChangeRecord, PartitionRecord, ProducerIdsRecord, Record,
    RegisterBrokerRecord, RemoveTopicRecord, TopicRecord, decode_records, encode_records,
};
