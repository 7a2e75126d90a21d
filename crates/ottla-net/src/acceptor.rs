//! [`Acceptor`]: takes connections from listeners and serves each in a task of its own, on one of several runtimes for its life.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;

use crate::connection::{Connection, End};
use crate::timer::{self, Instant};
use crate::traffic::Traffic;
use crate::transport::{Listener, Stream};
use crate::{ConnectionId, ConnectionInfo, Limits, RequestMemory, Service, TaskScope};

/// How long nobody is accepted when the system has no descriptors left.
const PAUSE: Duration = Duration::from_millis(100);

const NEWS_INTERVAL: Duration = Duration::from_secs(60);

/// What the idle limit is held between: a timer knows no time beyond, and below it would never rest.
const IDLE_MIN: Duration = Duration::from_millis(1);
const IDLE_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The accepting side of a node: all of its listeners, and their connections. Clones share it.
#[derive(Clone)]
pub struct Acceptor {
    shared: Arc<Shared>,
}

struct Shared {
    service: Arc<dyn Service>,
    limits: Arc<Limits>,
    memory: RequestMemory,
    next_id: AtomicU64,
    runtimes: Arc<[Handle]>,
    open: Mutex<Open>,
    refused: AtomicU64,
    refusal_news: News,
    pauses: AtomicU64,
    pause_news: News,
    /// By the runtime.
    traffic: Vec<Arc<Traffic>>,
    /// By the number of the cause.
    ended: [AtomicU64; End::CAUSES.len()],
}

/// What is one event for the operator, however often clients bring it about: it is told once a minute.
#[derive(Default)]
struct News {
    told_at: Mutex<Option<Instant>>,
}

impl News {
    fn is_due(&self, now: Instant) -> bool {
        let mut told_at = self.told_at.lock();
        let is_due = told_at.is_none_or(|told_at| now - told_at >= NEWS_INTERVAL);
        if is_due {
            *told_at = Some(now);
        }
        is_due
    }
}

/// How many connections there are.
struct Open {
    /// By the IP address that they come from.
    by_address: BTreeMap<IpAddr, usize>,
    /// By the runtime that they are served on.
    by_runtime: Vec<usize>,
}

/// What an [`Acceptor`] has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptorCounts {
    /// Connections that are open.
    pub open: usize,
    /// Connections that were served since the start.
    pub accepted: u64,
    /// Connections that were closed at once, for there were too many.
    pub refused: u64,
    /// How often accepting paused, because the system had no descriptors left or failed otherwise.
    pub pauses: u64,
    /// Bytes that clients sent.
    pub received_bytes: u64,
    /// Bytes that clients were sent.
    pub sent_bytes: u64,
    /// Connections that were served and are over, by what ended them: the `client`; a `request` that is none or has no answer; the node's
    /// `stop`; `idle` for too long; a large frame that came too `slow`; bytes that are no `frame`, or one too large; `io` that failed.
    pub ended: [(&'static str, u64); End::CAUSES.len()],
}

impl Acceptor {
    /// An acceptor that gives the requests to `service`. A connection is served on that of the `runtimes` which has the fewest, and stays
    /// there: where each is one thread, what was received is still in that core's caches when it is checked and written.
    pub fn new(service: Arc<dyn Service>, limits: Limits, memory: RequestMemory, runtimes: Arc<[Handle]>) -> Acceptor {
        assert!(!runtimes.is_empty(), "somewhere connections must be served");
        let limits = Limits { idle_max: limits.idle_max.clamp(IDLE_MIN, IDLE_MAX), ..limits };
        let shared = Shared {
            service,
            limits: Arc::new(limits),
            memory,
            next_id: AtomicU64::new(0),
            open: Mutex::new(Open { by_address: BTreeMap::new(), by_runtime: vec![0; runtimes.len()] }),
            traffic: runtimes.iter().map(|_| Arc::default()).collect(),
            runtimes,
            refused: AtomicU64::new(0),
            refusal_news: News::default(),
            pauses: AtomicU64::new(0),
            pause_news: News::default(),
            ended: Default::default(),
        };
        Acceptor { shared: Arc::new(shared) }
    }

    /// Accepts from `listener`, which clients know as `name`, until `scope` stops. The connections are tasks of `scope`; when it stops
    /// they send the replies that they owe, and end.
    pub fn serve(&self, name: impl Into<Arc<str>>, listener: Box<dyn Listener>, scope: &TaskScope) {
        scope.spawn(accept_all(self.shared.clone(), name.into(), listener, scope.clone()));
    }

    /// What was accepted and refused so far.
    pub fn counts(&self) -> AcceptorCounts {
        AcceptorCounts {
            open: self.shared.open.lock().by_runtime.iter().sum(),
            accepted: self.shared.next_id.load(Ordering::Relaxed),
            refused: self.shared.refused.load(Ordering::Relaxed),
            pauses: self.shared.pauses.load(Ordering::Relaxed),
            received_bytes: self.shared.traffic.iter().map(|traffic| traffic.received()).sum(),
            sent_bytes: self.shared.traffic.iter().map(|traffic| traffic.sent()).sum(),
            ended: std::array::from_fn(|cause| (End::CAUSES[cause], self.shared.ended[cause].load(Ordering::Relaxed))),
        }
    }
}

async fn accept_all(shared: Arc<Shared>, name: Arc<str>, mut listener: Box<dyn Listener>, scope: TaskScope) {
    let mut stopping = Box::pin(scope.stopping());
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stopping => return,
            accepted = shared.accept(&mut *listener) => accepted,
        };
        match accepted {
            Ok((stream, runtime)) => shared.admit(&name, stream, runtime, &scope),
            // The client was faster in leaving than we in accepting.
            Err(e) if e.kind() == io::ErrorKind::ConnectionAborted => (),
            Err(error) => {
                shared.pauses.fetch_add(1, Ordering::Relaxed);
                if shared.pause_news.is_due(timer::now()) {
                    tracing::warn!(listener = %name, %error, "accepting pauses");
                }
                tokio::select! {
                    biased;
                    () = &mut stopping => return,
                    () = timer::sleep(PAUSE) => (),
                }
            }
        }
    }
}

impl Shared {
    /// The next connection, and the number of the runtime that its events come to.
    async fn accept(&self, listener: &mut dyn Listener) -> io::Result<(Box<dyn Stream>, usize)> {
        poll_fn(|context| {
            let runtime = self.open.lock().quietest_runtime();
            // A stream belongs to the runtime that it is accepted in.
            let _entered = self.runtimes[runtime].enter();
            listener.poll_accept(context).map_ok(|stream| (stream, runtime))
        })
        .await
    }

    fn admit(self: &Arc<Self>, listener: &Arc<str>, stream: Box<dyn Stream>, runtime: usize, scope: &TaskScope) {
        let (peer_address, local_address) = (stream.peer_address(), stream.local_address());
        let Some(place) = self.take_place(peer_address.ip(), runtime) else {
            self.refused.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%listener, %peer_address, "too many connections");
            if self.refusal_news.is_due(timer::now()) {
                let Limits { connections_max, connections_per_ip_max, .. } = *self.limits;
                tracing::warn!(connections_max, connections_per_ip_max, "connections are refused: there are too many");
            }
            return;
        };
        let id = ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let info = ConnectionInfo { id, listener: listener.clone(), peer_address, local_address };
        let (service, limits, memory) = (self.service.clone(), self.limits.clone(), self.memory.clone());
        let connection = Connection::new(stream, info, service, limits, memory, self.traffic[runtime].clone(), scope);
        scope.spawn_on(&self.runtimes[runtime], async move {
            let end = connection.await;
            place.shared.ended[end.cause()].fetch_add(1, Ordering::Relaxed);
            tracing::debug!(connection = %id, %peer_address, %end, "connection over");
            drop(place);
        });
    }

    fn take_place(self: &Arc<Self>, address: IpAddr, runtime: usize) -> Option<Place> {
        // A client that comes by an IPv4 address is the same one on an IPv6 socket.
        let address = address.to_canonical();
        let mut open = self.open.lock();
        let total: usize = open.by_runtime.iter().sum();
        let of_address = open.by_address.get(&address).copied().unwrap_or(0);
        if total >= self.limits.connections_max || of_address >= self.limits.connections_per_ip_max {
            return None;
        }
        open.by_address.insert(address, of_address + 1);
        open.by_runtime[runtime] += 1;
        Some(Place { shared: self.clone(), address, runtime })
    }
}

impl Open {
    fn quietest_runtime(&self) -> usize {
        let quietest = self.by_runtime.iter().enumerate().min_by_key(|(_, connections)| **connections);
        quietest.map_or(0, |(runtime, _)| runtime)
    }
}

/// One of the connections that a node may have.
struct Place {
    shared: Arc<Shared>,
    address: IpAddr,
    runtime: usize,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.shared.open.lock();
        open.by_runtime[self.runtime] -= 1;
        let count = open.by_address.get_mut(&self.address).expect("a place is counted until it is given back");
        *count -= 1;
        if *count == 0 {
            open.by_address.remove(&self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn news_is_told_once_a_minute() {
        let news = News::default();
        assert!(news.is_due(timer::now()));
        timer::sleep(Duration::from_secs(59)).await;
        assert!(!news.is_due(timer::now()));
        timer::sleep(Duration::from_secs(2)).await;
        assert!(news.is_due(timer::now()));
        assert!(!news.is_due(timer::now()));
    }
}
