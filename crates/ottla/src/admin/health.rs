//! [`Health`]: whether a node serves, and why not.

use serde::Serialize;

use super::Observed;

/// Whether a node serves. As JSON, the body of `/healthz`.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub(super) enum Health {
    /// It leads what it is to lead, and takes requests.
    Healthy {
        /// The node.
        node_id: i32,
        /// Its cluster.
        cluster_id: String,
    },
    /// It does not.
    Unhealthy {
        /// Why, in a few words.
        reason: String,
    },
}

impl Health {
    /// That of a node; `None`: of one that has not come so far as to be looked at.
    pub(super) fn of(observed: Option<&Observed>) -> Health {
        let Some(node) = observed else {
            return Health::Unhealthy { reason: "the node is starting".to_owned() };
        };
        match why_not(node) {
            Some(reason) => Health::Unhealthy { reason },
            None => Health::Healthy { node_id: node.broker_id.0, cluster_id: node.cluster_id.clone() },
        }
    }

    pub(super) fn is_healthy(&self) -> bool {
        matches!(self, Health::Healthy { .. })
    }
}

fn why_not(node: &Observed) -> Option<String> {
    if node.connections.is_stopping() {
        return Some("the node is stopping".to_owned());
    }
    let failures: Vec<_> = node.directories.iter().filter_map(|directory| directory.health.failure()).collect();
    if let Some(failure) = failures.first().filter(|_| failures.len() == node.directories.len()) {
        return Some(format!("no log directory is online: {failure}"));
    }
    match node.published.get().brokers.get(node.broker_id) {
        Some(broker) if broker.broker_epoch != node.broker_epoch => {
            Some("another process has registered as this node".to_owned())
        }
        Some(broker) => broker.fenced.then(|| "the node is fenced".to_owned()),
        None => Some("the node is not registered".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_told_in_json() {
        let check = |health: &Health, json: &str| assert_eq!(serde_json::to_string(health).unwrap(), json);
        let healthy = Health::Healthy { node_id: 1, cluster_id: "abc".to_owned() };
        check(&healthy, r#"{"status":"healthy","node_id":1,"cluster_id":"abc"}"#);
        check(&Health::of(None), r#"{"status":"unhealthy","reason":"the node is starting"}"#);
    }
}
