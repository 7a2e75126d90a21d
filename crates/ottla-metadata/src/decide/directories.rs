//! Replicas that lie in another log directory than the metadata has them in, as an operator has moved them (KIP-858).

use ottla_base::{BrokerEpoch, BrokerId, DirectoryId, PartitionEpoch, PartitionIndex, TopicId};

use super::brokers::current;
use super::{Context, Decision, Request};
use crate::snapshot::partition_record;
use crate::{Error, Record};

/// A registered broker says where replicas of its own lie. It asks before it is unfenced, so that it may lead those whose directory was
/// gone. Source: Kafka `ReplicationControlManager.handleAssignReplicasToDirs`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignDirectories {
    /// The broker.
    pub broker_id: BrokerId,
    /// Its registration.
    pub broker_epoch: BrokerEpoch,
    /// The replicas, and the directory of each. Those that are not assigned to the broker, and directories that it has not registered,
    /// are passed over.
    pub replicas: Vec<(TopicId, PartitionIndex, DirectoryId)>,
}

impl Request for AssignDirectories {
    type Response = Result<(), Error>;

    fn decide(&self, context: &Context<'_>) -> Decision<Self::Response> {
        let broker = match current(context, self.broker_id, self.broker_epoch) {
            Ok(broker) => broker,
            Err(error) => return Decision::unchanged(Err(error)),
        };
        let record = |(topic_id, index, directory): &(TopicId, PartitionIndex, DirectoryId)| {
            let partition = context.image.partition(*topic_id, *index)?;
            let at = partition.replicas.iter().position(|replica| *replica == self.broker_id)?;
            if partition.directories[at] == *directory || !broker.directories.contains(directory) {
                return None;
            }
            let mut record = partition_record(*topic_id, *index, partition);
            record.directories[at] = *directory;
            record.partition_epoch = PartitionEpoch(partition.partition_epoch.0 + 1);
            Some(Record::Partition(record))
        };
        Decision { records: self.replicas.iter().filter_map(record).collect(), response: Ok(()) }
    }
}
