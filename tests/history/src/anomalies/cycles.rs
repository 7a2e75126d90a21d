//! No operation comes before itself: information does not flow in circles.
//!
//! Edges lead from an operation to one that must come after it: from the writer of a value to each that read it
//! (`read`), from the writer of a version to the writer of the next (`overwritten`), and from what had ended to what
//! began later (`then`), which covers the order of each process too. Kafka does not isolate writes, so what needs
//! `overwritten` is a note, not a fault.
//!
//! The order in time would take an edge for every two operations. A chain of instants, one for each end, carries it in
//! three edges an operation.

use super::Anomaly;
use crate::event::{Key, Outcome, Value};
use crate::graph::Graph;
use crate::index::{Index, OperationId};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    Read(Key, Value),
    Overwritten(Key),
    Then,
}

/// Finds G1c without the order of versions; then, as notes, G0 and the G1c that need it.
pub(super) fn find(index: &Index<'_>) -> Vec<Anomaly> {
    let mut found = Vec::new();
    let mut flow = Graph::new(index.operations.len());
    add_reads(index, &mut flow);
    add_time(index, &mut flow);
    for cycle in flow.cycles() {
        found.push(Anomaly::G1c { by_version_order: false, cycle: describe(index, &cycle) });
    }

    let mut versions = Graph::new(index.operations.len());
    add_versions(index, &mut versions);
    for cycle in versions.cycles() {
        found.push(Anomaly::G0 { cycle: describe(index, &cycle) });
    }

    add_versions(index, &mut flow);
    for cycle in flow.cycles() {
        let overwrites = cycle.iter().filter(|(_, edge)| matches!(edge, Edge::Overwritten(_))).count();
        if overwrites > 0 && overwrites < cycle.len() {
            found.push(Anomaly::G1c { by_version_order: true, cycle: describe(index, &cycle) });
        }
    }
    found
}

fn may_have_happened(index: &Index<'_>, id: OperationId) -> bool {
    index.operations[id].outcome() != Outcome::Fail
}

fn add_reads(index: &Index<'_>, graph: &mut Graph<Edge>) {
    for (&key, partition) in &index.partitions {
        for (&value, readers) in &partition.readers {
            let writer = partition.writers.get(&value).copied().filter(|&writer| may_have_happened(index, writer));
            for &reader in readers {
                if let Some(writer) = writer {
                    graph.add_edge(writer, reader, Edge::Read(key, value));
                }
            }
        }
    }
}

fn add_versions(index: &Index<'_>, graph: &mut Graph<Edge>) {
    for (&key, partition) in &index.partitions {
        let writers: Vec<_> =
            partition.version_order().iter().filter_map(|value| partition.writers.get(value).copied()).collect();
        for pair in writers.windows(2) {
            graph.add_edge(pair[0], pair[1], Edge::Overwritten(key));
        }
    }
}

/// An operation of unknown outcome has a beginning in time but no end: it may still be done later.
fn add_time(index: &Index<'_>, graph: &mut Graph<Edge>) {
    let mut moments: Vec<(u64, bool, OperationId)> = Vec::new();
    for (id, operation) in index.operations.iter().enumerate().filter(|&(id, _)| may_have_happened(index, id)) {
        moments.push((operation.invocation().index, false, id));
        if operation.is_ok() {
            moments.push((operation.event().index, true, id));
        }
    }
    moments.sort_unstable();
    let mut last_instant = None;
    for (_, ends, id) in moments {
        if ends {
            let instant = graph.add_node();
            graph.add_edge(id, instant, Edge::Then);
            if let Some(before) = last_instant.replace(instant) {
                graph.add_edge(before, instant, Edge::Then);
            }
        } else if let Some(before) = last_instant {
            graph.add_edge(before, id, Edge::Then);
        }
    }
}

/// Each operation of the circle with the edge that leaves it; the instants between are left out.
fn describe(index: &Index<'_>, cycle: &[(usize, Edge)]) -> Vec<String> {
    let operations = cycle.iter().filter(|(node, _)| *node < index.operations.len());
    operations
        .map(|&(node, edge)| {
            let event = index.operations[node].event().index;
            match edge {
                Edge::Read(key, value) => format!("event {event} wrote {value} of {key}, read by"),
                Edge::Overwritten(key) => format!("event {event} wrote {key}, overwritten by"),
                Edge::Then => format!("event {event} had ended before"),
            }
        })
        .collect()
}
