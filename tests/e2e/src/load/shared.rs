//! [`Shared`]: what all clients of one load have in common.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use history::{Key, Value};
use rdkafka::config::ClientConfig;

use crate::{Recorder, config};

/// A client that has lost its broker finds it again soon: the broker is away for a moment only.
const RECONNECT: [(&str, &str); 2] = [("reconnect.backoff.ms", "10"), ("reconnect.backoff.max.ms", "50")];

/// Where the clients of a load work, where they write it down, and how long they go on.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) bootstrap: String,
    pub(super) topic: String,
    pub(super) partitions: u32,
    pub(super) recorder: Recorder,
    next_number: AtomicU64,
    writing_is_over: AtomicBool,
    is_over: AtomicBool,
}

impl Shared {
    pub(super) fn new(bootstrap: String, topic: String, partitions: u32) -> Self {
        Self {
            bootstrap,
            topic,
            partitions,
            recorder: Recorder::default(),
            next_number: AtomicU64::new(0),
            writing_is_over: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        }
    }

    /// What clients of librdkafka begin their configuration with.
    pub(super) fn config(&self) -> ClientConfig {
        config(&self.bootstrap, &RECONNECT)
    }

    /// All partitions.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key> {
        (0..self.partitions).map(Key)
    }

    /// `count` numbers that nobody had before, for values or for commits.
    pub(super) fn take_numbers(&self, count: u32) -> u64 {
        self.next_number.fetch_add(u64::from(count), Ordering::Relaxed)
    }

    pub(super) fn end_writing(&self) {
        self.writing_is_over.store(true, Ordering::Release);
    }

    pub(super) fn writing_is_over(&self) -> bool {
        self.writing_is_over.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }
}

/// A partition's number for librdkafka.
pub(super) fn number_of(Key(partition): Key) -> i32 {
    i32::try_from(partition).expect("few partitions")
}

/// A message's key, offset and value.
pub(super) fn record_of(message: &impl rdkafka::Message) -> history::Record {
    let value = message.payload().and_then(|payload| payload.first_chunk()).expect("a value");
    history::Record {
        key: Key(u32::try_from(message.partition()).expect("a partition")),
        offset: history::Offset(message.offset()),
        value: Value(u64::from_be_bytes(*value)),
    }
}
