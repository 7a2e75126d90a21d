//! AllocateProducerIds (KIP-730): brokers take ids in blocks, so that an InitProducerId needs no entry of its own.

use ottla_base::{BrokerEpoch, BrokerId, ProducerId};

use super::brokers::current;
use super::{Context, Decision, Request};
use crate::{Error, ProducerIdsRecord, Record};

/// A broker asks for producer ids to give to its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocateProducerIds {
    /// The broker.
    pub broker_id: BrokerId,
    /// Its registration.
    pub broker_epoch: BrokerEpoch,
}

/// Ids that nobody else gets: `first..first + len`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerIdBlock {
    /// The first.
    pub first: ProducerId,
    /// How many.
    pub len: i64,
}

impl ProducerIdBlock {
    /// How many ids a block has. Source: Kafka `ProducerIdsBlock.PRODUCER_ID_BLOCK_SIZE`.
    pub const LEN: i64 = 1000;
}

impl Request for AllocateProducerIds {
    type Response = Result<ProducerIdBlock, Error>;

    fn decide(&self, context: &Context<'_>) -> Decision<Self::Response> {
        if let Err(error) = current(context, self.broker_id, self.broker_epoch) {
            return Decision::unchanged(Err(error));
        }
        let (first, len) = (context.image.next_producer_id, ProducerIdBlock::LEN);
        let Some(next) = first.0.checked_add(len) else {
            return Decision::unchanged(Err(Error::ProducerIdsExhausted));
        };
        let records = vec![Record::ProducerIds(ProducerIdsRecord { next_producer_id: ProducerId(next) })];
        Decision { records, response: Ok(ProducerIdBlock { first, len }) }
    }
}
