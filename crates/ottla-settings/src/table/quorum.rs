//! The metadata quorum: who votes, how long a vote is waited for, and when its log is compacted.

use std::path::PathBuf;
use std::time::Duration;

use super::reasons::ONE_VOTER;
use super::settings;
use crate::spec::Setting;

settings! {
    /// The metadata quorum: who votes, how long a vote is waited for, and when its log is compacted.
    pub struct Quorum {
        /// The listeners that controllers talk on; clients are not served there.
        controller_listener_names: Vec<String> = Setting::list("controller.listener.names").default("CONTROLLER")
            .kafka_has(None, "a first node needs no configuration");

        /// The directory of the metadata log; without it, the first of `log.dirs`. A node ends when it fails.
        metadata_log_dir: Option<PathBuf> = Setting::string("metadata.log.dir");

        /// Bytes of metadata records after which a snapshot is taken and the log before it is dropped.
        metadata_log_max_record_bytes_between_snapshots: u64 =
            Setting::long("metadata.log.max.record.bytes.between.snapshots").default("20971520").at_least(1);

        /// How long a voter waits for its leader before it asks for votes.
        controller_quorum_election_timeout: Duration =
            Setting::int("controller.quorum.election.timeout.ms").default("1000").at_least(1);
    }

    names {
        /// How long metadata records may wait for a snapshot; 0 takes none for age.
        _ = Setting::long("metadata.log.max.snapshot.interval.ms").default("3600000").at_least(0)
            .without_effect("a snapshot is taken for the size of what came since, not for its age");

        /// The size at which a segment of the metadata log is closed and the next begun.
        _ = Setting::int("metadata.log.segment.bytes").default("1073741824")
            .at_least(8_388_608)
            .without_effect("the metadata log's segments have one size");

        /// How long a leader may hear from no majority before it steps down.
        _ = Setting::int("controller.quorum.fetch.timeout.ms").default("2000").at_least(0)
            .without_effect(ONE_VOTER);

        /// How long an answer of another voter is waited for.
        _ = Setting::int("controller.quorum.request.timeout.ms").default("2000").at_least(0)
            .without_effect(ONE_VOTER);

        /// The voters, as id@host:port. Without it the node is the only voter.
        _ = Setting::list("controller.quorum.voters").default("").without_effect(ONE_VOTER);

        /// Controllers that a node may ask who the voters are, as host:port.
        _ = Setting::list("controller.quorum.bootstrap.servers").default("").without_effect(ONE_VOTER);

        /// Whether a controller joins the voters by itself.
        _ = Setting::boolean("controller.quorum.auto.join.enable").default("false").without_effect(ONE_VOTER);

        /// The longest rest between two elections that failed.
        _ = Setting::int("controller.quorum.election.backoff.max.ms").default("1000").at_least(0)
            .without_effect("elections are spread by chance within controller.quorum.election.timeout.ms");

        /// How long metadata records wait to be flushed together.
        _ = Setting::int("controller.quorum.append.linger.ms").default("25").at_least(0)
            .without_effect("what arrives during a flush is flushed with the next, and nothing lingers");

        /// How long a voter rests before it asks again.
        _ = Setting::int("controller.quorum.retry.backoff.ms").default("20").at_least(0).without_effect(ONE_VOTER);

        /// How long a node waits for a controller's socket.
        _ = Setting::int("controller.socket.timeout.ms").default("30000").without_effect(ONE_VOTER);

        /// The age at which a segment of the metadata log is closed and the next begun.
        _ = Setting::long("metadata.log.segment.ms").default("604800000")
            .without_effect("segments of the metadata log close by size alone");

        /// Size of the metadata log and its snapshots above which the oldest go.
        _ = Setting::long("metadata.max.retention.bytes").default("104857600")
            .without_effect("what a snapshot covers goes when it is taken");

        /// Age of the metadata log and its snapshots above which the oldest go.
        _ = Setting::long("metadata.max.retention.ms").default("604800000")
            .without_effect("what a snapshot covers goes when it is taken");

        /// How often an idle leader appends an empty record.
        _ = Setting::int("metadata.max.idle.interval.ms").default("500").at_least(0)
            .without_effect("nothing ticks when nothing is due");

        /// How often a broker tells the controller that it lives.
        _ = Setting::int("broker.heartbeat.interval.ms").default("2000").without_effect(ONE_VOTER);

        /// A broker that was not heard of for so long is fenced.
        _ = Setting::int("broker.session.timeout.ms").default("9000").without_effect(ONE_VOTER);

        /// How long a broker tries to register before it gives up.
        _ = Setting::int("initial.broker.registration.timeout.ms").default("60000").without_effect(ONE_VOTER);

        /// Bytes of the metadata log that one Fetch of another voter gets.
        _ = Setting::int("controller.quorum.fetch.max.bytes").default("1048576").at_least(1).without_effect(ONE_VOTER);

        /// Bytes of a snapshot that one FetchSnapshot gets.
        _ = Setting::int("controller.quorum.fetch.snapshot.max.bytes").default("1048576").at_least(1)
            .without_effect(ONE_VOTER);
    }
}
