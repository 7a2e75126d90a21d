//! CreateTopics and DeleteTopics.

use std::collections::{BTreeMap, BTreeSet};

use ottla_base::{BrokerId, PartitionIndex, TopicId, TopicName, Uuid};

use super::placement::{Placer, check_assignment};
use super::settings::write_caching;
use super::{Context, Decision, RECORDS_PER_REQUEST_MAX, Request};
use crate::{
    ConfigRecord, ConfigResource, Error, Image, InvalidAssignment, Record, RemoveTopicRecord, Topic, TopicRecord,
};

/// Creates topics. Each stands for itself: those that are refused do not stop the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateTopics {
    /// The topics.
    pub topics: Vec<NewTopic>,
    /// Says what would happen, and lets nothing happen.
    pub validate_only: bool,
}

/// One topic of [`CreateTopics`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// The name.
    pub name: TopicName,
    /// How many partitions; -1 means `num.partitions`, or that `assignments` says it.
    pub partitions: i32,
    /// How many replicas each; -1 means `default.replication.factor`, or that `assignments` says it.
    pub replication_factor: i16,
    /// Which brokers hold each partition; empty leaves it to the controller.
    pub assignments: Vec<(PartitionIndex, Vec<BrokerId>)>,
    /// The settings, which the caller has validated.
    pub configs: BTreeMap<String, String>,
}

/// A topic that was created, or with `validate_only` would have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedTopic {
    /// Its id.
    pub topic_id: TopicId,
    /// How many partitions it has.
    pub partitions: i32,
    /// How many replicas each has.
    pub replication_factor: i16,
}

/// Deletes topics, each for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteTopics {
    /// The topics.
    pub topics: Vec<TopicReference>,
}

/// A topic by what a client knows it by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicReference {
    /// By name.
    Name(TopicName),
    /// By id.
    Id(TopicId),
}

/// A topic that was deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedTopic {
    /// Its name.
    pub name: TopicName,
    /// Its id.
    pub topic_id: TopicId,
}

impl Request for CreateTopics {
    /// One result for each topic, in the order of the request.
    type Response = Vec<Result<CreatedTopic, Error>>;

    fn decide(&self, context: &Context<'_>) -> Decision<Self::Response> {
        let mut placer = Placer::new(context);
        let mut records = Vec::new();
        let mut created = BTreeMap::new();
        let mut response = Vec::with_capacity(self.topics.len());
        let times = count(self.topics.iter().map(|topic| &topic.name));
        for topic in &self.topics {
            let result = if times[&topic.name] > 1 {
                Err(Error::DuplicateTopic)
            } else {
                create_topic(context, &mut placer, &created, topic).and_then(|(answer, made)| {
                    let fits = records.len() + made.len() <= RECORDS_PER_REQUEST_MAX;
                    if fits { Ok((answer, made)) } else { Err(Error::TooLarge) }
                })
            };
            response.push(result.map(|(answer, made)| {
                created.insert(metric_name(&topic.name), topic.name.clone());
                records.extend(made);
                answer
            }));
        }
        if self.validate_only {
            records.clear();
        }
        Decision { records, response }
    }
}

/// What a metric calls the topic.
fn metric_name(name: &TopicName) -> String {
    name.as_str().replace('.', "_")
}

/// How often each of `keys` comes.
pub(super) fn count<'a, T: Ord>(keys: impl Iterator<Item = &'a T>) -> BTreeMap<&'a T, usize> {
    let mut times = BTreeMap::new();
    keys.for_each(|key| *times.entry(key).or_default() += 1);
    times
}

fn create_topic(
    context: &Context<'_>,
    placer: &mut Placer<'_>,
    created: &BTreeMap<String, TopicName>,
    topic: &NewTopic,
) -> Result<(CreatedTopic, Vec<Record>), Error> {
    check_name(context.image, created, &topic.name)?;
    let assignments = assignments(context, placer, topic)?;
    if 1 + topic.configs.len() + assignments.len() > RECORDS_PER_REQUEST_MAX {
        return Err(Error::TooLarge);
    }
    let topic_id = TopicId(Uuid::random(context.entropy));
    let answer = CreatedTopic {
        topic_id,
        partitions: assignments.len() as i32,
        replication_factor: assignments.first().map_or(0, Vec::len) as i16,
    };
    let mut records = vec![Record::Topic(TopicRecord { name: topic.name.clone(), topic_id })];
    records.extend(topic.configs.iter().map(|(name, value)| {
        let resource = ConfigResource::Topic(topic.name.clone());
        Record::Config(ConfigRecord { resource, name: name.clone(), value: Some(value.clone()) })
    }));
    // A new log is empty, so all of it is on disk.
    let durable_acks = !write_caching(context.image, context.defaults, &topic.configs);
    for (index, replicas) in (0..).map(PartitionIndex).zip(assignments) {
        records.push(Record::Partition(placer.partition(topic_id, index, replicas, durable_acks)?));
    }
    Ok((answer, records))
}

fn check_name(image: &Image, created: &BTreeMap<String, TopicName>, name: &TopicName) -> Result<(), Error> {
    if image.topics.by_name(name.as_str()).is_some() {
        return Err(Error::TopicExists { name: name.clone() });
    }
    match image.topics.collision(name).or_else(|| created.get(&metric_name(name))) {
        Some(existing) => Err(Error::TopicCollision { name: name.clone(), existing: existing.clone() }),
        None => Ok(()),
    }
}

/// The replicas of each partition, asked for or placed.
fn assignments(context: &Context<'_>, placer: &Placer<'_>, topic: &NewTopic) -> Result<Vec<Vec<BrokerId>>, Error> {
    if !topic.assignments.is_empty() {
        if topic.partitions != -1 || topic.replication_factor != -1 {
            return Err(Error::CountsBesideAssignment);
        }
        return Ok(manual_assignments(context.image, &topic.assignments)?);
    }
    let factor = match topic.replication_factor {
        -1 => context.defaults.replication_factor,
        factor => factor,
    };
    let factor = usize::try_from(factor).ok().filter(|n| *n > 0);
    let factor = factor.ok_or(Error::InvalidReplicationFactor { factor: topic.replication_factor })?;
    let partitions = if topic.partitions == -1 { context.defaults.num_partitions } else { topic.partitions };
    if partitions <= 0 {
        return Err(Error::InvalidPartitionCount { count: topic.partitions });
    }
    if partitions as usize >= RECORDS_PER_REQUEST_MAX {
        return Err(Error::TooLarge);
    }
    placer.check(factor)?;
    Ok((0..partitions).map(|index| placer.place(PartitionIndex(index), factor)).collect())
}

fn manual_assignments(
    image: &Image,
    assignments: &[(PartitionIndex, Vec<BrokerId>)],
) -> Result<Vec<Vec<BrokerId>>, InvalidAssignment> {
    let mut by_index = BTreeMap::new();
    let factor = assignments.first().map(|(_, replicas)| replicas.len());
    for (partition, replicas) in assignments {
        check_assignment(image, replicas, factor)?;
        if by_index.insert(partition, replicas.clone()).is_some() {
            return Err(InvalidAssignment::DuplicatePartition { partition: *partition });
        }
    }
    if by_index.keys().zip(0..).any(|(partition, expected)| partition.0 != expected) {
        return Err(InvalidAssignment::PartitionsNotConsecutive);
    }
    Ok(by_index.into_values().collect())
}

impl Request for DeleteTopics {
    /// One result for each topic, in the order of the request.
    type Response = Vec<Result<DeletedTopic, Error>>;

    fn decide(&self, context: &Context<'_>) -> Decision<Self::Response> {
        let mut records = Vec::new();
        let mut removed = BTreeSet::new();
        let mut delete = |reference: &TopicReference| {
            let topic = find(context.image, reference)?;
            if !removed.insert(topic.topic_id) {
                return Err(Error::DuplicateTopic);
            }
            if records.len() == RECORDS_PER_REQUEST_MAX {
                return Err(Error::TooLarge);
            }
            records.push(Record::RemoveTopic(RemoveTopicRecord { topic_id: topic.topic_id }));
            Ok(DeletedTopic { name: topic.name.clone(), topic_id: topic.topic_id })
        };
        let response = self.topics.iter().map(&mut delete).collect();
        Decision { records, response }
    }
}

fn find<'a>(image: &'a Image, reference: &TopicReference) -> Result<&'a Topic, Error> {
    let topic = match reference {
        TopicReference::Name(name) => {
            image.topics.by_name(name.as_str()).ok_or_else(|| Error::UnknownTopic { name: name.clone() })
        }
        TopicReference::Id(topic_id) => {
            image.topics.by_id(*topic_id).ok_or(Error::UnknownTopicId { topic_id: *topic_id })
        }
    };
    topic.map(|topic| &**topic)
}
