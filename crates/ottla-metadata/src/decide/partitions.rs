//! CreatePartitions: a topic only ever grows.

use ottla_base::{BrokerId, PartitionIndex, TopicName};

use super::placement::{Placer, check_assignment};
use super::settings::write_caching;
use super::topics::count;
use super::{Context, Decision, RECORDS_PER_REQUEST_MAX, Request};
use crate::{Error, InvalidAssignment, Record, Topic};

/// Adds partitions to topics, each topic for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatePartitions {
    /// The topics.
    pub topics: Vec<NewPartitions>,
    /// Says what would happen, and lets nothing happen.
    pub validate_only: bool,
}

/// One topic of [`CreatePartitions`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPartitions {
    /// The topic.
    pub name: TopicName,
    /// How many partitions it has afterwards, those of now included.
    pub count: i32,
    /// Which brokers hold each new partition; `None` leaves it to the controller.
    pub assignments: Option<Vec<Vec<BrokerId>>>,
}

impl Request for CreatePartitions {
    /// One result for each topic, in the order of the request.
    type Response = Vec<Result<(), Error>>;

    fn decide(&self, context: &Context<'_>) -> Decision<Self::Response> {
        let mut placer = Placer::new(context);
        let mut records = Vec::new();
        let times = count(self.topics.iter().map(|topic| &topic.name));
        let grow = |topic: &NewPartitions| {
            if times[&topic.name] > 1 {
                return Err(Error::DuplicateTopic);
            }
            let added = add_partitions(context, &mut placer, topic)?;
            if records.len() + added.len() > RECORDS_PER_REQUEST_MAX {
                return Err(Error::TooLarge);
            }
            records.extend(added);
            Ok(())
        };
        let response = self.topics.iter().map(grow).collect();
        if self.validate_only {
            records.clear();
        }
        Decision { records, response }
    }
}

fn add_partitions(
    context: &Context<'_>,
    placer: &mut Placer<'_>,
    request: &NewPartitions,
) -> Result<Vec<Record>, Error> {
    let topic = context.image.topics.by_name(request.name.as_str());
    let topic = topic.ok_or_else(|| Error::UnknownTopic { name: request.name.clone() })?;
    let current = topic.partitions.len();
    let added = usize::try_from(request.count).ok().and_then(|count| count.checked_sub(current)).filter(|n| *n > 0);
    let added = added.ok_or_else(|| Error::NoIncrease { name: request.name.clone(), current, asked: request.count })?;
    if added > RECORDS_PER_REQUEST_MAX {
        return Err(Error::TooLarge);
    }
    let indexes = (current as i32..request.count).map(PartitionIndex);
    let assignments = assignments(context, placer, topic, added, request)?;
    let durable_acks = !write_caching(context.image, context.defaults, &topic.configs);
    let partition = |(index, replicas)| placer.partition(topic.topic_id, index, replicas, durable_acks);
    let records: Result<Vec<_>, _> = indexes.zip(assignments).map(partition).collect();
    Ok(records?.into_iter().map(Record::Partition).collect())
}

fn assignments(
    context: &Context<'_>,
    placer: &Placer<'_>,
    topic: &Topic,
    added: usize,
    request: &NewPartitions,
) -> Result<Vec<Vec<BrokerId>>, Error> {
    let factor = topic.replication_factor();
    let Some(assignments) = &request.assignments else {
        placer.check(factor)?;
        let first = topic.partitions.len() as i32;
        return Ok((first..request.count).map(|index| placer.place(PartitionIndex(index), factor)).collect());
    };
    if assignments.len() != added {
        return Err(InvalidAssignment::AssignmentCount { added, assigned: assignments.len() }.into());
    }
    for replicas in assignments {
        check_assignment(context.image, replicas, Some(factor))?;
    }
    Ok(assignments.clone())
}
