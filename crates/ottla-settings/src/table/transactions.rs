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
    }
}
