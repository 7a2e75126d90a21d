//! [`Member`]: one member of a classic group.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ottla_base::Instant;

use super::{Effects, JoinGroup};
use crate::Error;
use crate::runtime::Ticket;

/// A protocol that a member can take part in: for consumers an assignor, with the subscription as metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// The protocol's name.
    pub name: Arc<str>,
    /// What the group's leader is given of the member. The broker reads consumers' subscriptions only.
    pub metadata: Bytes,
}

/// A member of a classic group.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(super) group_instance_id: Option<Arc<str>>,
    pub(super) client_id: Arc<str>,
    pub(super) client_host: Arc<str>,
    pub(super) rebalance_timeout_ms: i32,
    pub(super) session_timeout_ms: i32,
    /// In the order of the member's preference, never empty. After a load it is only the one that was chosen.
    pub(super) protocols: Arc<[Protocol]>,
    pub(super) assignment: Bytes,
    /// Set until its first rebalance is over: its client may have gone while the join was parked.
    pub(super) is_new: bool,
    /// When it is given up, unless it is heard of before. Counts for nothing while [`Member::is_waiting`].
    pub(super) session_deadline: Instant,
    pub(super) awaiting_join: Option<Ticket>,
    pub(super) awaiting_sync: Option<Ticket>,
}

/// A timeout as clients send it; a negative one has passed.
pub(super) fn millis(timeout_ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0))
}

impl Member {
    /// One who joins for the first time.
    pub(crate) fn of(request: &JoinGroup, session_deadline: Instant) -> Member {
        Member {
            group_instance_id: request.group_instance_id.as_deref().map(Arc::from),
            client_id: request.client_id.as_str().into(),
            client_host: request.client_host.as_str().into(),
            rebalance_timeout_ms: request.rebalance_timeout_ms,
            session_timeout_ms: request.session_timeout_ms,
            protocols: request.copy_protocols(),
            assignment: Bytes::new(),
            is_new: true,
            session_deadline,
            awaiting_join: None,
            awaiting_sync: None,
        }
    }

    /// Whether its silence is our doing: its request is parked here. A new member's may not stay parked for ever.
    pub(super) fn is_waiting(&self) -> bool {
        !self.is_new && (self.awaiting_join.is_some() || self.awaiting_sync.is_some())
    }

    /// Starts its session anew.
    pub(super) fn renew_session(&mut self, now: Instant) {
        self.session_deadline = now + millis(self.session_timeout_ms);
    }

    /// When it is given up, if it can be.
    pub(super) fn deadline(&self) -> Option<Instant> {
        (!self.is_waiting()).then_some(self.session_deadline)
    }

    /// What it sent for `protocol`.
    pub(super) fn metadata(&self, protocol: &str) -> Option<&Bytes> {
        self.protocols.iter().find(|own| *own.name == *protocol).map(|own| &own.metadata)
    }

    pub(super) fn supports(&self, protocol: &str) -> bool {
        self.metadata(protocol).is_some()
    }

    /// Refuses whatever it waits for.
    pub(super) fn complete_all(&mut self, error: &Error, effects: &mut Effects) {
        if let Some(ticket) = self.awaiting_join.take() {
            effects.complete_join(ticket, Err(error.clone()));
        }
        if let Some(ticket) = self.awaiting_sync.take() {
            effects.complete_sync(ticket, Err(error.clone()));
        }
    }

    /// Parks its join in place of one that it sent before.
    pub(super) fn park_join(&mut self, ticket: Ticket, effects: &mut Effects) {
        if let Some(earlier) = self.awaiting_join.replace(ticket) {
            effects.complete_join(earlier, Err(Error::Superseded));
        }
    }

    /// Parks its sync in place of one that it sent before.
    pub(super) fn park_sync(&mut self, ticket: Ticket, effects: &mut Effects) {
        if let Some(earlier) = self.awaiting_sync.replace(ticket) {
            effects.complete_sync(earlier, Err(Error::Superseded));
        }
    }
}
