//! DeleteTopics (key 20): deletes topics, by name or by id.
//!
//! Versions 1 to 6. 3 has a code for deletion that is switched off, 4 is flexible, 5 adds error messages (KIP-599), 6 topic ids (KIP-516).
//!
//! The active controller decides; the answer comes when this broker has let go of the topics, so that one of the same name can be created
//! and is a new one. Files go when readers have had their time (`file.delete.delay.ms`), or at once where the disk is short of room.
//! Results are in the order of the request, one for each topic that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ottla_base::{TopicId, TopicName};
use ottla_metadata::{DeleteTopics as DeleteTopicsDecision, DeletedTopic, Error, Image, TopicReference};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::delete_topics_response::DeletableTopicResult;
use ottla_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse, Uuid};

use super::by_topic::{Asked, outcomes, to_decide};
use super::{Answer, Api, Call, Handler};
use crate::decide::decide;
use crate::error::Failure;
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<DeleteTopics>(1..=6);

struct DeleteTopics;

impl Handler for DeleteTopics {
    type Request = DeleteTopicsRequest;

    const HANDLE: super::Handle<DeleteTopicsRequest> = handle;
}

/// A topic as the request names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Named {
    name: Option<String>,
    topic_id: Option<TopicId>,
}

fn handle(broker: &Arc<Broker>, call: Call<'_>, request: DeleteTopicsRequest) -> Answer<DeleteTopicsResponse> {
    let named = named(&request);
    let is_enabled = broker.settings().topics.delete_topic_enable;
    let references = match is_enabled {
        true => read(&broker.image(), &named),
        false => named.iter().map(|_| Err(deletion_is_disabled(call.version))).collect(),
    };
    let mut answered = BTreeSet::new();
    let firsts = named.into_iter().zip(references).filter(|(named, _)| answered.insert(named.clone()));
    let asked: Vec<_> = firsts.map(|(named, asked)| Asked { named, asked }).collect();
    let topics = to_decide(&asked);
    if topics.is_empty() {
        return Answer::Done(response(asked, Ok(Vec::new())));
    }
    let broker = broker.clone();
    let (timeout, memory) = (wire::millis(request.timeout_ms), call.memory);
    Answer::later(async move {
        // What was read of the request is held until it is answered.
        let _memory = memory;
        let decided = decide(&broker, DeleteTopicsDecision { topics }, timeout).await;
        response(asked, decided)
    })
}

/// Every topic of the request. Up to version 5 they stand in one list, from 6 on in another.
fn named(request: &DeleteTopicsRequest) -> Vec<Named> {
    let by_name = request.topic_names.iter().map(|name| Named { name: Some(name.to_string()), topic_id: None });
    let by_either = request.topics.iter().map(|topic| Named {
        name: topic.name.as_ref().map(|name| name.to_string()),
        topic_id: wire::named_topic_id(topic.topic_id),
    });
    by_name.chain(by_either).collect()
}

fn deletion_is_disabled(version: i16) -> Failure {
    let code = if version < 3 { ErrorCode::InvalidRequest } else { ErrorCode::TopicDeletionDisabled };
    Failure::new(code, "Topic deletion is disabled.")
}

/// What is to be decided for each topic. Source: Kafka `ControllerApis.deleteTopics`.
fn read(image: &Image, named: &[Named]) -> Vec<Result<TopicReference, Failure>> {
    let mut times = BTreeMap::new();
    let mut ids = BTreeMap::new();
    for named in named {
        *times.entry(named).or_insert(0) += 1;
        *ids.entry(id_of(image, named)).or_insert(0) += 1;
    }
    let invalid = |message: &str| Err(Failure::new(ErrorCode::InvalidRequest, message));
    let reference = |named: &Named| match (&named.name, named.topic_id) {
        (Some(_), Some(_)) => invalid("You may not specify both topic name and topic id."),
        (None, None) => invalid("Neither topic name nor id were specified."),
        (Some(_), None) if times[named] > 1 => invalid("Duplicate topic name."),
        (None, Some(_)) if times[named] > 1 => invalid("Duplicate topic id."),
        _ if id_of(image, named).is_some_and(|id| ids[&Some(id)] > 1) => {
            invalid("The provided topic name maps to an ID that was already supplied.")
        }
        (None, Some(topic_id)) => Ok(TopicReference::Id(topic_id)),
        (Some(name), None) => match TopicName::new(name) {
            Ok(name) => Ok(TopicReference::Name(name)),
            // No topic has such a name.
            Err(_) => Err(Failure::unknown_topic()),
        },
    };
    named.iter().map(reference).collect()
}

fn id_of(image: &Image, named: &Named) -> Option<TopicId> {
    let by_name = || image.topics.by_name(named.name.as_ref()?).map(|topic| topic.topic_id);
    named.topic_id.or_else(by_name)
}

fn response(
    asked: Vec<Asked<Named, TopicReference>>,
    decided: Result<Vec<Result<DeletedTopic, Error>>, Failure>,
) -> DeleteTopicsResponse {
    let results = outcomes(asked, decided).map(|(named, outcome)| result(named, outcome));
    DeleteTopicsResponse::default().with_responses(results.collect())
}

fn result(named: Named, deleted: Result<(TopicReference, DeletedTopic), Failure>) -> DeletableTopicResult {
    match deleted {
        Ok((_, deleted)) => DeletableTopicResult::default()
            .with_name(Some(wire::topic_name(&deleted.name)))
            .with_topic_id(wire::topic_id(deleted.topic_id))
            .with_error_message(None),
        Err(failure) => DeletableTopicResult::default()
            .with_name(named.name.map(wire::topic_name))
            .with_topic_id(named.topic_id.map_or(Uuid::nil(), wire::topic_id))
            .with_error_code(failure.code.code())
            .with_error_message(failure.message.map(wire::text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_name(name: &str) -> Named {
        Named { name: Some(name.to_owned()), topic_id: None }
    }

    fn by_id(byte: u8) -> Named {
        Named { name: None, topic_id: Some(TopicId(ottla_base::Uuid([byte; 16]))) }
    }

    fn messages(named: &[Named]) -> Vec<Option<String>> {
        let read = read(&Image::empty(), named);
        read.into_iter().map(|reference| reference.err().map(|failure| failure.message.unwrap())).collect()
    }

    #[test]
    fn a_topic_is_named_once_and_one_way() {
        let both = Named { name: Some("a".to_owned()), ..by_id(1) };
        let neither = Named { name: None, topic_id: None };
        let told = messages(&[by_name("b"), by_name("c"), by_name("b"), by_id(2), by_id(3), by_id(2), both, neither]);
        let told: Vec<_> = told.iter().map(Option::as_deref).collect();
        assert_eq!(
            told,
            [
                Some("Duplicate topic name."),
                None,
                Some("Duplicate topic name."),
                Some("Duplicate topic id."),
                None,
                Some("Duplicate topic id."),
                Some("You may not specify both topic name and topic id."),
                Some("Neither topic name nor id were specified."),
            ]
        );
    }

    #[test]
    fn a_name_that_no_topic_can_have_is_unknown() {
        let read = read(&Image::empty(), &[by_name("a/b")]);
        assert_eq!(read[0].as_ref().map_err(|failure| failure.code), Err(ErrorCode::UnknownTopicOrPartition));
    }

    #[test]
    fn old_clients_do_not_know_the_code_for_disabled_deletion() {
        assert_eq!(deletion_is_disabled(2).code, ErrorCode::InvalidRequest);
        assert_eq!(deletion_is_disabled(3).code, ErrorCode::TopicDeletionDisabled);
    }
}
