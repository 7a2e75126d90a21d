//! [`Seat`]: a member's place in its group. Takes it, keeps it by heartbeats and commits, and gives it up.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

use anyhow::Context;
use ottla_net::timer::{self, Instant};
use ottla_net::{BrokerClient, Topics};

use super::coordinator::Coordinator;
use super::membership::{Membership, Next};
use crate::cli::connect::Session;
use crate::cli::consumer_protocol::Partitions;
use crate::cli::group::{self, ByPartition};
use crate::cli::output::note;

/// Kafka's `heartbeat.interval.ms`.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(3);

/// How long what was shown may be uncommitted.
const COMMIT_INTERVAL: Duration = Duration::from_secs(1);

/// How often a leader looks whether a topic has got more partitions, of which nobody would tell it.
const COUNT_INTERVAL: Duration = Duration::from_secs(30);

/// The place of a member that reads one topic.
pub(super) struct Seat<'a> {
    session: &'a Session,
    group: &'a str,
    topic: &'a str,
    membership: Membership,
    coordinator: Coordinator<'a>,
    /// The next offsets behind all that was shown for sure.
    shown: BTreeMap<i32, i64>,
    /// What the group has of them.
    committed: BTreeMap<i32, i64>,
    /// How many partitions which topics had when this member gave them out, where it is the leader.
    counted: Option<(BTreeSet<String>, BTreeMap<String, i32>)>,
    heartbeat_at: Instant,
    commit_at: Instant,
    count_at: Instant,
}

impl<'a> Seat<'a> {
    /// The place of who wants to read `topic` in `group`.
    pub(super) fn new(session: &'a Session, group: &'a str, topic: &'a str) -> Seat<'a> {
        let now = timer::now();
        Seat {
            session,
            group,
            topic,
            membership: Membership::new(group, topic),
            coordinator: Coordinator::new(session, group),
            shown: BTreeMap::new(),
            committed: BTreeMap::new(),
            counted: None,
            heartbeat_at: now,
            commit_at: now,
            count_at: now,
        }
    }

    /// Joins the group, or joins it again, until it is given partitions; returns those.
    pub(super) async fn take(&mut self) -> anyhow::Result<Vec<i32>> {
        loop {
            let sync = match self.membership.next() {
                Next::Join(request) => {
                    let response = self.coordinator.join(&request).await?;
                    self.membership.on_joined(&response).with_context(|| format!("join group {}", self.group))?;
                    continue;
                }
                Next::Count(topics) => {
                    let counts = self.count(&topics).await?;
                    let request = self.membership.assign(&counts);
                    self.counted = Some((topics, counts));
                    request
                }
                Next::Sync(request) => {
                    self.counted = None;
                    request
                }
                Next::Read(partitions) => return Ok(partitions),
            };
            let response = self.coordinator.sync(&sync).await?;
            self.membership.on_synced(&response).with_context(|| format!("join group {}", self.group))?;
            let now = timer::now();
            (self.heartbeat_at, self.count_at) = (now + HEARTBEAT_INTERVAL, now + COUNT_INTERVAL);
        }
    }

    /// What the group has committed of `partitions`.
    pub(super) async fn committed(&mut self, partitions: &[i32]) -> anyhow::Result<BTreeMap<i32, i64>> {
        let asked = Partitions::from([(self.topic.to_owned(), partitions.to_vec())]);
        let group = self.group;
        let fetch = async |coordinator: &BrokerClient| group::fetch(coordinator, group, Some(&asked)).await;
        let committed = self.coordinator.attempt(fetch).await?;
        self.committed = committed.into_iter().map(|((_, partition), offset)| (partition, offset)).collect();
        self.shown.clear();
        Ok(self.committed.clone())
    }

    /// Whether its partitions are still this member's.
    pub(super) fn is_kept(&self) -> bool {
        self.membership.is_reading()
    }

    /// All before `positions` was shown. It is committed in its time, by whatever [`keeps`](Seat::keep) the seat.
    pub(super) fn on_shown(&mut self, positions: BTreeMap<i32, i64>) {
        self.shown.extend(positions);
    }

    /// Does `work`, and what keeps the seat meanwhile. `None` where the group rebalances before it is done; it is given up then.
    pub(super) async fn keep<T>(&mut self, work: impl Future<Output = T>) -> anyhow::Result<Option<T>> {
        let mut work = pin!(work);
        while self.is_kept() {
            tokio::select! {
                biased;
                () = timer::sleep_until(self.due_at()) => self.do_what_is_due().await?,
                done = &mut work => return Ok(Some(done)),
            }
        }
        Ok(None)
    }

    /// Commits what was shown of partitions that may be others' by now.
    pub(super) async fn commit_or_lose(&mut self) -> anyhow::Result<()> {
        if let Err(error) = self.commit().await {
            self.membership.on_refusal(error.downcast()?)?;
            self.shown.clear();
            note("the group has gone on without this member: what it has shown since its last commit is shown again");
        }
        Ok(())
    }

    /// Commits what was shown.
    pub(super) async fn commit(&mut self) -> anyhow::Result<()> {
        let (group, identity) = (self.group, self.membership.identity());
        let offsets: ByPartition<i64> =
            self.uncommitted().map(|(partition, offset)| ((self.topic.to_owned(), *partition), *offset)).collect();
        if offsets.is_empty() {
            return Ok(());
        }
        let commit = async |coordinator: &BrokerClient| group::commit(coordinator, group, &identity, &offsets).await;
        self.coordinator.attempt(commit).await?;
        self.committed.extend(offsets.into_iter().map(|((_, partition), offset)| (partition, offset)));
        self.commit_at = timer::now() + COMMIT_INTERVAL;
        Ok(())
    }

    /// Leaves the group. A coordinator that does not hear of it gives the partitions to others when the session is over.
    pub(super) async fn leave(&mut self) {
        if let Some(request) = self.membership.leave_request() {
            let _ = self.coordinator.leave(&request).await;
        }
    }

    fn uncommitted(&self) -> impl Iterator<Item = (&i32, &i64)> {
        self.shown.iter().filter(|(partition, offset)| self.committed.get(partition) != Some(offset))
    }

    fn due_at(&self) -> Instant {
        let is_behind = self.uncommitted().next().is_some();
        let commit_at = is_behind.then_some(self.commit_at);
        let count_at = self.counted.is_some().then_some(self.count_at);
        [commit_at, count_at].into_iter().flatten().fold(self.heartbeat_at, Instant::min)
    }

    async fn do_what_is_due(&mut self) -> anyhow::Result<()> {
        if timer::now() >= self.heartbeat_at {
            self.heartbeat().await?;
        }
        if self.is_kept() && timer::now() >= self.commit_at {
            self.commit_or_lose().await?;
        }
        if self.is_kept() && timer::now() >= self.count_at {
            self.count_again().await?;
        }
        Ok(())
    }

    async fn heartbeat(&mut self) -> anyhow::Result<()> {
        if let Err(error) = self.coordinator.heartbeat(&self.membership.heartbeat_request()).await {
            self.membership.on_refusal(error.downcast()?)?;
        }
        self.heartbeat_at = timer::now() + HEARTBEAT_INTERVAL;
        Ok(())
    }

    /// Has the group rebalance where a topic has not as many partitions as were given out.
    async fn count_again(&mut self) -> anyhow::Result<()> {
        if let Some((topics, counted)) = &self.counted
            && self.count(topics).await? != *counted
        {
            self.membership.rejoin();
        }
        self.count_at = timer::now() + COUNT_INTERVAL;
        Ok(())
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
}
