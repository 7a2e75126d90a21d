//! What a node counts, in Prometheus' text format: one file for each subject.
//!
//! The names are an interface: dashboards and alerts are written on them. Each begins with `ottla_`, or with `process_` where Prometheus'
//! own clients have the same. Nothing is counted here; each value is read from the part of the node that counts it.

mod exposition;
mod groups;
mod network;
mod partitions;
mod process;

use hyper::header::HeaderValue;

use self::exposition::{Exposition, Kind};
use super::Observed;

/// The type of what [`render`] writes.
pub(super) const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// How many topics, and how many groups with a topic, have series of their own: the first by name. Totals count the others too.
const SERIES_MAX: usize = 1_000;

/// The text of `/metrics`.
pub(super) fn render(node: &Observed) -> String {
    let mut text = Exposition::default();
    let (node_id, version) = (node.broker_id.to_string(), env!("CARGO_PKG_VERSION"));
    let info = [("version", version), ("node_id", &node_id), ("cluster_id", &node.cluster_id)];
    text.family("ottla_info", Kind::Gauge, "Who the node is. Always 1.").sample(&info, 1);
    network::write(&mut text, node);
    partitions::write(&mut text, node);
    groups::write(&mut text, node);
    process::write(&mut text, node.open_files_max);
    text.finish()
}
