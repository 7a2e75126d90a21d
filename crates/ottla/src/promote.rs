//! Makes acks durable again where the settings no longer cache them.
//!
//! What a partition's acks promise is a flag in the metadata, not the setting: it may say "on disk" only once everything that was
//! acknowledged from the page cache is on disk. So the leader asks for the change when that is so.

use std::sync::Arc;
use std::time::Duration;

use ottla_base::BrokerId;
use ottla_controller::Handle;
use ottla_metadata::{AlterPartition, Image, IsrMember, PartitionAlteration};
use ottla_net::{TaskScope, timer};
use ottla_replica::{Partition, Replicas};

/// How often partitions are looked at. Nothing hangs on it but when acks become durable.
const INTERVAL: Duration = Duration::from_secs(5);

/// Starts looking for partitions of this broker whose acks can be made durable.
pub(crate) fn start(broker_id: BrokerId, replicas: Arc<Replicas>, controller: Handle, scope: &TaskScope) {
    scope.spawn(async move {
        loop {
            timer::sleep(INTERVAL).await;
            let candidates: Vec<_> = replicas.all().into_iter().filter(Partition::may_become_durable).collect();
            let request = request(broker_id, &candidates, &controller.image());
            if let Some(request) = request {
                // A refusal means that the metadata has moved on: the next look is made on the new state.
                let altered = controller.submit(request).await;
                tracing::debug!(?altered, "asked for durable acks");
            }
        }
    });
}

fn request(broker_id: BrokerId, candidates: &[Arc<Partition>], image: &Image) -> Option<AlterPartition> {
    let broker_epoch = image.brokers.get(broker_id)?.broker_epoch;
    let alteration = |replica: &Arc<Partition>| {
        let index = replica.topic_partition().partition;
        let partition = image.partition(replica.topic_id(), index)?;
        let member = |id: &BrokerId| IsrMember { broker_id: *id, broker_epoch: None };
        (!partition.durable_acks).then(|| PartitionAlteration {
            topic_id: replica.topic_id(),
            partition: index,
            leader_epoch: partition.leader_epoch,
            partition_epoch: partition.partition_epoch,
            isr: partition.isr.iter().map(member).collect(),
            recovery_state: partition.recovery_state,
            make_durable: true,
        })
    };
    let partitions: Vec<_> = candidates.iter().filter_map(alteration).collect();
    (!partitions.is_empty()).then_some(AlterPartition { broker_id, broker_epoch, partitions })
}
