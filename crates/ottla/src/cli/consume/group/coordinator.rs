//! [`Coordinator`]: whichever broker coordinates the group, on a connection that is this member's own.

use ottla_net::{BrokerClient, ClusterError, Retry};

use crate::cli::connect::Session;

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
