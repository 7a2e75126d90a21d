//! [`RequestTimes`]: how long requests take, by API.

use std::fmt;
use std::time::Duration;

use ottla_base::{DurationCounts, DurationHistogram};
use ottla_net::ConnectionId;
use ottla_protocol::ApiKey;

use crate::api;

/// How many sets of histograms there are. A connection keeps to one, so that threads that serve different connections mostly write to
/// different cache lines.
const SHARDS: u64 = 16;

/// How long requests take, by API: from when they are taken up until their answers are made, what they wait for included.
pub struct RequestTimes {
    /// In each, one for each entry of the table of APIs.
    shards: Vec<Box<[DurationHistogram]>>,
}

impl RequestTimes {
    pub(crate) fn new() -> RequestTimes {
        let shard = |_| api::TABLE.iter().map(|_| DurationHistogram::default()).collect();
        RequestTimes { shards: (0..SHARDS).map(shard).collect() }
    }

    /// Counts a request that was answered, or wanted no answer.
    pub(crate) fn record(&self, api: ApiKey, connection: ConnectionId, took: Duration) {
        let shard = usize::try_from(connection.0 % SHARDS).expect("there are few shards");
        let position = api::position(api).expect("what was answered is served");
        self.shards[shard][position].record(took);
    }

    /// Each served API by name, in the order of their keys.
    pub fn by_api(&self) -> impl Iterator<Item = (String, DurationCounts)> {
        api::TABLE.iter().enumerate().map(|(position, api)| {
            let mut counts = DurationCounts::default();
            self.shards.iter().for_each(|shard| counts += shard[position].counts());
            (api.key.to_string(), counts)
        })
    }
}

impl fmt::Debug for RequestTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.by_api()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_api_over_all_connections() {
        let times = RequestTimes::new();
        for connection in 0..40 {
            times.record(ApiKey::Fetch, ConnectionId(connection), Duration::from_millis(2));
        }
        times.record(ApiKey::Metadata, ConnectionId(u64::MAX), Duration::from_millis(1));
        let by_api: Vec<_> = times.by_api().collect();
        assert_eq!(by_api.len(), api::TABLE.len());
        let seen = by_api.into_iter().filter(|(_, counts)| counts.total() > 0);
        let seen: Vec<_> = seen.map(|(api, counts)| (api, counts.total(), counts.sum)).collect();
        let millis = Duration::from_millis;
        assert_eq!(seen, [("Fetch".to_owned(), 40, millis(80)), ("Metadata".to_owned(), 1, millis(1))]);
    }
}
