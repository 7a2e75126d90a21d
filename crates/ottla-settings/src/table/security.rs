//! Who may do what, and whose word is taken for it.

use super::reasons::{NO_AUTHORIZER, NO_JVM, NO_PROVIDERS, NO_TOKENS};
use super::settings;
use crate::spec::Setting;

settings! {
    names {
        /// A Java class that decides which client may do what; without it every client may do everything. As long as
        /// there is no authorization here, a node does not start with one.
        _ = Setting::string("authorizer.class.name").default("").without_effect(NO_AUTHORIZER);

        /// Whom `authorizer.class.name` lets do everything, as Type:name with semicolons between.
        _ = Setting::string("super.users").hidden().without_effect(NO_AUTHORIZER);

        /// Whether `authorizer.class.name` lets everyone do what no rule is about.
        _ = Setting::boolean("allow.everyone.if.no.acl.found").default("false").hidden().without_effect(NO_AUTHORIZER);

        /// A Java class that names the client behind a connection.
        _ = Setting::class("principal.builder.class")
            .default("org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder").per_broker()
            .without_effect(NO_JVM);

        /// Java classes that bring further cryptographic algorithms.
        _ = Setting::string("security.providers").without_effect(NO_JVM);

        /// Names of the providers that settings may take their values from (KIP-297).
        _ = Setting::list("config.providers").default("").cluster_wide()
            .without_effect(NO_PROVIDERS);

        /// The secret that delegation tokens are signed with; without it there are none.
        _ = Setting::password("delegation.token.secret.key").without_effect(NO_TOKENS);

        /// How long a token lives at most, however often it is renewed.
        _ = Setting::long("delegation.token.max.lifetime.ms").default("604800000").at_least(1)
            .without_effect(NO_TOKENS);

        /// How long a token is good for before it must be renewed.
        _ = Setting::long("delegation.token.expiry.time.ms").default("86400000").at_least(1).without_effect(NO_TOKENS);

        /// How often tokens that have expired are looked for.
        _ = Setting::long("delegation.token.expiry.check.interval.ms").default("3600000").at_least(1)
            .without_effect(NO_TOKENS);
    }
}
