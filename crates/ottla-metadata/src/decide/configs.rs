//! Dynamic settings, set and taken away one by one (KIP-339).

use super::election::Change;
use super::settings::write_caching;
use super::{Context, Decision, RECORDS_PER_REQUEST_MAX, Request};
use crate::{ConfigRecord, ConfigResource, Error, Record};

/// Changes dynamic settings, each resource for itself. The caller has validated names and values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterConfigs {
    /// The resources, each at most once.
    pub resources: Vec<ResourceChange>,
    /// Says what would happen, and lets nothing happen.
    pub validate_only: bool,
}

/// One resource of [`AlterConfigs`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceChange {
    /// What the settings are set on.
    pub resource: ConfigResource,
    /// The changes, in order.
    pub changes: Vec<ConfigChange>,
}

/// One setting of a [`ResourceChange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigChange {
    /// The setting's name.
    pub name: String,
    /// Its value; `None` takes it away, which is no error where it is not set.
    pub value: Option<String>,
}

impl Request for AlterConfigs {
    /// One result for each resource, in the order of the request.
    type Response = Vec<Result<(), Error>>;

    /// In the same entry, partitions whose acks become cached are marked so, and those eligible to lead are judged by the new min ISR.
    fn decide(&self, context: &Context<'_>) -> Decision<Self::Response> {
        let mut records = Vec::new();
        let alter = |resource: &ResourceChange| {
            let changed = alter_resource(context, resource)?;
            if records.len() + changed.len() > RECORDS_PER_REQUEST_MAX {
                return Err(Error::TooLarge);
            }
            records.extend(changed);
            Ok(())
        };
        let response = self.resources.iter().map(alter).collect();
        let follow_up = if records.is_empty() { Vec::new() } else { partition_changes(context, &records) };
        records.extend(follow_up);
        if self.validate_only {
            records.clear();
        }
        Decision { records, response }
    }
}

fn alter_resource(context: &Context<'_>, change: &ResourceChange) -> Result<Vec<Record>, Error> {
    match &change.resource {
        ConfigResource::Topic(name) if context.image.topics.by_name(name.as_str()).is_none() => {
            return Err(Error::UnknownTopic { name: name.clone() });
        }
        ConfigResource::Broker(broker_id) if context.image.brokers.get(*broker_id).is_none() => {
            return Err(Error::UnknownBroker { broker_id: *broker_id });
        }
        _ => {}
    }
    let current = context.image.configs(&change.resource);
    let differs = |config: &&ConfigChange| current.get(&config.name) != config.value.as_ref();
    let record = |config: &ConfigChange| {
        let ConfigChange { name, value } = config.clone();
        Record::Config(ConfigRecord { resource: change.resource.clone(), name, value })
    };
    Ok(change.changes.iter().filter(differs).map(record).collect())
}

/// What the new settings mean for partitions of the topics that they apply to.
fn partition_changes(context: &Context<'_>, settings: &[Record]) -> Vec<Record> {
    let after = context.image.apply(settings, context.image.metadata_offset);
    let context = Context { image: &after, ..*context };
    let mut records = Vec::new();
    for topic in after.topics.iter() {
        let is_cached = write_caching(&after, context.defaults, &topic.configs);
        for (index, partition) in topic.indexed_partitions() {
            let mut change = Change::of(&context, topic, index, partition);
            if is_cached {
                change.set_durable_acks(false);
            }
            let built = change.build(|id, directory| after.is_active(id, directory));
            records.extend(built.map(Record::PartitionChange));
        }
    }
    records
}
