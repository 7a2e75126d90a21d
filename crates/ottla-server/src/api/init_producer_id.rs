//! InitProducerId (key 22): gives an idempotent producer its id (KIP-98).
//!
//! Versions 0 to 5. 2 is flexible, 3 lets a producer name the id and epoch that it has (KIP-360), 4 and 5 differ for transactions only. An
//! idempotent producer always gets a fresh id in epoch 0, also where it names one: its sequences begin anew with either.
//!
//! Transactions are not served. A transactional id is refused with TRANSACTIONAL_ID_AUTHORIZATION_FAILED: nobody may use one here, and
//! it is the code that both librdkafka and the Java client take as final at once. Clients hardly come so far: FindCoordinator, which they
//! send first, is not advertised.

use std::sync::Arc;

use ottla_base::{ProducerEpoch, ProducerId};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::{self, InitProducerIdRequest, InitProducerIdResponse};

use super::{Answer, Api, Call, Handler};
use crate::Broker;
use crate::error::Failure;

pub(super) const API: Api = Api::new::<InitProducerId>(0..=5);

struct InitProducerId;

impl Handler for InitProducerId {
    type Request = InitProducerIdRequest;

    const HANDLE: super::Handle<InitProducerIdRequest> = handle;
}

fn handle(broker: &Arc<Broker>, _: Call<'_>, request: InitProducerIdRequest) -> Answer<InitProducerIdResponse> {
    if let Err(refused) = check(&request) {
        return Answer::Done(response(Err(refused)));
    }
    if let Some(producer_id) = broker.producer_ids().take() {
        return Answer::Done(response(Ok(producer_id)));
    }
    let broker = broker.clone();
    Answer::later(async move { response(fetch(&broker).await) })
}

fn check(request: &InitProducerIdRequest) -> Result<(), ErrorCode> {
    let names_id = request.producer_id.0 != ProducerId::NONE.0;
    let names_epoch = request.producer_epoch != ProducerEpoch::NONE.0;
    match &request.transactional_id {
        _ if names_id != names_epoch => Err(ErrorCode::InvalidRequest),
        None => Ok(()),
        Some(id) if id.is_empty() => Err(ErrorCode::InvalidRequest),
        Some(_) => Err(ErrorCode::TransactionalIdAuthorizationFailed),
    }
}

/// Takes the first id of a new block. Where none comes, clients ask again after COORDINATOR_LOAD_IN_PROGRESS, as they do with Kafka.
async fn fetch(broker: &Broker) -> Result<ProducerId, ErrorCode> {
    let fetched = match broker.broker_epoch() {
        Ok(broker_epoch) => broker.producer_ids().fetch(broker_epoch).await,
        Err(failure) => Err(failure),
    };
    fetched.map_err(|Failure { code, message, .. }| {
        tracing::warn!(error = %code, message = message.unwrap_or_default(), "there is no block of producer ids");
        ErrorCode::CoordinatorLoadInProgress
    })
}

fn response(given: Result<ProducerId, ErrorCode>) -> InitProducerIdResponse {
    match given {
        Ok(id) => InitProducerIdResponse::default().with_producer_id(messages::ProducerId(id.0)).with_producer_epoch(0),
        Err(error) => InitProducerIdResponse::default()
            .with_error_code(error.code())
            .with_producer_id(messages::ProducerId(ProducerId::NONE.0))
            .with_producer_epoch(ProducerEpoch::NONE.0),
    }
}

#[cfg(test)]
mod tests {
    use ottla_protocol::messages::{StrBytes, TransactionalId};

    use super::*;

    fn checked(transactional_id: Option<&'static str>, producer_id: i64, epoch: i16) -> Result<(), ErrorCode> {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(transactional_id.map(|id| TransactionalId(StrBytes::from_static_str(id))))
            .with_producer_id(messages::ProducerId(producer_id))
            .with_producer_epoch(epoch);
        check(&request)
    }

    #[test]
    fn an_idempotent_producer_may_name_what_it_has() {
        assert_eq!(checked(None, -1, -1), Ok(()));
        assert_eq!(checked(None, 4000, 3), Ok(()));
        assert_eq!(checked(None, 4000, -1), Err(ErrorCode::InvalidRequest));
        assert_eq!(checked(None, -1, 3), Err(ErrorCode::InvalidRequest));
    }

    #[test]
    fn transactional_ids_are_refused() {
        assert_eq!(checked(Some(""), -1, -1), Err(ErrorCode::InvalidRequest));
        assert_eq!(checked(Some("orders"), -1, -1), Err(ErrorCode::TransactionalIdAuthorizationFailed));
    }
}
