//! [`Asked`]: what a coordinator has answered to one group's part of a request, and how it is told.

use std::sync::Arc;

use futures_util::future::join_all;
use ottla_coordinator::{Answer as ShardAnswer, Error, Now, Shard};
use ottla_protocol::ErrorCode;

use super::Hosted;
use super::hosted::Told;
use super::writer::ReplicaWriter;
use crate::Broker;
use crate::api::Answer;
use crate::error::Failure;

/// What a coordinator has answered, or why it did not; not to be told before its time.
pub(crate) struct Asked<R>(Result<(Arc<Hosted>, Told<R>), ErrorCode>);

impl<R> Asked<R> {
    /// Asks the coordinator of `group_id`, if that is this node.
    pub(crate) fn of_group(
        broker: &Broker,
        group_id: &str,
        operation: impl FnOnce(&mut Shard<ReplicaWriter>, Now) -> ShardAnswer<R>,
    ) -> Asked<R> {
        match broker.coordinators().of_group(group_id, &broker.image()) {
            Ok(hosted) => Asked::of(hosted, operation),
            Err(code) => Asked(Err(code)),
        }
    }

    /// Asks this coordinator.
    pub(crate) fn of(
        hosted: Arc<Hosted>,
        operation: impl FnOnce(&mut Shard<ReplicaWriter>, Now) -> ShardAnswer<R>,
    ) -> Asked<R> {
        Asked(hosted.ask(operation).map(|told| (hosted, told)))
    }

    fn is_settled(&self) -> bool {
        self.0.as_ref().map_or(true, |(hosted, told)| hosted.is_acknowledged(told))
    }

    async fn reply(self) -> Result<R, ErrorCode> {
        let (hosted, told) = self.0?;
        hosted.acknowledged(told).await
    }

    fn settled(self) -> Result<R, ErrorCode> {
        self.0.map(|(_, told)| told.into_reply())
    }
}

/// Answers with what `respond` makes of the coordinator's word, when it may be told.
pub(crate) fn answer<R: Send + 'static, T>(
    asked: Asked<Result<R, Error>>,
    respond: impl FnOnce(Result<R, Failure>) -> T + Send + 'static,
) -> Answer<T> {
    let respond = |reply: Result<Result<R, Error>, ErrorCode>| match reply {
        Ok(Ok(reply)) => respond(Ok(reply)),
        Ok(Err(error)) => respond(Err(error.into())),
        Err(code) => respond(Err(code.into())),
    };
    if asked.is_settled() {
        return Answer::Done(respond(asked.settled()));
    }
    Answer::later(async move { respond(asked.reply().await) })
}

/// The same for a request that asks several coordinators, or one about several groups: answers in the order in which they were asked.
pub(crate) fn answer_each<R: Send + 'static, T>(
    asked: Vec<Asked<R>>,
    respond: impl FnOnce(Vec<Result<R, ErrorCode>>) -> T + Send + 'static,
) -> Answer<T> {
    if asked.iter().all(Asked::is_settled) {
        return Answer::Done(respond(asked.into_iter().map(Asked::settled).collect()));
    }
    Answer::later(async move { respond(join_all(asked.into_iter().map(Asked::reply)).await) })
}
