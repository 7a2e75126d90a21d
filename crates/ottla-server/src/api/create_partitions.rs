//! CreatePartitions (key 37): adds partitions to topics (KIP-195), or says what would become of it.
//!
//! Versions 0 to 3; 2 is flexible, 3 has its own quota error (KIP-599), for which there is no quota yet. The answer comes when this
//! broker has taken the partitions up. Results are in the order of the request, one for each name.

use std::sync::Arc;

use ottla_base::{BrokerId, TopicName};
use ottla_metadata::{CreatePartitions as CreatePartitionsDecision, Error, NewPartitions};
use ottla_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use ottla_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use ottla_protocol::messages::{CreatePartitionsRequest, CreatePartitionsResponse};

use super::by_topic::{Asked, outcomes, read_by_name, to_decide};
use super::{Answer, Api, Call, Handler};
use crate::decide::decide;
use crate::error::Failure;
use crate::{Broker, wire};

pub(super) const API: Api = Api::new::<CreatePartitions>(0..=3);

struct CreatePartitions;

impl Handler for CreatePartitions {
    type Request = CreatePartitionsRequest;

    const HANDLE: super::Handle<CreatePartitionsRequest> = handle;
}

fn handle(broker: &Arc<Broker>, call: Call<'_>, request: CreatePartitionsRequest) -> Answer<CreatePartitionsResponse> {
    let asked = read_by_name(&request.topics, |topic| topic.name.as_str(), new_partitions);
    let topics = to_decide(&asked);
    if topics.is_empty() {
        return Answer::Done(response(asked, Ok(Vec::new())));
    }
    let broker = broker.clone();
    let (timeout, validate_only, memory) = (wire::millis(request.timeout_ms), request.validate_only, call.memory);
    Answer::later(async move {
        // What was read of the request is held until it is answered.
        let _memory = memory;
        let decision = CreatePartitionsDecision { topics, validate_only };
        let decided = decide(&broker, decision, timeout).await;
        response(asked, decided)
    })
}

fn new_partitions(topic: &CreatePartitionsTopic) -> Result<NewPartitions, Failure> {
    // No topic has a name that cannot be.
    let name = TopicName::new(topic.name.as_str()).map_err(|_| Failure::unknown_topic())?;
    let assignments = topic.assignments.as_ref().map(|assignments| {
        let replicas = assignments.iter().map(|assignment| assignment.broker_ids.iter().map(|id| BrokerId(id.0)));
        replicas.map(Iterator::collect).collect()
    });
    Ok(NewPartitions { name, count: topic.count, assignments })
}

fn response(
    asked: Vec<Asked<String, NewPartitions>>,
    decided: Result<Vec<Result<(), Error>>, Failure>,
) -> CreatePartitionsResponse {
    let result = |(name, outcome): (String, Result<_, Failure>)| {
        let result = CreatePartitionsTopicResult::default().with_name(wire::topic_name(name));
        match outcome {
            Ok(_) => result.with_error_message(None),
            Err(failure) => {
                result.with_error_code(failure.code.code()).with_error_message(failure.message.map(wire::text))
            }
        }
    };
    CreatePartitionsResponse::default().with_results(outcomes(asked, decided).map(result).collect())
}

#[cfg(test)]
mod tests {
    use ottla_protocol::messages::create_partitions_request::CreatePartitionsAssignment;

    use super::*;

    fn topic(name: &'static str) -> CreatePartitionsTopic {
        CreatePartitionsTopic::default().with_name(wire::topic_name(name)).with_count(3).with_assignments(None)
    }

    #[test]
    fn no_assignment_and_an_empty_one_differ() {
        let assigned = |assignments: Option<Vec<Vec<i32>>>| {
            let wire = assignments.map(|assignments| {
                let assignment = |ids: Vec<i32>| {
                    let ids = ids.into_iter().map(ottla_protocol::messages::BrokerId).collect();
                    CreatePartitionsAssignment::default().with_broker_ids(ids)
                };
                assignments.into_iter().map(assignment).collect()
            });
            new_partitions(&topic("a").with_assignments(wire)).unwrap().assignments
        };
        assert_eq!(assigned(None), None);
        assert_eq!(assigned(Some(vec![])), Some(vec![]));
        assert_eq!(assigned(Some(vec![vec![1, 2]])), Some(vec![vec![BrokerId(1), BrokerId(2)]]));
    }
}
