//! [`Broker`]: what the handlers work on.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use ottla_base::{BrokerEpoch, BrokerId, Clock, Offset, PartitionIndex, Workers};
use ottla_controller::Handle;
use ottla_metadata::Image;
use ottla_protocol::ErrorCode;
use ottla_replica::{Partition, Replicas};
use ottla_settings::{BrokerSettings, Layers};
use tokio::sync::watch;

use crate::error::Failure;
use crate::groups::Coordinators;
use crate::producer_ids::ProducerIds;
use crate::request_times::RequestTimes;

/// What the handlers work on: one for a node, shared by its connections.
pub struct Broker {
    parts: BrokerParts,
    producer_ids: ProducerIds,
    request_times: RequestTimes,
}

/// What a broker is made of.
pub struct BrokerParts {
    /// The node's id.
    pub broker_id: BrokerId,
    /// The node's settings, resolved.
    pub settings: Arc<BrokerSettings>,
    /// Where they come from, for those that ask.
    pub layers: Arc<Layers>,
    /// The partitions that this node has.
    pub replicas: Arc<Replicas>,
    /// The groups that this node coordinates.
    pub coordinators: Arc<Coordinators>,
    /// The metadata that this node has taken up.
    pub published: PublishedImage,
    /// The active controller.
    pub controller: Handle,
    /// The node's clock.
    pub clock: Arc<dyn Clock>,
    /// Reads data that is not in memory.
    pub workers: Arc<dyn Workers>,
}

/// The newest image whose partitions this node has taken up: what it tells clients is what it then does.
#[derive(Clone, Debug)]
pub struct PublishedImage {
    images: watch::Receiver<Arc<Image>>,
}

impl PublishedImage {
    /// Follows `images`, which only ever grow newer.
    pub fn new(images: watch::Receiver<Arc<Image>>) -> PublishedImage {
        PublishedImage { images }
    }

    /// The image.
    pub fn get(&self) -> Arc<Image> {
        self.images.borrow().clone()
    }

    /// Waits until the image holds what the metadata log had at `offset`. Has no deadline: the caller sets one.
    pub fn reaches(&self, offset: Offset) -> impl Future<Output = ()> + Send + 'static {
        let mut images = self.images.clone();
        async move {
            // An error means that the node is stopping, and with it whoever waits here.
            let _ = images.wait_for(|image| image.metadata_offset >= offset).await;
        }
    }
}

impl Broker {
    /// A broker of these parts.
    pub fn new(parts: BrokerParts) -> Broker {
        let producer_ids = ProducerIds::new(parts.broker_id, parts.controller.clone());
        Broker { producer_ids, request_times: RequestTimes::new(), parts }
    }

    /// How long requests took so far.
    pub fn request_times(&self) -> &RequestTimes {
        &self.request_times
    }

    /// The node's id.
    pub(crate) fn broker_id(&self) -> BrokerId {
        self.parts.broker_id
    }

    /// The node's registration. Errors: it has none, or not any more.
    pub(crate) fn broker_epoch(&self) -> Result<BrokerEpoch, Failure> {
        let image = self.image();
        let registration = image.brokers.get(self.parts.broker_id).ok_or(ErrorCode::BrokerNotAvailable)?;
        Ok(registration.broker_epoch)
    }

    /// The node's settings.
    pub(crate) fn settings(&self) -> &BrokerSettings {
        &self.parts.settings
    }

    /// Where the node's settings come from.
    pub(crate) fn layers(&self) -> &Layers {
        &self.parts.layers
    }

    /// The metadata that this node has taken up.
    pub(crate) fn image(&self) -> Arc<Image> {
        self.parts.published.get()
    }

    /// The metadata that this node has taken up, to wait for.
    pub(crate) fn published(&self) -> &PublishedImage {
        &self.parts.published
    }

    /// The active controller.
    pub(crate) fn controller(&self) -> &Handle {
        &self.parts.controller
    }

    /// The groups that this node coordinates.
    pub(crate) fn coordinators(&self) -> &Coordinators {
        &self.parts.coordinators
    }

    /// Gives producers their ids.
    pub(crate) fn producer_ids(&self) -> &ProducerIds {
        &self.producer_ids
    }

    /// The clock.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.parts.clock
    }

    /// Where cold data is read.
    pub(crate) fn workers(&self) -> &Arc<dyn Workers> {
        &self.parts.workers
    }

    /// The partition, on this node. Errors: UNKNOWN_TOPIC_OR_PARTITION, also for a name that no topic can have, as in Kafka; and
    /// NOT_LEADER_OR_FOLLOWER where it is another node's.
    pub(crate) fn partition(&self, topic: &str, partition: PartitionIndex) -> Result<Arc<Partition>, Failure> {
        self.parts.replicas.get(topic, partition).ok_or_else(|| self.why_missing(topic, partition))
    }

    fn why_missing(&self, topic: &str, partition: PartitionIndex) -> Failure {
        let image = self.image();
        let exists = image.topics.by_name(topic).is_some_and(|topic| topic.partition(partition).is_some());
        if exists { ErrorCode::NotLeaderOrFollower.into() } else { ErrorCode::UnknownTopicOrPartition.into() }
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Broker({})", self.parts.broker_id)
    }
}
