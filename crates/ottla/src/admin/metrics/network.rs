//! Connections, the memory of requests, and the time that they take.

use ottla_net::AcceptorCounts;

use super::exposition::{Exposition, Kind};
use crate::admin::Observed;

pub(super) fn write(text: &mut Exposition, node: &Observed) {
    write_connections(text, &node.acceptor.counts());
    let (limit, available) = (node.memory.total(), node.memory.available());
    text.gauge(
        "ottla_request_memory_held_bytes",
        "Memory charged for requests that are arriving or not done.",
        limit.saturating_sub(available),
    );
    text.gauge("ottla_request_memory_limit_bytes", "What may be held at the most: queued.max.request.bytes.", limit);
    let help = "From when a request is taken up until its answer is made, what it waits for included: acks, min.bytes of a Fetch, a rebalance.";
    let mut family = text.family("ottla_request_duration_seconds", Kind::Histogram, help);
    for (api, durations) in node.broker.request_times().by_api() {
        family.durations(&[("api", &api)], &durations);
    }
}

fn write_connections(text: &mut Exposition, counts: &AcceptorCounts) {
    text.counter("ottla_network_received_bytes_total", "Bytes that clients sent.", counts.received_bytes);
    text.counter("ottla_network_sent_bytes_total", "Bytes that clients were sent.", counts.sent_bytes);
    text.gauge("ottla_connections", "Open connections of clients.", counts.open);
    text.counter("ottla_connections_accepted_total", "Connections that were served.", counts.accepted);
    text.counter(
        "ottla_connections_refused_total",
        "Connections closed at once, for max.connections or max.connections.per.ip.",
        counts.refused,
    );
    let help = "Connections that are over, by cause: the client closed it; a request that has no answer; the node's stop; idle for \
                connections.max.idle.ms; a large request that came too slowly; bytes that are no frame or one too large; the network.";
    let mut family = text.family("ottla_connections_ended_total", Kind::Counter, help);
    for (cause, ended) in counts.ended {
        family.sample(&[("cause", cause)], ended);
    }
    text.counter(
        "ottla_accept_pauses_total",
        "How often accepting paused, mostly because there were no descriptors left.",
        counts.pauses,
    );
}
