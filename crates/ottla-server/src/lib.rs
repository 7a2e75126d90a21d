//! What clients ask: dispatch, and one file for each API key.
//!
//! - `dispatch.rs`: [`Dispatcher`], from a frame to a handler.
//! - `api/`: one file for each API key; `api/mod.rs` is the table that dispatch, ApiVersions and the documentation derive from.
//! - `broker.rs`: [`Broker`], what the handlers work on. `decide.rs`: how they have the active controller decide something.
//! - `groups/`: [`Coordinators`], the groups that this node coordinates, and how handlers ask them.
//! - `request_times.rs`: [`RequestTimes`], how long requests take.
//! - `endpoints.rs`: where brokers are reached, as a client is told it.
//! - `error.rs`: the one place that turns causes into Kafka's error codes. `wire.rs`: names and ids in messages.
//!
//! **Architecture invariant:** server knows no segment and no index, and keeps nothing that must survive a restart.

mod api;
mod auto_creation;
mod broker;
mod decide;
mod dispatch;
mod endpoints;
mod error;
mod fetch;
mod groups;
mod internal_topics;
mod producer_ids;
mod request_times;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod testing;
mod wire;

pub use broker::{Broker, BrokerParts, PublishedImage};
pub use dispatch::Dispatcher;
pub use groups::{CoordinatorSeams, Coordinators, GroupFigures};
pub use request_times::RequestTimes;
