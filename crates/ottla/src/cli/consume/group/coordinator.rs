//! [`Coordinator`]: whichever broker coordinates the group, on a connection that is this member's own.

use std::ops::RangeInclusive;
use std::time::Duration;

use ottla_net::{BrokerClient, ClusterError, Retry};
use ottla_protocol::Request;
use ottla_protocol::messages::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, SyncGroupRequest, SyncGroupResponse,
};

use crate::cli::connect::Session;
use crate::cli::refusal::Refusal;

/// From the first version that gives out member ids before joining; what later ones add is left at its defaults.
const JOIN_VERSIONS: RangeInclusive<i16> = 4..=9;
const SYNC_VERSIONS: RangeInclusive<i16> = 0..=5;
const HEARTBEAT_VERSIONS: RangeInclusive<i16> = 0..=4;

/// From the first version that lists members.
const LEAVE_VERSIONS: RangeInclusive<i16> = 3..=5;

/// How long a rebalance may take: longer than Kafka's `max.poll.interval.ms`, for which a coordinator waits for members of other clients.
const REBALANCE_MAX: Duration = Duration::from_secs(6 * 60);

/// Where requests of a member go.
pub(super) struct Coordinator<'a> {
    session: &'a Session,
    group: &'a str,
    /// None where it has to be found first.
    connection: Option<BrokerClient>,
}

impl<'a> Coordinator<'a> {
    /// The coordinator of `group`, which nobody has looked for yet.
    pub(super) fn new(session: &'a Session, group: &'a str) -> Coordinator<'a> {
        Coordinator { session, group, connection: None }
    }

    /// Joins, which takes as long as the other members take. What the response refuses is the membership's affair.
    pub(super) async fn join(&mut self, request: &JoinGroupRequest) -> anyhow::Result<JoinGroupResponse> {
        self.rebalance(JOIN_VERSIONS, request, |response| response.error_code).await
    }

    /// The same for SyncGroup, which takes as long as the leader takes.
    pub(super) async fn sync(&mut self, request: &SyncGroupRequest) -> anyhow::Result<SyncGroupResponse> {
        self.rebalance(SYNC_VERSIONS, request, |response| response.error_code).await
    }

    /// Errors: what the coordinator refuses, among others.
    pub(super) async fn heartbeat(&mut self, request: &HeartbeatRequest) -> anyhow::Result<()> {
        let heartbeat = async |coordinator: &BrokerClient| {
            let response = coordinator.call(HEARTBEAT_VERSIONS, request).await?;
            Ok(Refusal::check(response.error_code, None)?)
        };
        self.attempt(heartbeat).await
    }

    /// Errors: what the coordinator refuses, among others.
    pub(super) async fn leave(&mut self, request: &LeaveGroupRequest) -> anyhow::Result<()> {
        let leave = async |coordinator: &BrokerClient| {
            let response = coordinator.call(LEAVE_VERSIONS, request).await?;
            Ok(Refusal::check(response.error_code, None)?)
        };
        self.attempt(leave).await
    }

    /// Does `operation`, as often and at as many brokers as it takes. Errors: a refusal that will not pass, or one thing after another
    /// that should have passed, for as long as the session tries.
    pub(super) async fn attempt<T>(
        &mut self,
        mut operation: impl AsyncFnMut(&BrokerClient) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let mut retry = None;
        loop {
            match self.try_once(&mut operation).await {
                // From the first failure on: what waits for other members may have waited for minutes before it.
                Err(error) if self.session.is_transient(&error) => {
                    let retry = retry.get_or_insert_with(|| Retry::within(self.session.timeout));
                    if !retry.pause().await {
                        return Err(error);
                    }
                }
                outcome => return outcome,
            }
        }
    }

    /// A refusal that passes, or that another broker does not have, is met here.
    async fn rebalance<R: Request>(
        &mut self,
        versions: RangeInclusive<i16>,
        request: &R,
        error_code: impl Fn(&R::Response) -> i16,
    ) -> anyhow::Result<R::Response> {
        let call = async |coordinator: &BrokerClient| {
            let response = coordinator.call_within(REBALANCE_MAX, versions.clone(), request).await?;
            match Refusal::of(error_code(&response), None) {
                Some(refusal) if refusal.is_transient() => Err(refusal.into()),
                _ => Ok(response),
            }
        };
        self.attempt(call).await
    }

    /// A connection is kept once it has answered. Where that is not waited for, what is still to come would hold up all that follows.
    async fn try_once<T>(
        &mut self,
        operation: &mut impl AsyncFnMut(&BrokerClient) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let outcome = operation(&connection).await;
        let is_at_fault = outcome.as_ref().is_err_and(|error| self.session.is_transient(error));
        self.connection = (!is_at_fault).then_some(connection);
        outcome
    }

    async fn connect(&self) -> anyhow::Result<BrokerClient> {
        let endpoint = self.session.coordinator_endpoint(self.group).await?;
        Ok(self.session.cluster.dedicated_connection(&endpoint).await.map_err(ClusterError::from)?)
    }
}
