//! Authentication by SASL.

use super::reasons::{NO_AUTHENTICATION, NO_JVM};
use super::settings;
use crate::spec::Setting;

settings! {
    names {
        /// The mechanisms that clients may authenticate by.
        _ = Setting::list("sasl.enabled.mechanisms").default("GSSAPI").per_broker().without_effect(NO_AUTHENTICATION);

        /// The mechanism by which a broker authenticates at another.
        _ = Setting::string("sasl.mechanism.inter.broker.protocol").default("GSSAPI").per_broker()
            .without_effect(NO_AUTHENTICATION);

        /// The mechanism by which a node authenticates at a controller.
        _ = Setting::string("sasl.mechanism.controller.protocol").default("GSSAPI").without_effect(NO_AUTHENTICATION);

        /// Credentials and options of a mechanism, in JAAS's syntax.
        _ = Setting::password("sasl.jaas.config").per_broker().without_effect(NO_AUTHENTICATION);

        /// The largest request, in bytes, that is read of a client that has not authenticated.
        _ = Setting::int("sasl.server.max.receive.size").default("524288").without_effect(NO_AUTHENTICATION);

        /// A Java class that checks what clients authenticate with.
        _ = Setting::class("sasl.server.callback.handler.class").without_effect(NO_JVM);

        /// A Java class that says what this node authenticates with.
        _ = Setting::class("sasl.client.callback.handler.class").without_effect(NO_JVM);

        /// A Java class that logs the node in.
        _ = Setting::class("sasl.login.class").without_effect(NO_JVM);

        /// A Java class that says what the node logs in with.
        _ = Setting::class("sasl.login.callback.handler.class").without_effect(NO_JVM);

        /// How long a connection to the identity provider may take to be made.
        _ = Setting::int("sasl.login.connect.timeout.ms").without_effect(NO_AUTHENTICATION);

        /// How long the identity provider's answer is waited for.
        _ = Setting::int("sasl.login.read.timeout.ms").without_effect(NO_AUTHENTICATION);

        /// How long the first rest is after a login that failed.
        _ = Setting::long("sasl.login.retry.backoff.ms").default("100").without_effect(NO_AUTHENTICATION);

        /// How long a rest after a login that failed is at most.
        _ = Setting::long("sasl.login.retry.backoff.max.ms").default("10000").without_effect(NO_AUTHENTICATION);

        /// The share of a credential's life after which it is renewed.
        _ = Setting::double("sasl.login.refresh.window.factor").default("0.8").per_broker()
            .without_effect(NO_AUTHENTICATION);

        /// The share of a credential's life that is added to `sasl.login.refresh.window.factor` by chance, at most.
        _ = Setting::double("sasl.login.refresh.window.jitter").default("0.05").per_broker()
            .without_effect(NO_AUTHENTICATION);

        /// How long a credential is kept at least before it is renewed.
        _ = Setting::short("sasl.login.refresh.min.period.seconds").default("60").per_broker()
            .without_effect(NO_AUTHENTICATION);

        /// How long before its end a credential is renewed at the latest.
        _ = Setting::short("sasl.login.refresh.buffer.seconds").default("300").per_broker()
            .without_effect(NO_AUTHENTICATION);

        /// The Kerberos principal that brokers run as.
        _ = Setting::string("sasl.kerberos.service.name").per_broker().without_effect(NO_AUTHENTICATION);

        /// The path of Kerberos' kinit.
        _ = Setting::string("sasl.kerberos.kinit.cmd").default("/usr/bin/kinit").per_broker()
            .without_effect(NO_AUTHENTICATION);

        /// The share of a ticket's life after which it is renewed.
        _ = Setting::double("sasl.kerberos.ticket.renew.window.factor").default("0.8").per_broker()
            .without_effect(NO_AUTHENTICATION);

        /// The share of a ticket's life that is added to `sasl.kerberos.ticket.renew.window.factor` by chance, at most.
        _ = Setting::double("sasl.kerberos.ticket.renew.jitter").default("0.05").per_broker()
            .without_effect(NO_AUTHENTICATION);

        /// How long, in milliseconds, the login rests between two attempts.
        _ = Setting::long("sasl.kerberos.min.time.before.relogin").default("60000").per_broker()
            .without_effect(NO_AUTHENTICATION);

        /// Rules that make short names of Kerberos principals; the first that fits counts.
        _ = Setting::list("sasl.kerberos.principal.to.local.rules").default("DEFAULT").per_broker()
            .without_effect(NO_AUTHENTICATION);
    }
}
