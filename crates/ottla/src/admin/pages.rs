//! What is answered to which path.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Response, StatusCode};

use super::health::Health;
use super::{Observed, metrics};

/// An answer, whole.
pub(super) type Page = Response<Full<Bytes>>;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The answer to a request for `path`. `observed` is the node once it has started.
pub(super) fn answer(observed: Option<&Observed>, method: &Method, path: &str) -> Page {
    let page = match path {
        "/metrics" => metrics_page,
        "/healthz" => health_page,
        _ => return page(StatusCode::NOT_FOUND, TEXT, "there are /metrics and /healthz\n"),
    };
    match *method {
        Method::GET | Method::HEAD => page(observed),
        _ => not_allowed(),
    }
}

/// 503 while the node starts: there is nothing yet to be counted.
fn metrics_page(observed: Option<&Observed>) -> Page {
    match observed {
        Some(node) => page(StatusCode::OK, metrics::CONTENT_TYPE, metrics::render(node)),
        None => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, "the node is starting\n"),
    }
}

/// 200 where clients may be sent to the node, else 503.
fn health_page(observed: Option<&Observed>) -> Page {
    let health = Health::of(observed);
    let status = if health.is_healthy() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let json = serde_json::to_string(&health).expect("a struct of texts and numbers is JSON");
    page(status, HeaderValue::from_static("application/json"), json + "\n")
}

fn not_allowed() -> Page {
    let mut page = page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET and HEAD are served\n");
    page.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    page
}

fn page(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Page {
    let mut page = Response::new(Full::new(body.into()));
    *page.status_mut() = status;
    page.headers_mut().insert(CONTENT_TYPE, content_type);
    page.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_starts_is_unavailable() {
        let check = |method: Method, path: &str, status: u16| {
            assert_eq!(answer(None, &method, path).status(), status, "{method} {path}");
        };
        check(Method::GET, "/healthz", 503);
        check(Method::HEAD, "/healthz", 503);
        check(Method::GET, "/metrics", 503);
        check(Method::GET, "/", 404);
        check(Method::GET, "/metrics/", 404);
        check(Method::POST, "/healthz", 405);
    }
}
