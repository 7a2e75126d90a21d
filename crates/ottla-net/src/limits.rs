//! What a client may cost: [`Limits`] of one connection, and [`RequestMemory`], which all connections share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bounds of one listener's connections. [`Limits::default`] has Kafka's defaults where Kafka has a limit.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest frame of a request that carries record data, in bytes (`socket.request.max.bytes`).
    pub record_frame_bytes_max: usize,
    /// The largest frame of any other request, in bytes.
    pub plain_frame_bytes_max: usize,
    /// How many requests of one connection may be unanswered before it is read no further.
    pub requests_in_flight_max: usize,
    /// How many bytes of replies may be unsent before the connection is read no further. One reply more may come on top, and those of
    /// the requests in flight.
    pub unsent_bytes_max: usize,
    /// How long nothing may come in or go out before the connection is closed (`connections.max.idle.ms`).
    pub idle_max: Duration,
    /// How long the body of a frame that holds request memory may take, besides a second for every 64 KiB that have come of it.
    pub frame_transfer_max: Duration,
    /// How many connections a listener has at a time (`max.connections`).
    pub connections_max: usize,
    /// How many of them come from one IP address (`max.connections.per.ip`).
    pub connections_per_ip_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            record_frame_bytes_max: 100 * 1024 * 1024,
            plain_frame_bytes_max: 4 * 1024 * 1024,
            requests_in_flight_max: 128,
            unsent_bytes_max: 1024 * 1024,
            idle_max: Duration::from_secs(600),
            frame_transfer_max: Duration::from_secs(30),
            connections_max: 10_000,
            connections_per_ip_max: 10_000,
        }
    }
}

/// The slowest a client may send a frame that holds memory which others wait for.
const TRANSFER_BYTES_PER_SECOND_MIN: usize = 64 * 1024;

impl Limits {
    /// How long a frame may have been coming in since it holds memory, when so many bytes of it are there. It counts what has come, not
    /// what is announced: a client that is gone is found out as soon for a large frame as for a small one.
    pub(crate) fn transfer_max(&self, received_bytes: usize) -> Duration {
        self.frame_transfer_max + Duration::from_secs((received_bytes / TRANSFER_BYTES_PER_SECOND_MIN) as u64)
    }
}

/// The memory that requests may hold on a node, over all connections (`queued.max.request.bytes`). Clones share it.
///
/// A request is charged in one piece, before its body is read, and nobody who waits for memory holds any for a request that is not
/// complete: so there is no deadlock. Those who wait are served in order.
///
/// Frames that are still arriving hold three quarters at most: how long they do is their clients' affair, and a few clients that stall
/// in large requests must not stop everybody's small ones.
#[derive(Clone, Debug)]
pub struct RequestMemory {
    bytes: Arc<Semaphore>,
    total: usize,
    /// What arriving frames may hold of `bytes`.
    arriving: Arc<Semaphore>,
    arriving_total: usize,
}

impl RequestMemory {
    /// A budget of `total` bytes, capped at 4 GiB.
    pub fn new(total: usize) -> RequestMemory {
        let total = total.min(u32::MAX as usize);
        let arriving_total = total - total / 4;
        RequestMemory {
            bytes: Arc::new(Semaphore::new(total)),
            total,
            arriving: Arc::new(Semaphore::new(arriving_total)),
            arriving_total,
        }
    }

    /// Takes `bytes` if they are there and nobody waits; at the most all there are, so that a request as large as the budget has its
    /// turn too.
    pub fn try_acquire(&self, bytes: usize) -> Option<MemoryPermit> {
        let held = self.bytes.clone().try_acquire_many_owned(self.capped(bytes)).ok()?;
        Some(MemoryPermit { held: Some(held), arriving: None })
    }

    /// [`RequestMemory::try_acquire`] for a frame that is still arriving.
    pub fn try_acquire_arriving(&self, bytes: usize) -> Option<MemoryPermit> {
        let bytes = self.capped(bytes.min(self.arriving_total));
        let arriving = self.arriving.clone().try_acquire_many_owned(bytes).ok()?;
        let held = self.bytes.clone().try_acquire_many_owned(bytes).ok()?;
        Some(MemoryPermit { held: Some(held), arriving: Some(arriving) })
    }

    /// Waits for `bytes`, which are capped as in [`RequestMemory::try_acquire`]. Has no deadline: the caller sets one.
    pub async fn acquire(self, bytes: usize) -> MemoryPermit {
        let bytes_wanted = self.capped(bytes);
        let held = self.bytes.acquire_many_owned(bytes_wanted).await.expect("the semaphore is never closed");
        MemoryPermit { held: Some(held), arriving: None }
    }

    /// [`RequestMemory::acquire`] for a frame that is still arriving.
    pub async fn acquire_arriving(self, bytes: usize) -> MemoryPermit {
        let bytes = self.capped(bytes.min(self.arriving_total));
        // Its share first: who waits for that keeps nobody else from the rest.
        let arriving = self.arriving.acquire_many_owned(bytes).await.expect("the semaphore is never closed");
        let held = self.bytes.acquire_many_owned(bytes).await.expect("the semaphore is never closed");
        MemoryPermit { held: Some(held), arriving: Some(arriving) }
    }

    /// How many bytes there are.
    pub fn total(&self) -> usize {
        self.total
    }

    /// How many bytes nobody holds.
    pub fn available(&self) -> usize {
        self.bytes.available_permits()
    }

    fn capped(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.min(self.total)).expect("the total was capped")
    }
}

/// Bytes of a [`RequestMemory`], given back when dropped.
#[derive(Debug)]
pub struct MemoryPermit {
    held: Option<OwnedSemaphorePermit>,
    arriving: Option<OwnedSemaphorePermit>,
}

impl MemoryPermit {
    /// A permit for nothing, for requests that no budget is kept for.
    pub fn none() -> MemoryPermit {
        MemoryPermit { held: None, arriving: None }
    }

    /// How many bytes it stands for.
    pub fn bytes(&self) -> usize {
        self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// The frame has arrived as a whole: another one may arrive.
    pub(crate) fn arrived(&mut self) {
        self.arriving = None;
    }

    /// Gives back all but `bytes`; nothing where it holds fewer. For when the decoded size is known.
    pub fn shrink_to(&mut self, bytes: usize) {
        let surplus = self.bytes().saturating_sub(bytes);
        if let Some(held) = &mut self.held {
            drop(held.split(surplus));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn memory_comes_back_in_parts_and_as_a_whole() {
        let memory = RequestMemory::new(100);
        let mut permit = memory.try_acquire(80).expect("free");
        assert!(memory.try_acquire(21).is_none());
        permit.shrink_to(30);
        permit.shrink_to(50);
        assert_eq!((permit.bytes(), memory.available()), (30, 70));
        drop(permit);
        assert_eq!(memory.available(), 100);
    }

    #[test]
    fn a_request_larger_than_the_budget_takes_all_of_it() {
        let memory = RequestMemory::new(100);
        let permit = memory.try_acquire(1_000_000).expect("nobody else");
        assert_eq!((permit.bytes(), memory.available()), (100, 0));
    }

    #[tokio::test]
    async fn frames_that_are_still_arriving_leave_room_for_whole_ones() {
        let memory = RequestMemory::new(100);
        let mut first = memory.try_acquire_arriving(1_000_000).expect("nobody else");
        assert_eq!((first.bytes(), memory.available()), (75, 25));
        let mut second = Box::pin(memory.clone().acquire_arriving(70));
        assert!((&mut second).now_or_never().is_none());
        assert!(memory.try_acquire(25).is_some(), "who waits for the share of arriving frames stops nobody");

        first.arrived();
        assert!((&mut second).now_or_never().is_none(), "the memory is held until the request is done");
        drop(first);
        assert_eq!(second.await.bytes(), 70);
    }

    #[tokio::test]
    async fn nobody_overtakes_those_who_wait() {
        let memory = RequestMemory::new(100);
        let first = memory.try_acquire(60).expect("free");
        let mut large = Box::pin(memory.clone().acquire(80));
        assert!((&mut large).now_or_never().is_none());
        assert!(memory.try_acquire(10).is_none(), "40 are free, but somebody waits for them");
        drop(first);
        assert_eq!(large.await.bytes(), 80);
    }
}
