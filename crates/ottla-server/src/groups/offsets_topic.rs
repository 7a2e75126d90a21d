//! Creates `__consumer_offsets` when the first group looks for its coordinator.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_base::TopicName;
use ottla_metadata::{CreateTopics, Error, NewTopic};

use crate::Broker;
use crate::decide::decide;
use crate::error::Failure;
use crate::internal_topics::CONSUMER_OFFSETS;

/// How long the answer waits for the topic; well below what clients wait for an answer.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Creates the topic, if it is not there. On return this broker has taken it up. It is compacted, so that retention never touches it,
/// and has as many replicas as `offsets.topic.replication.factor` says or as there are brokers, whichever is less: Kafka would wait
/// for more brokers to come.
pub(crate) async fn create_offsets_topic(broker: &Broker) -> Result<(), Failure> {
    let settings = &broker.settings().groups;
    let broker_count = i32::try_from(broker.image().brokers.unfenced().count()).unwrap_or(i32::MAX);
    let replication_factor = settings.offsets_topic_replication_factor.min(broker_count.max(1));
    let configs = [
        ("cleanup.policy", "compact".to_owned()),
        ("compression.type", "producer".to_owned()),
        ("segment.bytes", settings.offsets_topic_segment_bytes.to_string()),
    ];
    let topic = NewTopic {
        name: TopicName::new(CONSUMER_OFFSETS).expect("the name is one that a topic can have"),
        partitions: settings.offsets_topic_num_partitions,
        replication_factor: i16::try_from(replication_factor).unwrap_or(i16::MAX),
        assignments: Vec::new(),
        configs: BTreeMap::from(configs.map(|(name, value)| (name.to_owned(), value))),
    };
    let request = CreateTopics { topics: vec![topic], validate_only: false };
    match decide(broker, request, WAIT_MAX).await?.pop() {
        // Somebody else was faster: all the better.
        Some(Ok(_) | Err(Error::TopicExists { .. })) | None => Ok(()),
        Some(Err(error)) => {
            tracing::error!(%error, "{CONSUMER_OFFSETS} cannot be created: groups find no coordinator");
            Err(error.into())
        }
    }
}
