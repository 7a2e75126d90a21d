//! ApiVersions (key 18): which versions of which APIs are served.
//!
//! The one request that may come in a version that nobody serves: it is answered in version 0 with UNSUPPORTED_VERSION and the range of
//! ApiVersions alone, so that the client can ask again (KIP-511). The answer's header never has tagged fields.
//!
//! Tagged fields are left out of the body too: a librdkafka below 2.2 that names version 3 misreads them.

use std::sync::Arc;

use ottla_net::Staged;
use ottla_protocol::messages::api_versions_response::ApiVersion;
use ottla_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use ottla_protocol::{ApiKey, ErrorCode, Response};

use super::{Answer, Api, Call, Handler, TABLE};
use crate::Broker;

pub(super) const API: Api = Api::new::<ApiVersions>(0..=4);

struct ApiVersions;

impl Handler for ApiVersions {
    type Request = ApiVersionsRequest;

    const HANDLE: super::Handle<ApiVersionsRequest> = handle;
}

fn handle(_: &Arc<Broker>, call: Call<'_>, request: ApiVersionsRequest) -> Answer<ApiVersionsResponse> {
    if call.version >= 3 && !is_valid_name(&request.client_software_name, &request.client_software_version) {
        return Answer::Done(ApiVersionsResponse::default().with_error_code(ErrorCode::InvalidRequest.code()));
    }
    tracing::debug!(
        connection = %call.connection.id,
        client_id = call.client_id.as_deref().unwrap_or_default(),
        software = %request.client_software_name,
        version = %request.client_software_version,
        "client introduces itself"
    );
    Answer::Done(ApiVersionsResponse::default().with_api_keys(TABLE.iter().map(advertised).collect()))
}

/// The answer to a version of ApiVersions that is not served.
pub(crate) fn unsupported(correlation_id: i32) -> Staged {
    let itself = TABLE.iter().filter(|api| api.key == ApiKey::ApiVersions).map(advertised);
    let response = ApiVersionsResponse::default()
        .with_error_code(ErrorCode::UnsupportedVersion.code())
        .with_api_keys(itself.collect());
    match response.encode(0, correlation_id) {
        Ok(encoded) => Staged::Done(encoded),
        Err(_) => Staged::Close,
    }
}

fn advertised(api: &Api) -> ApiVersion {
    ApiVersion::default()
        .with_api_key(api.key.code())
        .with_min_version(api.advertised_from)
        .with_max_version(*api.served.end())
}

/// Whether the client's name and version are what they may be. Source: Kafka `ApiVersionsRequest.isValid`.
fn is_valid_name(name: &str, version: &str) -> bool {
    let is_valid = |text: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        text.chars().all(inner) && edge(text.chars().next()) && edge(text.chars().next_back())
    };
    is_valid(name) && is_valid(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_names_are_letters_and_digits_with_dots_and_dashes_between() {
        assert!(is_valid_name("librdkafka", "2.12.1"));
        assert!(is_valid_name("apache-kafka-java", "4.3.1-SNAPSHOT"));
        assert!(!is_valid_name("", "1"));
        assert!(!is_valid_name("-java", "1"));
        assert!(!is_valid_name("java", "1 0"));
    }
}
