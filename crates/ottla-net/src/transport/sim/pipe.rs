//! [`Pipe`]: one direction of a simulated connection.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::{Buf, Bytes};
use tokio::io::ReadBuf;

use crate::timer::Instant;

/// What goes through a pipe.
#[derive(Debug)]
pub(super) enum Payload {
    Bytes(Bytes),
    /// Nothing more comes. `closed` where the sender is gone, and takes nothing either.
    End {
        closed: bool,
    },
    /// The connection is no more.
    Reset,
}

#[derive(Debug)]
struct Packet {
    /// When it is there; `None` while it is held back.
    arrival: Option<Instant>,
    payload: Payload,
}

/// Bytes on their way from one side to the other, or there and not read.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    packets: VecDeque<Packet>,
    bytes: usize,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

/// What the reading side finds.
pub(super) enum Found {
    /// Bytes were read.
    Bytes,
    /// The sender has ended.
    End,
    Reset,
    /// Something comes then.
    NotBefore(Instant),
    /// Nothing is known to come.
    Nothing,
}

impl Pipe {
    /// How many bytes are sent and not read.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sends `payload`; it arrives at `arrival`, but not before what was sent earlier, and is held back where that is `None`.
    pub(super) fn send(&mut self, payload: Payload, arrival: Option<Instant>) {
        if let Payload::Bytes(bytes) = &payload {
            self.bytes += bytes.len();
        }
        let arrival = match self.packets.back() {
            Some(Packet { arrival: None, .. }) => None,
            Some(Packet { arrival: Some(last), .. }) => arrival.map(|arrival| arrival.max(*last)),
            None => arrival,
        };
        self.packets.push_back(Packet { arrival, payload });
    }

    /// Reads what has arrived by `now`.
    pub(super) fn read(&mut self, into: &mut ReadBuf<'_>, now: Instant) -> Found {
        let before = into.filled().len();
        loop {
            let stopped = match self.packets.front_mut() {
                None | Some(Packet { arrival: None, .. }) => Found::Nothing,
                Some(Packet { arrival: Some(arrival), .. }) if *arrival > now => Found::NotBefore(*arrival),
                Some(Packet { payload: Payload::End { .. }, .. }) => Found::End,
                Some(Packet { payload: Payload::Reset, .. }) => Found::Reset,
                Some(Packet { payload: Payload::Bytes(bytes), .. }) if into.remaining() > 0 => {
                    let count = bytes.len().min(into.remaining());
                    into.put_slice(&bytes[..count]);
                    bytes.advance(count);
                    self.bytes -= count;
                    if bytes.is_empty() {
                        self.packets.pop_front();
                    }
                    continue;
                }
                Some(_) => Found::Bytes,
            };
            return if into.filled().len() > before { Found::Bytes } else { stopped };
        }
    }

    /// Whether bytes are there, or on their way, that nobody will read any more.
    pub(super) fn has_unread(&self) -> bool {
        self.bytes > 0
    }

    /// Whether, by `now`, the sender is known to take nothing any more; if it will be known at a later time, when.
    pub(super) fn sender_gone(&self, now: Instant) -> Result<bool, Instant> {
        let gone = |packet: &&Packet| matches!(packet.payload, Payload::End { closed: true } | Payload::Reset);
        match self.packets.iter().find(gone) {
            Some(Packet { arrival: Some(arrival), .. }) if *arrival <= now => Ok(true),
            Some(Packet { arrival: Some(arrival), .. }) => Err(*arrival),
            _ => Ok(false),
        }
    }

    /// Holds back what has not arrived by `now`.
    pub(super) fn hold(&mut self, now: Instant) {
        for packet in &mut self.packets {
            packet.arrival = packet.arrival.filter(|arrival| *arrival <= now);
        }
    }

    /// Sends on at `arrival` what was held back.
    pub(super) fn release(&mut self, arrival: Instant) {
        self.packets.iter_mut().for_each(|packet| {
            packet.arrival.get_or_insert(arrival);
        });
    }

    /// Replaces everything that is under way by a reset that is there now.
    pub(super) fn reset(&mut self, now: Instant) {
        self.packets.clear();
        self.bytes = 0;
        self.send(Payload::Reset, Some(now));
    }

    /// Takes those who wait, to be woken.
    pub(super) fn take_waiting(&mut self, wakers: &mut Vec<Waker>) {
        wakers.extend(self.reader.take());
        wakers.extend(self.writer.take());
    }
}
