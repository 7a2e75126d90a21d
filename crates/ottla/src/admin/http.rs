//! HTTP on the admin listener: one request for each connection, few connections, and little time for each.

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Error, Request};
use hyper_util::rt::TokioIo;
use ottla_net::transport::{Listener, Stream, accept};
use ottla_net::{TaskScope, timer};
use tokio::sync::Semaphore;

use super::{Observed, pages};

/// How many connections are served at a time, over all listeners; further ones are closed at once.
pub(super) const CONNECTIONS_MAX: usize = 16;

/// How long a connection may take from its first byte to its last.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(10);

/// How large a request's head may be; a body is not read.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// How long nobody is accepted when the system has no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers whoever comes to `listeners`, in tasks of `scope`.
pub(super) fn serve(listeners: Vec<Box<dyn Listener>>, observed: &Arc<OnceLock<Observed>>, scope: &TaskScope) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    for listener in listeners {
        scope.spawn(accept_all(listener, places.clone(), observed.clone(), scope.clone()));
    }
}

async fn accept_all(
    mut listener: Box<dyn Listener>,
    places: Arc<Semaphore>,
    observed: Arc<OnceLock<Observed>>,
    scope: TaskScope,
) {
    loop {
        let stream = match accept(&mut *listener).await {
            Ok(stream) => stream,
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(error) => {
                tracing::debug!(%error, "accepting pauses on the admin listener");
                timer::sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let observed = observed.clone();
        scope.spawn(async move {
            let peer_address = stream.peer_address();
            match timer::timeout(CONNECTION_TIME_MAX, serve_one(stream, &observed)).await {
                Ok(Ok(())) => (),
                Ok(Err(error)) => tracing::debug!(%peer_address, %error, "no answer on the admin listener"),
                Err(_) => tracing::debug!(%peer_address, "too slow for the admin listener"),
            }
            drop(place);
        });
    }
}

async fn serve_one(stream: Box<dyn Stream>, observed: &OnceLock<Observed>) -> Result<(), Error> {
    let answer = |request: Request<Incoming>| {
        ready(Ok::<_, Infallible>(pages::answer(observed.get(), request.method(), request.uri().path())))
    };
    let mut connection = http1::Builder::new();
    connection.keep_alive(false).half_close(true).max_buf_size(HEAD_BYTES_MAX);
    connection.serve_connection(TokioIo::new(stream), service_fn(answer)).await
}
