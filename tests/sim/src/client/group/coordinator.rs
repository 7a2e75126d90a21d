//! [`Coordinator`]: one group's coordinator, as a client knows it: each question is asked once, and what came of it is written down.

use std::collections::BTreeMap;
use std::time::Duration;

use history::Outcome;
use history::groups::{CommitNumber, Generation, Group, GroupAction, Joined, Membership, Synced};
use ottla_base::Entropy;
use ottla_protocol::{ErrorCode, Request};

use super::messages::{Actor, Assignment, Commit, PROTOCOLS, Versions};
use super::{Spot, messages};
use crate::client::Surroundings;
use crate::group_ledger::{GroupLedger, Text};

/// How long a client waits for an answer that need not wait for other clients.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much later than its deadline a rebalance may be answered.
const JOIN_SLACK: Duration = Duration::from_secs(6);

/// A recorded time is cut to milliseconds, so an offset may seem to be kept for so much less.
const CLOCK_GRAIN: Duration = Duration::from_millis(2);

/// The most metadata that is committed.
const METADATA_LEN_MAX: u64 = 40;

/// Why there is no good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nothing came back.
    NoAnswer,
    /// The coordinator is not there, or not ready.
    NotNow,
    MemberIdRequired(String),
    UnknownMember,
    FencedInstance,
    IllegalGeneration,
    RebalanceInProgress,
}

/// Who asks as a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) generation: i32,
}

/// What a JoinGroup is answered.
#[derive(Clone, Debug)]
pub(crate) struct JoinAnswer {
    pub(crate) member_id: String,
    pub(crate) generation: i32,
    pub(crate) protocol: String,
    /// The members to assign to; `None` where it is not for this member to assign.
    pub(crate) to_assign: Option<Vec<String>>,
}

/// One group's coordinator.
pub(crate) struct Coordinator {
    pub(crate) around: Surroundings,
    pub(crate) ledger: GroupLedger,
    pub(crate) versions: Versions,
    name: String,
    group: Group,
    is_found: bool,
    /// How long what this client commits is kept at least; `None` where nobody can tell.
    kept: Option<Duration>,
}

impl Coordinator {
    pub(crate) fn new(
        around: Surroundings,
        ledger: GroupLedger,
        versions: Versions,
        group: &str,
        kept: Option<Duration>,
    ) -> Coordinator {
        let name = group.to_owned();
        let group = ledger.group(group);
        Coordinator { around, ledger, versions, name, group, is_found: false, kept }
    }

    /// Asks about another group from now on.
    pub(crate) fn turn_to(&mut self, group: &str) {
        self.name = group.to_owned();
        self.group = self.ledger.group(group);
    }

    fn note(&self, begun: Duration, outcome: Outcome, action: GroupAction) {
        self.ledger.note(&self.around.name, self.group, begun, outcome, action);
    }

    /// What a client does that was told no.
    pub(crate) async fn back_off(&self) {
        self.around.connection.back_off().await;
    }

    fn actor<'a>(name: &'a str, standing: &'a Standing) -> Actor<'a> {
        let Standing { member_id, instance_id, generation } = standing;
        Actor { group: name, member_id, instance_id: instance_id.as_deref(), generation: *generation }
    }

    async fn ask<R: Request>(&mut self, version: i16, request: &R, within: Duration) -> Result<R::Response, Refusal> {
        if !self.is_found {
            self.find().await?;
        }
        let answer = self.around.connection.call(version, request, within).await;
        answer.map_err(|_| Refusal::NoAnswer)
    }

    async fn find(&mut self) -> Result<(), Refusal> {
        let request = messages::find_coordinator(self.versions.find, &self.name);
        let answer = self.around.connection.call(self.versions.find, &request, PATIENCE).await;
        let response = answer.map_err(|_| Refusal::NoAnswer)?;
        let (code, host) = match response.coordinators.first() {
            Some(coordinator) => (coordinator.error_code, &coordinator.host),
            None => (response.error_code, &response.host),
        };
        let told: &str = host;
        let host = told.to_owned();
        self.judge(code, "FindCoordinator")?;
        let node = self.around.connection.peer().to_string();
        if !node.starts_with(&host) {
            self.around.journal.violation(format_args!("the coordinator is at {host}, and the only node at {node}"));
        }
        self.is_found = true;
        Ok(())
    }

    /// What an error code asks of a client.
    fn judge(&mut self, code: i16, what: &str) -> Result<(), Refusal> {
        let code = ErrorCode::from_code(code).unwrap_or(ErrorCode::UnknownServerError);
        let refusal = match code {
            ErrorCode::None => return Ok(()),
            ErrorCode::UnknownMemberId => Refusal::UnknownMember,
            ErrorCode::FencedInstanceId => Refusal::FencedInstance,
            ErrorCode::IllegalGeneration => Refusal::IllegalGeneration,
            ErrorCode::RebalanceInProgress => Refusal::RebalanceInProgress,
            // A node that is stopping, or that is full, says so in these words.
            ErrorCode::BrokerNotAvailable | ErrorCode::KafkaStorageError => Refusal::NotNow,
            code if code.is_retriable() => Refusal::NotNow,
            code => {
                self.around.journal.violation(format_args!("{}: {what} is answered {code}", self.around.name));
                Refusal::NotNow
            }
        };
        if refusal == Refusal::NotNow {
            self.is_found = false;
            self.around.journal.trace(format_args!("{}: {what} is answered {code}", self.around.name));
        }
        Err(refusal)
    }

    /// Joins, under the id and the name of `standing`.
    pub(crate) async fn join(
        &mut self,
        standing: &Standing,
        timeouts: (Duration, Duration),
        protocols: &[usize],
    ) -> Result<JoinAnswer, Refusal> {
        let topics: Vec<_> = self.around.topics.iter().map(|topic| topic.name.clone()).collect();
        let ms = |time: Duration| i32::try_from(time.as_millis()).expect("a short time");
        let timeouts_ms = (ms(timeouts.0), ms(timeouts.1));
        let version = self.versions.join;
        let request = messages::join(version, Self::actor(&self.name, standing), timeouts_ms, protocols, &topics);
        let (begun, life) = (self.around.journal.elapsed(), self.around.journal.start_count());
        let answer = self.ask(version, &request, timeouts.1 + JOIN_SLACK).await?;
        if ErrorCode::from_code(answer.error_code) == Some(ErrorCode::MemberIdRequired) {
            return Err(Refusal::MemberIdRequired(answer.member_id.to_string()));
        }
        let judged = self.judge(answer.error_code, "JoinGroup");
        self.note_if_expelled(begun, standing, &judged);
        judged?;
        let (member, leader) = (self.ledger.member(&answer.member_id), self.ledger.member(&answer.leader));
        let protocol = answer.protocol_name.as_deref().unwrap_or_default();
        let place = PROTOCOLS.iter().position(|name| *name == protocol);
        if !place.is_some_and(|place| protocols.contains(&place)) {
            let who = &self.around.name;
            self.around.journal.violation(format_args!("{who} is to speak {protocol:?}, which it does not"));
        }
        // An answer that is read in another life than it was asked for in may be of either.
        let life = (life == self.around.journal.start_count()).then_some(life as u32);
        let membership = Membership { member, generation: Generation(answer.generation_id) };
        let joined = Joined { membership, leader, protocol: place.unwrap_or(usize::MAX) as u32, life };
        self.note(begun, Outcome::Ok, GroupAction::Join(joined));
        let members: Vec<_> = answer.members.iter().map(|member| member.member_id.to_string()).collect();
        let is_leader = *answer.leader == *answer.member_id;
        if is_leader && !members.contains(&answer.member_id.to_string()) {
            self.around
                .journal
                .violation(format_args!("{} leads {members:?}, and is not among them", self.around.name));
        }
        Ok(JoinAnswer {
            member_id: answer.member_id.to_string(),
            generation: answer.generation_id,
            protocol: protocol.to_owned(),
            to_assign: (is_leader && !answer.skip_assignment).then_some(members),
        })
    }

    /// Brings the leader's assignments, or none, and fetches what the member owns.
    pub(crate) async fn sync(
        &mut self,
        standing: &Standing,
        timeouts: (Duration, Duration),
        protocol: &str,
        assignments: &[(String, bytes::Bytes)],
    ) -> Result<Vec<Spot>, Refusal> {
        let version = self.versions.sync;
        let request = messages::sync(version, Self::actor(&self.name, standing), Some(protocol), assignments);
        let begun = self.around.journal.elapsed();
        let answer = self.ask(version, &request, timeouts.1 + JOIN_SLACK).await?;
        let judged = self.judge(answer.error_code, "SyncGroup");
        self.note_if_expelled(begun, standing, &judged);
        judged?;
        let told = answer.protocol_name.as_deref();
        if told.is_some_and(|told| told != protocol) {
            let who = &self.around.name;
            self.around.journal.violation(format_args!("{who} has joined for {protocol}, and syncs for {told:?}"));
        }
        let assignment = Assignment::decode(answer.assignment.clone());
        if assignment.is_none() && !answer.assignment.is_empty() {
            self.around.journal.violation(format_args!("{} is given an assignment that nobody made", self.around.name));
        }
        let number = assignment.as_ref().map(|assignment| assignment.number);
        let spots = assignment.map(|assignment| assignment.spots).unwrap_or_default();
        let patience = timeouts.0.min(timeouts.1).as_nanos();
        let synced = Synced {
            membership: self.membership(standing),
            assignment: number,
            keys: spots.iter().map(|spot| spot.key).collect(),
            patience_ns: u64::try_from(patience).expect("a short time"),
        };
        self.note(begun, Outcome::Ok, GroupAction::Sync(synced));
        Ok(spots)
    }

    pub(crate) fn membership(&self, standing: &Standing) -> Membership {
        Membership { member: self.ledger.member(&standing.member_id), generation: Generation(standing.generation) }
    }

    pub(crate) async fn heartbeat(&mut self, standing: &Standing) -> Result<(), Refusal> {
        let version = self.versions.heartbeat;
        let request = messages::heartbeat(version, Self::actor(&self.name, standing));
        let begun = self.around.journal.elapsed();
        let answer = self.ask(version, &request, PATIENCE).await?;
        let judged = self.judge(answer.error_code, "Heartbeat");
        if judged.is_ok() {
            self.note(begun, Outcome::Ok, GroupAction::Heartbeat(self.membership(standing)));
        }
        self.note_if_expelled(begun, standing, &judged);
        judged
    }

    /// Only one that goes by an id of its own can have been put out.
    fn note_if_expelled<R>(&self, begun: Duration, standing: &Standing, judged: &Result<R, Refusal>) {
        if matches!(judged, Err(Refusal::UnknownMember)) && !standing.member_id.is_empty() {
            self.note(begun, Outcome::Ok, GroupAction::Expelled(self.ledger.member(&standing.member_id)));
        }
    }

    /// Leaves, which cannot be taken back whatever the answer.
    pub(crate) async fn leave(&mut self, standing: &Standing) -> Result<(), Refusal> {
        let version = self.versions.leave;
        let request = messages::leave(version, Self::actor(&self.name, standing));
        let begun = self.around.journal.elapsed();
        let member = self.ledger.member(&standing.member_id);
        let answer = self.ask(version, &request, PATIENCE).await;
        let judged = answer.and_then(|answer| {
            self.judge(answer.error_code, "LeaveGroup")?;
            answer.members.iter().try_for_each(|member| self.judge(member.error_code, "LeaveGroup"))
        });
        let outcome = if judged.is_ok() { Outcome::Ok } else { Outcome::Info };
        self.note(begun, outcome, GroupAction::Leave(member));
        judged
    }

    /// Commits a new offset of each of `spots`: as a member, or for a group without members. With `retention`, for so long.
    pub(crate) async fn commit(
        &mut self,
        standing: Option<&Standing>,
        spots: &[Spot],
        retention: Option<Duration>,
    ) -> Result<(), Refusal> {
        // Only some old versions know of a retention.
        let version = if retention.is_some() { 4 } else { self.versions.commit };
        let commits: Vec<_> = spots.iter().map(|spot| self.draw_commit(version, spot)).collect();
        let nobody = Standing { member_id: String::new(), instance_id: None, generation: -1 };
        let actor = Self::actor(&self.name, standing.unwrap_or(&nobody));
        let retention_ms = retention.map_or(-1, |retention| retention.as_millis() as i64);
        let request = messages::commit(version, actor, &commits, retention_ms);
        let by = standing.map(|standing| self.membership(standing));
        let kept_ns = retention
            .or(self.kept)
            .map(|kept| u64::try_from((kept - CLOCK_GRAIN).as_nanos()).expect("less than centuries"));
        let action = |commit: &Commit| {
            let number = CommitNumber(commit.offset as u64);
            (number, GroupAction::Commit { key: commit.spot.key, number, by, kept_ns })
        };
        for commit in &commits {
            let (number, action) = action(commit);
            self.ledger.begin(self.group, number, action);
        }
        let begun = self.around.journal.elapsed();
        let answer = self.ask(version, &request, PATIENCE).await;
        let codes: BTreeMap<_, _> =
            answer.iter().flat_map(|response| &response.topics).fold(BTreeMap::new(), |mut codes, topic| {
                let of_topic = topic.partitions.iter();
                codes.extend(of_topic.map(|it| ((topic.name.to_string(), it.partition_index), it.error_code)));
                codes
            });
        let refused = answer.err();
        let mut result = Ok(());
        for commit in &commits {
            let code = codes.get(&(commit.spot.topic.clone(), commit.spot.partition)).copied();
            let judged = match (&refused, code) {
                (Some(refusal), _) => Err(refusal.clone()),
                (None, Some(code)) => self.judge(code, "OffsetCommit"),
                (None, None) => self.judge(ErrorCode::UnknownServerError.code(), "OffsetCommit without a word of it"),
            };
            let outcome = match &judged {
                Ok(()) => Outcome::Ok,
                Err(Refusal::NoAnswer | Refusal::NotNow) => Outcome::Info,
                Err(_) => Outcome::Fail,
            };
            self.note(begun, outcome, action(commit).1);
            result = result.and(judged);
        }
        if let Some(standing) = standing {
            self.note_if_expelled(begun, standing, &result);
        }
        result
    }

    fn draw_commit(&self, version: i16, spot: &Spot) -> Commit {
        let entropy = &self.around.entropy;
        let leader_epoch = if version >= 6 && entropy.one_in(2) { entropy.below(9) as i32 } else { -1 };
        let metadata = "m".repeat(entropy.below(METADATA_LEN_MAX) as usize);
        let CommitNumber(number) = self.ledger.commit(Text { metadata: metadata.clone(), leader_epoch });
        let offset = i64::try_from(number).expect("numbers count from 1");
        Commit { spot: spot.clone(), offset, leader_epoch, metadata }
    }

    /// Asks for the committed offsets of `spots`, and gives them in that order. With `all`, asks for whatever there is.
    pub(crate) async fn fetch(&mut self, spots: &[Spot], all: bool) -> Result<Vec<Option<CommitNumber>>, Refusal> {
        let version = self.versions.fetch;
        let request = messages::fetch(version, &self.name, (!all).then_some(spots));
        let begun = self.around.journal.elapsed();
        let answer = self.ask(version, &request, PATIENCE).await?;
        let (error_code, fetched) = messages::fetched(&answer);
        self.judge(error_code, "OffsetFetch")?;
        let mut found = Vec::new();
        for spot in spots {
            let it = fetched.iter().find(|it| it.topic == spot.topic && it.partition == spot.partition);
            if let Some(it) = it {
                self.judge(it.error_code, "OffsetFetch")?;
            } else if !all {
                self.around.journal.violation(format_args!("{}: OffsetFetch leaves out {spot:?}", self.around.name));
            }
            let number = it.filter(|it| it.offset >= 0).map(|it| {
                let number = CommitNumber(it.offset as u64);
                let leader_epoch = if version >= 5 { Some(it.leader_epoch) } else { None };
                self.check_text(number, &it.metadata, leader_epoch);
                number
            });
            self.note(begun, Outcome::Ok, GroupAction::Fetch { key: spot.key, found: number });
            found.push(number);
        }
        Ok(found)
    }

    /// What nobody has committed at all is for the judge of the history to tell.
    fn check_text(&self, number: CommitNumber, metadata: &str, leader_epoch: Option<i32>) {
        let Some(text) = self.ledger.text(number) else { return };
        let leader_epoch = leader_epoch.unwrap_or(text.leader_epoch);
        let told = Text { metadata: metadata.to_owned(), leader_epoch };
        if told != text {
            self.around
                .journal
                .violation(format_args!("{number} was committed with {text:?}, and is told with {told:?}"));
        }
    }

    /// The state of the group, and all that is said of it.
    pub(crate) async fn describe(&mut self) -> Result<(String, String), Refusal> {
        let answer = self.ask(messages::DESCRIBE_GROUPS, &messages::describe(&self.name), PATIENCE).await?;
        let Some(group) = answer.groups.first() else { return Err(Refusal::NotNow) };
        self.judge(group.error_code, "DescribeGroups")?;
        Ok((group.group_state.to_string(), messages::description(group)))
    }
}
