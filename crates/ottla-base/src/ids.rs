//! Integers that must not be swapped for one another.

use std::fmt;

macro_rules! integer_id {
    ($(#[$doc:meta])* $name:ident($int:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $int);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

integer_id! {
    /// A node's id (`node.id`), 0 or more; unique in the cluster and kept for the node's life.
    BrokerId(i32)
}

integer_id! {
    /// The index of a broker's registration in the metadata log: a newer registration has a larger one.
    BrokerEpoch(i64)
}

integer_id! {
    /// Counts the leaderships of one partition; every batch carries the epoch of the leader that appended it (KIP-101).
    LeaderEpoch(i32)
}

integer_id! {
    /// Counts the changes of one partition's metadata; a proposal names the one that it was decided on.
    PartitionEpoch(i32)
}

integer_id! {
    /// An idempotent producer's identity (KIP-98), 0 or more.
    ProducerId(i64)
}

integer_id! {
    /// Fences older instances of the same [`ProducerId`], 0 or more.
    ProducerEpoch(i16)
}

impl LeaderEpoch {
    /// What Kafka's messages carry where a leader epoch is not known.
    pub const NONE: LeaderEpoch = LeaderEpoch(-1);
}

impl ProducerId {
    /// What a batch of a producer without idempotence carries.
    pub const NONE: ProducerId = ProducerId(-1);
}

impl ProducerEpoch {
    /// What a batch of a producer without idempotence carries.
    pub const NONE: ProducerEpoch = ProducerEpoch(-1);
}
