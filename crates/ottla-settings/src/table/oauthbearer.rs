//! Authentication by OAuth tokens, SASL's mechanism OAUTHBEARER.

use super::reasons::{NO_AUTHENTICATION, NO_JVM};
use super::settings;
use crate::spec::Setting;

settings! {
    names {
        /// Where the identity provider gives out tokens.
        _ = Setting::string("sasl.oauthbearer.token.endpoint.url").without_effect(NO_AUTHENTICATION);

        /// Where the identity provider's keys are, which tokens are checked with.
        _ = Setting::string("sasl.oauthbearer.jwks.endpoint.url").without_effect(NO_AUTHENTICATION);

        /// How often the identity provider's keys are fetched anew.
        _ = Setting::long("sasl.oauthbearer.jwks.endpoint.refresh.ms").default("3600000")
            .without_effect(NO_AUTHENTICATION);

        /// How long the first rest is after a fetch of keys that failed.
        _ = Setting::long("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms").default("100")
            .without_effect(NO_AUTHENTICATION);

        /// How long a rest after a fetch of keys that failed is at most.
        _ = Setting::long("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms").default("10000")
            .without_effect(NO_AUTHENTICATION);

        /// A Java class that gets tokens.
        _ = Setting::class("sasl.oauthbearer.jwt.retriever.class")
            .default("org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever").without_effect(NO_JVM);

        /// A Java class that checks tokens.
        _ = Setting::class("sasl.oauthbearer.jwt.validator.class")
            .default("org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator").without_effect(NO_JVM);

        /// How far the identity provider's clock may be from the broker's.
        _ = Setting::int("sasl.oauthbearer.clock.skew.seconds").default("30").without_effect(NO_AUTHENTICATION);

        /// Audiences of which a token must name one.
        _ = Setting::list("sasl.oauthbearer.expected.audience").default("").without_effect(NO_AUTHENTICATION);

        /// The issuer that a token must name.
        _ = Setting::string("sasl.oauthbearer.expected.issuer").without_effect(NO_AUTHENTICATION);

        /// The scope that a token is asked for with.
        _ = Setting::string("sasl.oauthbearer.scope").without_effect(NO_AUTHENTICATION);

        /// The claim of a token that holds its scope.
        _ = Setting::string("sasl.oauthbearer.scope.claim.name").default("scope").without_effect(NO_AUTHENTICATION);

        /// The claim of a token that holds its subject.
        _ = Setting::string("sasl.oauthbearer.sub.claim.name").default("sub").without_effect(NO_AUTHENTICATION);

        /// The id that the node asks for tokens with.
        _ = Setting::string("sasl.oauthbearer.client.credentials.client.id").without_effect(NO_AUTHENTICATION);

        /// The secret of `sasl.oauthbearer.client.credentials.client.id`.
        _ = Setting::password("sasl.oauthbearer.client.credentials.client.secret").without_effect(NO_AUTHENTICATION);

        /// How an assertion, which the node asks for tokens with, is signed.
        _ = Setting::string("sasl.oauthbearer.assertion.algorithm").default("RS256")
            .one_of_any_case(&["ES256", "RS256"]).without_effect(NO_AUTHENTICATION);

        /// The file of the private key that signs assertions, in PEM.
        _ = Setting::string("sasl.oauthbearer.assertion.private.key.file").without_effect(NO_AUTHENTICATION);

        /// What that private key is encrypted with.
        _ = Setting::password("sasl.oauthbearer.assertion.private.key.passphrase").without_effect(NO_AUTHENTICATION);

        /// The file of an assertion that is signed already.
        _ = Setting::string("sasl.oauthbearer.assertion.file").without_effect(NO_AUTHENTICATION);

        /// The file of headers and claims that an assertion is made with.
        _ = Setting::string("sasl.oauthbearer.assertion.template.file").without_effect(NO_AUTHENTICATION);

        /// The issuer that the assertion names.
        _ = Setting::string("sasl.oauthbearer.assertion.claim.iss").without_effect(NO_AUTHENTICATION);

        /// The subject that the assertion names.
        _ = Setting::string("sasl.oauthbearer.assertion.claim.sub").without_effect(NO_AUTHENTICATION);

        /// The audience that the assertion names.
        _ = Setting::string("sasl.oauthbearer.assertion.claim.aud").without_effect(NO_AUTHENTICATION);

        /// How far ahead of its making the assertion ends.
        _ = Setting::int("sasl.oauthbearer.assertion.claim.exp.seconds").default("300").between(0, 86_400)
            .without_effect(NO_AUTHENTICATION);

        /// How far before its making the assertion begins.
        _ = Setting::int("sasl.oauthbearer.assertion.claim.nbf.seconds").default("60").between(0, 3600)
            .without_effect(NO_AUTHENTICATION);

        /// Whether the assertion gets an id of its own.
        _ = Setting::boolean("sasl.oauthbearer.assertion.claim.jti.include").default("false")
            .without_effect(NO_AUTHENTICATION);
    }
}
