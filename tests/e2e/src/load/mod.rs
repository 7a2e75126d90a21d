//! [`Load`]: clients that write down all they do, of librdkafka and, where it is asked for, of Kafka's own library.
//!
//! Idempotent producers write; readers read every partition from its start; members of two groups, one for each
//! library, share the partitions and commit what they have read; an onlooker asks for what is committed. All of them
//! live through whatever becomes of the broker.

mod jvm;
mod member;
mod onlooker;
mod party;
mod producer;
mod reader;
mod shared;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread::{Scope, ScopedJoinHandle};

use history::groups::Group;
use history::{History, Key, Offset};
use testkit::wait;

use crate::{GroupFault, GroupLedger, Recorder};
use jvm::Jvm;
use onlooker::Onlooker;
pub use party::Party;
use reader::Reader;
use shared::Shared;

const PRODUCERS: usize = 3;
const READERS: usize = 2;
const JAVA_PRODUCERS: usize = 2;
const MEMBERS_OF_EACH_GROUP: usize = 2;

/// How long a member of a group may be silent: as short as a broker allows.
pub const SESSION_TIMEOUT_MS: u32 = 6_000;

/// Names of groups, for the broker; their places are their numbers in the ledger.
const GROUPS: [&str; 2] = ["billing-of-librdkafka", "billing-of-java"];
const OF_LIBRDKAFKA: Group = Group(0);
const OF_JAVA: Group = Group(1);

fn group_name(Group(number): Group) -> &'static str {
    GROUPS[number as usize]
}

/// One topic under load.
#[derive(Debug)]
pub struct Load {
    shared: Shared,
    producers: Vec<Arc<Party>>,
    members: Vec<Arc<Party>>,
}

/// The threads of a load, and its JVM. Where a test fails they are told to end, so that it does.
#[derive(Debug)]
pub struct Workers<'scope> {
    load: &'scope Load,
    writing: Vec<ScopedJoinHandle<'scope, ()>>,
    reading: Vec<ScopedJoinHandle<'scope, ()>>,
    jvm: Option<Jvm<'scope>>,
}

/// Everything that the clients of a load did and saw.
#[derive(Debug)]
pub struct Recorded {
    /// What was written and read.
    pub history: History,
    /// What groups read and committed.
    pub groups: GroupLedger,
    /// Every record that there is in the end.
    readable: BTreeSet<(Key, Offset)>,
}

impl Recorded {
    /// What no broker may show to groups.
    pub fn group_faults(&self) -> Vec<GroupFault> {
        self.groups.judge(&self.readable)
    }
}

impl Load {
    /// Producers and readers of librdkafka, for a topic that is there and has `partitions`.
    pub fn new(bootstrap: String, topic: String, partitions: u32) -> Self {
        let producers = vec![Arc::new(Party::new("librdkafka's producers"))];
        Self { shared: Shared::new(bootstrap, topic, partitions), producers, members: Vec::new() }
    }

    /// Adds a group of librdkafka's, and a JVM with producers and a group.
    #[must_use]
    pub fn with_java_and_groups(mut self) -> Self {
        self.producers.push(Arc::new(Party::new("Java's producers")));
        for name in ["a member of librdkafka's", "a member of Java's"] {
            self.members.extend((0..MEMBERS_OF_EACH_GROUP).map(|_| Arc::new(Party::new(name))));
        }
        self
    }

    /// Producers, by their library; what they count are records that were acknowledged.
    pub fn producers(&self) -> impl Iterator<Item = &Party> {
        self.producers.iter().map(|party| &**party)
    }

    /// Members of groups; what they count are commits that were acknowledged.
    pub fn members(&self) -> impl Iterator<Item = &Party> {
        self.members.iter().map(|party| &**party)
    }

    /// Records that were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.producers.iter().map(|party| party.done()).sum()
    }

    /// Records that were handed to a producer and have no outcome yet.
    pub fn in_flight(&self) -> i64 {
        self.producers.iter().map(|party| party.in_flight()).sum()
    }

    /// Where faults are noted.
    pub fn recorder(&self) -> &Recorder {
        &self.shared.recorder
    }

    /// Sets everybody to work.
    pub fn start<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) -> Workers<'scope> {
        let shared = &self.shared;
        let mut workers = Workers { load: self, writing: Vec::new(), reading: Vec::new(), jvm: None };
        let producers = &self.producers[0];
        workers.writing.extend((0..PRODUCERS).map(|_| scope.spawn(move || producer::run(shared, producers))));
        workers.reading.extend((0..READERS).map(|_| scope.spawn(move || reader::run(shared))));
        if let Some((of_librdkafka, of_java)) = self.members.split_at_checked(MEMBERS_OF_EACH_GROUP) {
            let members = of_librdkafka.iter();
            workers.reading.extend(members.map(|party| scope.spawn(move || member::run(shared, OF_LIBRDKAFKA, party))));
            workers.reading.push(scope.spawn(move || Onlooker::new(shared).run()));
            workers.jvm = Some(Jvm::start(shared, scope, &self.producers[1], of_java));
        }
        workers
    }

    /// Lets everybody end what they began: producers first, and the others once groups have read and committed all.
    pub fn stop(&self, mut workers: Workers<'_>) {
        self.shared.end_writing();
        join(&mut workers.writing);
        if let Some(jvm) = &workers.jvm {
            jvm.end_writing();
            self.wait_until_all_is_committed();
        }
        self.shared.end();
        join(&mut workers.reading);
        if let Some(jvm) = workers.jvm.take() {
            jvm.end();
            Onlooker::new(&self.shared).look().expect("nothing is wrong any more");
        }
    }

    fn wait_until_all_is_committed(&self) {
        let ends: BTreeMap<Key, Offset> = Reader::new(&self.shared).ends();
        for (number, name) in (0..).zip(GROUPS) {
            wait::until(&format!("{name} has read and committed all"), || {
                let committed = self.shared.recorder.groups().committed(Group(number));
                (committed == ends).then_some(())
            });
        }
    }

    /// Has a fresh reader read every partition from its start to its end, and gives up what was recorded.
    pub fn drain(self) -> Recorded {
        let mut reader = Reader::new(&self.shared);
        let ends = reader.ends();
        wait::until("the end of each partition is reached", || {
            reader.poll_once().expect("nothing is wrong any more");
            (*reader.positions() == ends).then_some(())
        });
        let readable = reader.into_read();
        let (history, groups) = self.shared.recorder.into_recorded();
        Recorded { history, groups, readable }
    }
}

impl Drop for Workers<'_> {
    fn drop(&mut self) {
        self.load.shared.end_writing();
        self.load.shared.end();
    }
}

fn join(workers: &mut Vec<ScopedJoinHandle<'_, ()>>) {
    for worker in workers.drain(..) {
        worker.join().expect("a client ends well");
    }
}
