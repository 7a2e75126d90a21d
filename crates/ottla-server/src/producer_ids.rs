//! [`ProducerIds`]: gives idempotent producers their ids, out of blocks that the controller hands to brokers.

use std::fmt;
use std::ops::Range;

use ottla_base::{BrokerEpoch, BrokerId, ProducerId};
use ottla_controller::Handle;
use ottla_metadata::{AllocateProducerIds, ProducerIdBlock};
use parking_lot::Mutex;

use crate::error::Failure;

/// Gives out producer ids, each once in the life of the cluster. Ids of a block that a restart cuts short are never used.
pub(crate) struct ProducerIds {
    broker_id: BrokerId,
    controller: Handle,
    block: Mutex<Range<i64>>,
}

impl ProducerIds {
    /// An allocator that has no block yet.
    pub(crate) fn new(broker_id: BrokerId, controller: Handle) -> ProducerIds {
        ProducerIds { broker_id, controller, block: Mutex::new(0..0) }
    }

    /// The next id of the block, where one is left.
    pub(crate) fn take(&self) -> Option<ProducerId> {
        self.block.lock().next().map(ProducerId)
    }

    /// Fetches a new block and gives out its first id. Of callers that fetch at one time each gets a block; all but the last block are
    /// dropped, which costs ids and nothing else.
    pub(crate) async fn fetch(&self, broker_epoch: BrokerEpoch) -> Result<ProducerId, Failure> {
        let request = AllocateProducerIds { broker_id: self.broker_id, broker_epoch };
        let ProducerIdBlock { first, len } = self.controller.submit(request).await??;
        *self.block.lock() = first.0 + 1..first.0 + len;
        Ok(first)
    }
}

impl fmt::Debug for ProducerIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProducerIds").field(&self.block.lock()).finish()
    }
}
