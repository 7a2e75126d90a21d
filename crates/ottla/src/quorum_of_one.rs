//! What the settings of a cluster of several nodes mean to a node that is a cluster by itself, as every node still is: it is broker and
//! controller, and nobody else has to reach its quorum.

use anyhow::ensure;
use ottla_settings::BrokerSettings;

/// A broker alone is its own controller, and is told so: Kafka's file for one has it begin so. Errors: the settings ask for a controller
/// alone, which would have nothing to do.
pub(crate) fn check_roles(settings: &BrokerSettings) -> anyhow::Result<()> {
    let roles = settings.node.process_roles;
    ensure!(
        roles.broker,
        "process.roles=controller: clusters of several nodes are not served yet, and a node alone is both: set \
         process.roles=broker,controller, and listeners for clients"
    );
    if !roles.controller {
        tracing::warn!(
            "process.roles=broker: clusters of several nodes are not served yet, so this node is its own controller, and its cluster has \
             nobody else in it"
        );
    }
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
    fn a_controller_alone_does_not_start() {
        let check = |overrides: &[&str]| check_roles(&settings(overrides)).map_err(|error| error.to_string());
        for roles in [&[][..], &["process.roles=controller,broker"], &["process.roles=broker"]] {
            assert_eq!(check(roles), Ok(()), "{roles:?}");
        }
        let controller = check(&["process.roles=controller", "listeners=CONTROLLER://:9093"]).unwrap_err();
        assert!(controller.starts_with("process.roles=controller: clusters of several nodes"), "{controller}");
    }
}
