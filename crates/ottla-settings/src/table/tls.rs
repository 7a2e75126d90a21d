//! TLS.

use super::reasons::{NO_JVM, NO_TLS};
use super::settings;
use crate::spec::Setting;

settings! {
    names {
        /// Whether clients show a certificate: they must (`required`), may (`requested`), or are not asked (`none`).
        _ = Setting::string("ssl.client.auth").default("none").one_of(&["required", "requested", "none"]).per_broker()
            .without_effect(NO_TLS);

        /// The versions of TLS that are spoken.
        _ = Setting::list("ssl.enabled.protocols").default("TLSv1.2,TLSv1.3").per_broker().without_effect(NO_TLS);

        /// The newest version of TLS that is spoken.
        _ = Setting::string("ssl.protocol").default("TLSv1.3").per_broker().without_effect(NO_TLS);

        /// The cipher suites that are spoken; empty is all.
        _ = Setting::list("ssl.cipher.suites").default("").per_broker().without_effect(NO_TLS);

        /// How the name in another node's certificate is checked; empty does not check it.
        _ = Setting::string("ssl.endpoint.identification.algorithm").default("https").per_broker()
            .without_effect(NO_TLS);

        /// The form of the key store: JKS, PKCS12 or PEM.
        _ = Setting::string("ssl.keystore.type").default("JKS").per_broker().without_effect(NO_TLS);

        /// The file of the key store.
        _ = Setting::string("ssl.keystore.location").per_broker().without_effect(NO_TLS);

        /// The password of the key store.
        _ = Setting::password("ssl.keystore.password").per_broker().without_effect(NO_TLS);

        /// The node's private key itself, in PEM.
        _ = Setting::password("ssl.keystore.key").per_broker().without_effect(NO_TLS);

        /// The node's certificates themselves, in PEM.
        _ = Setting::password("ssl.keystore.certificate.chain").per_broker().without_effect(NO_TLS);

        /// The password of the private key.
        _ = Setting::password("ssl.key.password").per_broker().without_effect(NO_TLS);

        /// The form of the trust store: JKS, PKCS12 or PEM.
        _ = Setting::string("ssl.truststore.type").default("JKS").per_broker().without_effect(NO_TLS);

        /// The file of the trust store.
        _ = Setting::string("ssl.truststore.location").per_broker().without_effect(NO_TLS);

        /// The password of the trust store.
        _ = Setting::password("ssl.truststore.password").per_broker().without_effect(NO_TLS);

        /// The certificates that are trusted themselves, in PEM.
        _ = Setting::password("ssl.truststore.certificates").per_broker().without_effect(NO_TLS);

        /// Rules that make short names of the names in certificates; the first that fits counts.
        _ = Setting::string("ssl.principal.mapping.rules").default("DEFAULT").without_effect(NO_TLS);

        /// Whether a running broker's new certificate may have another distinguished name.
        _ = Setting::boolean("ssl.allow.dn.changes").default("false").without_effect(NO_TLS);

        /// Whether a running broker's new certificate may have other alternative names.
        _ = Setting::boolean("ssl.allow.san.changes").default("false").without_effect(NO_TLS);

        /// A Java class that speaks TLS.
        _ = Setting::class("ssl.engine.factory.class").per_broker().without_effect(NO_JVM);

        /// The Java algorithm that chooses a key.
        _ = Setting::string("ssl.keymanager.algorithm").default("SunX509").per_broker().without_effect(NO_JVM);

        /// The Java algorithm that trusts a certificate.
        _ = Setting::string("ssl.trustmanager.algorithm").default("PKIX").per_broker().without_effect(NO_JVM);

        /// The Java provider of TLS.
        _ = Setting::string("ssl.provider").per_broker().without_effect(NO_JVM);

        /// The Java source of randomness for TLS.
        _ = Setting::string("ssl.secure.random.implementation").per_broker().without_effect(NO_JVM);
    }
}
