//! Who the node is.

use super::settings;
use crate::spec::Setting;
use crate::typed::ProcessRoles;

settings! {
    /// Who the node is.
    pub struct Node {
        /// The node's id, unique in the cluster and kept for its life.
        node_id: i32 = Setting::int("node.id").default("1").at_least(0)
            .kafka_has(None, "a first node needs no configuration");

        /// What the node is: a broker holds partitions and serves clients, a controller votes in the metadata quorum.
        process_roles: ProcessRoles = Setting::list("process.roles").default("broker,controller")
            .one_of(&["broker", "controller"])
            .kafka_has(None, "a first node needs no configuration");

        /// The rack that the broker stands in; replicas of a partition are spread over racks.
        broker_rack: Option<String> = Setting::string("broker.rack");
    }

    names {
        /// The older name of `node.id`. Where both are set they must be equal.
        _ = Setting::int("broker.id").default("-1");
    }
}
