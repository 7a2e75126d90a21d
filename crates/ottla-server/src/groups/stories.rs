//! What clients live through with a coordinator, from frame to frame: a real shard over a log on a simulated disk, which is durable when
//! the test says so.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ottla_base::testing::{HandClock, HandWorkers};
use ottla_base::{
    BrokerId, Lane, LeaderEpoch, Offset, PartitionIndex, SeededEntropy, Timestamp, TopicId, TopicName, TopicPartition,
    Uuid,
};
use ottla_net::timer;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::create_topics_request::CreatableTopic;
use ottla_protocol::messages::delete_topics_request::DeleteTopicState;
use ottla_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use ottla_protocol::messages::offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
use ottla_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use ottla_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use ottla_protocol::messages::{
    CreateTopicsRequest, DeleteTopicsRequest, DescribeGroupsRequest, FindCoordinatorRequest, GroupId, HeartbeatRequest,
    JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, OffsetCommitRequest, OffsetFetchRequest, StrBytes,
    SyncGroupRequest,
};
use ottla_records::Rules;
use ottla_replica::{Counts, Durability, Leadership, Partition, PartitionConfig};
use ottla_storage::disk::sim::{SimDisk, SimOptions};
use ottla_storage::disk::{Disk, ensure_dir};
use ottla_storage::{DirectoryHealth, Flusher, FlusherSeams, Log, LogConfig, LogEnvironment, Opening};

use super::partition_of;
use crate::internal_topics::CONSUMER_OFFSETS;
use crate::testing::{TestBroker, run};
use crate::wire;

const GROUP: &str = "billing";
const EPOCH: LeaderEpoch = LeaderEpoch(3);
/// Longer than anything is waited for that may come.
const LONG: Duration = Duration::from_secs(600);

/// A broker that coordinates [`GROUP`], with a topic `orders`.
struct Story {
    broker: TestBroker,
    /// Makes durable what the coordinator has written, when it is run.
    disk: Arc<HandWorkers>,
    /// The partition that the group is in.
    partition: TopicPartition,
}

impl Story {
    async fn begin() -> Story {
        let broker = TestBroker::start(&[]).await;
        broker.keep_up();
        create_topic(&broker, "orders").await;
        // It creates the topic of groups, which nobody leads here yet.
        let found = broker.ask(3, FindCoordinatorRequest::default().with_key(wire::text(GROUP))).await;
        assert_eq!((found.error_code, found.node_id.0), (0, 1), "{found:?}");
        let index = partition_of(GROUP, &broker.image()).expect("the topic is there");
        let (disk, partition) = led_partition(index);
        broker.coordinators().lead(&partition, EPOCH);
        let story = Story { broker, disk, partition: partition.topic_partition().clone() };
        story.make_durable().await;
        story
    }

    /// Has what was written so far become durable, and lets every task see it.
    async fn make_durable(&self) {
        timer::sleep(Duration::from_millis(1)).await;
        self.disk.run_all();
    }

    /// Waits for an answer while everything becomes durable as soon as it is written.
    async fn answered<R>(&self, answer: impl Future<Output = R>) -> R {
        let mut answer = Box::pin(answer);
        loop {
            match timer::timeout(Duration::from_millis(5), &mut answer).await {
                Ok(answer) => return answer,
                Err(_) => self.disk.run_all(),
            };
        }
    }

    async fn join(&self, version: i16, member_id: &str) -> JoinGroupResponse {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(StrBytes::from_static_str("range"))
            .with_metadata(Bytes::from_static(b"topics"));
        let request = JoinGroupRequest::default()
            .with_group_id(group())
            .with_member_id(wire::text(member_id))
            .with_session_timeout_ms(10_000)
            .with_rebalance_timeout_ms(10_000)
            .with_protocol_type(StrBytes::from_static_str("consumer"))
            .with_protocols(vec![protocol]);
        self.answered(self.broker.ask(version, request)).await
    }

    async fn committed(&self) -> i64 {
        let topic =
            OffsetFetchRequestTopic::default().with_name(wire::topic_name("orders")).with_partition_indexes(vec![0]);
        let request = OffsetFetchRequest::default().with_group_id(group()).with_topics(Some(vec![topic]));
        let response = self.answered(self.broker.ask(5, request)).await;
        assert_eq!(response.error_code, 0);
        response.topics[0].partitions[0].committed_offset
    }
}

/// A partition of `__consumer_offsets` over an empty log.
fn led_partition(index: PartitionIndex) -> (Arc<HandWorkers>, Arc<Partition>) {
    let (disk, workers) = (SimDisk::new(SimOptions::default()), Arc::new(HandWorkers::default()));
    let folder = PathBuf::from("/data/groups");
    ensure_dir(&*disk, &folder).unwrap();
    let health = DirectoryHealth::default();
    let seams = FlusherSeams {
        disk: disk.clone(),
        file_system: disk.file_system(Path::new("/data")).unwrap(),
        workers: workers.clone(),
        clock: Arc::new(HandClock::default()),
    };
    let flusher = Flusher::new(Lane::Flush, Duration::from_secs(30), health.clone(), seams);
    let topic_id = TopicId(Uuid([7; 16]));
    let opening = Opening {
        config: LogConfig::default(),
        topic_id: Some(topic_id),
        log_start_offset: Offset::ZERO,
        recovery_point: Offset::ZERO,
        was_clean: false,
        now: Timestamp(1),
    };
    let environment = LogEnvironment::new(disk, Arc::new(SeededEntropy::new(1)), 16);
    let (log, _) = Log::open(&environment, &folder, opening).unwrap();
    let config = PartitionConfig {
        rules: Rules::default(),
        log: LogConfig::default(),
        write_caching: false,
        min_in_sync_replicas: 1,
    };
    let name = TopicPartition::new(TopicName::new(CONSUMER_OFFSETS).unwrap(), index);
    let partition = Partition::new(name, topic_id, log, config, Offset::ZERO, Durability { flusher, health });
    partition.lead(Leadership {
        leader_epoch: EPOCH,
        isr: vec![BrokerId(1)],
        replication_factor: 1,
        counts: Counts::Durable,
    });
    (workers, partition)
}

async fn create_topic(broker: &TestBroker, name: &str) {
    let topic =
        CreatableTopic::default().with_name(wire::topic_name(name)).with_num_partitions(1).with_replication_factor(-1);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(60_000);
    assert_eq!(broker.ask(7, request).await.topics[0].error_code, 0);
}

fn group() -> GroupId {
    GroupId(StrBytes::from_static_str(GROUP))
}

fn commit(generation_id: i32) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition::default().with_partition_index(0).with_committed_offset(42);
    let topic =
        OffsetCommitRequestTopic::default().with_name(wire::topic_name("orders")).with_partitions(vec![partition]);
    OffsetCommitRequest::default()
        .with_group_id(group())
        .with_generation_id_or_member_epoch(generation_id)
        .with_topics(vec![topic])
}

fn code(code: i16) -> ErrorCode {
    ErrorCode::from_code(code).expect("a code of Kafka's")
}

#[test]
fn a_commit_is_answered_when_it_is_durable_and_nothing_is_told_of_it_before() {
    run(async {
        let story = Story::begin().await;
        let mut committed = Box::pin(story.broker.ask(8, commit(-1)));
        let short = Duration::from_secs(1);
        assert!(timer::timeout(short, &mut committed).await.is_err(), "it is in the page cache only");
        let mut listed = Box::pin(story.broker.ask(6, DescribeGroupsRequest::default().with_groups(vec![group()])));
        assert!(timer::timeout(short, &mut listed).await.is_err(), "a read rests on the commit");

        story.make_durable().await;
        assert_eq!(committed.await.topics[0].partitions[0].error_code, 0);
        assert_eq!(code(listed.await.groups[0].error_code), ErrorCode::None);
        assert_eq!(story.committed().await, 42);
    });
}

#[test]
fn a_commit_that_does_not_become_durable_in_time_is_not_available() {
    run(async {
        let story = Story::begin().await;
        let committed = timer::timeout(LONG, story.broker.ask(8, commit(-1))).await.expect("it has a deadline");
        assert_eq!(code(committed.topics[0].partitions[0].error_code), ErrorCode::CoordinatorNotAvailable);
    });
}

#[test]
fn a_lone_member_is_given_its_id_joins_and_gets_what_it_assigns_itself() {
    run(async {
        let story = Story::begin().await;
        let refused = story.join(4, "").await;
        assert_eq!(code(refused.error_code), ErrorCode::MemberIdRequired);
        let joined = story.join(4, &refused.member_id).await;
        assert_eq!((joined.error_code, joined.generation_id, joined.members.len()), (0, 1, 1), "{joined:?}");
        assert_eq!(joined.leader, joined.member_id);

        let assignment = SyncGroupRequestAssignment::default()
            .with_member_id(joined.member_id.clone())
            .with_assignment(Bytes::from_static(b"all"));
        let sync = SyncGroupRequest::default()
            .with_group_id(group())
            .with_generation_id(1)
            .with_member_id(joined.member_id.clone())
            .with_assignments(vec![assignment]);
        let synced = story.answered(story.broker.ask(3, sync)).await;
        assert_eq!((synced.error_code, &synced.assignment[..]), (0, &b"all"[..]));

        let beat = HeartbeatRequest::default().with_group_id(group()).with_generation_id(1);
        let beat = beat.with_member_id(joined.member_id.clone());
        assert_eq!(story.answered(story.broker.ask(3, beat)).await.error_code, 0);
    });
}

#[test]
fn who_waits_learns_that_the_leadership_is_gone() {
    run(async {
        let story = Story::begin().await;
        let joined = story.join(3, "").await;
        assert_eq!(joined.error_code, 0);
        // A second one waits for the first to come again.
        let mut waiting = Box::pin(story.join(3, ""));
        assert!(timer::timeout(Duration::from_secs(1), &mut waiting).await.is_err());
        story.broker.coordinators().leave(&story.partition);
        assert_eq!(code(waiting.await.error_code), ErrorCode::NotCoordinator);
        let refused = story.broker.ask(8, commit(-1)).await;
        assert_eq!(code(refused.topics[0].partitions[0].error_code), ErrorCode::NotCoordinator);
    });
}

#[test]
fn a_topic_that_is_created_anew_does_not_begin_where_its_namesake_ended() {
    run(async {
        let story = Story::begin().await;
        story.answered(story.broker.ask(8, commit(-1))).await;
        assert_eq!(story.committed().await, 42);
        let named = DeleteTopicState::default().with_name(Some(wire::topic_name("orders")));
        story.broker.ask(6, DeleteTopicsRequest::default().with_topics(vec![named]).with_timeout_ms(60_000)).await;
        create_topic(&story.broker, "orders").await;
        assert_eq!(story.committed().await, -1, "though the coordinator was not told of the deletion");
    });
}

#[test]
fn what_is_told_of_a_missing_group_depends_on_the_version() {
    run(async {
        let story = Story::begin().await;
        for (version, expected) in [(8, ErrorCode::IllegalGeneration), (9, ErrorCode::GroupIdNotFound)] {
            let refused = story.broker.ask(version, commit(1)).await;
            assert_eq!(code(refused.topics[0].partitions[0].error_code), expected, "OffsetCommit {version}");
        }
        for (version, expected) in [(5, ErrorCode::None), (6, ErrorCode::GroupIdNotFound)] {
            let request = DescribeGroupsRequest::default().with_groups(vec![group()]);
            let described = story.broker.ask(version, request.with_include_authorized_operations(true)).await;
            let described = &described.groups[0];
            assert_eq!((code(described.error_code), described.group_state.as_str()), (expected, "Dead"));
            let tells_operations = described.authorized_operations != i32::MIN;
            assert_eq!(tells_operations, version < 6, "DescribeGroups {version}");
        }
        let leave = LeaveGroupRequest::default().with_group_id(group()).with_member_id(wire::text("nobody"));
        assert_eq!(code(story.broker.ask(2, leave).await.error_code), ErrorCode::UnknownMemberId);
        assert_eq!(story.committed().await, -1, "which is no error");
    });
}

#[test]
fn a_transactional_id_finds_no_coordinator() {
    run(async {
        let broker = TestBroker::start(&[]).await;
        let request = FindCoordinatorRequest::default().with_key(wire::text("tx")).with_key_type(1);
        let refused = broker.ask(3, request).await;
        assert_eq!(code(refused.error_code), ErrorCode::TransactionalIdAuthorizationFailed);
    });
}
