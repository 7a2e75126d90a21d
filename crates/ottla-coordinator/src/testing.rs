//! What tests share: requests, a partition in memory that can refuse appends, and a coordinator whose every step is replayed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ottla_base::{Instant, LeaderEpoch, Offset, PartitionIndex, SeededEntropy, Timestamp, TopicName, TopicPartition};
use ottla_records::Batch;

use crate::group::classic::Member;
use crate::{
    Answer, AppendError, CommitOffsets, Completed, Config, Error, Heartbeat, JoinGroup, JoinedGroup, LeaveGroup,
    LeavingMember, Now, OffsetToCommit, PartitionWriter, Protocol, ReadError, Shard, SyncGroup, SyncedGroup, Ticket,
};

pub(crate) const GROUP: &str = "billing-service";

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const SESSION: Duration = seconds(10);
pub(crate) const REBALANCE: Duration = seconds(60);
pub(crate) const INITIAL_DELAY: Duration = seconds(3);
pub(crate) const RETENTION: Duration = seconds(7 * 24 * 3600);
pub(crate) const CHECK_INTERVAL: Duration = seconds(600);

pub(crate) fn config() -> Config {
    Config {
        initial_rebalance_delay: INITIAL_DELAY,
        session_timeout_min: seconds(6),
        session_timeout_max: seconds(1800),
        members_max: 100,
        offset_metadata_max: 4096,
        offsets_retention: RETENTION,
        offsets_retention_check_interval: CHECK_INTERVAL,
    }
}

pub(crate) fn partition(topic: &str, partition: i32) -> TopicPartition {
    TopicPartition::new(TopicName::new(topic).unwrap(), PartitionIndex(partition))
}

/// A consumer's subscription, version 0.
pub(crate) fn subscription(topics: &[&str]) -> Bytes {
    let mut bytes = vec![0, 0];
    bytes.extend_from_slice(&(topics.len() as i32).to_be_bytes());
    for topic in topics {
        bytes.extend_from_slice(&(topic.len() as u16).to_be_bytes());
        bytes.extend_from_slice(topic.as_bytes());
    }
    bytes.extend_from_slice(&(-1_i32).to_be_bytes());
    bytes.into()
}

fn protocols(names: &[&str]) -> Vec<Protocol> {
    let protocol = |name: &&str| Protocol { name: (*name).into(), metadata: subscription(&["orders"]) };
    names.iter().map(protocol).collect()
}

/// A consumer of `orders` that joins [`GROUP`].
pub(crate) fn joining(member_id: &str, protocol_names: &[&str]) -> JoinGroup {
    JoinGroup {
        group_id: GROUP.to_owned(),
        member_id: member_id.to_owned(),
        group_instance_id: None,
        client_id: "client".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout_ms: SESSION.as_millis() as i32,
        rebalance_timeout_ms: REBALANCE.as_millis() as i32,
        protocol_type: "consumer".to_owned(),
        protocols: protocols(protocol_names),
        requires_known_member_id: true,
        can_skip_assignment: true,
    }
}

/// A member that supports `protocol_names`.
pub(crate) fn member(protocol_names: &[&str]) -> Member {
    Member::of(&joining("", protocol_names), Instant::default())
}

/// A partition in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemoryLog {
    batches: Vec<Batch>,
    end_offset: Offset,
    /// What the next appends are refused with.
    pub(crate) failure: Option<AppendError>,
}

impl MemoryLog {
    pub(crate) fn batch_count(&self) -> usize {
        self.batches.len()
    }

    pub(crate) fn push(&mut self, batch: Batch) {
        self.append(LeaderEpoch(0), batch).unwrap();
    }
}

impl PartitionWriter for MemoryLog {
    fn append(&mut self, leader_epoch: LeaderEpoch, batch: Batch) -> Result<Offset, AppendError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let batch = batch.with_position(self.end_offset, leader_epoch);
        self.end_offset += i64::from(batch.header().record_count);
        self.batches.push(batch);
        Ok(self.end_offset)
    }

    /// Two batches at a time, so that every load goes on.
    fn read(&mut self, from: Offset) -> Result<Bytes, ReadError> {
        let end_offset = |batch: &Batch| batch.header().base_offset + i64::from(batch.header().record_count);
        let batches = self.batches.iter().skip_while(|batch| end_offset(batch) <= from);
        Ok(batches.take(2).flat_map(|batch| batch.bytes().to_vec()).collect::<Vec<_>>().into())
    }
}

/// A coordinator under test. After every call the log is replayed and compared with what lives.
pub(crate) struct Coordinator {
    pub(crate) shard: Shard<MemoryLog>,
    pub(crate) now: Now,
    completed: BTreeMap<Ticket, Completed>,
}

impl Coordinator {
    pub(crate) fn new() -> Coordinator {
        let now = Now { monotonic: Instant(seconds(1)), wall: Timestamp(1_000_000) };
        Coordinator::load(MemoryLog::default(), config(), now)
    }

    fn load(log: MemoryLog, config: Config, now: Now) -> Coordinator {
        let entropy = Arc::new(SeededEntropy::new(now.wall.0 as u64));
        let (shard, _) = Shard::load(log, LeaderEpoch(0), config, entropy, now).unwrap();
        Coordinator { shard, now, completed: BTreeMap::new() }
    }

    /// This node loses its leadership, and another takes over with the same log.
    pub(crate) fn fail_over(self) -> Coordinator {
        self.fail_over_with(config())
    }

    /// And the other has other settings.
    pub(crate) fn fail_over_with(self, config: Config) -> Coordinator {
        let mut log = self.shard.writer().clone();
        log.failure = None;
        let mut next = Coordinator::load(log, config, self.now);
        next.completed = self.completed;
        for completion in self.shard.resign() {
            assert_eq!(next.completed.insert(completion.ticket, completion.reply), None, "completed once");
        }
        next
    }

    pub(crate) fn fail_appends(&mut self, failure: Option<AppendError>) {
        self.shard.writer_mut().failure = failure;
    }

    /// Takes note of what an operation has completed, and replays.
    pub(crate) fn step<R>(&mut self, answer: Answer<R>) -> R {
        let response = self.note(answer);
        self.shard.assert_replays(self.now);
        response
    }

    fn note<R>(&mut self, answer: Answer<R>) -> R {
        assert_eq!(answer.wait_for, self.shard.writer().end_offset, "an answer waits for all that is applied");
        for completion in answer.completions {
            assert_eq!(self.completed.insert(completion.ticket, completion.reply), None, "completed once");
        }
        answer.response
    }

    /// Lets time pass, from deadline to deadline. Replays where something was recorded, and at the end.
    pub(crate) fn advance(&mut self, span: Duration) {
        let end = self.now.monotonic + span;
        let mut replayed = self.shard.writer().end_offset;
        while self.shard.next_deadline() <= end {
            let deadline = self.shard.next_deadline().max(self.now.monotonic);
            self.move_to(deadline);
            let answer = self.shard.on_time(self.now);
            assert!(self.shard.next_deadline() > self.now.monotonic, "what is due is done");
            self.note(answer);
            if self.shard.writer().end_offset > replayed {
                replayed = self.shard.writer().end_offset;
                self.shard.assert_replays(self.now);
            }
        }
        self.move_to(end);
        self.shard.assert_replays(self.now);
    }

    fn move_to(&mut self, instant: Instant) {
        let passed = instant.since(self.now.monotonic);
        self.now = Now { monotonic: instant, wall: Timestamp(self.now.wall.0 + passed.as_millis() as i64) };
    }

    pub(crate) fn join(&mut self, request: &JoinGroup) -> Ticket {
        let answer = self.shard.join_group(request, self.now);
        self.step(answer)
    }

    pub(crate) fn sync(&mut self, request: &SyncGroup) -> Ticket {
        let answer = self.shard.sync_group(request, self.now);
        self.step(answer)
    }

    /// Joins, waits out the initial delay if need be, and gives the result.
    pub(crate) fn joined(&mut self, request: &JoinGroup) -> Result<JoinedGroup, Error> {
        let ticket = self.join(request);
        if self.is_parked(ticket) {
            self.advance(INITIAL_DELAY);
        }
        self.join_result(ticket)
    }

    /// The id that a new dynamic member is told to come back with.
    pub(crate) fn member_id(&mut self) -> String {
        match self.joined(&joining("", &["range"])) {
            Err(Error::MemberIdRequired { member_id }) => member_id,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn is_parked(&self, ticket: Ticket) -> bool {
        !self.completed.contains_key(&ticket)
    }

    /// The answer to a request that is over, if it is.
    pub(crate) fn take(&mut self, ticket: Ticket) -> Option<Completed> {
        self.completed.remove(&ticket)
    }

    pub(crate) fn join_result(&mut self, ticket: Ticket) -> Result<JoinedGroup, Error> {
        match self.take(ticket) {
            Some(Completed::Join(result)) => result,
            other => panic!("the join is not over: {other:?}"),
        }
    }

    pub(crate) fn sync_result(&mut self, ticket: Ticket) -> Result<SyncedGroup, Error> {
        match self.take(ticket) {
            Some(Completed::Sync(result)) => result,
            other => panic!("the sync is not over: {other:?}"),
        }
    }

    pub(crate) fn heartbeat(&mut self, joined: &JoinedGroup) -> Result<(), Error> {
        let answer = self.shard.heartbeat(&heartbeat(joined), self.now);
        self.step(answer)
    }

    pub(crate) fn leave(&mut self, members: &[(&str, Option<&str>)]) -> Result<Vec<Result<(), Error>>, Error> {
        let leaving = |(member_id, instance_id): &(&str, Option<&str>)| LeavingMember {
            member_id: (*member_id).to_owned(),
            group_instance_id: instance_id.map(str::to_owned),
        };
        let request = LeaveGroup { group_id: GROUP.to_owned(), members: members.iter().map(leaving).collect() };
        let answer = self.shard.leave_group(&request, self.now);
        self.step(answer)
    }

    pub(crate) fn commit(&mut self, request: &CommitOffsets) -> Result<Vec<Result<(), Error>>, Error> {
        let answer = self.shard.commit_offsets(request, self.now);
        self.step(answer)
    }

    /// The offset that is committed for a partition.
    pub(crate) fn committed(&self, partition: &TopicPartition) -> Option<i64> {
        let answer = self.shard.fetch_offsets(GROUP, Some(std::slice::from_ref(partition)));
        answer.response.into_iter().next().unwrap().1.map(|committed| committed.offset.0)
    }

    /// The ids of all groups, and their states.
    pub(crate) fn groups(&self) -> Vec<(String, &'static str)> {
        let listed = self.shard.list_groups().response;
        listed.into_iter().map(|group| (group.group_id.to_string(), group.state.as_str())).collect()
    }

    pub(crate) fn state(&self) -> &'static str {
        self.shard.describe_group(GROUP).response.map_or("Dead", |group| group.state.as_str())
    }

    /// A stable group of `count` dynamic members, each as it was told of its generation; the leader first.
    pub(crate) fn stable_group(&mut self, count: usize) -> Vec<JoinedGroup> {
        let requests: Vec<_> = (0..count).map(|_| joining(&self.member_id(), &["range"])).collect();
        self.stabilize(&requests)
    }

    /// Lets all of `requests` join, and the leader assign to each member its own id.
    pub(crate) fn stabilize(&mut self, requests: &[JoinGroup]) -> Vec<JoinedGroup> {
        let tickets: Vec<_> = requests.iter().map(|request| self.join(request)).collect();
        if tickets.iter().any(|ticket| self.is_parked(*ticket)) {
            self.advance(2 * INITIAL_DELAY);
        }
        let mut joined: Vec<_> = tickets.into_iter().map(|ticket| self.join_result(ticket).unwrap()).collect();
        joined.sort_by_key(|member| member.member_id != member.leader);
        for member in joined.iter().rev() {
            self.sync(&syncing(member));
        }
        assert_eq!(self.state(), "Stable");
        joined
    }
}

/// A member's sync; the leader's assigns to each member its own id.
pub(crate) fn syncing(joined: &JoinedGroup) -> SyncGroup {
    let assignment = |id: &Arc<str>| (id.to_string(), Bytes::copy_from_slice(id.as_bytes()));
    SyncGroup {
        group_id: GROUP.to_owned(),
        member_id: joined.member_id.to_string(),
        group_instance_id: None,
        generation_id: joined.generation_id,
        protocol_type: None,
        protocol_name: None,
        assignments: joined.members.iter().map(|member| assignment(&member.member_id)).collect(),
    }
}

pub(crate) fn heartbeat(joined: &JoinedGroup) -> Heartbeat {
    Heartbeat {
        group_id: GROUP.to_owned(),
        member_id: joined.member_id.to_string(),
        group_instance_id: None,
        generation_id: joined.generation_id,
    }
}

/// A commit without generation, as of a consumer that assigns its partitions itself.
pub(crate) fn committing(partition: TopicPartition, offset: i64) -> CommitOffsets {
    CommitOffsets {
        group_id: GROUP.to_owned(),
        member_id: String::new(),
        group_instance_id: None,
        generation_id: -1,
        retention: None,
        offsets: vec![OffsetToCommit {
            topic_partition: partition,
            topic_id: None,
            offset: Offset(offset),
            leader_epoch: None,
            metadata: String::new(),
        }],
    }
}

/// A commit of a member.
pub(crate) fn committing_as(joined: &JoinedGroup, partition: TopicPartition, offset: i64) -> CommitOffsets {
    CommitOffsets {
        member_id: joined.member_id.to_string(),
        generation_id: joined.generation_id,
        ..committing(partition, offset)
    }
}
