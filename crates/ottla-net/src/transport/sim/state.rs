//! [`State`]: everything that a simulated network consists of, and the faults as changes to it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use ottla_base::Entropy;
use parking_lot::Mutex;

use super::SimOptions;
use super::link::{Link, Then};
use super::pipe::{Payload, Pipe};
use crate::timer::{self, Instant};

/// How many connections wait to be accepted at one address; more are refused.
const BACKLOG_MAX: usize = 1024;

/// The first port that is given to those who ask for any.
const FIRST_FREE_PORT: u16 = 32_768;

/// The network, as its hosts share it.
pub(super) struct Shared {
    state: Mutex<State>,
}

pub(super) struct State {
    options: SimOptions,
    entropy: Arc<dyn Entropy>,
    names: BTreeMap<String, IpAddr>,
    links: BTreeMap<(IpAddr, IpAddr), Link>,
    /// By the host, and the address on it.
    listeners: BTreeMap<(IpAddr, SocketAddr), ListenerState>,
    connections: BTreeMap<u64, Connection>,
    next_connection: u64,
    next_port: BTreeMap<IpAddr, u16>,
    without_power: BTreeSet<IpAddr>,
    /// Those who wait for a cut to heal, or a host to get its power back, to connect.
    dialling: Vec<Waker>,
}

/// Connections that wait to be accepted.
#[derive(Debug)]
pub(super) struct ListenerState {
    pub(super) id: u64,
    pub(super) backlog: VecDeque<(u64, SocketAddr, SocketAddr)>,
    pub(super) accepting: Option<Waker>,
}

/// Which side of a connection: the one that connected, or the one that accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Connecting = 0,
    Accepting = 1,
}

#[derive(Debug)]
pub(super) struct Connection {
    hosts: [IpAddr; 2],
    /// What each side sends.
    pipes: [Pipe; 2],
    /// Which sides are held open by a stream.
    open: [bool; 2],
    /// One of its hosts has lost its power and with it the connection.
    orphaned: bool,
}

impl Side {
    pub(super) fn other(self) -> Side {
        match self {
            Side::Connecting => Side::Accepting,
            Side::Accepting => Side::Connecting,
        }
    }
}

impl Shared {
    pub(super) fn new(options: SimOptions, entropy: Arc<dyn Entropy>) -> Shared {
        let state = State {
            options,
            entropy,
            names: BTreeMap::new(),
            links: BTreeMap::new(),
            listeners: BTreeMap::new(),
            connections: BTreeMap::new(),
            next_connection: 0,
            next_port: BTreeMap::new(),
            without_power: BTreeSet::new(),
            dialling: Vec::new(),
        };
        Shared { state: Mutex::new(state) }
    }

    /// Runs `change` on the state, then wakes whom it names: not under the lock, for waking may drop what takes it.
    pub(super) fn with<T>(&self, change: impl FnOnce(&mut State, &mut Vec<Waker>) -> T) -> T {
        let mut wakers = Vec::new();
        let result = change(&mut self.state.lock(), &mut wakers);
        wakers.into_iter().for_each(Waker::wake);
        result
    }
}

impl State {
    pub(super) fn name_host(&mut self, name: &str, address: IpAddr) {
        self.names.insert(name.to_owned(), address);
    }

    /// The address that `host`, a name or an address, stands for.
    pub(super) fn resolve(&self, host: &str) -> io::Result<IpAddr> {
        let unknown = || io::Error::new(io::ErrorKind::HostUnreachable, "no host has this name");
        match host.parse() {
            Ok(address) => Ok(address),
            Err(_) if host == "localhost" => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Err(_) => self.names.get(host).copied().ok_or_else(unknown),
        }
    }

    /// Listens on `address` of `host`; returns the listener's id and where it really listens.
    pub(super) fn listen(&mut self, host: IpAddr, address: SocketAddr) -> io::Result<(u64, SocketAddr)> {
        let ip = address.ip();
        if !(ip == host || ip.is_unspecified() || ip.is_loopback()) {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        let port = if address.port() == 0 { self.free_port(host) } else { address.port() };
        let address = SocketAddr::new(ip, port);
        if self.listeners_on(host, port).any(|taken| overlap(taken, address)) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let id = self.number();
        self.listeners.insert((host, address), ListenerState { id, backlog: VecDeque::new(), accepting: None });
        Ok((id, address))
    }

    /// The listener that was given this id, unless it was lost with its host's power.
    pub(super) fn listener(&mut self, host: IpAddr, address: SocketAddr, id: u64) -> Option<&mut ListenerState> {
        self.listeners.get_mut(&(host, address)).filter(|listener| listener.id == id)
    }

    pub(super) fn close_listener(&mut self, host: IpAddr, address: SocketAddr, id: u64, wakers: &mut Vec<Waker>) {
        if self.listener(host, address, id).is_none() {
            return;
        }
        if let Some(listener) = self.listeners.remove(&(host, address)) {
            for (connection, ..) in listener.backlog {
                self.close(connection, Side::Accepting, wakers);
            }
        }
    }

    /// Whether a connection attempt from `from` gets through to `to`, and its answer back; if not, `waker` is woken when that may change.
    pub(super) fn reaches(&mut self, from: IpAddr, to: IpAddr, waker: &Waker) -> bool {
        let has_power = !self.without_power.contains(&from) && !self.without_power.contains(&to);
        let reaches = has_power && !self.link(from, to).cut && !self.link(to, from).cut;
        if !reaches {
            self.dialling.push(waker.clone());
        }
        reaches
    }

    /// Makes a connection from the host `from` to `address`, which is one of the host `to`, if somebody listens there; returns its number
    /// and both addresses.
    pub(super) fn establish(
        &mut self,
        from: IpAddr,
        to: IpAddr,
        address: SocketAddr,
        wakers: &mut Vec<Waker>,
    ) -> io::Result<(u64, SocketAddr, SocketAddr)> {
        // Over loopback both sides have the loopback address.
        let ip = if address.ip().is_loopback() { address.ip() } else { from };
        let connecting = SocketAddr::new(ip, self.free_port(from));
        let number = self.number();
        let listening = self.listeners_on(to, address.port()).find(|listening| overlap(*listening, address));
        let listening = listening.ok_or(io::ErrorKind::ConnectionRefused)?;
        let listener = self.listeners.get_mut(&(to, listening)).expect("it was just found");
        if listener.backlog.len() >= BACKLOG_MAX {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        listener.backlog.push_back((number, address, connecting));
        wakers.extend(listener.accepting.take());
        let pipes = [Pipe::default(), Pipe::default()];
        let connection = Connection { hosts: [from, to], pipes, open: [true; 2], orphaned: false };
        self.connections.insert(number, connection);
        Ok((number, connecting, address))
    }

    /// One way's delay between the hosts, drawn anew each time; none within one.
    pub(super) fn latency(&self, from: IpAddr, to: IpAddr) -> Duration {
        let SimOptions { latency_ms_min, latency_ms_max, .. } = self.options;
        if from == to {
            return Duration::ZERO;
        }
        Duration::from_millis(latency_ms_min + self.entropy.below(latency_ms_max.saturating_sub(latency_ms_min) + 1))
    }

    /// The pipe that `side` of a connection sends into.
    pub(super) fn pipe(&mut self, connection: u64, side: Side) -> &mut Pipe {
        let connection = self.connections.get_mut(&connection).expect("a connection lives as long as its streams");
        &mut connection.pipes[side as usize]
    }

    /// Takes as much of `bytes` as the window has room for and sends it; returns how much that is.
    pub(super) fn write(&mut self, connection: u64, side: Side, bytes: &[u8], wakers: &mut Vec<Waker>) -> usize {
        let room = self.options.window_bytes.saturating_sub(self.pipe(connection, side).bytes());
        let taken = bytes.len().min(room);
        let (from, to) = self.ends(connection, side);
        let (through, breaks) = self.link(from, to).let_through(taken);
        for part in self.torn(&bytes[..through]) {
            self.send(connection, side, Payload::Bytes(Bytes::copy_from_slice(part)), wakers);
        }
        match breaks {
            None => (),
            Some(Then::Reset) => self.reset(from, to, wakers),
            Some(Then::Cut) => {
                // What is let through arrives: the cut is for what comes after.
                self.link(from, to).cut = true;
                self.send(connection, side, Payload::Bytes(Bytes::copy_from_slice(&bytes[through..taken])), wakers);
            }
        }
        taken
    }

    /// Sends `payload`, subject to the link's delay, rate and faults.
    pub(super) fn send(&mut self, connection: u64, side: Side, payload: Payload, wakers: &mut Vec<Waker>) {
        let (from, to) = self.ends(connection, side);
        let latency = self.latency(from, to);
        let size = if let Payload::Bytes(bytes) = &payload { bytes.len() } else { 0 };
        let link = self.link(from, to);
        let now = timer::now();
        let arrival = now + latency + link.queueing(size, now);
        let arrival = Some(arrival).filter(|_| !link.cut);
        let pipe = self.pipe(connection, side);
        pipe.send(payload, arrival);
        wakers.extend(pipe.reader.take());
    }

    /// A stream is dropped. The other side finds an end after all that was sent, or a reset where something sent here was never read.
    pub(super) fn close(&mut self, number: u64, side: Side, wakers: &mut Vec<Waker>) {
        let connection = self.connections.get_mut(&number).expect("a connection lives as long as its streams");
        connection.open[side as usize] = false;
        if connection.open == [false; 2] {
            self.connections.remove(&number);
            return;
        }
        if connection.orphaned {
            return;
        }
        let incoming = &mut connection.pipes[side.other() as usize];
        let payload = if incoming.has_unread() { Payload::Reset } else { Payload::End { closed: true } };
        // A writer that waits for room learns in time that there will be none.
        wakers.extend(incoming.writer.take());
        self.send(number, side, payload, wakers);
    }

    pub(super) fn link(&mut self, from: IpAddr, to: IpAddr) -> &mut Link {
        self.links.entry((from, to)).or_default()
    }

    pub(super) fn cut(&mut self, from: IpAddr, to: IpAddr, wakers: &mut Vec<Waker>) {
        self.link(from, to).cut = true;
        let now = timer::now();
        for pipe in self.pipes_between(from, to) {
            pipe.hold(now);
            pipe.take_waiting(wakers);
        }
    }

    pub(super) fn heal(&mut self, from: IpAddr, to: IpAddr, wakers: &mut Vec<Waker>) {
        self.link(from, to).cut = false;
        let arrival = timer::now() + self.latency(from, to);
        for pipe in self.pipes_between(from, to) {
            pipe.release(arrival);
            pipe.take_waiting(wakers);
        }
        wakers.append(&mut self.dialling);
    }

    pub(super) fn reset(&mut self, one: IpAddr, other: IpAddr, wakers: &mut Vec<Waker>) {
        let now = timer::now();
        let between = |connection: &Connection| connection.is_between(one, other) || connection.is_between(other, one);
        for connection in self.connections.values_mut().filter(|connection| between(connection)) {
            connection.reset(now, wakers);
        }
    }

    pub(super) fn power_off(&mut self, host: IpAddr, wakers: &mut Vec<Waker>) {
        self.without_power.insert(host);
        let mut lost = Vec::new();
        self.listeners.retain(|(of, _), listener| {
            if *of == host {
                lost.extend(listener.backlog.drain(..));
                wakers.extend(listener.accepting.take());
            }
            *of != host
        });
        let now = timer::now();
        for connection in self.connections.values_mut().filter(|connection| connection.hosts.contains(&host)) {
            connection.orphaned = true;
            for (sender, pipe) in connection.hosts.iter().zip(&mut connection.pipes) {
                if *sender == host {
                    pipe.hold(now);
                }
                pipe.take_waiting(wakers);
            }
        }
        for (connection, ..) in lost {
            self.close(connection, Side::Accepting, wakers);
        }
    }

    pub(super) fn power_on(&mut self, host: IpAddr, wakers: &mut Vec<Waker>) {
        self.without_power.remove(&host);
        let now = timer::now();
        for connection in self.connections.values_mut() {
            if connection.orphaned && connection.hosts.contains(&host) {
                connection.reset(now, wakers);
            }
        }
        wakers.append(&mut self.dialling);
    }

    /// Whether the connection's stream on `side` belongs to a host that has lost it.
    pub(super) fn is_lost(&self, connection: u64, side: Side) -> bool {
        self.connections.get(&connection).is_some_and(|connection| {
            connection.orphaned && self.without_power.contains(&connection.hosts[side as usize])
        })
    }

    pub(super) fn connection_count(&self) -> usize {
        self.connections.len()
    }

    /// The two hosts of a connection, the one on `side` first.
    fn ends(&self, connection: u64, side: Side) -> (IpAddr, IpAddr) {
        let hosts = self.connections[&connection].hosts;
        (hosts[side as usize], hosts[side.other() as usize])
    }

    fn pipes_between(&mut self, from: IpAddr, to: IpAddr) -> impl Iterator<Item = &mut Pipe> {
        self.connections.values_mut().flat_map(move |connection| {
            let [one, other] = connection.hosts;
            let directions = [(one, other), (other, one)];
            connection.pipes.iter_mut().zip(directions).filter(move |(_, way)| *way == (from, to)).map(|(pipe, _)| pipe)
        })
    }

    /// `bytes` in one piece, or now and then in two.
    fn torn<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let tears = bytes.len() > 1 && self.options.torn_one_in > 0 && self.entropy.one_in(self.options.torn_one_in);
        let at = if tears { 1 + self.entropy.below(bytes.len() as u64 - 1) as usize } else { bytes.len() };
        let (first, second) = bytes.split_at(at);
        [first, second].into_iter().filter(|part| !part.is_empty())
    }

    fn number(&mut self) -> u64 {
        self.next_connection += 1;
        self.next_connection
    }

    fn free_port(&mut self, host: IpAddr) -> u16 {
        let next = self.next_port.entry(host).or_insert(FIRST_FREE_PORT);
        loop {
            let port = *next;
            *next = next.checked_add(1).unwrap_or(FIRST_FREE_PORT);
            if !self.listeners.keys().any(|(of, address)| *of == host && address.port() == port) {
                return port;
            }
        }
    }

    fn listeners_on(&self, host: IpAddr, port: u16) -> impl Iterator<Item = SocketAddr> {
        let addresses = self.listeners.keys().filter(move |(of, address)| *of == host && address.port() == port);
        addresses.map(|(_, address)| *address)
    }
}

impl Connection {
    fn is_between(&self, one: IpAddr, other: IpAddr) -> bool {
        self.hosts == [one, other]
    }

    fn reset(&mut self, now: Instant, wakers: &mut Vec<Waker>) {
        for pipe in &mut self.pipes {
            pipe.reset(now);
            pipe.take_waiting(wakers);
        }
    }
}

/// Whether a listener on `one` would take what is for `other`, or the other way round; their ports are the same.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let any = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.ip() == other.ip() || (any && one.is_ipv4() == other.is_ipv4())
}
