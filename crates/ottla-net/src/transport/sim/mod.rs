//! [`SimNetwork`]: hosts on a simulated network, whose delays follow from a seed and whose faults are calls.
//!
//! Time is tokio's, which a simulation pauses; delays are whole milliseconds. Bytes are never reordered or lost within a connection, as
//! TCP promises: what is lost is connections, and the knowledge of what arrived. A *cut* direction holds its bytes back until it is
//! healed; a *reset* ends connections with an error on both sides; a host whose *power is off* answers nothing, and answers what is left
//! of its connections with resets once it is back.
//!
//! `link.rs` is one direction between two hosts, `pipe.rs` one direction of a connection, `stream.rs` what a host holds of it.

mod link;
mod pipe;
mod state;
mod stream;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ottla_base::Entropy;

use super::{BoxFuture, Endpoint, Listener, Stream, Transport};
pub use link::Then;
use state::Shared;
use stream::{SimListener, connect};

/// How the network behaves when nothing is wrong with it.
#[derive(Clone, Debug)]
pub struct SimOptions {
    /// The least time between two hosts, in milliseconds, one way.
    pub latency_ms_min: u64,
    /// The most.
    pub latency_ms_max: u64,
    /// How many bytes one direction of a connection holds, sent and not read: a writer waits beyond.
    pub window_bytes: usize,
    /// One in so many writes is torn into two that arrive one after the other; 0 for none.
    pub torn_one_in: u64,
}

impl Default for SimOptions {
    fn default() -> SimOptions {
        SimOptions { latency_ms_min: 0, latency_ms_max: 3, window_bytes: 64 * 1024, torn_one_in: 8 }
    }
}

/// A network of simulated hosts. Clones share it.
#[derive(Clone)]
pub struct SimNetwork {
    shared: Arc<Shared>,
}

impl SimNetwork {
    /// A network without faults, whose delays are drawn from `entropy`.
    pub fn new(options: SimOptions, entropy: Arc<dyn Entropy>) -> SimNetwork {
        SimNetwork { shared: Arc::new(Shared::new(options, entropy)) }
    }

    /// The host that has `address`, and that others find by `name` too. Any address may be a host; asking again gives the same one.
    pub fn host(&self, name: &str, address: IpAddr) -> SimTransport {
        self.shared.with(|state, _| state.name_host(name, address));
        SimTransport { shared: self.shared.clone(), address }
    }

    /// Holds back what `from` sends to `to` from now on, and what of it has not arrived. The other direction stays as it is.
    pub fn cut(&self, from: IpAddr, to: IpAddr) {
        self.shared.with(|state, wakers| state.cut(from, to, wakers));
    }

    /// Lets `bytes` more bytes from `from` to `to` through, whatever connections they belong to, and then does `then`: the last write
    /// may arrive in half.
    pub fn break_after(&self, from: IpAddr, to: IpAddr, bytes: usize, then: Then) {
        self.shared.with(|state, _| state.link(from, to).break_after(bytes, then));
    }

    /// Ends a cut; what was held back arrives in its order.
    pub fn heal(&self, from: IpAddr, to: IpAddr) {
        self.shared.with(|state, wakers| state.heal(from, to, wakers));
    }

    /// Ends every connection between the two with an error on both sides; what is under way is lost.
    pub fn reset(&self, one: IpAddr, other: IpAddr) {
        self.shared.with(|state, wakers| state.reset(one, other, wakers));
    }

    /// Limits what goes from `from` to `to` to `bytes_per_ms`; `None` for no limit.
    pub fn set_rate(&self, from: IpAddr, to: IpAddr, bytes_per_ms: Option<u64>) {
        self.shared.with(|state, _| state.link(from, to).bytes_per_ms = bytes_per_ms);
    }

    /// Takes the power from `host`: its connections and listeners are gone, and nobody is told.
    pub fn power_off(&self, host: IpAddr) {
        self.shared.with(|state, wakers| state.power_off(host, wakers));
    }

    /// Gives it back, which resets what others still believe to be connected to it.
    pub fn power_on(&self, host: IpAddr) {
        self.shared.with(|state, wakers| state.power_on(host, wakers));
    }

    /// How many connections there are of which at least one side is open.
    pub fn connection_count(&self) -> usize {
        self.shared.with(|state, _| state.connection_count())
    }
}

impl fmt::Debug for SimNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimNetwork")
    }
}

/// One host's access to a [`SimNetwork`].
#[derive(Clone)]
pub struct SimTransport {
    shared: Arc<Shared>,
    address: IpAddr,
}

impl SimTransport {
    /// The host's address.
    pub fn address(&self) -> IpAddr {
        self.address
    }
}

/// Hosts listen on addresses of their own, on any address (`0.0.0.0`, `::`), and on loopback, where only they are heard.
impl Transport for SimTransport {
    fn bind(&self, address: SocketAddr) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(SimListener::bind(self.shared.clone(), self.address, address)?))
    }

    fn connect(&self, peer: &Endpoint) -> BoxFuture<io::Result<Box<dyn Stream>>> {
        Box::pin(connect(self.shared.clone(), self.address, peer.clone()))
    }
}

impl fmt::Debug for SimTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimTransport({})", self.address)
    }
}
