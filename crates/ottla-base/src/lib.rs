//! The vocabulary of the broker, and the seams through which it touches the world.
//!
//! Domain newtypes for what a Kafka engineer knows by name, the seams [`Clock`], [`Entropy`] and [`Workers`], and [`OffsetWatch`], on
//! which everything waits that waits for an offset. [`DurationHistogram`] is what everything counts durations in.
//!
//! **Architecture invariant:** base holds no policy: no file, no socket, no setting, no message. It knows no async runtime.

mod clock;
mod entropy;
mod histogram;
mod ids;
mod offset;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod topic;
mod uuid;
mod watch;
mod workers;

pub use clock::{Clock, Instant, SystemClock, Timestamp};
pub use entropy::{Entropy, OsEntropy, SeededEntropy};
pub use histogram::{BUCKET_BOUNDS, DurationCounts, DurationHistogram};
pub use ids::{BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch, ProducerEpoch, ProducerId};
pub use offset::Offset;
pub use topic::{InvalidTopicName, PartitionIndex, TopicName, TopicPartition};
pub use uuid::{DirectoryId, Incarnation, InvalidUuid, TopicId, Uuid};
pub use watch::{OffsetWatch, Wait, Wake};
pub use workers::{Completion, Job, Lane, Saturated, ThreadWorkers, Workers};
