//! What the settings of a cluster of several nodes mean to a node that is a cluster by itself, as every node still is: it is broker and
//! controller, and nobody else has to reach its quorum.

use anyhow::ensure;
use ottla_settings::BrokerSettings;

/// Errors: the settings ask for half a node. It would wait for the other half, or found a cluster of its own beside it.
pub(crate) fn check_roles(settings: &BrokerSettings) -> anyhow::Result<()> {
    let roles = settings.node.process_roles;
    let only = if roles.broker { "broker" } else { "controller" };
    ensure!(
        roles.broker && roles.controller,
        "process.roles={only}: clusters of several nodes are not served yet, and a node alone is both: set \
         process.roles=broker,controller, and listeners for clients"
    );
    Ok(())
}

/// Says which listeners are not opened, as they are the controllers'.
pub(crate) fn warn_about_listeners(settings: &BrokerSettings) {
    let unopened: Vec<_> = settings.controller_listeners().map(ToString::to_string).collect();
    if !unopened.is_empty() {
        tracing::warn!(
            listeners = unopened.join(","),
            "the listeners of controller.listener.names are not opened: the quorum is this node alone"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(settings: &[&str]) -> BrokerSettings {
        let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
        ottla_settings::load(None, &settings).unwrap().broker
    }

    #[test]
    fn half_a_node_does_not_start() {
        let check = |overrides: &[&str]| check_roles(&settings(overrides)).map_err(|error| error.to_string());
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&["process.roles=controller,broker"]), Ok(()));
        let controller = check(&["process.roles=controller", "listeners=CONTROLLER://:9093"]).unwrap_err();
        assert!(controller.starts_with("process.roles=controller: clusters of several nodes"), "{controller}");
        assert!(check(&["process.roles=broker"]).unwrap_err().starts_with("process.roles=broker: "));
    }
}
