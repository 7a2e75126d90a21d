//! Listeners, connections and the limits of requests.

use std::collections::BTreeMap;
use std::time::Duration;

use super::reasons::{NO_AUTHENTICATION, NO_AUTHORIZER, NOTHING_TO_SWEEP, ONE_NODE};
use super::settings;
use crate::spec::Setting;
use crate::typed::{Endpoint, HttpEndpoint, SecurityProtocol};

settings! {
    /// Listeners, connections and the limits of requests.
    pub struct Network {
        /// The addresses that the node listens on, as NAME://host:port. An empty host is every address of the machine,
        /// and `localhost` is both 127.0.0.1 and [::1].
        listeners: Vec<Endpoint> = Setting::list("listeners").default("PLAINTEXT://localhost:9092").per_broker()
            .kafka_has(Some("PLAINTEXT://:9092"), "without authentication a new node serves its own machine, until told otherwise");

        /// The addresses that clients are told to come to. Without it each client is told the address that it came to.
        advertised_listeners: Option<Vec<Endpoint>> = Setting::list("advertised.listeners");

        /// The addresses that `/metrics` and `/healthz` are served on, as http://host:port; empty: nowhere. Whoever
        /// reaches them reads the names of topics and groups. Without it they are served on `http://localhost:9644`, or,
        /// where another process has that port, not at all.
        admin_listeners: Option<Vec<HttpEndpoint>> = Setting::list("admin.listeners").ours();

        /// The security protocol of each listener, as NAME:PROTOCOL. A listener that is not named here speaks the
        /// protocol that its name is.
        listener_security_protocol_map: BTreeMap<String, SecurityProtocol> =
            Setting::string("listener.security.protocol.map")
            .default("SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT").per_broker();

        /// The largest request that is read; a larger one closes its connection.
        socket_request_max_bytes: usize = Setting::int("socket.request.max.bytes").default("104857600").at_least(1);

        /// The memory that requests may hold together from their arrival until they are done; while it is used up, no
        /// connection is read from. -1 is no bound.
        queued_max_request_bytes: Option<usize> = Setting::long("queued.max.request.bytes").default("134217728")
            .at_least(-1)
            .kafka_has(Some("-1"), "memory has a bound, whatever clients send");

        /// A connection that is silent for so long is closed; -1 keeps it.
        connections_max_idle: Option<Duration> = Setting::long("connections.max.idle.ms").default("600000");

        /// How many connections the node holds; further ones wait.
        max_connections: usize = Setting::int("max.connections").default("2147483647").at_least(0).cluster_wide();

        /// How many connections one address may have; further ones are closed.
        max_connections_per_ip: usize = Setting::int("max.connections.per.ip").default("2147483647").at_least(0)
            .cluster_wide();

        /// The most bytes that one Fetch is answered with, whatever it asks for; a first batch that is larger goes out
        /// whole.
        fetch_max_bytes: usize = Setting::int("fetch.max.bytes").default("57671680").at_least(1024);

        /// The longest that an answer waits for another node.
        request_timeout: Duration = Setting::int("request.timeout.ms").default("30000").at_least(0);
    }

    names {
        /// The listener on which brokers talk to each other; without it, the first that speaks
        /// `security.inter.broker.protocol`.
        _ = Setting::string("inter.broker.listener.name")
            .without_effect(ONE_NODE);

        /// The protocol that brokers speak to each other where `inter.broker.listener.name` does not choose a listener.
        _ = Setting::string("security.inter.broker.protocol")
            .default("PLAINTEXT")
            .one_of(&["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"])
            .without_effect(ONE_NODE);

        /// Size of a connection's send buffer in the kernel (SO_SNDBUF); -1 leaves it to the system.
        _ = Setting::int("socket.send.buffer.bytes").default("102400")
            .without_effect("the kernel sizes its buffers as a connection needs them");

        /// Size of a connection's receive buffer in the kernel (SO_RCVBUF); -1 leaves it to the system.
        _ = Setting::int("socket.receive.buffer.bytes").default("102400")
            .without_effect("the kernel sizes its buffers as a connection needs them");

        /// How many connections may wait to be accepted.
        _ = Setting::int("socket.listen.backlog.size").default("50").at_least(1)
            .without_effect("the backlog is as long as the kernel allows");

        /// Exceptions from `max.connections.per.ip`, as address:count.
        _ = Setting::string("max.connections.per.ip.overrides").default("").cluster_wide()
            .without_effect("the limit is the same for every address");

        /// How many connections the node accepts in a second.
        _ = Setting::int("max.connection.creation.rate").default("2147483647").at_least(0).cluster_wide()
            .without_effect("connections are limited in number, not in rate");

        /// Threads that read and write sockets.
        _ = Setting::int("num.network.threads").default("3").at_least(1).cluster_wide()
            .without_effect("connections are served by as many threads as there are cores");

        /// Threads that handle requests.
        _ = Setting::int("num.io.threads").default("8").at_least(1).cluster_wide()
            .without_effect("requests are handled where they are read, on as many threads as there are cores");

        /// How many requests may wait for a thread.
        _ = Setting::int("queued.max.requests").default("500").at_least(1)
            .without_effect("requests are bounded by their bytes, queued.max.request.bytes");

        /// How long a connection that failed to authenticate is kept before it is closed.
        _ = Setting::int("connection.failed.authentication.delay.ms").default("100").at_least(0)
            .without_effect("there is no authentication yet");

        /// How many incremental fetch sessions (KIP-227) are kept.
        _ = Setting::int("max.incremental.fetch.session.cache.slots").default("1000").at_least(0)
            .without_effect("fetch sessions are not served yet");

        /// How many partitions one request for a description may name.
        _ = Setting::int("max.request.partition.size.limit").default("2000").at_least(1)
            .without_effect("the request that it bounds, DescribeTopicPartitions, is not served yet");

        /// How often Produce requests that wait are swept.
        _ = Setting::int("producer.purgatory.purge.interval.requests").default("1000")
            .without_effect(NOTHING_TO_SWEEP);

        /// How often Fetch requests that wait are swept.
        _ = Setting::int("fetch.purgatory.purge.interval.requests").default("1000")
            .without_effect(NOTHING_TO_SWEEP);

        /// Listeners that open before the authorizer is ready; without it, the controllers'.
        _ = Setting::list("early.start.listeners").without_effect(NO_AUTHORIZER);

        /// The longest that a session lasts before its client must authenticate again; 0 is no limit.
        _ = Setting::long("connections.max.reauth.ms").default("0").without_effect(NO_AUTHENTICATION);

        /// How long a connection to another node may take to be made, at first.
        _ = Setting::long("socket.connection.setup.timeout.ms").default("10000").without_effect(ONE_NODE);

        /// How long making a connection to another node may take at most, after attempts that failed.
        _ = Setting::long("socket.connection.setup.timeout.max.ms").default("30000").without_effect(ONE_NODE);

        /// How often DeleteRecords requests that wait are swept.
        _ = Setting::int("delete.records.purgatory.purge.interval.requests").default("1")
            .without_effect(NOTHING_TO_SWEEP);

        /// How often ShareFetch requests that wait are swept.
        _ = Setting::int("share.fetch.purgatory.purge.interval.requests").default("1000")
            .without_effect(NOTHING_TO_SWEEP);
    }
}
