//! Finding the broker that coordinates a group.

use std::ops::RangeInclusive;
use std::time::Duration;

use ottla_protocol::ErrorCode;
use ottla_protocol::messages::{FindCoordinatorRequest, StrBytes};

use super::{ClusterClient, ClusterError, Retry};
use crate::transport::Endpoint;

/// From the first version that tells groups from transactions to the last that asks for one key (KIP-699).
const VERSIONS: RangeInclusive<i16> = 1..=3;

/// A group's name, as opposed to a transactional id. Source: Kafka `FindCoordinatorRequest.CoordinatorType`.
const GROUP: i8 = 0;

/// Why a group's coordinator is not known.
#[derive(Debug, thiserror::Error)]
pub enum CoordinatorError {
    /// No broker has answered.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A broker has, with an error: one that will not pass, or none that has passed in time.
    #[error("find the coordinator: error {code}")]
    Refused {
        /// The number on the wire.
        code: i16,
        /// The broker's words, if it had any.
        words: Option<StrBytes>,
    },
}

impl ClusterClient {
    /// Where the broker is that coordinates `group` now. It is asked for anew each time, and again, within `within`, for as long as the
    /// cluster has none: a first question makes it create `__consumer_offsets`.
    ///
    /// Which broker it is may change at any time; what it answers then (`NOT_COORDINATOR` and its like) is for the caller to read, who
    /// asks here again. Errors: see [`CoordinatorError`]; that nobody can be reached is reported at once.
    pub async fn coordinator(&self, group: &str, within: Duration) -> Result<Endpoint, CoordinatorError> {
        let key = StrBytes::from_string(group.to_owned());
        let request = FindCoordinatorRequest::default().with_key(key).with_key_type(GROUP);
        let mut retry = Retry::within(within);
        loop {
            let response = self.call_any(VERSIONS, &request).await?;
            let code = response.error_code;
            if code == ErrorCode::None.code() {
                let port = u16::try_from(response.port).unwrap_or_default();
                return Ok(Endpoint::new(response.host.as_str(), port));
            }
            let may_pass = ErrorCode::from_code(code).is_some_and(ErrorCode::is_retriable);
            if !may_pass || !retry.pause().await {
                return Err(CoordinatorError::Refused {
                    code,
                    words: response.error_message.filter(|words| !words.is_empty()),
                });
            }
        }
    }
}
