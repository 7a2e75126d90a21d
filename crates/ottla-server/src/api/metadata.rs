//! Metadata (key 3): brokers, topics, partitions and their leaders; creates the topics that are asked about and not there.
//!
//! Versions 0 to 13. 0 asks for all topics by an empty list, later versions by null. 1 adds the controller, racks and internal topics, 2
//! the cluster id, 4 lets the client decline auto-creation, 5 adds offline replicas (KIP-112), 6 tells a missing listener from a missing
//! leader, 7 adds leader epochs (KIP-320), 8 authorized operations (KIP-430; 11 takes the cluster's away again), 9 is flexible, 10 adds
//! topic ids (KIP-516) by which 12 asks, 13 has an error for the whole answer (KIP-1102), which is never used.
//!
//! Everything in an answer is of one image: the one that this broker has taken up. A topic that is created waits for its answer, unlike
//! in Kafka (see `auto_creation.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ottla_base::{BrokerId, PartitionIndex, TopicId, TopicName};
use ottla_metadata::{Image, Partition, Topic};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::metadata_request::MetadataRequestTopic;
use ottla_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use ottla_protocol::messages::{self, MetadataRequest, MetadataResponse};

use super::authorized_operations::{OF_CLUSTER, OF_TOPIC};
use super::{Answer, Api, Call, Handler};
use crate::auto_creation::{self, is_creatable};
use crate::endpoints::Viewpoint;
use crate::internal_topics::is_internal;
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<Metadata>(0..=13);

struct Metadata;

impl Handler for Metadata {
    type Request = MetadataRequest;

    const HANDLE: super::Handle<MetadataRequest> = handle;
}

/// The topics that are asked for; each is answered once.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    Names(BTreeSet<String>),
    Ids(BTreeSet<TopicId>),
}

/// What an answer depends on besides the image.
struct Answering {
    version: i16,
    viewpoint: Viewpoint,
    wanted: Wanted,
    cluster_operations: bool,
    topic_operations: bool,
}

fn handle(broker: &Arc<Broker>, call: Call<'_>, request: MetadataRequest) -> Answer<MetadataResponse> {
    let Some(wanted) = wanted(call.version, request.topics.as_deref()) else {
        return Answer::Done(refused(&request));
    };
    let answering = Answering {
        version: call.version,
        viewpoint: Viewpoint::new(broker.broker_id(), broker.settings(), call.connection),
        wanted,
        cluster_operations: request.include_cluster_authorized_operations,
        topic_operations: request.include_topic_authorized_operations,
    };
    let image = broker.image();
    let creates = request.allow_auto_topic_creation && broker.settings().topics.auto_create_topics_enable;
    let missing = if creates { answering.missing(&image) } else { Vec::new() };
    if missing.is_empty() {
        return Answer::Done(answering.response(&image, &BTreeMap::new()));
    }
    let (broker, memory) = (broker.clone(), call.memory);
    Answer::later(async move {
        // What was read of the request is held until it is answered.
        let _memory = memory;
        let refused = auto_creation::create(&broker, missing).await;
        answering.response(&broker.image(), &refused)
    })
}

/// The topics that are asked for. `None` where they are named in a way that the version does not have.
fn wanted(version: i16, topics: Option<&[MetadataRequestTopic]>) -> Option<Wanted> {
    let topics = match topics {
        None => return Some(Wanted::All),
        Some([]) if version == 0 => return Some(Wanted::All),
        Some(topics) => topics,
    };
    let ids: BTreeSet<_> = topics.iter().filter_map(|topic| wire::named_topic_id(topic.topic_id)).collect();
    if version >= 12 && !ids.is_empty() {
        return Some(Wanted::Ids(ids));
    }
    let names = topics.iter().map(|topic| topic.name.as_ref().map(|name| name.to_string()));
    let names: Option<_> = names.collect();
    names.filter(|_| ids.is_empty()).map(Wanted::Names)
}

/// Source: Kafka `MetadataRequest.getErrorResponse`.
fn refused(request: &MetadataRequest) -> MetadataResponse {
    let topic = |topic: &MetadataRequestTopic| {
        MetadataResponseTopic::default()
            .with_error_code(ErrorCode::InvalidRequest.code())
            .with_name(Some(wire::topic_name(topic.name.as_ref().map_or("", |name| name.as_str()))))
            .with_topic_id(topic.topic_id)
    };
    MetadataResponse::default().with_topics(request.topics.iter().flatten().map(topic).collect())
}

impl Answering {
    /// The topics that are not there and may be created.
    fn missing(&self, image: &Image) -> Vec<TopicName> {
        let Wanted::Names(names) = &self.wanted else { return Vec::new() };
        let missing = names.iter().filter(|name| image.topics.by_name(name).is_none());
        missing.filter_map(|name| TopicName::new(name).ok()).filter(is_creatable).collect()
    }

    /// The answer; `refused` are the topics that were to be created.
    fn response(&self, image: &Image, refused: &BTreeMap<TopicName, ErrorCode>) -> MetadataResponse {
        let cluster_operations = self.cluster_operations && (8..=10).contains(&self.version);
        MetadataResponse::default()
            .with_brokers(self.brokers(image))
            .with_cluster_id(image.cluster_id.map(wire::text))
            .with_controller_id(messages::BrokerId(self.viewpoint.controller_id(image).map_or(-1, |id| id.0)))
            .with_cluster_authorized_operations(if cluster_operations { OF_CLUSTER } else { i32::MIN })
            .with_topics(self.topics(image, refused))
    }

    fn brokers(&self, image: &Image) -> Vec<MetadataResponseBroker> {
        let reachable = image.brokers.unfenced().filter_map(|broker| {
            let endpoint = self.viewpoint.endpoint(broker)?;
            let response = MetadataResponseBroker::default()
                .with_node_id(messages::BrokerId(broker.broker_id.0))
                .with_host(wire::text(endpoint.host))
                .with_port(endpoint.port.into())
                .with_rack(broker.rack.as_ref().map(wire::text));
            Some(response)
        });
        reachable.collect()
    }

    fn topics(&self, image: &Image, refused: &BTreeMap<TopicName, ErrorCode>) -> Vec<MetadataResponseTopic> {
        match &self.wanted {
            Wanted::All => {
                let mut topics: Vec<_> = image.topics.iter().collect();
                topics.sort_unstable_by(|a, b| a.name.cmp(&b.name));
                topics.into_iter().map(|topic| self.topic(image, topic)).collect()
            }
            Wanted::Names(names) => {
                let topic = |name: &String| match image.topics.by_name(name) {
                    Some(topic) => self.topic(image, topic),
                    None => self.missing_topic(name, refused),
                };
                names.iter().map(topic).collect()
            }
            Wanted::Ids(ids) => {
                let topic = |topic_id: &TopicId| match image.topics.by_id(*topic_id) {
                    Some(topic) => self.topic(image, topic),
                    None => MetadataResponseTopic::default()
                        .with_error_code(ErrorCode::UnknownTopicId.code())
                        .with_name(None)
                        .with_topic_id(wire::topic_id(*topic_id)),
                };
                ids.iter().map(topic).collect()
            }
        }
    }

    fn missing_topic(&self, name: &str, refused: &BTreeMap<TopicName, ErrorCode>) -> MetadataResponseTopic {
        let error = match TopicName::new(name) {
            Ok(name) => refused.get(&name).copied().unwrap_or(ErrorCode::UnknownTopicOrPartition),
            Err(_) => ErrorCode::InvalidTopic,
        };
        self.named(name).with_error_code(error.code())
    }

    fn topic(&self, image: &Image, topic: &Topic) -> MetadataResponseTopic {
        let partitions = topic.indexed_partitions().map(|(index, partition)| self.partition(image, index, partition));
        self.named(topic.name.as_str())
            .with_topic_id(wire::topic_id(topic.topic_id))
            .with_partitions(partitions.collect())
    }

    fn named(&self, name: &str) -> MetadataResponseTopic {
        let operations = self.topic_operations && self.version >= 8;
        MetadataResponseTopic::default()
            .with_name(Some(wire::topic_name(name)))
            .with_is_internal(is_internal(name))
            .with_topic_authorized_operations(if operations { OF_TOPIC } else { i32::MIN })
    }

    /// Source: Kafka `KRaftMetadataCache.getPartitionMetadata`.
    fn partition(&self, image: &Image, index: PartitionIndex, partition: &Partition) -> MetadataResponsePartition {
        let is_alive = |id: &BrokerId| image.brokers.get(*id).is_some_and(|broker| !broker.fenced && self.sees(broker));
        // Version 0 knows no offline replicas: it leaves out brokers that cannot be reached, and says that it did.
        let shown = |ids: &[BrokerId]| -> Vec<messages::BrokerId> {
            let ids = ids.iter().filter(|id| self.version > 0 || is_alive(id));
            ids.map(|id| messages::BrokerId(id.0)).collect()
        };
        let (replicas, isr) = (shown(&partition.replicas), shown(&partition.isr));
        let leader = self.leader(image, partition);
        let error = match leader {
            Err(error) => error,
            Ok(_) if replicas.len() < partition.replicas.len() || isr.len() < partition.isr.len() => {
                ErrorCode::ReplicaNotAvailable
            }
            Ok(_) => ErrorCode::None,
        };
        let offline = partition.replicas.iter().filter(|id| !self.serves(image, partition, **id));
        MetadataResponsePartition::default()
            .with_error_code(error.code())
            .with_partition_index(index.0)
            .with_leader_id(messages::BrokerId(leader.map_or(-1, |leader| leader.0)))
            .with_leader_epoch(partition.leader_epoch.0)
            .with_offline_replicas(offline.map(|id| messages::BrokerId(id.0)).collect())
            .with_replica_nodes(replicas)
            .with_isr_nodes(isr)
    }

    /// The leader, where the client can reach it.
    fn leader(&self, image: &Image, partition: &Partition) -> Result<BrokerId, ErrorCode> {
        let leader =
            partition.leader.and_then(|leader| image.brokers.get(leader)).ok_or(ErrorCode::LeaderNotAvailable)?;
        match self.sees(leader) {
            true => Ok(leader.broker_id),
            false if self.version >= 6 => Err(ErrorCode::ListenerNotFound),
            false => Err(ErrorCode::LeaderNotAvailable),
        }
    }

    fn sees(&self, broker: &ottla_metadata::Broker) -> bool {
        self.viewpoint.endpoint(broker).is_some()
    }

    /// Whether the broker's replica is up, where the client can reach it.
    fn serves(&self, image: &Image, partition: &Partition, broker_id: BrokerId) -> bool {
        let (broker, directory) = (image.brokers.get(broker_id), partition.directory_of(broker_id));
        broker.zip(directory).is_some_and(|(broker, directory)| broker.serves(directory) && self.sees(broker))
    }
}

#[cfg(test)]
#[path = "metadata_test.rs"]
mod tests;
