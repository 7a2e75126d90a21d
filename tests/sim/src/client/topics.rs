//! Creating and deleting topics, until it is known to be done.

use std::time::Duration;

use ottla_protocol::ErrorCode;

use super::{Connection, messages};
use crate::journal::Journal;

/// How long a client waits for an answer before it asks again.
const PATIENCE: Duration = Duration::from_secs(6);

/// Creates a topic. Goes on until it is there: the caller sets a deadline.
pub(crate) async fn create(
    connection: &mut Connection,
    journal: &Journal,
    name: &str,
    partitions: i32,
    configs: &[(&str, String)],
) {
    let request = messages::create_topic(name, partitions, configs);
    loop {
        let answer = connection.call(messages::CREATE_TOPICS, &request, PATIENCE).await;
        let code = answer.ok().and_then(|response| response.topics.first().map(|topic| topic.error_code));
        match code.and_then(ErrorCode::from_code) {
            // An earlier try may have come through unheard.
            Some(ErrorCode::None | ErrorCode::TopicAlreadyExists) => return,
            Some(code) if is_refusal(code) => {
                return journal.violation(format_args!("CreateTopics of {name} is answered {code}"));
            }
            _ => connection.back_off().await,
        }
    }
}

/// Deletes a topic. Goes on until it is gone: the caller sets a deadline.
pub(crate) async fn delete(connection: &mut Connection, journal: &Journal, name: &str) {
    let request = messages::delete_topic(name);
    loop {
        let answer = connection.call(messages::DELETE_TOPICS, &request, PATIENCE).await;
        let code = answer.ok().and_then(|response| response.responses.first().map(|topic| topic.error_code));
        match code.and_then(ErrorCode::from_code) {
            Some(ErrorCode::None | ErrorCode::UnknownTopicOrPartition) => return,
            Some(code) if is_refusal(code) => {
                return journal.violation(format_args!("DeleteTopics of {name} is answered {code}"));
            }
            _ => connection.back_off().await,
        }
    }
}

/// Whether a topic is there; `None` where no answer came.
pub(crate) async fn exists(connection: &mut Connection, name: &str) -> Option<bool> {
    let answer = connection.call(messages::METADATA, &messages::metadata(name), PATIENCE).await;
    match ErrorCode::from_code(answer.ok()?.topics.first()?.error_code)? {
        ErrorCode::None => Some(true),
        ErrorCode::UnknownTopicOrPartition => Some(false),
        _ => None,
    }
}

fn is_refusal(code: ErrorCode) -> bool {
    // A node that is stopping, or that is full, says so in these words.
    let is_passing = matches!(code, ErrorCode::BrokerNotAvailable | ErrorCode::KafkaStorageError);
    !code.is_retriable() && !is_passing
}
