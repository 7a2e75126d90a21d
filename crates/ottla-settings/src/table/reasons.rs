//! Why a setting has no effect, where several settings share the reason.

pub(super) const FLUSHED_BY_ITSELF: &str =
    "acks=all waits for the disk unless write.caching is set, and what nobody waits for is flushed within a minute";
pub(super) const GROWS: &str = "a file grows as it is written";
pub(super) const INTERNAL: &str = "it steers the insides of Kafka's own broker";
pub(super) const NOTHING_TO_SWEEP: &str = "a request that waits leaves nothing to sweep";
pub(super) const NOT_REMOTE: &str = "logs are kept on the broker's own disk";
pub(super) const NO_AUTHENTICATION: &str = "there is no authentication yet";
pub(super) const NO_AUTHORIZER: &str = "there is no authorization yet: every client may do everything";
pub(super) const NO_COMPACTION: &str = "compaction does not run yet; compacted logs are kept whole";
pub(super) const NO_CONSUMER_PROTOCOL: &str = "the group protocol of KIP-848 is not served yet";
pub(super) const NO_GATHERING: &str = "a coordinator appends each operation's few records at once, as they are";
pub(super) const NO_JVM: &str = "there is no JVM to load it";
pub(super) const NO_PROVIDERS: &str = "values are not fetched from elsewhere; write them out";
pub(super) const NO_QUOTAS: &str = "there are no quotas yet";
pub(super) const NO_SAMPLES: &str = "metrics are counted as they happen, not sampled";
pub(super) const NO_SHARE_GROUPS: &str = "share groups are not served yet";
pub(super) const NO_STREAMS_GROUPS: &str = "groups of Kafka Streams are not served yet";
pub(super) const NO_THROTTLE: &str = "replication is not throttled yet";
pub(crate) const NO_TLS: &str = "TLS is not served yet";
pub(super) const NO_SUCH_THREADS: &str = "groups have no threads of their own";
pub(super) const NO_TOKENS: &str = "delegation tokens are not served yet";
pub(super) const NO_TRANSACTIONS: &str = "transactions are not served yet";
pub(super) const ONE_NODE: &str = "a cluster has one node yet";
pub(super) const ONE_VOTER: &str = "a cluster has one node yet, which is its own controller";
pub(super) const OWN_LEVEL: &str = "a batch that is compressed anew gets its codec's own level";
