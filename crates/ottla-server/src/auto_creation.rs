//! Creating a topic because a client asks about it (`auto.create.topics.enable`).
//!
//! Kafka answers such a request with UNKNOWN_TOPIC_OR_PARTITION while it creates the topic, and the client asks again. Here the answer
//! waits until the topic is there: a client's first record does not pay for its retry backoff.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_base::TopicName;
use ottla_metadata::{CreateTopics, Error, NewTopic};
use ottla_protocol::ErrorCode;

use crate::Broker;
use crate::decide::decide;
use crate::error::Failure;
use crate::internal_topics::{CLUSTER_METADATA, is_internal};

/// How long the answer waits for the topics; well below what clients wait for an answer.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Whether asking about the topic may create it. Internal topics are created with their own settings by what writes them, or not at all.
pub(crate) fn is_creatable(name: &TopicName) -> bool {
    !is_internal(name.as_str()) && name.as_str() != CLUSTER_METADATA
}

/// Creates `names` with the broker's defaults. On return they are in the image that this broker has taken up, but for those whose
/// creation was refused, which are returned with the reason, and those that take too long.
pub(crate) async fn create(broker: &Broker, names: Vec<TopicName>) -> BTreeMap<TopicName, ErrorCode> {
    let new_topic = |name: &TopicName| NewTopic {
        name: name.clone(),
        partitions: -1,
        replication_factor: -1,
        assignments: Vec::new(),
        configs: BTreeMap::new(),
    };
    let request = CreateTopics { topics: names.iter().map(new_topic).collect(), validate_only: false };
    match decide(broker, request, WAIT_MAX).await {
        Ok(results) => {
            names.into_iter().zip(results).filter_map(|(name, result)| Some((name, refusal(result)?))).collect()
        }
        Err(failure) => {
            tracing::warn!(error = %failure.code, "topics were not created for a client that asked about them");
            BTreeMap::new()
        }
    }
}

fn refusal<T>(result: Result<T, Error>) -> Option<ErrorCode> {
    match result {
        // Somebody else was faster: all the better.
        Ok(_) | Err(Error::TopicExists { .. }) => None,
        Err(error) => Some(Failure::from(error).code),
    }
}
