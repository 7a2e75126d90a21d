//! Transactions.

use super::reasons::NO_TRANSACTIONS;
use super::settings;
use crate::spec::Setting;

settings! {
    names {
        /// Partitions of `__transaction_state`.
        _ = Setting::int("transaction.state.log.num.partitions").default("50").at_least(1)
            .without_effect(NO_TRANSACTIONS);

        /// Replicas of `__transaction_state`.
        _ = Setting::short("transaction.state.log.replication.factor").default("3").at_least(1)
            .without_effect(NO_TRANSACTIONS);

        /// How many replicas of `__transaction_state` must be in sync for it to be written.
        _ = Setting::int("transaction.state.log.min.isr").default("2").at_least(1).without_effect(NO_TRANSACTIONS);

        /// The size at which a segment of `__transaction_state` is closed.
        _ = Setting::int("transaction.state.log.segment.bytes").default("104857600").at_least(1)
            .without_effect(NO_TRANSACTIONS);

        /// The longest transaction that a producer may ask for.
        _ = Setting::int("transaction.max.timeout.ms").default("900000").at_least(1).without_effect(NO_TRANSACTIONS);

        /// How long an id that begins no transaction is kept.
        _ = Setting::int("transactional.id.expiration.ms").default("604800000").at_least(1)
            .without_effect(NO_TRANSACTIONS);

        /// Bytes that are read at once when a coordinator loads `__transaction_state`.
        _ = Setting::int("transaction.state.log.load.buffer.size").default("5242880").at_least(1)
            .without_effect(NO_TRANSACTIONS);

        /// How often transactions that have outlived their timeout are looked for and aborted.
        _ = Setting::int("transaction.abort.timed.out.transaction.cleanup.interval.ms").default("10000").at_least(1)
            .without_effect(NO_TRANSACTIONS);

        /// How often ids that have outlived `transactional.id.expiration.ms` are looked for.
        _ = Setting::int("transaction.remove.expired.transaction.cleanup.interval.ms").default("3600000").at_least(1)
            .without_effect(NO_TRANSACTIONS);

        /// Whether a transactional write is checked to be of a transaction that its coordinator knows (KIP-890).
        _ = Setting::boolean("transaction.partition.verification.enable").default("true").cluster_wide()
            .without_effect(NO_TRANSACTIONS);

        /// Whether a transaction may wait for a coordinator outside of Kafka (KIP-939).
        _ = Setting::boolean("transaction.two.phase.commit.enable").default("false").without_effect(NO_TRANSACTIONS);

        /// How long the broker rests before it asks the coordinator again to add a partition.
        _ = Setting::int("add.partitions.to.txn.retry.backoff.ms").default("20").at_least(1)
            .without_effect(NO_TRANSACTIONS);

        /// How long it may try to add one altogether.
        _ = Setting::int("add.partitions.to.txn.retry.backoff.max.ms").default("100").at_least(0)
            .without_effect(NO_TRANSACTIONS);
    }
}
