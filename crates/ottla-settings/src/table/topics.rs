//! How topics come and go.

use super::reasons::NO_JVM;
use super::settings;
use crate::spec::Setting;

settings! {
    /// How topics come and go.
    pub struct Topics {
        /// Partitions of a topic that is created without saying how many.
        num_partitions: i32 = Setting::int("num.partitions").default("1").at_least(1);

        /// Replicas of each partition of a topic that is created without saying how many.
        default_replication_factor: i32 = Setting::int("default.replication.factor").default("1").between(1, 32_767);

        /// Whether a client that asks for the metadata of a topic that is not there, or produces to it, creates it.
        auto_create_topics_enable: bool = Setting::boolean("auto.create.topics.enable").default("true");

        /// Whether topics can be deleted.
        delete_topic_enable: bool = Setting::boolean("delete.topic.enable").default("true");
    }

    names {
        /// A Java class that decides which topics may be created.
        _ = Setting::class("create.topic.policy.class.name").without_effect(NO_JVM);

        /// A Java class that decides which configs may be altered.
        _ = Setting::class("alter.config.policy.class.name").without_effect(NO_JVM);
    }
}
