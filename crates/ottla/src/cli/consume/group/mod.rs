//! Reading as a member of a group: what the [`Membership`] says is asked of the [`Coordinator`], and what was shown is committed.

mod coordinator;
mod membership;
mod range;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, anyhow};
use ottla_net::timer::{self, Instant};
use ottla_net::{BrokerClient, Topics};
use ottla_protocol::messages::{JoinGroupRequest, SyncGroupRequest};

use self::coordinator::Coordinator;
use self::membership::{Membership, Next};
use super::Consume;
use super::fetcher::Fetcher;
use super::printer::Printer;
use crate::cli::connect::Session;
use crate::cli::consumer_protocol::Partitions;
use crate::cli::group::{self, ByPartition};
use crate::cli::offsets;
use crate::cli::output::note;
use crate::cli::refusal::Refusal;
use crate::cli::stop_signal::StopSignal;

/// From the first version that gives out member ids before joining; what later ones add is left at its defaults.
const JOIN_VERSIONS: RangeInclusive<i16> = 4..=9;
const SYNC_VERSIONS: RangeInclusive<i16> = 0..=5;
const HEARTBEAT_VERSIONS: RangeInclusive<i16> = 0..=4;

/// From the first version that lists members.
const LEAVE_VERSIONS: RangeInclusive<i16> = 3..=5;

/// How long a rebalance may take: longer than Kafka's `max.poll.interval.ms`, for which a coordinator waits for members of other clients.
const REBALANCE_MAX: Duration = Duration::from_secs(6 * 60);

/// How long whoever has interrupted it waits for the last commit.
const INTERRUPTED_END_MAX: Duration = Duration::from_secs(5);

/// What the end of a member comes to that could not commit.
const NOT_COMMITTED: &str = "not all that was shown is committed, and some of it will be shown again";

/// Kafka's `heartbeat.interval.ms`.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(3);

/// How long what was shown may be uncommitted, as long as records come.
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);

/// How often a leader looks whether a topic has got more partitions, of which nobody would tell it.
const COUNT_INTERVAL: Duration = Duration::from_secs(30);

/// Reads until there is a reason to stop, a signal being one. Then what was shown is committed, and the group left.
pub(super) async fn read(session: &Session, consume: &Consume, group: &str) -> anyhow::Result<()> {
    let mut stop = StopSignal::listen()?;
    let mut member = Member::new(session, consume, group);
    let (outcome, end_max) = tokio::select! {
        biased;
        () = stop.received() => (Ok(()), INTERRUPTED_END_MAX),
        outcome = member.read() => (outcome, session.timeout),
    };
    let ended = timer::timeout(end_max, member.end()).await;
    outcome.and(ended.unwrap_or_else(|_| Err(anyhow!("the group's coordinator does not answer: {NOT_COMMITTED}"))))
}

/// A member of a group.
struct Member<'a> {
    session: &'a Session,
    consume: &'a Consume,
    group: &'a str,
    membership: Membership,
    coordinator: Coordinator<'a>,
    printer: Printer<'a>,
    /// Where each partition ended when it was given to this member first, where that is to be read and no more.
    ends: BTreeMap<i32, i64>,
    /// What was given out to be read, of this generation.
    fetcher: Fetcher<'a>,
    /// The next offsets behind all that was shown for sure.
    shown: BTreeMap<i32, i64>,
    /// What the group has of them.
    committed: BTreeMap<i32, i64>,
    /// How many partitions which topics had when this member gave them out, where it is the leader.
    counted: Option<(BTreeSet<String>, BTreeMap<String, i32>)>,
}

impl<'a> Member<'a> {
    fn new(session: &'a Session, consume: &'a Consume, group: &'a str) -> Member<'a> {
        Member {
            session,
            consume,
            group,
            membership: Membership::new(group, &consume.topic),
            coordinator: Coordinator::new(session, group),
            printer: Printer::new(consume),
            ends: BTreeMap::new(),
            fetcher: Fetcher::new(session, &consume.topic, BTreeMap::new(), None, consume.isolation),
            shown: BTreeMap::new(),
            committed: BTreeMap::new(),
            counted: None,
        }
    }

    /// Reads until everything that is wanted is shown. It may be dropped at any time: what is to be done then is [`Member::end`].
    async fn read(&mut self) -> anyhow::Result<()> {
        loop {
            match self.membership.next() {
                Next::Join(request) => self.join(&request).await?,
                Next::Count(topics) => {
                    let counted = self.count(&topics).await?;
                    let request = self.membership.assign(&counted);
                    self.counted = Some((topics, counted));
                    self.sync(&request).await?;
                }
                Next::Sync(request) => {
                    self.counted = None;
                    self.sync(&request).await?;
                }
                Next::Read(partitions) => {
                    self.begin(partitions).await?;
                    if self.read_generation().await? {
                        return Ok(());
                    }
                    self.commit_or_rejoin().await?;
                }
            }
        }
    }

    /// Commits what was shown, and leaves the group. Errors: not all that was shown is committed.
    async fn end(&mut self) -> anyhow::Result<()> {
        // Whoever has closed standard output has seen what was flushed before.
        let shown = self.show();
        let committed = self.commit().await.context(NOT_COMMITTED);
        if let Some(request) = self.membership.leave_request() {
            let leave = async |coordinator: &BrokerClient| {
                let response = coordinator.call(LEAVE_VERSIONS, &request).await?;
                Ok(Refusal::check(response.error_code, None)?)
            };
            // A coordinator that is told nothing gives the partitions to others when the session is over.
            let _ = self.coordinator.attempt(leave).await;
        }
        committed.and(shown)
    }

    async fn join(&mut self, request: &JoinGroupRequest) -> anyhow::Result<()> {
        let join = async |coordinator: &BrokerClient| {
            let response = coordinator.call_within(REBALANCE_MAX, JOIN_VERSIONS, request).await?;
            pass_on(response.error_code)?;
            Ok(response)
        };
        let response = self.coordinator.attempt(join).await?;
        Ok(self.membership.on_joined(&response)?)
    }

    async fn sync(&mut self, request: &SyncGroupRequest) -> anyhow::Result<()> {
        let sync = async |coordinator: &BrokerClient| {
            let response = coordinator.call_within(REBALANCE_MAX, SYNC_VERSIONS, request).await?;
            pass_on(response.error_code)?;
            Ok(response)
        };
        let response = self.coordinator.attempt(sync).await?;
        Ok(self.membership.on_synced(&response)?)
    }

    /// How many partitions those of `topics` have that are there.
    async fn count(&self, topics: &BTreeSet<String>) -> anyhow::Result<BTreeMap<String, i32>> {
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        let metadata = async || Ok(self.session.cluster.metadata(Topics::Named(&names)).await?);
        let metadata = self.session.retrying(metadata).await?;
        let there = metadata.topics.into_iter().filter(|topic| topic.error_code == 0);
        let count = |partitions: usize| i32::try_from(partitions).expect("it came in one frame");
        Ok(there.filter_map(|topic| Some((topic.name?.to_string(), count(topic.partitions.len())))).collect())
    }

    /// Finds where to go on in `partitions`.
    async fn begin(&mut self, partitions: Vec<i32>) -> anyhow::Result<()> {
        let (session, group, topic) = (self.session, self.group, &self.consume.topic);
        let asked = Partitions::from([(topic.clone(), partitions.clone())]);
        let fetch = async |coordinator: &BrokerClient| group::fetch(coordinator, group, Some(&asked)).await;
        let committed = self.coordinator.attempt(fetch).await?;
        let committed: BTreeMap<i32, i64> =
            committed.into_iter().map(|((_, partition), offset)| (partition, offset)).collect();
        let new: Vec<i32> = partitions.into_iter().filter(|partition| !committed.contains_key(partition)).collect();
        let mut positions = self.consume.from.find(session, topic, &new).await?;
        positions.extend(&committed);
        let unbounded: Vec<i32> =
            positions.keys().filter(|partition| !self.ends.contains_key(partition)).copied().collect();
        if self.consume.exit {
            self.ends.extend(offsets::find(session, topic, &unbounded, self.consume.isolation.end()).await?);
        }
        let ends = self.consume.exit.then_some(&self.ends);
        self.fetcher = Fetcher::new(session, topic, positions, ends, self.consume.isolation);
        self.shown = self.fetcher.positions();
        self.committed = committed;
        Ok(())
    }

    /// Reads until the group rebalances; true where everything that is wanted is shown.
    async fn read_generation(&mut self) -> anyhow::Result<bool> {
        let mut commit_at = timer::now() + COMMIT_INTERVAL;
        let mut heartbeat_at = timer::now() + HEARTBEAT_INTERVAL;
        let mut count_at = timer::now() + COUNT_INTERVAL;
        while self.membership.is_reading() {
            if self.printer.is_done() || (self.consume.exit && self.fetcher.is_finished()) {
                return Ok(true);
            }
            self.fetch(&mut heartbeat_at).await?;
            self.show()?;
            if timer::now() >= commit_at {
                self.commit_or_rejoin().await?;
                commit_at = timer::now() + COMMIT_INTERVAL;
            }
            if timer::now() >= count_at {
                self.count_again().await?;
                count_at = timer::now() + COUNT_INTERVAL;
            }
        }
        Ok(false)
    }

    /// Fetches once, and heartbeats meanwhile; a fetch during which the group rebalances is given up.
    async fn fetch(&mut self, heartbeat_at: &mut Instant) -> anyhow::Result<()> {
        let Member { fetcher, printer, membership, coordinator, .. } = self;
        let mut fetching = pin!(fetcher.fetch(|partition, record| printer.write(partition, record)));
        loop {
            tokio::select! {
                biased;
                () = timer::sleep_until(*heartbeat_at) => {
                    heartbeat(membership, coordinator).await?;
                    *heartbeat_at = timer::now() + HEARTBEAT_INTERVAL;
                    if !membership.is_reading() {
                        return Ok(());
                    }
                }
                fetched = &mut fetching => return fetched,
            }
        }
    }

    /// Hands on what was written.
    fn show(&mut self) -> anyhow::Result<()> {
        self.printer.flush()?;
        self.shown = self.fetcher.positions();
        Ok(())
    }

    /// Commits what was shown.
    async fn commit(&mut self) -> anyhow::Result<()> {
        let (group, identity) = (self.group, self.membership.identity());
        let offsets: ByPartition<i64> = self
            .shown
            .iter()
            .filter(|(partition, offset)| self.committed.get(partition) != Some(offset))
            .map(|(partition, offset)| ((self.consume.topic.clone(), *partition), *offset))
            .collect();
        if offsets.is_empty() {
            return Ok(());
        }
        let commit = async |coordinator: &BrokerClient| group::commit(coordinator, group, &identity, &offsets).await;
        self.coordinator.attempt(commit).await?;
        self.committed.clone_from(&self.shown);
        Ok(())
    }

    /// The same, where the member goes on whether or not it may commit.
    async fn commit_or_rejoin(&mut self) -> anyhow::Result<()> {
        if let Err(error) = self.commit().await {
            self.membership.on_refusal(error.downcast()?)?;
            self.shown.clone_from(&self.committed);
            note("the group has gone on without this member: what it has shown since its last commit is shown again");
        }
        Ok(())
    }

    /// Has the group rebalance where a topic has not as many partitions as were given out.
    async fn count_again(&mut self) -> anyhow::Result<()> {
        if let Some((topics, counted)) = &self.counted
            && self.count(topics).await? != *counted
        {
            self.membership.rejoin();
        }
        Ok(())
    }
}

async fn heartbeat(membership: &mut Membership, coordinator: &mut Coordinator<'_>) -> anyhow::Result<()> {
    let request = membership.heartbeat_request();
    let heartbeat = async |coordinator: &BrokerClient| {
        let response = coordinator.call(HEARTBEAT_VERSIONS, &request).await?;
        Ok(Refusal::check(response.error_code, None)?)
    };
    match coordinator.attempt(heartbeat).await {
        Ok(()) => Ok(()),
        Err(error) => Ok(membership.on_refusal(error.downcast()?)?),
    }
}

/// An error that passes, or that another broker does not have, is the coordinator's affair; all others the membership's.
fn pass_on(code: i16) -> Result<(), Refusal> {
    Refusal::check(code, None).or_else(|refusal| if refusal.is_transient() { Err(refusal) } else { Ok(()) })
}
