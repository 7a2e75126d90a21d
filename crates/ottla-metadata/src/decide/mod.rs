//! What the active controller does with a request: pure functions from image and request to records and response.
//!
//! Each request is a type with its decision beside it, by subject. A decision is made on the last applied image, or on that image plus
//! the records of the requests before it in the same batch; it holds only if its records are applied to exactly that image.

mod brokers;
mod configs;
mod directories;
mod election;
mod isr;
mod partitions;
mod placement;
mod producer_ids;
mod settings;
mod topics;

#[cfg(test)]
mod random_test;
#[cfg(test)]
mod replicas_test;
#[cfg(test)]
mod topics_test;

use ottla_base::{Entropy, Uuid};

pub use brokers::{FenceBroker, OfflineDirectories, RegisterBroker, RegisteredBroker, UnfenceBroker};
pub use configs::{AlterConfigs, ConfigChange, ResourceChange};
pub use directories::AssignDirectories;
pub use isr::{AlterPartition, AlteredPartition, IsrMember, PartitionAlteration};
pub use partitions::{CreatePartitions, NewPartitions};
pub use producer_ids::{AllocateProducerIds, ProducerIdBlock};
pub use settings::Defaults;
pub use topics::{CreateTopics, CreatedTopic, DeleteTopics, DeletedTopic, NewTopic, TopicReference};

use crate::{ClusterIdRecord, FeatureLevelRecord, Image, Record};

/// The most records that one request may write. Source: Kafka `QuorumController.MAX_RECORDS_PER_USER_OP`.
pub const RECORDS_PER_REQUEST_MAX: usize = 10_000;

/// Something that is asked of the active controller.
pub trait Request: Send + 'static {
    /// What is answered once the decision's records are applied.
    type Response: Send + 'static;

    /// Decides. No records means that nothing changes; what is refused is said in the response.
    fn decide(&self, context: &Context<'_>) -> Decision<Self::Response>;
}

/// What a decision is made on.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The metadata.
    pub image: &'a Image,
    /// Where new ids, and the start of a placement, come from.
    pub entropy: &'a dyn Entropy,
    /// The settings that apply where the image holds none.
    pub defaults: &'a Defaults,
}

/// What the controller will do: nothing has happened yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<R> {
    /// What becomes true, all at once.
    pub records: Vec<Record>,
    /// What is answered then.
    pub response: R,
}

impl<R> Decision<R> {
    /// A decision that changes nothing.
    fn unchanged(response: R) -> Decision<R> {
        Decision { records: Vec::new(), response }
    }
}

/// Gives a new cluster its id and its format; the first entry of the log.
#[derive(Clone, Copy, Debug)]
pub struct Bootstrap;

impl Bootstrap {
    /// The feature that says which metadata records there may be.
    pub const METADATA_FEATURE: &'static str = "ottla.metadata.version";

    /// Its level in this version.
    pub const METADATA_LEVEL: i16 = 1;
}

impl Request for Bootstrap {
    /// The cluster's id: the new one, or the one it had.
    type Response = Uuid;

    fn decide(&self, context: &Context<'_>) -> Decision<Uuid> {
        if let Some(cluster_id) = context.image.cluster_id {
            return Decision::unchanged(cluster_id);
        }
        let cluster_id = Uuid::random(context.entropy);
        let name = Bootstrap::METADATA_FEATURE.to_owned();
        let records = vec![
            Record::ClusterId(ClusterIdRecord { cluster_id }),
            Record::FeatureLevel(FeatureLevelRecord { name, level: Bootstrap::METADATA_LEVEL }),
        ];
        Decision { records, response: cluster_id }
    }
}
