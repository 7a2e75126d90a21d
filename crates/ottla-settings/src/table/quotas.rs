//! How much a client or a replica may do in a time.

use super::reasons::{NO_JVM, NO_QUOTAS, NO_THROTTLE};
use super::settings;
use crate::spec::Setting;

settings! {
    names {
        /// A Java class that says which quota a client has.
        _ = Setting::class("client.quota.callback.class").without_effect(NO_JVM);

        /// In how many windows of time a client's use is counted.
        _ = Setting::int("quota.window.num").default("11").at_least(1).without_effect(NO_QUOTAS);

        /// How long each window of `quota.window.num` is.
        _ = Setting::int("quota.window.size.seconds").default("1").at_least(1).without_effect(NO_QUOTAS);

        /// In how many windows of time a client's changes of topics are counted.
        _ = Setting::int("controller.quota.window.num").default("11").at_least(1).without_effect(NO_QUOTAS);

        /// How long each window of `controller.quota.window.num` is.
        _ = Setting::int("controller.quota.window.size.seconds").default("1").at_least(1).without_effect(NO_QUOTAS);

        /// In how many windows of time the bytes of throttled replicas are counted.
        _ = Setting::int("replication.quota.window.num").default("11").at_least(1).without_effect(NO_THROTTLE);

        /// How long each window of `replication.quota.window.num` is.
        _ = Setting::int("replication.quota.window.size.seconds").default("1").at_least(1).without_effect(NO_THROTTLE);

        /// In how many windows of time the bytes of replicas that move to another directory are counted.
        _ = Setting::int("alter.log.dirs.replication.quota.window.num").default("11").at_least(1)
            .without_effect(NO_THROTTLE);

        /// How long each window of `alter.log.dirs.replication.quota.window.num` is.
        _ = Setting::int("alter.log.dirs.replication.quota.window.size.seconds").default("1").at_least(1)
            .without_effect(NO_THROTTLE);
    }
}
