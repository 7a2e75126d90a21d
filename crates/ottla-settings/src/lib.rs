//! The one table of settings and the layers that resolve it.
//!
//! A setting is one entry in [`table`](crate::table): its name, type, default, range, where else it may be written, and
//! what it means. Everything else derives from the entry: reading a properties file, the environment and `--override`s
//! ([`load_with_environment`]), typed values ([`BrokerSettings`], [`TopicSettings`]), what DescribeConfigs answers
//! ([`describe_broker`], [`describe_topic`]) and `config/reference.md` ([`reference`]). To add a setting, add its entry
//! to the file of `table` whose subject it belongs to.
//!
//! Names, types, ranges and resolution are Apache Kafka's; where a default is not Kafka's, the entry says why.
//!
//! **Architecture invariant:** settings knows values, no subsystem: no file, no process's environment, no socket, no
//! topic but its configs as strings.

mod broker;
mod describe;
mod environment;
mod error;
#[cfg(test)]
mod kafka_test;
mod layers;
mod load;
mod nearest;
mod properties;
mod reference;
mod spec;
mod table;
mod topic;
mod typed;
mod value;

pub use broker::BrokerSettings;
pub use describe::{ConfigEntry, ConfigSynonym, describe_broker, describe_topic};
pub use error::{Error, Errors, Origin};
pub use layers::{Layers, Source};
pub use load::{Loaded, PropertiesFile, Warning, load, load_with_environment};
pub use properties::{Property, SyntaxError, parse_properties};
pub use reference::reference;
pub use spec::Kind;
pub use table::groups::Groups;
pub use table::network::Network;
pub use table::node::Node;
pub use table::quorum::Quorum;
pub use table::replication::Replication;
pub use table::storage::Storage;
pub use table::topic::TopicSettings;
pub use table::topics::Topics;
pub use typed::{
    CleanupPolicy, CompressionType, Endpoint, HttpEndpoint, ProcessRoles, SecurityProtocol, TimestampType,
};
